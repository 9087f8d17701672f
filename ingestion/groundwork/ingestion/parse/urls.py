"""Where a page of a source is published."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from groundwork.ingestion.parse.options import ParseOptions, Site

_SOURCE_SUFFIX = re.compile(r"\.(?:mdx?|markdown|rst|rest|ipynb|txt|html?)$", re.IGNORECASE)
_NUMBER_PREFIX = re.compile(r"^\d+\s*[-_.]+\s*(?=[^\d\s])")  # Docusaurus: "01-intro.md" is "intro"
_SAFE = "/~:@!$&'()*+,;="  # what RFC 3986 allows in a path besides letters and digits
# Folders that hold the sources and are no part of the address.
_ROOTS = {
    "hugo": re.compile(r"^(?:[^/]+/)*?content/(?:en/)?"),
    "docusaurus": re.compile(r"^website/"),
    "mkdocs": re.compile(r"^docs/"),
    "sphinx": re.compile(r"^(?:docs?/source|docs?|source)/"),
}
_INDEX_NAMES = {
    "hugo": {"_index", "index"},
    "docusaurus": {"index", "readme"},
    "mkdocs": {"index", "readme"},
    "sphinx": {"index"},
}


def public_url(
    page: str,
    options: ParseOptions,
    front_matter: Mapping[str, str],
    site: Site | None = None,
) -> str | None:
    """The address of a page without a fragment, None where the options name no `url_base`.

    `site` is the generator as found on the page, where the options leave it open. `front_matter` can
    override the path (`url`, `permalink`) or its last part (`slug`, for Docusaurus also `id`).
    """
    if options.url_base is None:
        return None
    generator = site or options.site
    path = _path(page, front_matter, generator)
    if "://" in path:
        return path
    return f"{options.url_base.rstrip('/')}/{quote(path.lstrip('/'), safe=_SAFE)}"


def _path(page: str, front_matter: Mapping[str, str], site: Site) -> str:
    given = front_matter.get("url") or front_matter.get("permalink")
    # A pattern such as /:categories/:title.html needs the whole site to be resolved.
    if given and "/:" not in given and not given.startswith(":"):
        return given
    if site in {"github", "auto"}:
        return page
    path = _ROOTS[site].sub("", page)
    if site == "docusaurus":
        path = "/".join(_NUMBER_PREFIX.sub("", part) for part in path.split("/"))
    folder, _, name = path.rpartition("/")
    stem = _SOURCE_SUFFIX.sub("", name)
    folder = f"{folder}/" if folder else ""
    if site == "hugo":
        folder, stem = _hugo_name(folder), _hugo_name(stem)
    return _address(folder, stem, front_matter, site)


def _hugo_name(text: str) -> str:
    return "-".join(text.lower().split())


def _address(folder: str, stem: str, front_matter: Mapping[str, str], site: Site) -> str:
    slug = front_matter.get("slug", "")
    if site == "docusaurus":
        if slug.startswith("/"):
            # Relative to the docs plugin's route, which is the first folder.
            return _with_slash(folder.split("/", 1)[0] + slug if folder else slug)
        same_name = folder.rstrip("/").rpartition("/")[2] == stem
        stem = slug or front_matter.get("id") or ("index" if same_name else stem)
    elif site == "hugo" and slug:
        if stem in {"index", "_index"}:
            folder, stem = folder.rstrip("/").rpartition("/")[0], slug
            folder = f"{folder}/" if folder else ""
        else:
            stem = slug
    if stem.lower() in _INDEX_NAMES[site]:
        return folder
    return f"{folder}{stem}.html" if site == "sphinx" else _with_slash(folder + stem)


def _with_slash(path: str) -> str:
    return path.rstrip("/") + "/"
