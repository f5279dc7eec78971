"""The plot of a sweep: quality against time, and the effect of each setting, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from lipblend.lab.sweep.grid import ITEM_SEPARATOR
from lipblend.lab.sweep.outcome_text import headline_text, reference_text, settings_texts
from lipblend.lab.sweep.ranking import Ranked, Ranking
from lipblend.lab.sweep.worth import HEADLINE

_WIDTH = 920
_LEFT, _TOP, _PLOT_W, _PLOT_H = 80, 70, 800, 340
_PANEL_W, _PANEL_H, _PANEL_GAP = 250, 150, 75
_LABEL_LINES = 3
_NUMBERED = 10  # dots that show their rank
_INK, _GRID, _DOT, _BEST, _EQUAL = "#222", "#ddd", "#4477aa", "#cc3311", "#e8978a"


def sweep_svg(ranking: Ranking, axes: Mapping[str, Sequence[str]]) -> str:
    """Draw a ranking as SVG.

    At the top, a dot per combination: its value against the milliseconds per frame to plan and render. The best ones
    show their rank; a tooltip shows settings and numbers. The best one is red, those that do not differ clearly from it
    are light red. Below, the mean for each value of each setting.
    """
    known = [(place, each) for place, each in enumerate(ranking.ranked, start=1) if each.value is not None]
    panels = [(key, ranking.effects[key]) for key in axes if len(ranking.effects.get(key, {})) > 0]
    rows = -(-len(panels) // 3)
    height = _TOP + _PLOT_H + 70 + rows * (_PANEL_H + _PANEL_GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        _text(_LEFT, 26, f"{len(ranking.ranked)} combinations by {ranking.by}", size=17),
        _text(_LEFT, 42, ranking.text, size=11),
        _text(_LEFT, 56, f"light red {ranking.noise}", size=11),
        *_scatter(known, ranking.by),
    ]
    values = [value for _, effect in panels for value in effect.values()]
    for number, (key, effect) in enumerate(panels):
        x = _LEFT + (number % 3) * (_PANEL_W + 30)
        y = _TOP + _PLOT_H + 90 + (number // 3) * (_PANEL_H + _PANEL_GAP)
        parts += _panel(x, y, key, effect, _ticks(min(values), max(values), 3))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _scatter(known: Sequence[tuple[int, Ranked]], by: str) -> list[str]:
    times = [each.outcome.ms_a_frame for _, each in known]
    numbers = [_number(each) for _, each in known]
    across, down = _ticks(0.0, max(times), 6), _ticks(min(numbers), max(numbers), 6)
    parts = []
    for tick in across:
        x = _place(tick, across, _LEFT, _PLOT_W)
        parts.append(_line(x, _TOP, x, _TOP + _PLOT_H))
        parts.append(_text(x, _TOP + _PLOT_H + 16, f"{tick:g}", anchor="middle"))
    for tick in down:
        y = _TOP + _PLOT_H - _place(tick, down, 0, _PLOT_H)
        parts.append(_line(_LEFT, y, _LEFT + _PLOT_W, y))
        parts.append(_text(_LEFT - 8, y + 4, f"{tick:g}", anchor="end"))
    parts.append(_text(_LEFT + _PLOT_W / 2, _TOP + _PLOT_H + 36, "ms per frame, plan and render", anchor="middle"))
    parts.append(_text(_LEFT - 60, _TOP - 8, by))
    for place, each in reversed(known):  # the best on top
        x = _place(each.outcome.ms_a_frame, across, _LEFT, _PLOT_W)
        y = _TOP + _PLOT_H - _place(_number(each), down, 0, _PLOT_H)
        title = escape(_tooltip(place, each, by))
        colour = _BEST if place == 1 else _EQUAL if each.equals_best else _DOT
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"><title>{title}</title></circle>')
        if place <= _NUMBERED:
            parts.append(_text(x + 7, y - 5, str(place), size=11))
    return parts


def _tooltip(place: int, each: Ranked, by: str) -> str:
    done = each.outcome
    ranked = "" if by == HEADLINE else f"{by} {_number(each):.4g}"
    equal = "no clear difference from the best" if place > 1 and each.equals_best else ""
    texts = (reference_text(done), ranked, headline_text(done), equal, f"{done.ms_a_frame:.1f} ms per frame")
    return f"{place}. {', '.join(settings_texts(done))}: {', '.join(filter(None, texts))}"


def _panel(x: float, y: float, key: str, effect: Mapping[str, float], ticks: Sequence[float]) -> list[str]:
    parts = [_text(x, y - 10, key, size=13)]
    for tick in ticks:
        level = y + _PANEL_H - _place(tick, ticks, 0, _PANEL_H)
        parts.append(_line(x, level, x + _PANEL_W, level))
        parts.append(_text(x - 4, level + 4, f"{tick:g}", anchor="end", size=9))
    step = _PANEL_W / len(effect)
    points = [
        (x + step * (number + 0.5), y + _PANEL_H - _place(value, ticks, 0, _PANEL_H))
        for number, value in enumerate(effect.values())
    ]
    if all(map(_is_number, effect)):  # a line would suggest that words have an order
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{_DOT}" stroke-width="1.5"/>')
    for (name, value), (px, py) in zip(effect.items(), points, strict=True):
        title = escape(f"{key}={name}: mean {value:.4g}")
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="{_DOT}"><title>{title}</title></circle>')
        for line, item in enumerate(name.split(ITEM_SEPARATOR)[:_LABEL_LINES]):
            shown = f"{ITEM_SEPARATOR if line else ''}{item}"
            size = max(6.0, min(10.0, 1.7 * step / max(len(shown), 1)))
            parts.append(_text(px, y + _PANEL_H + 15 + 11 * line, shown, anchor="middle", size=size))
    return parts


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(each: Ranked) -> float:
    assert each.value is not None
    return each.value


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers from at or below ``low`` to at or above ``high``."""
    span = high - low if high > low else max(abs(high), 1e-6)
    rough = span / count
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def _place(value: float, ticks: Sequence[float], start: float, length: float) -> float:
    return start + length * (value - ticks[0]) / (ticks[-1] - ticks[0])


def _line(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{_GRID}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: float = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{_INK}">{escape(text)}</text>'
    )
