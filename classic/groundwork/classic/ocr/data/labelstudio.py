"""Annotations of lines in the format of Label Studio's OCR template: rectangles, percent of the picture, with texts.

Its JSON is a list of tasks. In each annotation a region has results that share an id: one of type `rectangle` (or
`rectanglelabels`) and one of type `textarea` with the text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundwork.classic.ocr.alphabet import normalised
from groundwork.classic.ocr.geometry import edge_lengths
from groundwork.classic.ocr.reading import Corner, Quad, Reading
from groundwork.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Region:
    """A line: where it is, in pixels, what it says, and the field it is of, if any."""

    quad: Quad
    text: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Annotated:
    """A picture by its URL or path, with its lines."""

    image: str
    width: int
    height: int
    regions: tuple[Region, ...]


def to_tasks(pictures: Iterable[tuple[str, Reading]]) -> list[dict[str, Any]]:
    """Readings as tasks with predictions, so that people correct instead of typing."""
    tasks = []
    for image, reading in pictures:
        named = {one.quad: one.name for one in reading.fields if one.source == "printed"}
        results: list[dict[str, Any]] = []
        for number, line in enumerate(reading.lines):
            shape = {**_percent(line.quad, reading.width, reading.height)}
            common = {
                "id": f"line-{number}",
                "original_width": reading.width,
                "original_height": reading.height,
                "image_rotation": 0,
                "to_name": "image",
            }
            results += [
                {**common, "type": "rectanglelabels", "from_name": "label", "score": line.confidence,
                 "value": {**shape, "rectanglelabels": [named.get(line.quad, "line")]}},
                {**common, "type": "textarea", "from_name": "transcription",
                 "value": {**shape, "text": [line.text]}},
            ]  # fmt: skip
        prediction = {
            "model_version": reading.release,
            "score": reading.confidence,
            "result": results,
        }
        tasks.append({"data": {"ocr": image}, "predictions": [prediction]})
    return tasks


def from_tasks(tasks: Any) -> list[Annotated]:
    """Tasks with annotations. Predictions that nobody confirmed are left out. Raises InvalidInput that names the task."""
    if not isinstance(tasks, list):
        raise InvalidInput("an export of Label Studio is a list of tasks", field="annotations")
    found = []
    for number, task in enumerate(tasks):
        try:
            image = next(iter(task["data"].values()))
            made = [one for one in task.get("annotations", ()) if not one.get("was_cancelled")]
            if made:
                found.append(_annotated(str(image), made[-1]["result"]))
        except (KeyError, TypeError, IndexError, StopIteration, ValueError) as error:
            raise InvalidInput(
                f"task {number} cannot be read: {error!r}", field="annotations"
            ) from None
    return found


def _annotated(image: str, results: Sequence[Mapping[str, Any]]) -> Annotated:
    regions: dict[str, dict[str, Any]] = {}
    width = height = 0
    for one in results:
        width, height = int(one["original_width"]), int(one["original_height"])
        region = regions.setdefault(one["id"], {})
        value = one["value"]
        if "x" in value:
            region["quad"] = _pixels(value, width, height)
        if "text" in value:
            texts = value["text"]
            region["text"] = normalised(texts if isinstance(texts, str) else " ".join(texts))
        for label in value.get("rectanglelabels", ()):
            region["label"] = label
    kept = tuple(
        Region(one["quad"], one["text"], one.get("label", ""))
        for one in regions.values()
        if "quad" in one and one.get("text")
    )
    return Annotated(image, width, height, kept)


def _percent(quad: Quad, width: int, height: int) -> dict[str, float]:
    """The rectangle of the quad's mean sides, turned about its upper left corner as Label Studio turns."""
    (ax, ay), (bx, by) = quad.corners[0], quad.corners[1]
    top, right, bottom, left = edge_lengths(quad)
    return {
        "x": 100 * ax / width,
        "y": 100 * ay / height,
        "width": 100 * (top + bottom) / 2 / width,
        "height": 100 * (left + right) / 2 / height,
        "rotation": math.degrees(math.atan2(by - ay, bx - ax)) % 360,
    }


def _pixels(value: Mapping[str, Any], width: int, height: int) -> Quad:
    x, y = value["x"] * width / 100, value["y"] * height / 100
    wide, high = value["width"] * width / 100, value["height"] * height / 100
    turn = math.radians(value.get("rotation", 0.0))
    along: Corner = (math.cos(turn) * wide, math.sin(turn) * wide)
    down: Corner = (-math.sin(turn) * high, math.cos(turn) * high)
    return Quad((
        (x, y),
        (x + along[0], y + along[1]),
        (x + along[0] + down[0], y + along[1] + down[1]),
        (x + down[0], y + down[1]),
    ))  # fmt: skip
