"""Files by URL: whole or not at all, here and in object storage (fsspec's memory stands for it)."""

from __future__ import annotations

import hashlib
import importlib.util
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.core import storage
from groundwork.core.errors import ConfigurationError, NotFound


@pytest.fixture(params=["path", "file", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a folder that is not there yet, on every kind of storage."""
    if request.param == "memory":
        import fsspec

        name = f"/{secrets.token_hex(6)}"
        yield f"memory:/{name}"
        fs = fsspec.filesystem("memory")
        if fs.exists(name):
            fs.rm(name, recursive=True)
        return
    place = tmp_path / "a folder"
    yield str(place) if request.param == "path" else place.as_uri()


def test_what_is_put_is_there(folder: str, tmp_path: Path) -> None:
    url = storage.join(folder, "below", "x.bin")
    content = bytes(range(256)) * 9000
    source = tmp_path / "source"
    source.write_bytes(content)
    assert not storage.exists(url)
    assert storage.listing(folder) == []
    storage.put(url, source)
    storage.put(storage.join(folder, "a"), b"small")
    assert storage.get(url) == content
    assert storage.size(url) == len(content)
    assert storage.digest(url) == hashlib.sha256(content).hexdigest()
    assert [(entry.name, entry.bytes) for entry in storage.listing(folder)] == [
        ("a", 5),
        ("below/x.bin", len(content)),
    ]
    copy = tmp_path / "deep" / "copy"
    storage.fetch(url, copy)
    assert copy.read_bytes() == content
    storage.put(url, b"anew")
    assert storage.get(url) == b"anew"
    storage.delete(url)
    storage.delete(url)
    assert not storage.exists(url)


def test_a_write_that_fails_leaves_what_was_there(folder: str) -> None:
    kept, never = storage.join(folder, "kept"), storage.join(folder, "never")
    storage.put(kept, b"before")

    def interrupted(url: str) -> None:
        with storage.writing(url) as file:
            file.write(b"half of it")
            raise KeyboardInterrupt

    for url in (kept, never):
        with pytest.raises(KeyboardInterrupt):
            interrupted(url)
    assert storage.get(kept) == b"before"
    assert [entry.name for entry in storage.listing(folder)] == ["kept"]


def test_nobody_sees_a_file_before_it_is_whole(folder: str) -> None:
    url = storage.join(folder, "x")
    with storage.writing(url) as file:
        file.write(b"half")
        file.flush()
        assert not storage.exists(url)
        assert storage.listing(folder) == []
    assert storage.get(url) == b"half"


def test_what_is_not_there_is_named(folder: str, tmp_path: Path) -> None:
    url = storage.join(folder, "gone")
    for call in (storage.get, storage.size, storage.digest):
        with pytest.raises(NotFound, match="gone"):
            call(url)
    with pytest.raises(NotFound):
        storage.fetch(url, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_an_error_of_the_caller_is_not_blamed_on_the_file(folder: str, tmp_path: Path) -> None:
    url = storage.join(folder, "x")
    storage.put(url, b"x")
    with pytest.raises(FileNotFoundError), storage.reading(url):
        (tmp_path / "another").read_bytes()


@pytest.mark.parametrize(
    ("url", "extra", "driver"),
    [
        ("s3://bucket/key", "s3", "s3fs"),
        ("gs://bucket/key", "gcs", "gcsfs"),
        ("abfs://bucket/key", "azure", "adlfs"),
    ],
)
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    url: str, extra: str, driver: str
) -> None:
    if importlib.util.find_spec(driver) is not None:
        pytest.skip(f"{driver} is installed")
    with pytest.raises(ConfigurationError, match=rf"groundwork\[{extra}\]"):
        storage.exists(url)


def test_a_storage_that_does_not_exist_is_told() -> None:
    with pytest.raises(ConfigurationError, match="there is no storage nowhere://"):
        storage.get("nowhere://x/y")


def test_web_pages_can_only_be_read() -> None:
    with pytest.raises(ConfigurationError, match="can only be read"):
        storage.put("http://127.0.0.1:9/x", b"x")


def test_messages_show_no_credentials() -> None:
    assert storage.shown("s3://key:secret@bucket/x") == "s3://bucket/x"
    assert storage.shown("https://host/x?X-Amz-Signature=abc") == "https://host/x"
    assert storage.shown("/a/path@here") == "/a/path@here"


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc/passwd", "a/../../b"])
def test_names_do_not_climb_out(folder: str, name: str) -> None:
    with pytest.raises(ConfigurationError):
        storage.join(folder, name)
