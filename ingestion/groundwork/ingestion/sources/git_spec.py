"""How a git repository is written down: URL or path, `@ref`, `#subfolder=docs`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from groundwork.core.errors import InvalidInput
from groundwork.ingestion.sources.base import SourceOptions
from groundwork.ingestion.sources.names import relative_name

# host:path as ssh and scp write it, with or without a user.
_SCP = re.compile(r"(?:(?P<user>[\w.+-]+)@)?(?P<host>[\w.-]+):(?P<path>[^/\\].*)")
_REMOTE_SCHEMES = frozenset({"https", "http", "ssh", "git"})
_USERINFO = re.compile(r"(?<=//)[^/@\s]+@")
_FORMS = (
    "git+https://host/repo.git, git@host:owner/repo.git or git+/path, then @ref and #subfolder=docs"
)


@dataclass(frozen=True, slots=True)
class GitSpec:
    """A repository and what of it is read.

    `location` is a URL (or host:path) for git to fetch, with its credentials, or the absolute path of a
    local repository where `local` is set. `ref` None is HEAD, `subfolder` "" is the whole tree.
    """

    location: str
    local: bool
    ref: str | None
    subfolder: str

    @property
    def label(self) -> str:
        """The repository without credentials, as it may be printed."""
        place = f"file://{self.location}" if self.local else without_credentials(self.location)
        ref = f"@{self.ref}" if self.ref else ""
        subfolder = f"#subfolder={self.subfolder}" if self.subfolder else ""
        return f"git+{place}{ref}{subfolder}"


def without_credentials(text: str) -> str:
    """The text with every user:password@ taken out of its URLs."""
    return _USERINFO.sub("", text)


def is_git(spec: str) -> bool:
    """Whether the spec names a git repository rather than a folder, an archive or a website."""
    if spec.startswith(("git+", "git@", "ssh://", "git://")):
        return True
    place = spec.partition("#")[0]
    return place.endswith(".git") or ".git@" in place


def parse_git_spec(spec: str, options: SourceOptions) -> GitSpec:
    """Take the spec apart. Raises InvalidInput, naming the field, where it cannot be read."""
    place, _, fragment = spec.removeprefix("git+").partition("#")
    location, local, ref = _place(place)
    subfolder = _subfolder(fragment)
    ref = _agree("ref", ref, options.ref)
    subfolder = _agree("subfolder", subfolder, options.subfolder)
    return GitSpec(location, local, _checked_ref(ref), _checked_subfolder(subfolder))


def _place(place: str) -> tuple[str, bool, str | None]:
    """Location, whether it is a local path, and the ref behind it."""
    if "://" in place:
        scheme, rest = place.split("://", 1)
        scheme = scheme.lower()
        if scheme == "file":
            path, ref = _local(unquote(rest.removeprefix("localhost")))
            return path, True, ref
        authority, slash, path = rest.partition("/")
        host = authority.rpartition("@")[2]
        if scheme not in _REMOTE_SCHEMES or not host or host.startswith("-") or not path:
            raise InvalidInput(
                f"{without_credentials(place)!r} is no git repository; write {_FORMS}.",
                field="source",
            )
        repository, ref = _split_ref(path)
        return f"{scheme}://{authority}{slash}{repository}", False, ref
    match = _SCP.fullmatch(place)
    if match and not place.startswith((".", "/", "~")) and not match["host"].startswith("-"):
        repository, ref = _split_ref(match["path"])
        user = f"{match['user']}@" if match["user"] else ""
        return f"{user}{match['host']}:{repository}", False, ref
    path, ref = _local(place)
    return path, True, ref


def _split_ref(path: str) -> tuple[str, str | None]:
    """The repository's path and what stands behind its "@"; a ref may hold slashes."""
    cut = path.find(".git@")
    cut = path.find("@") if cut < 0 else cut + len(".git")
    return (path, None) if cut < 0 else (path[:cut], path[cut + 1 :])


def _local(place: str) -> tuple[str, str | None]:
    """A local path, which may itself hold an "@": the longest one that exists is meant."""
    end = len(place)
    while end > 0:
        path = Path(place[:end]).expanduser().absolute()
        if path.is_dir():
            return path.as_posix(), place[end + 1 :] if end < len(place) else None
        end = place.rfind("@", 0, end)
    repository, ref = _split_ref(place)
    return Path(repository).expanduser().absolute().as_posix(), ref


def _subfolder(fragment: str) -> str | None:
    key, equals, value = fragment.partition("=")
    if not fragment:
        return None
    if key != "subfolder" or not equals:
        raise InvalidInput(
            f"'#{fragment}' is not understood; write '#subfolder=docs'.", field="source"
        )
    return unquote(value)


def _agree(name: str, written: str | None, option: str | None) -> str | None:
    """The value from the spec or the option; both only where they are the same."""
    if written is not None and option is not None and written != option:
        raise InvalidInput(
            f"The source says {name} {written!r}, the option says {option!r}; give one of them.",
            field=name,
        )
    return option if written is None else written


def _checked_ref(ref: str | None) -> str | None:
    # What git itself refuses in names (git-check-ref-format), but "~", "^" and "@{" too: they are
    # expressions over history, which a shallow clone does not have.
    if ref is None:
        return None
    if (
        not ref
        or ref.startswith(("-", "/"))
        or ".." in ref
        or re.search(r"[\s\x00-\x1f:?*\[\\~^]|@\{", ref)
    ):
        raise InvalidInput(
            f"{ref!r} is no ref; give a branch, a tag or a commit's hash.", field="ref"
        )
    return ref


def _checked_subfolder(subfolder: str | None) -> str:
    if subfolder is None or subfolder.strip("/") in {"", "."}:
        return ""
    name = relative_name(subfolder)
    if name is None:
        raise InvalidInput(
            f"{subfolder!r} is no subfolder; give a path inside the repository, such as docs.",
            field="subfolder",
        )
    return name
