"""The fonts that text is drawn in, by family and split. Only families named here are used, so machines agree on the split.

Families that descend from one another (Carlito from Lato, Open Sans and Noto Sans from Droid) are on the same side.
"""

from __future__ import annotations

import importlib.util
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.core.errors import ConfigurationError

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

TRAIN, HELD_OUT = SPLITS = ("train", "held-out")
FOLDERS = (Path("/usr/share/fonts"), Path("/usr/share/texmf/fonts"), Path("/usr/local/share/fonts"))


@dataclass(frozen=True, slots=True)
class Family:
    """A family: which files are its, the Debian package, its split, and what it is used for.

    `uses` of: card (anything printed on cards and forms), receipt, mrz, and mono (a zone that is not in its own typeface).
    """

    name: str
    pattern: str
    package: str
    split: str = TRAIN
    uses: tuple[str, ...] = ("card", "receipt")


_RECEIPT = ("receipt",)
_CARD = ("card",)
_MONO = ("card", "receipt", "mono")
FAMILIES = (
    Family("DejaVu Sans", r"DejaVuSans(Condensed)?(-Bold|-Oblique|-BoldOblique)?\.ttf", "fonts-dejavu"),
    Family("DejaVu Sans Mono", r"DejaVuSansMono.*\.ttf", "fonts-dejavu", TRAIN, _MONO),
    Family("DejaVu Serif", r"DejaVuSerif(Condensed)?(-Bold|-Italic|-BoldItalic)?\.ttf", "fonts-dejavu"),
    Family("Liberation Sans", r"LiberationSans(Narrow)?-.*\.ttf", "fonts-liberation"),
    Family("Liberation Serif", r"LiberationSerif-.*\.ttf", "fonts-liberation"),
    Family("Liberation Mono", r"LiberationMono-.*\.ttf", "fonts-liberation", TRAIN, _MONO),
    Family("FreeSans", r"FreeSans.*\.ttf", "fonts-freefont-ttf"),
    Family("FreeSerif", r"FreeSerif.*\.ttf", "fonts-freefont-ttf"),
    Family("FreeMono", r"FreeMono.*\.ttf", "fonts-freefont-ttf", TRAIN, _MONO),
    Family("Roboto", r"Roboto(Condensed)?-(?!Thin).*\.ttf", "fonts-roboto-unhinted"),
    Family("Clear Sans", r"ClearSans-(?!Thin).*\.ttf", "fonts-clear-sans"),
    Family("Cabin", r"Cabin-.*\.otf", "fonts-cabin", TRAIN, _CARD),
    Family("Karla", r"Karla-(?!ExtraLight).*\.otf", "fonts-karla", TRAIN, _CARD),
    Family("Manrope", r"Manrope-(?!ExtraLight).*\.ttf", "fonts-manrope", TRAIN, _CARD),
    Family("Oxygen", r"Oxygen-Sans.*\.ttf", "fonts-oxygen", TRAIN, _CARD),
    Family("Play", r"Play-.*\.ttf", "fonts-play", TRAIN, _CARD),
    Family("Averia", r"AveriaSansGWF-.*\.ttf", "fonts-averia-sans-gwf"),
    Family("Quicksand", r"Quicksand-(?!Light).*\.ttf", "fonts-quicksand", TRAIN, _CARD),
    Family("Dosis", r"Dosis-(Book|Medium|SemiBold|Bold)\.otf", "fonts-dosis"),
    Family("Jura", r"Jura-(?!Light).*\.otf", "fonts-jura"),
    Family("Junction", r"Junction\.otf", "fonts-junction", TRAIN, _CARD),
    Family("Nimbus Sans Narrow", r"NimbusSansNarrow-.*\.otf", "fonts-urw-base35"),
    Family("Nimbus Roman", r"NimbusRoman-.*\.otf", "fonts-urw-base35"),
    Family("URW Gothic", r"URWGothic-.*\.otf", "fonts-urw-base35", TRAIN, _CARD),
    Family("URW Bookman", r"URWBookman-.*\.otf", "fonts-urw-base35", TRAIN, _CARD),
    Family("Schoolbook", r"C059-.*\.otf", "fonts-urw-base35", TRAIN, _CARD),
    Family("Palladio", r"P052-.*\.otf", "fonts-urw-base35", TRAIN, _CARD),
    Family("Vollkorn", r"Vollkorn-.*\.ttf", "fonts-vollkorn", TRAIN, _CARD),
    Family("Nimbus Mono", r"NimbusMonoPS-.*\.otf", "fonts-urw-base35", TRAIN, _MONO),
    Family("Fira Code", r"FiraCode-.*\.ttf", "fonts-firacode"),
    Family("Hack", r"Hack-.*\.ttf", "fonts-hack", TRAIN, _RECEIPT),
    Family("Inconsolata", r"Inconsolata\.otf", "fonts-inconsolata", TRAIN, _MONO),
    Family("Fantasque Sans Mono", r"FantasqueSansMono-.*\.ttf", "fonts-fantasque-sans", TRAIN, _RECEIPT),
    Family("Agave", r"agave-.*\.ttf", "fonts-agave", TRAIN, _RECEIPT),
    Family("Hermit", r"Hermit-.*\.otf", "fonts-hermit", TRAIN, _RECEIPT),
    Family("3270", r"3270.*\.ttf", "fonts-3270", TRAIN, _RECEIPT),
    Family("Glass TTY", r"Glass_TTY_VT220\.ttf", "fonts-glasstty", TRAIN, _RECEIPT),
    Family("Terminus", r"terminus-(normal|bold)\.otb", "fonts-terminus-otb", TRAIN, _RECEIPT),
    Family("Spleen", r"spleen-(8x16|12x24|16x32)\.otf", "fonts-spleen", TRAIN, _RECEIPT),
    Family("Proggy", r"ProggyTiny\.ttf", "fonts-proggy", TRAIN, _RECEIPT),
    Family("Dot Gothic", r"DotGothic16-Regular\.ttf", "fonts-dotgothic16", TRAIN, _RECEIPT),
    Family("GNU Typewriter", r"GNUTypewriter\.ttf", "fonts-gnutypewriter"),
    Family("Tlwg Typewriter", r"TlwgTypewriter.*\.ttf", "fonts-tlwg-typewriter-ttf"),
    Family("League Mono", r"LeagueMono-.*(Regular|Bold|Medium|Condensed)\.otf", "fonts-league-mono", TRAIN, _RECEIPT),
    Family("OCR-A", r"OCRA(Bold|Condensed)?\.ttf", "fonts-ocr-a", TRAIN, _RECEIPT),
    Family("OCR-B", r"OCRBS?\.otf", "fonts-ocr-b", TRAIN, ("mrz", "receipt", "card")),
    # Never in training.
    Family("Open Sans", r"OpenSans-.*\.ttf", "fonts-open-sans", HELD_OUT),
    Family("Noto Sans", r"NotoSans-.*\.ttf", "fonts-noto-core", HELD_OUT),
    Family("Noto Serif", r"NotoSerif-.*\.ttf", "fonts-noto-core", HELD_OUT),
    Family("Noto Mono", r"NotoSansMono-.*\.ttf", "fonts-noto-mono", HELD_OUT, _MONO),
    Family("Lato", r"Lato-(?!Hairline|Thin).*\.ttf", "fonts-lato", HELD_OUT),
    Family("Carlito", r"Carlito-.*\.ttf", "fonts-crosextra-carlito", HELD_OUT),
    Family("Caladea", r"Caladea-.*\.ttf", "fonts-crosextra-caladea", HELD_OUT),
    Family("Cantarell", r"Cantarell-(?!Thin).*\.otf", "fonts-cantarell", HELD_OUT),
    Family("Linux Libertine", r"LinLibertine_R(B|I|BI)?\.otf", "fonts-linuxlibertine", HELD_OUT),
    Family("Anonymous Pro", r"Anonymous Pro.*\.ttf", "fonts-anonymous-pro", HELD_OUT, _RECEIPT),
    Family("JetBrains Mono", r"JetBrainsMono-(Regular|Bold|Medium)\.ttf", "fonts-jetbrains-mono", HELD_OUT, _RECEIPT),
    Family("Mononoki", r"mononoki-.*\.ttf", "fonts-mononoki", HELD_OUT, _RECEIPT),
    Family("Courier Prime", r"Courier Prime.*\.otf", "fonts-courier-prime", HELD_OUT),
)  # fmt: skip

# Enough for every test: training, held-out and machine-readable zone.
SMALLEST = ("fonts-dejavu-core", "fonts-liberation", "fonts-open-sans", "fonts-lato", "fonts-ocr-b")


@dataclass(frozen=True, slots=True)
class Face:
    """One file of a family."""

    family: str
    path: Path
    uses: tuple[str, ...]


class FontBook:
    """The faces of one split that this machine has."""

    def __init__(self, split: str, faces: Sequence[Face]) -> None:
        self.split = split
        self._by_use: dict[str, dict[str, list[Face]]] = {}
        for face in faces:
            for use in face.uses:
                self._by_use.setdefault(use, {}).setdefault(face.family, []).append(face)

    @classmethod
    def find(cls, split: str, folders: Iterable[Path] = FOLDERS) -> FontBook:
        """The split's faces in these folders, and DejaVu where matplotlib brings it.

        Raises ConfigurationError that names packages where there is none.
        """
        seen: dict[tuple[str, str], Face] = {}
        for path in _files(tuple(folders)):
            for family in FAMILIES:
                # The machine-readable zone has one typeface by its standard, so both splits print it.
                own = family.split == split or "mrz" in family.uses
                if own and re.fullmatch(family.pattern, path.name):
                    uses = family.uses if family.split == split else ("mrz",)
                    seen.setdefault((family.name, path.name), Face(family.name, path, uses))
        book = cls(split, [seen[key] for key in sorted(seen)])
        if not book.families("card"):
            names = sorted({one.package for one in FAMILIES if one.split == split})
            raise ConfigurationError(
                f"no font of the {split} split is installed; apt-get install any of: {' '.join(names)}"
            )
        return book

    def families(self, use: str) -> list[str]:
        """Names of the families for a use, in order."""
        return sorted(self._by_use.get(use, {}))

    def face(self, use: str, rng: random.Random) -> Face:
        """A family at random, then one of its faces; a card's where none is for the use."""
        found = self._by_use.get(use) or self._by_use["card"]
        return rng.choice(found[rng.choice(sorted(found))])


@lru_cache(maxsize=8)
def _files(folders: tuple[Path, ...]) -> list[Path]:
    found = [path for folder in folders if folder.is_dir() for path in folder.rglob("*.[to]t[fb]")]
    spec = importlib.util.find_spec("matplotlib")
    if spec is not None and spec.origin:
        found += (Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf").glob("*.ttf")
    return sorted(found)


@lru_cache(maxsize=1500)
def opened(path: Path, size: int) -> FreeTypeFont:
    """The face at a size in pixels. Bitmap faces are opened at the size they have."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    except OSError:
        for fixed in (16, 18, 20, 22, 24, 28, 32, 14, 12):
            try:
                return ImageFont.truetype(path, fixed, layout_engine=ImageFont.Layout.BASIC)
            except OSError:
                continue
        raise


@lru_cache(maxsize=200_000)
def has(path: Path, character: str) -> bool:
    """Whether the face draws the character, and not the box that stands for what it lacks."""
    if character == " ":
        return True
    font = opened(path, 24)
    drawn = font.getmask(character)
    missing = font.getmask("\uffff")
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)


def covers(path: Path, text: str) -> bool:
    """Whether the face draws every character of the text."""
    return all(has(path, one) for one in text)
