"""Plots of the faces of a clip over time, as an SVG picture that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from lipblend.facestats.clip_faces import ClipFaces
from lipblend.facestats.face_series import DETECTED, INTERPOLATED, MISSED, FaceSeries
from lipblend.quality.report.svg import HEIGHT, WIDTH, bands, series_path, shot_lines, value_range

_PANELS = (
    ("width_px", "width, px", False),
    ("yaw_deg", "yaw, degrees (positive looks to the picture's right)", False),
    ("pitch_deg", "pitch, degrees (positive looks down)", False),
    ("roll_deg", "roll, degrees (positive is clockwise)", False),
    ("jitter_frac", "jitter, face widths", True),
    ("opening", "mouth opening", True),
)
_PAGE_W, _LEFT, _TOP, _PLOT_W, _PLOT_H, _STEP = 920, 70, 64, 820, 90, 130
_STRIP_H, _STRIP_STEP, _TIMES = 12, 18, 6
_INK, _GRID, _BACK = "#222", "#ddd", "#f6f6f6"
_COLOURS = ("#4477aa", "#cc3311", "#228833", "#aa3377", "#ee7733", "#009988")
_STYLE = (
    "path{fill:none;stroke-width:1.4;vector-effect:non-scaling-stroke}"
    f".shot-lines{{stroke:#888;stroke-dasharray:4 3}}.interpolated{{fill-opacity:.45}}.back{{fill:{_BACK}}}"
)


def clip_svg(clip: ClipFaces) -> str:
    """Draw size, pose, jitter and mouth opening of the faces of a clip over time, and when each was found.

    Colours tell the faces of a shot by number; dashed lines are cuts. Below, a strip for each number is full where the
    face was detected, pale where its landmarks were interpolated, and empty where it was missed.
    """
    grid = even_frames(clip.times_s)
    starts = np.searchsorted(grid, [start for start, _ in clip.shots]).tolist()
    numbers = sorted({each.face for each in clip.faces})
    strips_top = _TOP + len(_PANELS) * _STEP
    height = strips_top + 24 + max(len(numbers), 1) * _STRIP_STEP + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_PAGE_W} {height}" '
        'font-family="sans-serif" font-size="12">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{_PAGE_W}" height="{height}" fill="#fff"/>',
        _text(_LEFT, 24, clip.path.name, size=16),
        *(
            _text(_LEFT + 70 * place, 42, f"face {number}", colour=_colour(number))
            for place, number in enumerate(numbers)
        ),
    ]
    if not numbers:
        parts.append(_text(_LEFT, 42, "no face was found"))
    for place, (name, title, from_zero) in enumerate(_PANELS):
        parts += _panel(clip, grid, starts, name, title, _TOP + place * _STEP, from_zero=from_zero)
    parts += _strips(clip, grid, starts, numbers, strips_top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def even_frames(times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The frame that is shown at each of as many evenly spaced times as there are frames; (n,) int, rising.

    So that the plot has time across also where the frame rate varies.
    """
    if len(times_s) < 2:
        return np.zeros(len(times_s), np.intp)
    period_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1)
    shown = np.searchsorted(times_s, times_s[0] + (np.arange(len(times_s)) + 0.5) * period_s, side="right") - 1
    return np.asarray(shown, np.intp)


def _panel(
    clip: ClipFaces, grid: npt.NDArray[np.intp], starts: list[int], name: str, title: str, top: int, *, from_zero: bool
) -> list[str]:
    everything = [value for each in clip.faces for value in each.values[name].tolist()]
    scale = value_range(everything, mark=None, from_zero=from_zero)
    lines = [
        f'<path stroke="{_colour(each.face)}" d="{series_path(_on_grid(clip, each, name, grid), scale)}"/>'
        for each in clip.faces
    ]
    return [
        _text(_LEFT, top - 5, title),
        *(
            _text(_LEFT - 6, top + scale.y(value) / HEIGHT * _PLOT_H + 4, f"{value:.3g}", anchor="end", size=10)
            for value in (scale.low, scale.high)
        ),
        _area(top, _PLOT_H, [*lines, shot_lines(starts, len(grid))]),
    ]


def _strips(
    clip: ClipFaces, grid: npt.NDArray[np.intp], starts: list[int], numbers: Sequence[int], top: int
) -> list[str]:
    parts = [_text(_LEFT, top + 8, "found (full: detected, pale: interpolated, empty: missed)")]
    y = top + 16
    for number in numbers:
        state = np.full(len(clip.times_s), MISSED, np.uint8)
        for each in clip.faces:
            if each.face == number:
                state[each.start : each.start + len(each)] = each.state
        shown = state[grid]
        drawn = [
            bands([(at, at) for at in np.flatnonzero(shown == kind).tolist()], len(grid), css)
            for kind, css in ((DETECTED, "detected"), (INTERPOLATED, "interpolated"))
        ]
        inside = [f'<g fill="{_colour(number)}">{"".join(drawn)}</g>', shot_lines(starts, len(grid))]
        parts += [_text(_LEFT - 6, y + 10, f"face {number}", anchor="end", size=10), _area(y, _STRIP_H, inside)]
        y += _STRIP_STEP
    if len(clip.times_s):
        times = np.linspace(clip.times_s[0], clip.times_s[-1], _TIMES)
        for place, time_s in enumerate(times.tolist()):
            x = _LEFT + _PLOT_W * place / (_TIMES - 1)
            parts.append(_text(x, y + 14, f"{time_s:.2f} s", anchor="middle", size=10))
    return parts


def _on_grid(clip: ClipFaces, series: FaceSeries, name: str, grid: npt.NDArray[np.intp]) -> list[float | None]:
    whole = np.full(len(clip.times_s), np.nan)
    whole[series.start : series.start + len(series)] = series.values[name]
    return [value if math.isfinite(value) else None for value in whole[grid].tolist()]


def _area(top: float, height: float, inside: Sequence[str]) -> str:
    return (
        f'<svg x="{_LEFT}" y="{top:g}" width="{_PLOT_W}" height="{height:g}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="none"><rect class="back" width="{WIDTH}" height="{HEIGHT}"/>{"".join(inside)}</svg>'
    )


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: float = 12, colour: str = _INK) -> str:
    shown = escape("".join(each if each.isprintable() else "?" for each in text))
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{colour}">{shown}</text>'
