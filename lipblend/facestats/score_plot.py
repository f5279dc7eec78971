"""The robust scores of several clips as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from lipblend.facestats.clip_outliers import LIMIT, STATISTICS, robust_scores

_PAGE_W, _LEFT, _TOP, _PLOT_W, _ROW_H = 920, 130, 70, 600, 30
_MOST = 8.0  # score at the edge of the plot; larger ones are drawn there
_INK, _GRID, _DOT, _OUT = "#222", "#ddd", "#4477aa", "#cc3311"


def scores_svg(names: Sequence[str], clips: Sequence[Mapping[str, float]]) -> str:
    """Draw the score of each clip in each statistic; outliers are red and named, and every dot has a tooltip.

    Parameters
    ----------
    names : sequence of str
    clips : sequence of mapping of str to float
        See `lipblend.facestats.clip_outliers.clip_values`.
    """
    height = _TOP + len(STATISTICS) * _ROW_H + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_PAGE_W} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_PAGE_W}" height="{height}" fill="#fff"/>',
        _text(_LEFT, 24, f"{len(clips)} clips against each other", size=16),
        _text(_LEFT, 42, f"deviation from the median in robust standard deviations; red from {LIMIT:g}", size=11),
    ]
    for score in (-LIMIT, 0.0, LIMIT):
        x = _across(score)
        parts.append(f'<path d="M{x:.1f} {_TOP - 6}V{height - 30}" stroke="{_GRID}" fill="none"/>')
        parts.append(_text(x, height - 14, f"{score:+g}" if score else "0", anchor="middle", size=11))
    for row, each in enumerate(STATISTICS):
        y = _TOP + (row + 0.5) * _ROW_H
        parts.append(_text(_LEFT - 10, y + 4, each.title, anchor="end"))
        values = np.array([clip[each.key] for clip in clips])
        scores = robust_scores(values, least_deviation=each.least_deviation, ratio=each.ratio)
        for name, value, score in zip(names, values.tolist(), scores.tolist(), strict=True):
            if math.isfinite(score):
                parts += _dot(y, score, name, f"{name}: {each.title} {value:.4g} {each.unit}".strip())
    return "\n".join([*parts, "</svg>"]) + "\n"


def _dot(y: float, score: float, name: str, title: str) -> list[str]:
    outlier = abs(score) >= LIMIT
    x = _across(score)
    parts = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_OUT if outlier else _DOT}" fill-opacity=".7">'
        f"<title>{_shown(title)}, score {score:+.1f}</title></circle>"
    ]
    if outlier:
        parts.append(_text(x + 7, y + 4, name, size=10))
    return parts


def _across(score: float) -> float:
    return _LEFT + 10 + (_PLOT_W - 20) * (min(max(score, -_MOST), _MOST) + _MOST) / (2 * _MOST)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: float = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{_INK}">{_shown(text)}</text>'
    )


def _shown(text: str) -> str:
    return escape("".join(each if each.isprintable() else "?" for each in text))
