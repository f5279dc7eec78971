"""Draw the sheet of mouths: the two videos and the reference on top, then the combinations by rank."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lipblend.lab.sweep.grid_analyses import Analysed
from lipblend.lab.sweep.outcome_text import headline_text, reference_text, settings_texts, worst_part_text
from lipblend.lab.sweep.ranking import Ranked, Ranking
from lipblend.lab.sweep.sheet_frames import Column, Mouths, choose_columns, render_mouths
from lipblend.lab.sweep.truth import Truth
from lipblend.lab.sweep.worth import HEADLINE
from lipblend.picture.labelled import Rgb
from lipblend.settings import RestoreSettings
from lipblend.stages.detail.restore import Restorer

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PAPER, _SHADE, _BEST = (255, 255, 255), (234, 234, 234), (214, 236, 214)  # of the equally best
_INK, _QUIET = (20, 20, 20), (90, 90, 90)
_TEXT_PX, _LINE_PX, _LABEL_PX, _GAP_PX, _HEAD_PX = 12, 23, 330, 8, 56
_LETTERS = 44  # of the label's width
_MAX_PIXELS = 60_000_000
_MAX_COMBINATIONS = 30


@dataclass(frozen=True)
class _Line:
    text: str
    quiet: bool = False


def mouth_sheet(
    ranking: Ranking,
    groups: Sequence[Analysed],
    truth: Truth | None,
    restorers: Mapping[RestoreSettings, Restorer | None],
) -> Rgb:
    """Render and draw the mouths of a sweep at full size.

    Parameters
    ----------
    ranking : Ranking
    groups : sequence of Analysed
    truth : Truth or None
    restorers : mapping of RestoreSettings to Restorer or None

    Returns
    -------
    (h, w, 3) uint8 RGB
    """
    columns = choose_columns(ranking, groups)
    places = [(place, each) for place, each in enumerate(ranking.ranked, start=1) if not each.outcome.failed]
    shown = places[: _most_rows(columns)]
    mouths = render_mouths(columns, [each.outcome for _, each in shown], groups, truth, restorers)
    return draw_sheet(ranking, mouths, left_out=len(places) - len(shown))


def draw_sheet(ranking: Ranking, mouths: Mouths, *, left_out: int = 0) -> Rgb:
    """Draw mouths as rows by rank; ``left_out`` combinations are only counted."""
    rows = [_head(ranking, mouths.columns)]
    rows.append(_row([_Line("original")], mouths.original, mouths.columns, _PAPER))
    rows.append(_row([_Line("synced")], mouths.synced, mouths.columns, _PAPER))
    if mouths.reference:
        rows.append(_row([_Line("reference")], mouths.reference, mouths.columns, _PAPER))
    for place, each in enumerate(ranking.ranked, start=1):
        crops = mouths.made.get(each.outcome.combination.number)
        if crops is not None:
            paper = _BEST if each.equals_best else _SHADE
            rows.append(_row(_label(place, each, ranking.by), crops, mouths.columns, paper))
    if left_out:
        text = f"{left_out} more combination{'s' * (left_out != 1)} of lower rank: see sweep.csv"
        strip = _strip(_LINE_PX + 2 * _GAP_PX, rows[0].shape[1])
        _write(strip, [_Line(text)], 0, strip.shape[1])
        rows.append(strip)
    return np.concatenate(rows)


def _most_rows(columns: Sequence[Column]) -> int:
    """How many combinations a sheet of reasonable size holds."""
    box = columns[0].box
    width = _LABEL_PX + len(columns) * (box.width + _GAP_PX)
    height = max(box.height, 8 * _LINE_PX) + 2 * _GAP_PX
    return max(3, min(_MAX_COMBINATIONS, _MAX_PIXELS // (width * height)))


def _label(place: int, each: Ranked, by: str) -> list[_Line]:
    """What stands beside a combination's mouths: reference, headline, settings."""
    done = each.outcome
    equal = " = best" if each.equals_best and place > 1 else " best" if place == 1 else ""
    ranked = f"{by} {each.value:.4g}" if by != HEADLINE and each.value is not None else ""
    numbers = [text for text in reference_text(done).split(", ") if text]
    strong = [f"{place}.{equal}", *numbers, *([ranked] if ranked else []), headline_text(done)]
    worst = worst_part_text(done)
    quiet = [*settings_texts(done), *([f"most visible: {worst}"] if worst != "-" else [])]
    return [_Line(text) for text in strong] + [_Line(text, quiet=True) for text in quiet]


def _head(ranking: Ranking, columns: Sequence[Column]) -> Rgb:
    strip = _strip(_HEAD_PX, _width(columns))
    _write(strip, [_Line(f"{len(ranking.ranked)} combinations"), _Line(f"by {ranking.by}", quiet=True)], 0, _LABEL_PX)
    for number, column in enumerate(columns):
        lines = [_Line(f"frame {column.original_index}, {column.time_s:.3f} s"), _Line(column.text, quiet=True)]
        _write(strip, lines, _left(number, columns), columns[0].box.width)
    return strip


def _row(label: Sequence[_Line], crops: Sequence[Rgb | None], columns: Sequence[Column], paper: tuple[int, ...]) -> Rgb:
    """A label and its crops, each in the place that its box has in the largest crop's."""
    lines = _wrapped(label)
    box = columns[0].box
    height = max(box.height, len(lines) * _LINE_PX + _GAP_PX) + _GAP_PX
    strip = _strip(height, _width(columns))
    strip[: height - _GAP_PX, :_LABEL_PX] = paper
    _write(strip, lines, 0, _LABEL_PX)
    for number, (crop, column) in enumerate(zip(crops, columns, strict=True)):
        x = _left(number, columns)
        strip[: box.height, x : x + box.width] = _SHADE
        if crop is None:
            _write(strip, [_Line("no such frame", quiet=True)], x, box.width)
            continue
        top, left = max(0, -column.box.y0), max(0, -column.box.x0)  # where the frame cuts the box
        strip[top : top + crop.shape[0], x + left : x + left + crop.shape[1]] = crop
    return strip


def _strip(height: int, width: int) -> Rgb:
    return np.full((height, width, 3), _PAPER, np.uint8)


def _width(columns: Sequence[Column]) -> int:
    return _left(len(columns), columns)


def _left(number: int, columns: Sequence[Column]) -> int:
    return _LABEL_PX + _GAP_PX + number * (columns[0].box.width + _GAP_PX)


def _wrapped(lines: Sequence[_Line]) -> list[_Line]:
    return [
        _Line(part, line.quiet)
        for line in lines
        for part in textwrap.wrap(line.text, _LETTERS, break_on_hyphens=False) or [""]
    ]


def _write(strip: Rgb, lines: Sequence[_Line], x: int, width: int) -> None:
    """Write lines from a place to the right, smaller where they would not fit."""
    for number, line in enumerate(lines):
        scale = cv2.getFontScaleFromHeight(_FONT, _TEXT_PX, 1)
        (needed, _), _ = cv2.getTextSize(line.text, _FONT, scale, 1)
        scale *= min(1.0, (width - 2 * _GAP_PX) / max(needed, 1))
        place = x + _GAP_PX, (number + 1) * _LINE_PX
        cv2.putText(strip, line.text, place, _FONT, scale, _QUIET if line.quiet else _INK, 1, cv2.LINE_AA)
