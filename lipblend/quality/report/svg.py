"""Shapes of plots over the frames of a clip as SVG, without text; the page stretches them to any size.

The drawing area is 1000 wide and 100 high. Frame i of n is at x = 1000 (i + 0.5) / n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 100
MAX_POINTS = 1200
_MIN_BAND = 1.5  # keeps one frame of ten thousand visible


@dataclass(frozen=True)
class Range:
    """Values at the bottom and at the top of a plot."""

    low: float
    high: float

    def y(self, value: float) -> float:
        """Position of a value in the drawing area, 0 at the top."""
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT * (1 - min(max(share, 0.0), 1.0)), 2)


def value_range(values: Sequence[float], *, mark: float | None, from_zero: bool) -> Range:
    """A range of all values and the mark, with a small margin; starts at 0 if that is the best value."""
    finite = [value for value in values if math.isfinite(value)] + ([mark] if mark is not None else [])
    if not finite:
        return Range(0.0, 1.0)
    low, high = min(finite), max(finite)
    if from_zero:
        low = min(low, 0.0)
    if high - low < 1e-9 * max(abs(high), 1e-6):
        return Range(low, low + 1.0) if from_zero else Range(low - 0.5, high + 0.5)
    margin = 0.06 * (high - low)
    return Range(low if from_zero and low == 0 else low - margin, high + margin)


def series_path(values: Sequence[float | None], scale: Range) -> str:
    """Path data of a line through the values, broken where there is none.

    With more than `MAX_POINTS` frames, the minimum and the maximum of every stretch are drawn in their order, so that
    no peak is lost.
    """
    count = len(values)
    stride = max(1, math.ceil(2 * count / MAX_POINTS)) if count > MAX_POINTS else 1
    parts: list[str] = []
    pen_down = False
    for start in range(0, count, stride):
        stop = min(start + stride, count)
        points = [(i, value) for i, value in enumerate(values[start:stop], start) if value is not None]
        points = [point for point in points if math.isfinite(point[1])]
        pen_down = pen_down and bool(points)
        if stride > 1 and points:
            points = sorted({min(points, key=lambda point: point[1]), max(points, key=lambda point: point[1])})
        for i, value in points:
            parts.append(f"{'L' if pen_down else 'M'}{_x(i + 0.5, count):g} {scale.y(value):g}")
            if not pen_down:
                parts.append("h.01")  # makes a single frame visible as a dot
            pen_down = True
    return "".join(parts)


def step_path(steps: Sequence[tuple[int, int, float]], count: int, scale: Range) -> str:
    """Path data of a horizontal line for each (start, stop, value)."""
    return "".join(
        f"M{_x(start, count):g} {scale.y(value):g}H{_x(stop, count):g}"
        for start, stop, value in steps
        if math.isfinite(value)
    )


def bands(spans: Sequence[tuple[int, int]], count: int, css: str, *, top: float = 0, height: float = HEIGHT) -> str:
    """Rectangles over spans of frames (first, last), merged where they overlap."""
    merged: list[list[float]] = []
    for first, last in sorted(spans):
        left, right = _x(first, count), _x(last + 1, count)
        if right - left < _MIN_BAND:
            middle = (left + right) / 2
            left, right = max(0.0, middle - _MIN_BAND / 2), min(float(WIDTH), middle + _MIN_BAND / 2)
        if merged and left <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], right)
        else:
            merged.append([left, right])
    return "".join(
        f'<rect class="{css}" x="{left:.2f}" y="{top:g}" width="{right - left:.2f}" height="{height:g}"/>'
        for left, right in merged
    )


def shot_lines(starts: Sequence[int], count: int) -> str:
    """Vertical lines where shots start, at most one per thousandth of the width."""
    places = sorted({round(_x(start, count)) for start in starts if start > 0})
    if not places:
        return ""
    return f'<path class="shot-lines" d="{"".join(f"M{x} 0V{HEIGHT}" for x in places)}"/>'


def _x(frame: float, count: int) -> float:
    return round(WIDTH * frame / count, 2)
