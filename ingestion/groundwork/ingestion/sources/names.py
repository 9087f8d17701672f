"""Names of pages that are safe: relative, without dots that climb, and always valid Unicode."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

_DRIVE = re.compile(r"[A-Za-z]:")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def unicode_name(path: str) -> str:
    r"""The path with the bytes that were no UTF-8 (escaped by the codec "surrogateescape") as %XX.

    A short digest of the original goes before the suffix, so that two different names stay different:
    b"caf\xe9.md" becomes "caf%E9~ed588b38.md". Other names come back as they are.
    """
    if not _ESCAPED_BYTE.search(path):
        return path
    raw = path.encode("utf-8", "surrogateescape")
    pure = PurePosixPath(_ESCAPED_BYTE.sub(lambda m: f"%{ord(m[0]) - 0xDC00:02X}", path))
    mark = hashlib.sha256(raw).hexdigest()[:8]
    return pure.with_name(f"{pure.stem}~{mark}{pure.suffix}").as_posix()


def relative_name(name: str) -> str | None:
    """The member name of an archive or tree as a relative POSIX path, or None where it would climb out.

    "./" and doubled slashes are dropped. Refused are "..", absolute names, drive letters, backslashes
    (separators on Windows) and control characters.
    """
    if name.startswith("/") or "\\" in name or _DRIVE.match(name) or _CONTROL.search(name):
        return None
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if not parts or ".." in parts or _DRIVE.match(parts[0]):
        return None
    return unicode_name("/".join(parts))


def refused_name(name: str) -> str:
    """A harmless spelling of a name that `relative_name` refused, for reporting it."""
    quoted = _CONTROL.sub(lambda m: f"%{ord(m[0]):02X}", name).replace("\\", "%5C")
    quoted = re.sub(r"^/+", lambda m: "%2F" * len(m[0]), quoted)
    quoted = re.sub(r"^([A-Za-z]):", r"\1%3A", quoted)
    parts = [{".": "%2E", "..": "%2E%2E"}.get(part, part) for part in quoted.split("/")]
    return unicode_name("/".join(parts)) or "%"
