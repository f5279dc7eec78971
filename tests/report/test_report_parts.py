"""Plots, choice of frames, texts, and the size of the video."""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from report_stand_ins import PASSED, PortraitWalk, evaluation

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.record import Evaluation
from lipblend.quality.report import report_video
from lipblend.quality.report.page_measures import plotted_keys
from lipblend.quality.report.picks import video_part
from lipblend.quality.report.report_page import page_data
from lipblend.quality.report.report_video import make_video, panel_size, shown_box
from lipblend.quality.report.svg import MAX_POINTS, Range, bands, series_path, step_path, value_range
from lipblend.quality.report.wording import number_text, pair_text, time_text
from lipblend.video.probe import probe

UNIT = Range(0.0, 1.0)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.e-]+) ([\d.e-]+)", path)]


def test_a_short_line_goes_through_every_value() -> None:
    assert points(series_path([0.0, 0.5, 1.0, 0.25], UNIT)) == [(125, 100), (375, 50), (625, 0), (875, 75)]


def test_a_line_breaks_where_nothing_was_measured() -> None:
    path = series_path([0.5, None, 0.5, float("inf"), 0.5], UNIT)
    assert path.count("M") == 3
    assert "L" not in path


@pytest.mark.parametrize("count", [1201, 5000, 90_000])
def test_a_long_line_keeps_every_peak_and_gap_and_stays_light(count: int) -> None:
    values: list[float | None] = [0.5] * count
    values[count // 3], values[2 * count // 3] = 1.0, 0.0
    found = points(series_path(values, UNIT))
    assert len(found) <= MAX_POINTS
    assert [x for x, y in found if y == 0] == [pytest.approx(1000 * (count // 3 + 0.5) / count, abs=0.01)]
    assert [x for x, y in found if y == 100] == [pytest.approx(1000 * (2 * count // 3 + 0.5) / count, abs=0.01)]
    assert [x for x, _ in found] == sorted(x for x, _ in found)
    values[count // 4 : count // 3] = [None] * (count // 3 - count // 4)
    assert series_path(values, UNIT).count("M") == 2


def test_shots_are_level_lines() -> None:
    assert step_path([(0, 50, 0.25), (50, 100, 1.0)], 100, UNIT) == "M0 75H500M500 0H1000"


def test_bands_are_joined_and_never_too_narrow() -> None:
    assert bands([(0, 4), (5, 9)], 10, "x").count("<rect") == 1
    alone = bands([(50_000, 50_000)], 100_000, "x")
    assert float(re.search(r'width="([\d.]+)"', alone)[1]) >= 1
    assert bands([(n, n) for n in range(0, 90_000, 2)], 90_000, "x").count("<rect") == 1


def test_the_range_holds_mark_and_values() -> None:
    found = value_range([0.2, 0.4], mark=0.9, from_zero=True)
    assert found.low == 0
    assert found.high > 0.9
    assert value_range([0.95, 0.99], mark=0.92, from_zero=False).low < 0.92
    assert value_range([0.0, 0.0], mark=0.0, from_zero=True) == Range(0.0, 1.0)
    assert value_range([float("inf")], mark=None, from_zero=False) == Range(0.0, 1.0)


@pytest.mark.parametrize(("worst", "part"), [(0, range(0, 50)), (60, range(35, 85)), (119, range(70, 120))])
def test_the_video_shows_the_part_around_the_worst(worst: int, part: range) -> None:
    assert video_part(evaluation(), worst, max_frames=50) == part
    assert video_part(evaluation(), worst, max_frames=120) == range(120)


def test_without_a_worst_frame_the_video_begins_with_a_patch() -> None:
    record = evaluation()
    rows = tuple(dataclasses.replace(row, blended=row.index == 70) for row in record.rows)
    assert video_part(dataclasses.replace(record, rows=rows), None, max_frames=50) == range(45, 95)


@pytest.mark.slow(8)
def test_the_video_keeps_the_face_and_the_limit(
    tmp_path: Path, portrait: np.ndarray, face: Landmarks, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, walk = evaluation(), PortraitWalk(portrait, face, bare=PASSED)
    frames = range(30, 42)
    box = shown_box(walk, record, frames)
    low, high = face.points.min(0), face.points.max(0)
    assert box.x0 <= max(0, low[0])
    assert box.y0 <= max(0, low[1])
    assert min(768, high[0]) <= box.x1 <= 768
    fine = make_video(walk, record, frames)
    coarse = make_video(walk, record, frames, max_bytes=len(fine.data) // 3)
    assert len(fine.data) // 12 < len(coarse.data) <= len(fine.data) // 3
    (tmp_path / "video.mp4").write_bytes(fine.data)
    info = probe(tmp_path / "video.mp4")
    assert (info.width, info.height) == (3 * fine.panel_w, fine.panel_h)
    assert fine.panel_w % 16 == 0
    assert fine.panel_w <= 360
    monkeypatch.setattr(report_video, "write_clip", _disk_full)
    with pytest.raises(report_video.OutputError, match="cannot encode"):
        make_video(walk, record, frames)


def _disk_full(*_: object, **__: object) -> int:
    raise OSError(28, "No space left on device")


def test_panels_keep_their_shape() -> None:
    assert panel_size(Box(0, 0, 1000, 1200)) == (352, 422)
    width, height = panel_size(Box(0, 0, 300, 2000))
    assert height <= 500
    assert Fraction(height, width) == pytest.approx(Fraction(2000, 300), rel=0.05)
    assert panel_size(Box(0, 0, 60, 60)) == (64, 64)


@pytest.mark.slow
def test_page_data_stays_small() -> None:
    record = long_evaluation(45_000)
    data = page_data(record, plotted_keys(record), None, range(0))
    assert data["stride"] == 3
    seam = data["series"]["seam"]["values"]
    assert len(seam) == 15_000
    assert seam[20_000 // 3] == pytest.approx(9.0)  # the worst of its three
    assert data["passed"] == [[80, 89, "no face"]]


def long_evaluation(count: int) -> Evaluation:
    record = evaluation()
    rows = [dataclasses.replace(record.rows[n % 80 if n >= 90 else n], index=n, time_s=n / 25) for n in range(count)]
    rows[20_000] = dataclasses.replace(rows[20_000], values={**rows[20_000].values, "seam": 9.0})
    return dataclasses.replace(record, rows=tuple(rows))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.48, "0:12.480"), (0, "0:00.000"), (59.9996, "1:00.000"), (3723.48, "1:02:03.480"), (-0.04, "-0:00.040")],
)
def test_times(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_numbers() -> None:
    assert number_text(0.001, "share") == "0.1 %"
    assert number_text(1234.5) == "1234"
    assert number_text(0.00001234) == "0.0000123"
    assert number_text(float("inf"), "dB") == "infinite"
    assert pair_text(0.120004, 0.12, "") == ("0.120004", "0.12")
    assert pair_text(1 / 3, 0.12, "") == ("0.333", "0.12")
    assert pair_text(0.12, 0.12, "") == ("0.12", "0.12")
