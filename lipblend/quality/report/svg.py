"""Plots over the frames of a clip as inline SVG: shapes only, stretched to any size; all text stands beside them.

The drawing area is 1000 wide and 100 high. Frame i of n lies at x = 1000 (i + 0.5) / n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 100
MOST_POINTS = 1200
_NARROWEST = 1.5  # a band that is one frame of ten thousand is still seen


@dataclass(frozen=True)
class Range:
    """What lies at the bottom and at the top of a plot."""

    low: float
    high: float

    def y(self, value: float) -> float:
        """Height of a value in the drawing area, 0 at the top."""
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT * (1 - min(max(share, 0.0), 1.0)), 2)


def value_range(values: Sequence[float], *, mark: float | None, from_zero: bool) -> Range:
    """A range that holds all values and the mark, with a little air; from 0 where that is the best value."""
    finite = [value for value in values if math.isfinite(value)] + ([mark] if mark is not None else [])
    if not finite:
        return Range(0.0, 1.0)
    low, high = min(finite), max(finite)
    if from_zero:
        low = min(low, 0.0)
    if high - low < 1e-9 * max(abs(high), 1e-6):
        return Range(low, low + 1.0) if from_zero else Range(low - 0.5, high + 0.5)
    air = 0.06 * (high - low)
    return Range(low if from_zero and low == 0 else low - air, high + air)


def series_path(values: Sequence[float | None], scale: Range) -> str:
    """Path data of a line through the values, broken where there is none.

    Of more than `MOST_POINTS` frames the least and the largest value of every stretch are kept, in their order, so
    that no peak is lost.
    """
    count = len(values)
    stride = max(1, math.ceil(2 * count / MOST_POINTS)) if count > MOST_POINTS else 1
    parts: list[str] = []
    pen_down = False
    for start in range(0, count, stride):
        stretch = [(i, value) for i in range(start, min(start + stride, count)) if _drawn(value := values[i])]
        if stride == 1:
            kept = stretch
        else:
            least, most = min(stretch, key=_value, default=None), max(stretch, key=_value, default=None)
            kept = sorted({each for each in (least, most) if each is not None})
        for i, value in kept:
            assert value is not None
            parts.append(f"{'L' if pen_down else 'M'}{_x(i, count):g} {scale.y(value):g}")
            if not pen_down:
                parts.append("h.01")  # a lone frame is seen as a dot
            pen_down = True
        if not stretch:
            pen_down = False
    return "".join(parts)


def step_path(steps: Sequence[tuple[int, int, float]], count: int, scale: Range) -> str:
    """Path data of a level line for each (start, stop, value)."""
    return "".join(
        f"M{_edge(start, count):g} {scale.y(value):g}H{_edge(stop, count):g}"
        for start, stop, value in steps
        if math.isfinite(value)
    )


def bands(spans: Sequence[tuple[int, int]], count: int, css: str, *, top: float = 0, height: float = HEIGHT) -> str:
    """Rectangles over spans of frames (first, last), joined where they would lie on each other."""
    merged: list[list[float]] = []
    for first, last in sorted(spans):
        left, right = _edge(first, count), _edge(last + 1, count)
        if right - left < _NARROWEST:
            middle = (left + right) / 2
            left, right = max(0.0, middle - _NARROWEST / 2), min(float(WIDTH), middle + _NARROWEST / 2)
        if merged and left <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], right)
        else:
            merged.append([left, right])
    return "".join(
        f'<rect class="{css}" x="{left:.2f}" y="{top:g}" width="{right - left:.2f}" height="{height:g}"/>'
        for left, right in merged
    )


def shot_lines(starts: Sequence[int], count: int) -> str:
    """Upright lines where shots start, at most one in a thousandth of the width."""
    places = sorted({round(_edge(start, count)) for start in starts if start > 0})
    if not places:
        return ""
    return f'<path class="shot-lines" d="{"".join(f"M{x} 0V{HEIGHT}" for x in places)}"/>'


def drawing(shapes: str, *, label: str) -> str:
    """A stretched picture of the shapes; ``label`` must be escaped already."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{label}">{shapes}</svg>'
    )


def _drawn(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _value(point: tuple[int, float | None]) -> float:
    return 0.0 if point[1] is None else point[1]


def _x(index: int, count: int) -> float:
    return round(WIDTH * (index + 0.5) / count, 2)


def _edge(index: int, count: int) -> float:
    return round(WIDTH * index / count, 2)
