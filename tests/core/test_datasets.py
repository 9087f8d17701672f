"""Versions of data: named by content, kept once, brought back whole."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from groundwork.core import storage
from groundwork.core.datasets import (
    DataFile,
    DataVersion,
    compare,
    count_rows,
    digest_files,
    digest_folder,
    digest_rows,
    lineage,
    recorded,
)
from groundwork.core.datasets_store import DataStore
from groundwork.core.errors import Conflict, InvalidInput, NotFound


@pytest.fixture(params=["folder", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "data")
        return
    import fsspec

    name = f"/{secrets.token_hex(6)}"
    yield f"memory:/{name}"
    fs = fsspec.filesystem("memory")
    if fs.exists(name):
        fs.rm(name, recursive=True)


@pytest.fixture
def store(url: str) -> DataStore:
    return DataStore(url)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    (folder / "deep").mkdir(parents=True)
    (folder / "ratings.csv").write_text("user,film\n1,2\n1,3\n")
    (folder / "deep" / "titles.jsonl").write_text('{"id": 2}\n{"id": 3}\n\n')
    (folder / "same").write_text('{"id": 2}\n{"id": 3}\n\n')
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x").write_text("hidden")
    return folder


def test_a_version_is_named_by_what_is_in_it(store: DataStore, films: Path, tmp_path: Path) -> None:
    added = store.add("films", films, source="made here")
    assert [file.name for file in added.files] == ["deep/titles.jsonl", "ratings.csv", "same"]
    assert (added.rows, added.source, added.parents) == (4, "made here", ())
    assert added.digest == digest_folder(films)[0] == digest_files(added.files)
    (films / ".cache" / "x").write_text("another")
    assert store.add("films", films, source="another source") == added
    copy = tmp_path / "copy"
    store.get(added, copy)
    assert digest_folder(copy)[0] == added.digest
    assert (copy / "deep" / "titles.jsonl").read_text() == '{"id": 2}\n{"id": 3}\n\n'
    assert lineage([added]) == {"films": added.digest}


def test_equal_files_are_kept_once(store: DataStore, url: str, films: Path) -> None:
    store.add("films", films)
    store.add("others", films / "same")
    objects = storage.listing(storage.join(url, "objects"))
    assert len(objects) == 2
    assert store.names() == ["films", "others"]


def test_versions_follow_each_other(store: DataStore, films: Path) -> None:
    first = store.add("films", films)
    (films / "ratings.csv").write_text("user,film\n1,2\n1,3\n2,2\n")
    (films / "same").unlink()
    (films / "new.txt").write_text("new")
    second = store.add("films", films, parents=[f"films@{first.digest[:12]}"])
    assert second.parents == (first.reference,)
    assert {version.digest for version in store.versions("films")} == {first.digest, second.digest}
    assert store.find(f"films@{second.digest[:8]}") == second
    changes = compare(first, second)
    assert changes.added == ("new.txt",)
    assert changes.removed == ("same",)
    assert changes.changed == ("ratings.csv",)
    assert changes.rows == 1


def test_the_newest_answers_to_the_name(store: DataStore, films: Path) -> None:
    added = store.add("films", films)
    later = DataVersion("films", "f" * 64, (), 7, "2999-01-01T00:00:00Z", "a generator, seed 1")
    assert store.record(later) == later
    assert store.find("films") == later
    assert store.versions("films") == [later, added]
    with pytest.raises(NotFound, match="a generator, seed 1"):
        store.get(later, films / "out")


def test_a_refused_folder_is_not_kept(store: DataStore, url: str, films: Path) -> None:
    with pytest.raises(InvalidInput, match="no column rating; too short"):
        store.add("films", films, check=lambda _: ["no column rating", "too short"])
    assert storage.listing(url) == []
    assert store.add("films", films, check=lambda _: []).rows == 4


def test_a_parent_must_be_known(store: DataStore, films: Path) -> None:
    with pytest.raises(NotFound, match="no data raw"):
        store.add("films", films, parents=["raw@1234"])


def test_what_is_there_is_kept_and_what_is_broken_is_fetched_again(
    store: DataStore, films: Path, tmp_path: Path
) -> None:
    added = store.add("films", films)
    into = store.get(added, tmp_path / "copy")
    whole, broken = into / "same", into / "ratings.csv"
    before = whole.stat().st_mtime_ns
    broken.write_text("cut")
    store.get(added, into)
    assert whole.stat().st_mtime_ns == before
    assert digest_folder(into)[0] == added.digest


def test_stored_content_that_changed_is_refused(
    store: DataStore, url: str, films: Path, tmp_path: Path
) -> None:
    added = store.add("films", films)
    for entry in storage.listing(storage.join(url, "objects")):
        storage.put(storage.join(url, "objects", entry.name), b"something else")
    with pytest.raises(Conflict, match="is not what it was"):
        store.get(added, tmp_path / "copy")
    assert not [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]


def test_a_manifest_cannot_name_a_place_outside(store: DataStore, tmp_path: Path) -> None:
    files = (DataFile("../../outside", "0" * 64, 1),)
    forged = DataVersion("films", digest_files(files), files, None, "2026-01-01T00:00:00Z")
    with pytest.raises(Exception, match="no name below"):
        store.get(store.record(forged), tmp_path / "copy")


def test_a_manifest_that_was_edited_is_refused(store: DataStore, url: str, films: Path) -> None:
    added = store.add("films", films)
    place = storage.join(url, "versions", "films", f"{added.digest}.json")
    storage.put(place, storage.get(place).replace(b"ratings.csv", b"ratinks.csv"))
    with pytest.raises(Exception, match="does not hold what its name says"):
        store.find("films")


def test_unknown_and_ambiguous_references(store: DataStore, films: Path) -> None:
    added = store.add("films", films)
    other = ("0" if added.digest[0] != "0" else "1") + "0" * 63
    store.record(DataVersion("films", other, (), 1, "2026-01-01T00:00:00Z", "x"))
    store.record(DataVersion("films", other[:-1] + "1", (), 1, "2026-01-01T00:00:00Z", "x"))
    for reference in ("nothing", "films@ffffffffffff0"):
        with pytest.raises(NotFound):
            store.find(reference)
    with pytest.raises(InvalidInput, match="2 versions begin with"):
        store.find(f"films@{other[:8]}")
    for name in ("", "Films", "../up", "a/b"):
        with pytest.raises(InvalidInput):
            store.find(name)


def test_empty_and_absent_folders(store: DataStore, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="holds no file"):
        store.add("films", tmp_path / "empty")
    with pytest.raises(NotFound):
        store.add("films", tmp_path / "absent")


def test_rows_of_every_known_kind_are_counted(tmp_path: Path) -> None:
    assert count_rows(tmp_path) is None
    (tmp_path / "a.csv").write_text('name,text\n1,"two\nlines"\n2,x\n')
    (tmp_path / "b.jsonl").write_text("{}\n{}\n{}")
    parquet.write_table(pa.table({"x": [1, 2, 3, 4]}), tmp_path / "c.parquet")
    (tmp_path / "readme.md").write_text("no rows\n")
    assert count_rows(tmp_path) == 2 + 3 + 4
    assert count_rows(tmp_path / "readme.md") is None


def test_made_data_is_recorded_by_its_rows(store: DataStore) -> None:
    rows = [{"b": 1, "a": "x"}, {"a": "y", "b": 2}]
    version = recorded("cards", rows, source="generator 1, seed 7", parents=["films@1"])
    again = recorded("cards", [{"a": "x", "b": 1}, {"b": 2, "a": "y"}], source="elsewhere")
    assert version.digest == again.digest
    assert (version.rows, version.files) == (2, ())
    assert store.record(version) == version
    assert store.record(again).source == "generator 1, seed 7"


@given(st.lists(st.binary(max_size=8), max_size=6), st.lists(st.binary(max_size=8), max_size=6))
def test_rows_have_the_same_digest_only_if_they_are_the_same(
    one: list[bytes], other: list[bytes]
) -> None:
    assert (digest_rows(one) == digest_rows(other)) == (one == other)
