"""POST /v1/ocr: pictures and forms in, readings and a bill out."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
from PIL import Image

from groundwork.classic.ocr.pictures import Limits
from groundwork.classic.ocr.reader import Reader
from groundwork.classic.ocr.reading import Card, Field, Line, Quad, Reading
from groundwork.classic.ocr.recogniser.decode import Decoded
from groundwork.core.metering.callers import ASK, OCR
from groundwork.core.metering.keys import NewKey
from groundwork.core.registry.base import Line as ReleaseLine
from groundwork.core.registry.follow import Follower
from groundwork.serving.documents import Documents
from tests.serving.api_fakes import World

PATH = "/v1/ocr"
WHOLE = Quad(((10.0, 10.0), (110.0, 10.0), (110.0, 30.0), (10.0, 30.0)))


class FakeEngine:
    name = "groundwork"

    def read(self, crops: Any) -> list[Decoded]:
        # Covering the left half costs it its certainty.
        return [Decoded("DOE", (0.2 if crop[:, :16].std() == 0 else 0.9,) * 3) for crop in crops]


class FakeReader:
    engine = "groundwork"
    release = "ocr-shipped00000"
    lines_engine = FakeEngine()

    def read(self, picture: Image.Image, *, find_card: bool = True) -> Reading:
        line = Line("DOE", 0.93, WHOLE)
        return Reading(
            *picture.size,
            Card(WHOLE, 12.0, 0.99) if find_card else None,
            (line,),
            (Field("surname", "DOE", 0.93, WHOLE),),
            release=self.release,
        )


class Loader:
    def load(self, release: Any, folder: Any) -> Reader:
        raise AssertionError("nothing is loaded here")

    def close(self, value: Reader, /) -> None:
        pass


@dataclass
class Heard:
    heard: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def add(self, part: str, release: str, values: dict[str, Any], /) -> None:
        self.heard.append((part, release, values))


@dataclass
class Desk:
    world: World
    heard: Heard

    async def send(self, content: bytes, kind: str = "image/png", **options: Any) -> httpx.Response:
        async with self.world.client() as client:
            return await client.post(
                PATH,
                content=content,
                headers={"content-type": kind, **options.pop("headers", {})},
                **options,
            )


@pytest.fixture
def desk(make_world: Callable[..., World]) -> Desk:
    world, heard = make_world(), Heard()
    follower = Follower(ReleaseLine("ocr", "cards"), Loader(), cast("Reader", FakeReader()))
    world.app.state.documents = Documents(
        follower, world.services.accounts, Limits(500_000, 500_000, 3), "ocr", heard
    )
    return Desk(world, heard)


def picture(size: tuple[int, int] = (120, 80), form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, form)
    return out.getvalue()


async def test_a_picture_is_read_and_charged_by_the_page(desk: Desk) -> None:
    response = await desk.send(picture())
    assert response.status_code == 200, response.text
    body = response.json()
    (page,) = body["pages"]
    assert (page["document"], page["page"], page["width"], page["height"]) == (0, 0, 120, 80)
    assert page["lines"][0]["text"] == "DOE"
    assert page["fields"][0]["name"] == "surname"
    assert page["card"]["rotation"] == 12.0
    assert "picture" not in page
    assert body["release"] == FakeReader.release
    (charge,) = body["cost"]["charges"]
    assert (charge["stage"], charge["meter"], charge["quantity"]) == ("ocr", "pages", 1)
    assert body["cost"]["picodollars"] == 3_300_000
    assert response.headers["x-groundwork-cost"] == body["cost"]["amount"]
    ((part, release, values),) = desk.heard.heard
    assert (part, release) == ("", FakeReader.release)
    assert values["confidence"] == pytest.approx(0.93)


async def test_a_form_reads_several_documents(desk: Desk) -> None:
    files = [
        ("file", ("a.png", picture(), "image/png")),
        ("file", ("b.jpg", picture(form="JPEG"), "image/jpeg")),
    ]
    async with desk.world.client() as client:
        response = await client.post(PATH, files=files)
    assert [page["document"] for page in response.json()["pages"]] == [0, 1]
    assert response.json()["cost"]["charges"][0]["quantity"] == 2
    async with desk.world.client() as client:
        empty = await client.post(PATH, files=[("note", (None, "text"))])
        many = await client.post(PATH, files=[("file", ("a.png", picture(), "image/png"))] * 4)
        broken = await client.post(
            PATH, content=b"--x", headers={"content-type": "multipart/form-data"}
        )
    assert (empty.status_code, empty.json()["field"]) == (422, "file")
    assert many.status_code == 413
    assert broken.status_code == 400


async def test_pictures_come_back_where_they_are_asked_for(desk: Desk) -> None:
    response = await desk.send(picture(), params={"draw": "true", "explain": "true"})
    (page,) = response.json()["pages"]
    for name in ("picture", "saliency"):
        shown = Image.open(io.BytesIO(base64.b64decode(page[name])))
        assert shown.size == (120, 80)
    # What mattered is red: the left of the line.
    red, _, blue = shown.convert("RGB").getpixel((15, 20))  # type: ignore[misc]
    assert red > blue
    plain = await desk.send(picture(), params={"find_card": "false"})
    assert plain.json()["pages"][0]["card"] is None


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"", "image/png", 422, "invalid-input"),
        (b"hello", "image/png", 415, "unsupported-media-type"),
        (b"GIF89a" + b"\0" * 100, "image/gif", 415, "unsupported-media-type"),
        (b"{}", "application/json", 415, "unsupported-media-type"),
        (picture((900, 900)), "image/png", 413, "payload-too-large"),
        (b"%PDF-1.4 broken", "application/pdf", 422, "invalid-input"),
    ],
)
async def test_what_cannot_be_read_is_a_problem_and_costs_nothing(
    desk: Desk, content: bytes, kind: str, status: int, code: str
) -> None:
    response = await desk.send(content, kind)
    assert response.status_code == status, response.text
    assert response.json()["type"].endswith(code)
    assert response.headers["content-type"] == "application/problem+json"
    assert desk.heard.heard == []


async def test_larger_bodies_are_let_in_here_and_nowhere_else(desk: Desk) -> None:
    much = b"0" * (desk.world.settings.service.max_body_bytes + 1)
    here = await desk.send(much)
    assert here.status_code in {413, 415}
    assert "document" in here.text or "picture" in here.text
    async with desk.world.client() as client:
        elsewhere = await client.post(
            "/v1/ask", content=much, headers={"content-type": "application/json"}
        )
        beyond = await client.post(
            PATH, content=b"0" * (22 * 2**20), headers={"content-type": "image/png"}
        )
    assert elsewhere.status_code == beyond.status_code == 413


async def test_a_key_needs_the_scope(desk: Desk) -> None:
    keys = desk.world.services.accounts.keys
    _, allowed = keys.create(NewKey(name="a", team="docs", scopes=(OCR,)), "test")
    _, other = keys.create(NewKey(name="b", team="docs", scopes=(ASK,)), "test")
    for token, status in ((allowed, 200), (other, 403), ("nonsense", 401)):
        given = await desk.send(picture(), headers={"authorization": f"Bearer {token}"})
        assert given.status_code == status


async def test_too_many_at_once_are_asked_to_come_again(desk: Desk) -> None:
    import asyncio

    desk.world.app.state.reading_places = asyncio.Semaphore(0)
    response = await desk.send(picture())
    assert response.status_code == 503
    assert response.headers["retry-after"]


async def test_a_service_without_models_says_so(make_world: Callable[..., World]) -> None:
    async with make_world().client() as client:
        response = await client.post(PATH, content=picture(), headers={"content-type": "image/png"})
    assert response.status_code == 404
