"""Labelled crops in a folder, and annotations that go to Label Studio and come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from groundwork.classic.ocr.data.folder import read_crops
from groundwork.classic.ocr.data.labelstudio import from_tasks, to_tasks
from groundwork.classic.ocr.reading import Field, Line, Quad, Reading
from groundwork.core.errors import InvalidInput


def _folder(at: Path, rows: list[str], pictures: int = 3) -> Path:
    (at / "img").mkdir(parents=True)
    for number in range(pictures):
        Image.new("RGB", (40, 20), (number, 0, 0)).save(at / "img" / f"{number}.png")
    (at / "labels.tsv").write_text("\n".join(["file\ttext\treceipt", *rows]), encoding="utf-8")
    return at


def test_crops(tmp_path: Path) -> None:
    crops = read_crops(
        _folder(tmp_path, ["0.png\t TOTAL  10.00\tr1", "1.png\tCASH\tr1", "2.png\tTAX\tr2"])
    )
    assert [one.text for one in crops] == ["TOTAL 10.00", "CASH", "TAX"]
    assert crops[0].pixels().shape == (20, 40)
    assert crops[0].pixels().dtype == np.uint8
    # Lines of one receipt are on one side, whatever the seed.
    assert all(crops[0].held_out(seed) == crops[1].held_out(seed) for seed in range(20))
    assert {crops[2].held_out(seed) for seed in range(20)} == {True, False}


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"row 2 has no text; row 3 names 9\.png"):
        read_crops(_folder(tmp_path, ["0.png\t", "9.png\tX", "1.png\tfine"]))


def test_no_table(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no labels\.tsv"):
        read_crops(tmp_path)


def test_a_crop_that_is_no_picture(tmp_path: Path) -> None:
    folder = _folder(tmp_path, ["0.png\tX"])
    (folder / "img" / "0.png").write_bytes(b"nothing")
    with pytest.raises(InvalidInput, match="no picture"):
        read_crops(folder)[0].pixels()


QUAD = Quad(((100.0, 50.0), (300.0, 90.0), (296.0, 110.0), (96.0, 70.0)))


def _reading() -> Reading:
    line = Line("MÜLLER", 0.97, QUAD)
    return Reading(
        400, 200, None, (line,), (Field("surname", "MÜLLER", 0.97, QUAD),), release="ocr-1"
    )


def test_readings_become_predictions() -> None:
    [task] = to_tasks([("card.jpg", _reading())])
    assert task["data"] == {"ocr": "card.jpg"}
    shape, text = task["predictions"][0]["result"]
    assert shape["value"]["rectanglelabels"] == ["surname"]
    assert shape["value"]["x"] == 25.0
    assert shape["value"]["rotation"] == pytest.approx(11.31, abs=0.01)
    assert text["value"]["text"] == ["MÜLLER"]
    assert shape["id"] == text["id"]


def test_what_was_annotated_comes_back() -> None:
    [task] = to_tasks([("card.jpg", _reading())])
    assert from_tasks([task]) == []
    task["annotations"] = [{"result": task["predictions"][0]["result"]}]
    [found] = from_tasks([task])
    [region] = found.regions
    assert (found.image, found.width, found.height) == ("card.jpg", 400, 200)
    assert (region.text, region.label) == ("MÜLLER", "surname")
    assert np.allclose(region.quad.corners, QUAD.corners, atol=0.5)


@pytest.mark.parametrize(
    "tasks",
    [{}, [{"data": {}}], [{"data": {"ocr": "x"}, "annotations": [{"result": [{"id": "1"}]}]}]],
)
def test_what_is_no_export(tasks: object) -> None:
    with pytest.raises(InvalidInput):
        from_tasks(tasks)
