"""The frames of a sweep's sheet of mouths: which ones, and every combination's mouth in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lipblend.lab.sweep.combination_trial import Pictures, Planned, composed
from lipblend.lab.sweep.grid_analyses import Analysed, decoded_rows
from lipblend.lab.sweep.outcome import Outcome
from lipblend.lab.sweep.ranking import Ranking
from lipblend.lab.sweep.truth import Truth
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping
from lipblend.picture.labelled import Rgb
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.plan.frame_plan import FacePlan
from lipblend.quality.evaluation.views import FrameTriple, in_original
from lipblend.quality.measures import MEASURES
from lipblend.settings import RestoreSettings
from lipblend.stages.detail.restore import Restorer

COLUMNS = 5
_BESIDE_FRAC, _ABOVE_FRAC, _BELOW_FRAC = 0.52, 0.36, 0.56  # of the face's width around the mouth: nose tip to chin
_APART_S = 0.16


@dataclass(frozen=True)
class Column:
    """One frame of the sheet.

    Attributes
    ----------
    original_index : int
        Frame of the original.
    time_s : float
    text : str
        Why it was chosen.
    box : Box
        Around the mouth, in the original's pixels.
    """

    original_index: int
    time_s: float
    text: str
    box: Box


@dataclass(frozen=True)
class Mouths:
    """The pictures of the sheet, each (h, w, 3) uint8 RGB, or None where a video or a combination has no such frame.

    Attributes
    ----------
    columns : tuple of Column
    original, synced, reference : lists with an entry per column
        ``reference`` is empty without one.
    made : mapping of int to list
        The same for each combination that is shown, by its number.
    """

    columns: tuple[Column, ...]
    original: list[Rgb | None]
    synced: list[Rgb | None]
    reference: list[Rgb | None]
    made: Mapping[int, list[Rgb | None]]


def choose_columns(ranking: Ranking, groups: Sequence[Analysed]) -> tuple[Column, ...]:
    """Choose the same frames for all combinations.

    First the worst frame of each visible part of the median combination, the most visible part first, at least 0.16
    seconds apart; then frames from the middles of the runs.
    """
    with_headline = [each.outcome for each in ranking.ranked if each.outcome.headline is not None]
    tried = [each.outcome for each in ranking.ranked if not each.outcome.failed]
    median = (with_headline or tried)[len(with_headline or tried) // 2]
    group, plan = _home(groups, median)
    times_s = group.clip.times_s
    columns: list[Column] = []
    for row, text in _candidates(median, group):
        far = all(abs(times_s[row] - each.time_s) >= _APART_S for each in columns)
        if far and plan.rows[row].faces and len(columns) < COLUMNS:
            index, time_s = plan.rows[row].original_index, float(times_s[row])
            columns.append(Column(index, time_s, text, _mouth_box(plan.rows[row].faces)))
    return tuple(_same_size(columns))


def render_mouths(
    columns: Sequence[Column],
    shown: Sequence[Outcome],
    groups: Sequence[Analysed],
    truth: Truth | None,
    restorers: Mapping[RestoreSettings, Restorer | None],
) -> Mouths:
    """Cut the mouths out of all videos, and out of every combination to be shown, rendered again."""
    numbers = [each.combination.number for each in shown]
    made: dict[int, list[Rgb | None]] = {number: [None] * len(columns) for number in numbers}
    inputs: dict[str, list[Rgb | None]] = {name: [None] * len(columns) for name in ("original", "synced", "reference")}
    for group in groups:
        members = [(each, plan) for each, plan in group.members if each.number in made]
        for place, row, pictures in _decoded(columns, group, truth):
            box = columns[place].box
            if inputs["original"][place] is None:
                for name, crop in _input_crops(pictures, box, group.clip.mapping.at(int(group.clip.synced_index[row]))):
                    inputs[name][place] = crop
            for each, plan in members:
                if row >= len(plan.rows):
                    continue  # a plan may end before the analysis (pair.tail)
                _, picture = composed(
                    plan.rows[row], pictures, each.settings, plan.mapping, restorers[each.settings.restore]
                )
                made[each.number][place] = picture.to_rgb(box.clipped(*picture.size))
    reference = inputs["reference"] if truth is not None else []
    return Mouths(tuple(columns), inputs["original"], inputs["synced"], reference, made)


def _home(groups: Sequence[Analysed], outcome: Outcome) -> tuple[Analysed, Planned]:
    for group in groups:
        for combination, plan in group.members:
            if combination.number == outcome.combination.number:
                return group, plan
    raise ValueError(f"combination {outcome.combination.number} was not analysed")


def _candidates(median: Outcome, group: Analysed) -> Iterator[tuple[int, str]]:
    """Rows and why they are shown, the first choices first."""
    if median.headline is not None:
        for part in median.headline.parts:
            if part.visibility > 0:
                yield part.worst, f"worst {MEASURES[part.key].title.lower()}"
    rows = group.rows
    for share in range(1, 2 * COLUMNS, 2):
        yield rows[len(rows) * share // (2 * COLUMNS)], ""
    yield from ((row, "") for row in rows)


def _mouth_box(faces: Sequence[FacePlan]) -> Box:
    """Around the mouth of the largest face."""
    mesh = max(faces, key=lambda face: face.original.face_width_px).original
    (x, y), width = mesh.mouth_centre, mesh.face_width_px
    return Box(
        round(x - _BESIDE_FRAC * width),
        round(y - _ABOVE_FRAC * width),
        round(x + _BESIDE_FRAC * width),
        round(y + _BELOW_FRAC * width),
    )


def _same_size(columns: Sequence[Column]) -> Iterator[Column]:
    """The columns with boxes as large as the largest."""
    width, height = (max(getattr(each.box, side) for each in columns) for side in ("width", "height"))
    for each in columns:
        x0 = each.box.x0 - (width - each.box.width) // 2
        y0 = each.box.y0 - (height - each.box.height) // 2
        yield Column(each.original_index, each.time_s, each.text, Box(x0, y0, x0 + width, y0 + height))


def _decoded(columns: Sequence[Column], group: Analysed, truth: Truth | None) -> Iterator[tuple[int, int, Pictures]]:
    """Column, row and pictures of the frames that a group's time line holds with a synced partner."""
    clip = group.clip
    places = []
    for place, column in enumerate(columns):
        rows = np.flatnonzero((clip.original_index == column.original_index) & (clip.synced_index >= 0))
        places += [(int(rows[0]), place)] if len(rows) else []
    places.sort()
    with decoded_rows(group, [row for row, _ in places], truth) as pictures:
        for (row, place), each in zip(places, pictures, strict=True):
            yield place, row, each


def _input_crops(pictures: Pictures, box: Box, mapping: FrameMapping) -> Iterator[tuple[str, Rgb]]:
    ours = pictures.original
    inside = box.clipped(*ours.size)
    yield "original", ours.to_rgb(inside)
    beside = FrameTriple(ours, pictures.synced, ours, mapping).original_crop(inside)
    yield "synced", _rgb(in_original(pictures.synced, inside, mapping, ours.colour, ours.height, beside=beside), ours)
    if pictures.truth is not None:
        yield "reference", _rgb(in_original(pictures.truth, inside, UNMOVED, ours.colour, ours.height), ours)


def _rgb(patch: np.ndarray, original: Picture) -> Rgb:
    rgb = cv2.transform(patch, ycbcr_matrix(original.colour, original.height).astype(np.float32))
    return np.asarray(np.clip(np.rint(rgb), 0, 255), np.uint8)
