"""Files by URL: a folder here, memory, or object storage, by fsspec.

A URL is a path, `file:///…`, `memory://…`, or what a driver serves: `s3://bucket/key`, `gs://…`, `abfs://…`, `https://…`
(reading only). Nobody ever sees half a file: here a file is written beside its name and renamed, object storage shows an
object when its last part is there. Credentials are the driver's own (its environment or files), never part of a URL.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from groundwork.core.errors import ConfigurationError, NotFound, Unavailable

# What to install for a driver that is not there: this package's extra, and the driver.
_EXTRAS = {
    "s3": ("s3", "s3fs"),
    "s3a": ("s3", "s3fs"),
    "gs": ("gcs", "gcsfs"),
    "gcs": ("gcs", "gcsfs"),
    "abfs": ("azure", "adlfs"),
    "az": ("azure", "adlfs"),
}
# Where the drivers' own errors come from: no credentials, a refused bucket, a host that is not there.
_CLIENTS = frozenset({"botocore", "aiobotocore", "gcsfs", "google", "azure", "adlfs", "aiohttp"})
_PIECE = 1 << 20
_TEMPORARY = ".part-"
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a listing: its name below the folder, with `/`, and its size in bytes."""

    name: str
    bytes: int


def join(url: str, *names: str) -> str:
    """The URL of something below a folder's URL. Raises ConfigurationError for a name that climbs out."""
    for name in names:
        if not name or name.startswith("/") or ".." in name.split("/"):
            raise ConfigurationError(f"{name!r} is no name below {shown(url)}")
    return "/".join([url.rstrip("/") if url.strip("/") else url, *names])


def shown(url: str) -> str:
    """The URL without credentials or signature, for messages."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def is_local(url: str) -> bool:
    """Whether it is a file of this machine."""
    return "://" not in url or url.startswith("file://")


def local_path(url: str) -> Path:
    """The path of a local URL. Raises ConfigurationError for another."""
    if not is_local(url):
        raise ConfigurationError(f"{shown(url)} is no path of this machine")
    return Path(unquote(urlsplit(url).path)) if url.startswith("file://") else Path(url)


@contextlib.contextmanager
def reading(url: str) -> Iterator[IO[bytes]]:
    """A file to read from. Raises NotFound, Unavailable, ConfigurationError."""
    with _told(url):
        if is_local(url):
            file: IO[bytes] = local_path(url).open("rb")
        else:
            fs, path = _driver(url)
            file = fs.open(path, "rb")
    with file, _broken(url):
        yield file


@contextlib.contextmanager
def writing(url: str) -> Iterator[IO[bytes]]:
    """A file to write to, which appears when the block ends and never where it fails."""
    if is_local(url):
        with _beside(local_path(url)) as local:
            yield local
        return
    with _told(url):
        fs, path = _driver(url)
        file = _unfinished(fs, path)
    try:
        with _broken(url):
            yield file
        with _told(url):
            file.close()
            file.commit()
    except BaseException:
        # Closed, or the driver's file would upload the rest of itself when it is collected.
        file.closed = True
        file.discard()
        raise


def put(url: str, content: bytes | Path) -> None:
    """Store bytes or a file, whole or not at all."""
    with writing(url) as target:
        if isinstance(content, bytes):
            target.write(content)
            return
        with content.open("rb") as source:
            for piece in pieces(source):
                target.write(piece)


def get(url: str) -> bytes:
    """A small file's content."""
    with reading(url) as file:
        return file.read()


def fetch(url: str, path: Path) -> None:
    """Bring a file here, whole or not at all."""
    with reading(url) as source, writing(str(path)) as target:
        for piece in pieces(source):
            target.write(piece)


def fetch_resumed(url: str, path: Path, told: Callable[[int], None] = lambda _: None) -> None:
    """Bring a big file here; one that broke off goes on where it stopped, unless the file there is another by now.

    `told` is called with the bytes of each part, those of a former try among them.
    """
    partial = path.with_name(f"{path.name}.{_state(url)}{_PARTIAL}")
    path.parent.mkdir(parents=True, exist_ok=True)
    for older in path.parent.glob(f"{path.name}.*{_PARTIAL}"):
        if older != partial:
            older.unlink(missing_ok=True)
    with reading(url) as source, partial.open("ab") as target:
        begun = target.tell()
        source.seek(begun)
        told(begun)
        for piece in pieces(source):
            target.write(piece)
            told(len(piece))
        target.flush()
        os.fsync(target.fileno())
    partial.replace(path)


def _state(url: str) -> str:
    """Digits that change with the file: its size, and its time or tag as the storage keeps them."""
    with _told(url):
        if is_local(url):
            about = local_path(url).stat()
            return hashlib.sha256(f"{about.st_size} {about.st_mtime_ns}".encode()).hexdigest()[:12]
        fs, path = _driver(url)
        return hashlib.sha256(str(fs.ukey(path)).encode()).hexdigest()[:12]


def exists(url: str) -> bool:
    """Whether a file is there."""
    with _told(url):
        if is_local(url):
            return local_path(url).is_file()
        fs, path = _driver(url)
        return bool(fs.isfile(path))


def size(url: str) -> int:
    """Bytes of a file. Raises NotFound."""
    with _told(url):
        if is_local(url):
            return local_path(url).stat().st_size
        fs, path = _driver(url)
        return int(fs.size(path))


def listing(url: str) -> list[Entry]:
    """Every file below a folder, by name; a folder that is not there has none."""
    with _told(url):
        if is_local(url):
            root = local_path(url)
            found = [
                Entry(path.relative_to(root).as_posix(), path.stat().st_size)
                for path in root.rglob("*")
                if path.is_file() and not path.name.startswith(_TEMPORARY)
            ]
            return sorted(found, key=lambda entry: entry.name)
        fs, path = _driver(url)
        prefix = path.rstrip("/") + "/"
        held = fs.find(path, detail=True)
        return sorted(
            (
                Entry(name.removeprefix(prefix), int(about["size"]))
                for name, about in held.items()
                if name.startswith(prefix)
            ),
            key=lambda entry: entry.name,
        )


def delete(url: str) -> None:
    """Remove a file; one that is not there is no error."""
    with _told(url), contextlib.suppress(FileNotFoundError):
        if is_local(url):
            local_path(url).unlink()
            return
        fs, path = _driver(url)
        fs.rm_file(path)


def digest(url: str) -> str:
    """SHA-256 of a file, hex."""
    found = hashlib.sha256()
    with reading(url) as file:
        for piece in pieces(file):
            found.update(piece)
    return found.hexdigest()


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """A file in parts of a mebibyte."""
    while piece := file.read(_PIECE):
        yield piece


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    temporary = path.with_name(f"{_TEMPORARY}{secrets.token_hex(6)}")
    with _told(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open("xb")
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _told(str(path)):
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class _InMemory(io.BytesIO):
    """What fsspec's memory does not do: it shows a file while it is written."""

    closed = False

    def __init__(self, fs: Any, path: str) -> None:
        super().__init__()
        self._fs, self._path = fs, path

    def close(self) -> None:
        """Kept until `commit`."""

    def commit(self) -> None:
        """Show it."""
        self._fs.pipe_file(self._path, self.getvalue())

    def discard(self) -> None:
        """Nothing was shown."""


def _unfinished(fs: Any, path: str) -> Any:
    if fs.protocol == "memory":
        return _InMemory(fs, path)
    file = fs.open(path, "wb", autocommit=False)
    # It is finished here, not with whatever else this driver has open.
    fs.transaction.files.remove(file)
    return file


def _driver(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    import fsspec

    protocol = url.partition("://")[0]
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        extra, package = _EXTRAS.get(protocol, ("", str(error)))
        way = f"pip install 'groundwork[{extra}]' (or {package})" if extra else package
        raise ConfigurationError(f"{protocol}:// needs a driver: {way}") from error
    except ValueError as error:
        raise ConfigurationError(
            f"{shown(url)}: there is no storage {protocol}://; use a path, file://, s3://, gs:// or abfs://"
        ) from error
    # A listing kept from before would hide what another process has written since.
    fs.invalidate_cache()
    return fs, str(path)


@contextlib.contextmanager
def _told(url: str) -> Iterator[None]:
    """What a file system says, as this product's errors. Stands around its calls alone, never around a caller's block."""
    try:
        with _broken(url):
            yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NotFound(f"there is no file {shown(url)}") from error
    except PermissionError as error:
        raise ConfigurationError(f"{shown(url)} may not be read or written by this user") from error
    except NotImplementedError as error:
        raise ConfigurationError(f"{shown(url)} can only be read") from error
    except OSError as error:
        raise Unavailable(f"{shown(url)}: {error}") from error


@contextlib.contextmanager
def _broken(url: str) -> Iterator[None]:
    """Around a caller's block only what the network or the driver's own client raises belongs to the URL."""
    try:
        yield
    except (ConnectionError, TimeoutError) as error:
        raise Unavailable(f"{shown(url)}: {error}") from error
    except Exception as error:
        if is_local(url) or type(error).__module__.partition(".")[0] not in _CLIENTS:
            raise
        raise Unavailable(f"{shown(url)}: {type(error).__name__}: {error}") from error
