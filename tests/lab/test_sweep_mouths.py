"""The sheet of mouths, and that a sweep judges as `evaluate` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from sweep_material import AXES, ranked

from lipblend.compositing import composite
from lipblend.lab.sweep import mouth_sheet
from lipblend.lab.sweep.grid import make_grid
from lipblend.lab.sweep.mouth_sheet import draw_sheet
from lipblend.lab.sweep.ranking import Ranking
from lipblend.lab.sweep.run_sweep import SweepOptions, run_sweep
from lipblend.lab.sweep.sheet_frames import Column, Mouths
from lipblend.lab.sweep.sweep_result import SweepResult
from lipblend.picture.labelled import Rgb
from lipblend.picture.patch import Box
from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.selfcheck.sample import SamplePair
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe
from lipblend.video.video import Video
from tests.made import Shared

WIDTH, HEIGHT = 90, 240
FRAMES = 24


def crop(value: int) -> Rgb:
    picture = np.full((HEIGHT, WIDTH, 3), value, np.uint8)
    picture[::2, ::2] = value + 1
    return picture


def places(sheet: Rgb, wanted: Rgb) -> list[tuple[int, int]]:
    """Where a picture lies in a sheet, pixel by pixel, as (row, column)."""
    height, width = wanted.shape[:2]
    corners = (sheet[: -height + 1, : -width + 1] == wanted[0, 0]) & (
        sheet[height - 1 :, width - 1 :] == wanted[-1, -1]
    )
    return [
        (int(y), int(x))
        for y, x in zip(*np.nonzero(corners.all(2)), strict=True)
        if (sheet[y : y + height, x : x + width] == wanted).all()
    ]


@pytest.fixture
def ranking() -> Ranking:
    grid = make_grid("natural", None, AXES)
    return ranked(grid, [{"glow": [3.0] * 3}, {"glow": [0.5] * 3}, "no face", {"glow": [0.51] * 3, "psnr": 33.0}])


@pytest.fixture
def mouths() -> Mouths:
    columns = tuple(
        Column(index, index / 25, "", Box(10, 20, 10 + WIDTH, 20 + HEIGHT)) for index in (7, 3)
    )  # fmt: skip
    made = {number: [crop(20 * number), crop(20 * number + 10)] for number in (1, 2, 4)}
    return Mouths(columns, [crop(100), crop(110)], [crop(120), crop(130)], [], made)


def test_rows_are_the_videos_and_then_the_combinations_by_rank(ranking: Ranking, mouths: Mouths) -> None:
    sheet = draw_sheet(ranking, mouths)
    values = ((100, 110), (120, 130), (40, 50), (80, 90), (20, 30))
    found = [[places(sheet, crop(value)) for value in row] for row in values]
    assert all(len(each) == 1 for row in found for each in row)
    rows, columns = np.array(found)[:, :, 0].transpose(2, 0, 1)
    assert (np.diff(rows[:, 0]) >= HEIGHT).all()
    assert (rows[:, 0] == rows[:, 1]).all()
    assert (columns == columns[0]).all()
    assert columns[0, 1] >= columns[0, 0] + WIDTH
    papers = [tuple(sheet[y + HEIGHT - 2, 2].tolist()) for y in rows[:, 0]]
    assert papers[0] == papers[1]
    assert papers[2] == papers[3] != papers[4]  # those equal to the best
    assert papers[4] != papers[0]


def test_a_reference_has_a_row_and_its_numbers_stand_first(ranking: Ranking, mouths: Mouths) -> None:
    without = draw_sheet(ranking, mouths)
    known = Mouths(mouths.columns, mouths.original, mouths.synced, [crop(200), crop(210)], mouths.made)
    sheet = draw_sheet(ranking, known)
    (row, _), (first, _) = *places(sheet, crop(200)), *places(sheet, crop(40))
    assert places(sheet, crop(120))[0][0] < row < first
    assert sheet.shape[0] > without.shape[0] + HEIGHT
    best = next(each for each in ranking.ranked if each.outcome.combination.number == 4)
    texts = [line.text for line in mouth_sheet._label(2, best, "headline")]
    assert texts[:3] == ["2. = best", "psnr 33 dB", "headline 85, invisible, pass"]
    assert {"mask.erosion_frac=0.009", "alpha.gamma=1"} <= set(texts)


def test_what_the_frame_cuts_off_keeps_its_place(ranking: Ranking, mouths: Mouths) -> None:
    columns = (Column(7, 0.28, "", Box(-30, -12, WIDTH - 30, HEIGHT - 12)), mouths.columns[1])
    cut, synced = (np.ascontiguousarray(crop(value)[12:, 30:]) for value in (200, 120))
    sheet = draw_sheet(ranking, Mouths(columns, [cut, crop(110)], [synced, crop(130)], [], {1: [None, crop(30)]}))
    (row, column), (beside, _) = places(sheet, cut)[0], places(sheet, crop(110))[0]
    whole = places(draw_sheet(ranking, mouths), crop(100))[0]
    assert (row - beside, column - whole[1]) == (12, 30)


def test_large_mouths_leave_room_for_fewer_combinations() -> None:
    def columns(width: int) -> Sequence[Column]:
        return [Column(number, 0.0, "", Box(0, 0, width, width)) for number in range(5)]

    assert mouth_sheet._most_rows(columns(200)) == 30
    assert 3 <= mouth_sheet._most_rows(columns(1200)) < 10
    assert mouth_sheet._most_rows(columns(9000)) == 3


@pytest.fixture
def sample(shared_material: Shared) -> SamplePair:
    return shared_material.sample(frames=FRAMES, size=320)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Mouths]:
    """What the sheets are drawn from."""
    seen: list[Mouths] = []

    def draw(ranking: Ranking, mouths: Mouths, *, left_out: int) -> Rgb:
        seen.append(mouths)
        return draw_sheet(ranking, mouths, left_out=left_out)

    monkeypatch.setattr(mouth_sheet, "draw_sheet", draw)
    return seen


def sweep(sample: SamplePair, folder: Path, assignment: str, **options: object) -> SweepResult:
    given = SweepOptions(**options)  # type: ignore[arg-type]
    return run_sweep(
        sample.original, sample.synced, folder, grid=make_grid("natural", None, [assignment]), options=given
    )


@pytest.mark.thorough
def test_a_lossless_result_is_judged_and_shown_alike(sample: SamplePair, tmp_path: Path, drawn: list[Mouths]) -> None:
    result = sweep(sample, tmp_path / "out", "preset=natural,max-concealment", frames="all")
    (mouths,) = drawn
    settings = resolve_settings("natural", None, {"encode.encoder": "ffv1"}).settings
    composite(sample.original, sample.synced, tmp_path / "result.mkv", settings=settings)
    judged = evaluate(
        sample.original, sample.synced, tmp_path / "result.mkv",
        settings=settings, options=EvaluateOptions(matte="settings"),
    ).record  # fmt: skip
    ours = next(each.outcome for each in result.ranking.ranked if each.outcome.combination.number == 1)
    assert ours.headline is not None
    assert judged.headline is not None
    assert "painted_over" in {part.key for part in ours.headline.parts}  # looks were learnt
    assert "old_lips" in {part.key for part in ours.headline.parts}
    assert ours.headline.score == pytest.approx(judged.headline.score, abs=1e-6)
    for our, their in zip(ours.headline.parts, judged.headline.parts, strict=True):
        assert (our.key, our.worst) == (their.key, their.worst)
        assert our.visibility == pytest.approx(their.visibility, abs=1e-6)
    video = Video.read(probe(tmp_path / "result.mkv"))
    for column, shown in zip(mouths.columns, mouths.made[1], strict=True):
        whole = video.picture(video.frame(column.original_index)).to_rgb()
        box = column.box.clipped(whole.shape[1], whole.shape[0])
        assert shown is not None
        assert (shown == whole[box.y0 : box.y1, box.x0 : box.x1]).all()


@pytest.mark.slow(3)
def test_the_worst_frames_of_the_median_come_first(sample: SamplePair, tmp_path: Path, drawn: list[Mouths]) -> None:
    result = sweep(sample, tmp_path / "out", "mask.shapes=superellipse,mouth,box", reference=sample.truth)
    (mouths,) = drawn
    median = result.ranking.ranked[1].outcome.headline
    assert median is not None
    part = median.parts[0]
    assert (mouths.columns[0].original_index, part.visibility > 0) == (part.worst, True)
    assert len({column.original_index for column in mouths.columns}) == len(mouths.columns) >= 3
    assert len({(column.box.width, column.box.height) for column in mouths.columns}) == 1
    sheet = np.asarray(cv2.imread(str(result.files["mouths.png"])))[..., ::-1].copy()
    assert len(places(sheet, shown(mouths.reference[0]))) == 1
    for path, crops in ((sample.original, mouths.original), (sample.truth, mouths.reference)):
        video = Video.read(probe(path))
        for column, each in zip(mouths.columns, crops, strict=True):
            whole = video.picture(video.frame(column.original_index)).to_rgb()
            box = column.box.clipped(whole.shape[1], whole.shape[0])
            apart = np.abs(shown(each).astype(int) - whole[box.y0 : box.y1, box.x0 : box.x1])
            assert apart.mean() < 1
    rows = [
        places(sheet, shown(mouths.made[each.outcome.combination.number][0]))[0][0] for each in result.ranking.ranked
    ]
    assert rows == sorted(rows)
    assert len(set(rows)) == 3


def shown(picture: Rgb | None) -> Rgb:
    assert picture is not None
    return picture
