"""Plane geometry: homographies, quadrilaterals in masks, straightened pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr.reading import Corner, Quad

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Matrix = NDArray[np.float64]


def homography(source: Sequence[Corner], target: Sequence[Corner]) -> Matrix:
    """The 3 by 3 matrix that takes four points to four others. Raises ValueError where three lie on a line."""
    import numpy as np

    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    right = np.array([value for point in target for value in point], dtype=np.float64)
    try:
        solved = np.linalg.solve(np.array(rows, dtype=np.float64), right)
    except np.linalg.LinAlgError:
        raise ValueError("three of the four points lie on one line") from None
    return np.append(solved, 1.0).reshape(3, 3)


def apply(matrix: Matrix, points: Any) -> NDArray[np.float64]:
    """The points, (n, 2), as the matrix moves them."""
    import numpy as np

    flat = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    moved = np.column_stack([flat, np.ones(len(flat))]) @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:3], dtype=np.float64)


def rectangle(width: float, height: float) -> tuple[Corner, Corner, Corner, Corner]:
    """Its corners from the upper left, clockwise."""
    return (0.0, 0.0), (width, 0.0), (width, height), (0.0, height)


def straightened(picture: Image, quad: Quad, size: tuple[int, int]) -> Image:
    """What the quad shows, as a picture of `size` (width, height). Strong reduction is filtered, so print stays legible."""
    from PIL import Image

    sides = edge_lengths(quad)
    much = min(max(sides[0], sides[2]) / size[0], max(sides[1], sides[3]) / size[1])
    factor = max(1, int(much / 1.5))
    corners = quad.corners
    if factor > 1:
        picture = picture.reduce(factor)
        corners = _each(corners, 1 / factor)
    matrix = homography(rectangle(*size), corners)
    return picture.transform(
        size, Image.Transform.PERSPECTIVE, tuple(matrix.ravel()[:8]), Image.Resampling.BICUBIC
    )


def _each(corners: Sequence[Corner], by: float) -> tuple[Corner, Corner, Corner, Corner]:
    (a, b), (c, d), (e, f), (g, h) = corners
    return (a * by, b * by), (c * by, d * by), (e * by, f * by), (g * by, h * by)


def edge_lengths(quad: Quad) -> tuple[float, float, float, float]:
    """Top, right, bottom, left."""
    a, b, c, d = quad.corners
    return math.dist(a, b), math.dist(b, c), math.dist(c, d), math.dist(d, a)


def turned(quad: Quad, quarters: int) -> Quad:
    """The same four corners with another one first: the reader turns by that many quarters clockwise."""
    at = quarters % 4
    a, b, c, d = quad.corners[at:] + quad.corners[:at]
    return Quad((a, b, c, d))


def area(corners: Any) -> float:
    """Of a polygon, positive clockwise with y down."""
    import numpy as np

    points = np.asarray(corners, dtype=np.float64)
    x, y = points[:, 0], points[:, 1]
    return 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def overlap(first: Quad, second: Quad) -> float:
    """Intersection over union of two convex quads."""
    import numpy as np

    one = np.asarray(first.corners if area(first.corners) > 0 else first.corners[::-1])
    two = np.asarray(second.corners if area(second.corners) > 0 else second.corners[::-1])
    shared = one
    for n in range(4):
        shared = _clipped(shared, two[n], two[(n + 1) % 4])
        if len(shared) < 3:
            return 0.0
    both = abs(area(shared))
    return both / (abs(area(one)) + abs(area(two)) - both)


def _clipped(polygon: Any, start: Any, end: Any) -> Any:
    """Sutherland and Hodgman: what lies to the right of an edge (y down, clockwise)."""
    import numpy as np

    if len(polygon) == 0:
        return polygon
    edge = end - start
    side = edge[0] * (polygon[:, 1] - start[1]) - edge[1] * (polygon[:, 0] - start[0])
    kept = []
    for n in range(len(polygon)):
        here, there = side[n - 1], side[n]
        if (here >= 0) != (there >= 0):
            share = here / (here - there)
            kept.append(polygon[n - 1] + share * (polygon[n] - polygon[n - 1]))
        if there >= 0:
            kept.append(polygon[n])
    return np.array(kept)


def quad_of(
    mask: NDArray[np.float32], level: float = 0.5
) -> tuple[tuple[Corner, ...], float] | None:
    """The four corners, clockwise from the upper left, in the mask's pixels, and how well they fit, 0..1; None without any.

    The hull of the largest component is reduced to four sides. Then the corners move wherever that makes the figure and
    the soft mask overlap more: what sticks out of the mask, or is bitten from it, hardly counts.
    """
    import numpy as np
    from scipy import ndimage
    from scipy.spatial import ConvexHull, QhullError

    parts, count = ndimage.label(mask > level)
    if not count:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    ys, xs = np.nonzero(parts == 1 + int(sizes.argmax()))
    if len(xs) < 16:
        return None
    points = np.concatenate([np.column_stack([xs + dx, ys + dy]) for dx in (0, 1) for dy in (0, 1)])
    try:
        hull = points[ConvexHull(points).vertices].astype(np.float64)
    except QhullError:
        return None
    four = _four_sided(hull if area(hull) > 0 else hull[::-1])
    if four is None:
        return None
    settled, fit = _settled(mask, four)
    return _from_upper_left(settled), fit


def _four_sided(hull: Any) -> Any:
    """The hull with its least sides removed, its neighbours prolonged, until four remain."""
    import numpy as np

    points = list(hull)
    while len(points) > 4:
        best: tuple[float, int, Any] | None = None
        for n in range(len(points)):
            a, b, c, d = (points[(n + k - 1) % len(points)] for k in range(4))
            met = _meeting(a, b, d, c)
            if met is None:
                continue
            added = abs(area([b, met, c]))
            if best is None or added < best[0]:
                best = (added, n, met)
        if best is None:
            return None
        _, n, met = best
        following = (n + 1) % len(points)
        points[n] = met
        del points[following]
    return np.array(points) if len(points) == 4 else None


def _meeting(a: Any, b: Any, d: Any, c: Any) -> Any:
    """Where a-b, prolonged beyond b, meets d-c, prolonged beyond c; None where they do not."""
    first, second = b - a, c - d
    cross = first[0] * second[1] - first[1] * second[0]
    if abs(cross) < 1e-9:
        return None
    along = ((d[0] - a[0]) * second[1] - (d[1] - a[1]) * second[0]) / cross
    back = ((d[0] - a[0]) * first[1] - (d[1] - a[1]) * first[0]) / cross
    return a + along * first if along >= 1 - 1e-9 and back >= 1 - 1e-9 else None


# How far a corner is moved, in pixels of the mask, and the ways it goes.
_STEPS = (4.0, 2.0, 1.0, 0.5, 0.25, 0.12)
_WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_ROUNDS = 6
# Corners that move together: one, or both of a side, without which a search may stop before it is there.
_GROUPS = ((0,), (1,), (2,), (3,), (0, 1), (1, 2), (2, 3), (3, 0))


def _settled(mask: NDArray[np.float32], four: Any) -> tuple[Any, float]:
    """The figure near `four` that overlaps the soft mask most, and their intersection over union."""
    import numpy as np

    height, width = mask.shape
    ys, xs = np.mgrid[0:height, 0:width] + 0.5
    total = float(mask.sum())

    def fit(figure: Any) -> float:
        inside = np.ones_like(xs)
        for n in range(4):
            (ax, ay), (bx, by) = figure[n], figure[(n + 1) % 4]
            away = ((bx - ax) * (ys - ay) - (by - ay) * (xs - ax)) / (
                math.hypot(bx - ax, by - ay) + 1e-9
            )
            inside *= np.clip(away + 0.5, 0, 1)
        shared = float((mask * inside).sum())
        return shared / (total + float(inside.sum()) - shared)

    best, figure = fit(four), np.array(four, dtype=np.float64)
    for step in _STEPS:
        for _ in range(_ROUNDS):
            moved = False
            for group in _GROUPS:
                for way in _WAYS:
                    tried = figure.copy()
                    tried[list(group)] += np.multiply(way, step)
                    found = fit(tried)
                    if found > best + 1e-5:
                        best, figure, moved = found, tried, True
            if not moved:
                break
    return figure, best


def _from_upper_left(four: Any) -> tuple[Corner, Corner, Corner, Corner]:
    """Clockwise, beginning with the corner nearest to the upper left."""
    first = min(range(4), key=lambda n: four[n][0] + four[n][1])
    a, b, c, d = (four[(first + k) % 4] for k in range(4))
    return _corner(a), _corner(b), _corner(c), _corner(d)


def _corner(point: Any) -> Corner:
    return float(point[0]), float(point[1])
