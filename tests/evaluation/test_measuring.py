"""What is gathered over the frames of shots, with views that were made by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from faceviews import flat, halves, lip_mask, sized

from lipblend.faces.landmarks import Landmarks
from lipblend.plan.frame_plan import OUTSIDE_RANGES, FramePlan
from lipblend.quality.evaluation import measuring
from lipblend.quality.evaluation.matte_estimate import share_apart
from lipblend.quality.evaluation.measuring import NOT_HELD, Measured, _of_clip, measure
from lipblend.quality.evaluation.result_matching import _rows
from lipblend.quality.evaluation.trust import shows_settings
from lipblend.quality.evaluation.walk import Looked
from lipblend.quality.view import FaceView
from lipblend.quality.visible.visible_parts import PARTS

SIZE = (120, 120)


@dataclass
class Frames:
    """Stands in for a walk: its frames are given."""

    looked: dict[int, Looked]
    rows: list[int]
    shot_starts: Sequence[int] = (0,)
    apart: Sequence[tuple[float, float]] = ()
    frame_rate: float = 25.0

    def __post_init__(self) -> None:
        self.estimated = False
        self.result = SimpleNamespace(rows=np.array(self.rows), times_s=np.arange(len(self.rows)) / 25)

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> FramePlan:
        return FramePlan(index, index, ("face",), "")  # type: ignore[arg-type]

    def looked_at(self, indices: Sequence[int]) -> Iterator[Looked]:
        for index in indices:
            yield self.looked[index]

    def views(self, indices: Sequence[int]) -> Iterator[tuple[int, tuple[FaceView, ...]]]:
        for index in indices:
            yield index, self.looked[index].views

    def unlike(self, indices: Sequence[int]) -> Iterator[tuple[float, float]]:
        assert list(indices) == list(range(len(self.rows)))
        yield from self.apart


def view(face: Landmarks, x: float, alpha: float) -> FaceView:
    mesh = sized(face, 60.0, left=x, top=20.0)
    made = halves(mesh, flat(SIZE), flat(SIZE), column=60)
    contour = made.contour * np.float32(alpha / 0.5)
    return replace(made, detected_result=mesh, detected_synced=mesh, weight=1.0, contour=contour)


def opened(seen: FaceView, result: float, synced: float) -> FaceView:
    """With mouths opened by factors of the mesh's height."""
    found, spoken = (Landmarks(seen.original_mesh.points * np.float32([1, by])) for by in (result, synced))
    return replace(seen, detected_result=found, detected_synced=spoken)


def measured(
    frames: Sequence[Sequence[FaceView]], rows: list[int] | None = None, starts: Sequence[int] = (0,)
) -> Measured:
    looked = {
        i: Looked(i, FramePlan(i, i, (), ""), tuple(views), "" if views else "no face", 0.0, 0.5)
        for i, views in enumerate(frames)
    }
    walk = Frames(looked, rows or list(range(len(frames))), starts)
    return measure(walk, None, on_frame=lambda _: None)  # type: ignore[arg-type]


def flicker(done: Measured) -> list[float | None]:
    return [shot.values.get("alpha_flicker") for shot in done.shots]


def test_alpha_flickers_by_its_standard_deviation_over_its_mean(face: Landmarks) -> None:
    alphas = [0.4, 0.6, 0.4, 0.6]
    assert flicker(measured([[view(face, 30, alpha)] for alpha in alphas])) == [pytest.approx(0.2)]


def test_each_shot_is_measured_for_itself(face: Landmarks) -> None:
    done = measured([[view(face, 30, alpha)] for alpha in (0.4, 0.4, 0.6, 0.6)], starts=(0, 2))
    assert flicker(done) == [0, 0]
    assert [(shot.start, shot.stop) for shot in done.shots] == [(0, 2), (2, 4)]
    assert [row.shot for row in done.rows] == [0, 0, 1, 1]
    assert ["ring_flicker" in row.values for row in done.rows] == [False, True, False, True]


def test_two_faces_are_two_people_whatever_their_order(face: Landmarks) -> None:
    one, two = view(face, 0, 0.4), view(face, 60, 0.6)
    assert flicker(measured([[one, two], [two, one], [one, two]])) == [0]


def test_somebody_who_comes_when_another_left_is_somebody_else(face: Landmarks) -> None:
    one, two = view(face, 0, 0.4), view(face, 60, 0.6)
    assert flicker(measured([[one], [one], [two], [two], [one]])) == [0]


def test_a_face_that_was_lost_for_a_moment_is_the_same_one(face: Landmarks) -> None:
    one, more = view(face, 0, 0.4), view(face, 0, 0.6)
    done = measured([[one], [], [more], [one], [], [more]])
    assert flicker(done) == [pytest.approx(0.2)]
    assert ["ring_flicker" in row.values for row in done.rows] == [False, False, False, True, False, False]
    assert [row.blended for row in done.rows] == [True, False, True, True, False, True]
    assert done.values["passed_through"] == pytest.approx(1 / 3)
    assert flicker(measured([[one], [], [more]])) == [pytest.approx(0.2)]


def test_two_faces_of_a_frame_are_never_one(face: Landmarks) -> None:
    near = [view(face, 30, 0.4), view(face, 40, 0.6)]
    assert flicker(measured([[view(face, 35, 0.5)], near, near]))[0] == pytest.approx(
        np.std([0.5, 0.4, 0.4]) / np.mean([0.5, 0.4, 0.4])
    )


def test_the_worst_face_speaks_for_the_lips(face: Landmarks) -> None:
    talk = 1 + 5 * np.abs(np.sin(np.arange(12)))
    good = [opened(view(face, 0, 0.5), by, by) for by in talk]
    bad = [opened(view(face, 60, 0.5), by, other) for by, other in zip(talk[::-1], talk, strict=True)]
    assert measured([[each] for each in good]).values["lip_corr"] == 1
    both = measured([[one, two] for one, two in zip(good, bad, strict=True)])
    assert both.values["lip_corr"] == pytest.approx(np.corrcoef(talk, talk[::-1])[0, 1], abs=0.02)
    fading = [[replace(each, weight=0.5)] for each in bad]
    assert "lip_corr" not in measured(fading).values


def test_frames_that_are_not_the_originals_are_listed_and_not_measured(face: Landmarks) -> None:
    frames = [[view(face, 30, 0.5)] for _ in range(6)]
    done = measured(frames, [-1, 0, 1, -1, 2, -1])
    assert [row.index for row in done.rows] == list(range(6))
    assert [row.reason for row in done.rows] == [NOT_HELD, "", "", NOT_HELD, "", NOT_HELD]
    assert [(row.original_index, row.values == {}) for row in done.rows if row.reason] == [(-1, True)] * 3
    assert [(shot.start, shot.stop) for shot in done.shots] == [(1, 5)]
    assert done.values == {"faulty": 0.0, "passed_through": 0.5}
    cut = measured(frames, [-1, 0, 1, -1, 2, -1], starts=(0, 2))
    assert [row.shot for row in cut.rows] == [0, 0, 0, 0, 1, 1]
    assert [(shot.start, shot.stop) for shot in cut.shots] == [(1, 3), (4, 5)]


LIPS = (-60.0, 12.0, 25.0)  # on the lips: a mouth that nobody has


def talking(face: Landmarks, *, broken: bool = False, number: int = 0) -> FaceView:
    """A face whose new mouth is a little darker than the old one and was taken over; or nothing like a mouth."""
    seen = view(face, 30, 0.5)
    lips = lip_mask(seen.original_mesh, seen.box, grown_px=3)[..., None]
    synced = seen.original + lips * np.float32(LIPS if broken else (-6 - number % 2, 0, 0))
    return replace(seen, synced=synced, result=synced)


def of_synced(done: Measured) -> list[set[str]]:
    keys = {part.key for part in PARTS if part.of_synced}
    return [keys & row.values.keys() for row in done.rows]


def test_nothing_is_held_against_a_broken_synced_mouth(face: Landmarks, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {part.key for part in PARTS if part.of_synced} == {
        "displaced", "old_lips", "mouth_colour", "mouth_dark", "mouth_unlike", "lip_ragged", "lip_halo", "out_of_step"
    }  # fmt: skip
    monkeypatch.setattr(measuring, "find_faults", lambda traits, *_: [()] * len(traits))
    done = measured([[talking(face, broken=n == 6, number=n)] for n in range(9)])
    found = of_synced(done)
    assert all({"mouth_dark", "mouth_colour"} <= keys for n, keys in enumerate(found) if n != 6)
    assert found[6] == set()
    assert {"seam_step", "skin_cast", "flicker", "lip_softness"} & done.rows[6].values.keys()
    assert {"seam", "ssim_y"} <= done.rows[6].values.keys()


def test_nothing_is_held_against_a_faulty_synced_frame(face: Landmarks, monkeypatch: pytest.MonkeyPatch) -> None:
    def second(traits: Sequence[object], *_: object) -> list[tuple[str, ...]]:
        return [("jump",) if place == 1 else () for place in range(len(traits))]

    monkeypatch.setattr(measuring, "find_faults", second)
    done = measured([[talking(face, number=n)] for n in range(4)])
    assert [row.faults for row in done.rows] == [(), ("jump",), (), ()]
    found = of_synced(done)
    assert found[1] == set()
    assert all({"mouth_dark", "mouth_colour"} <= found[n] for n in (0, 2, 3))
    assert done.values["faulty"] == 0.25


@pytest.mark.parametrize(
    ("source", "shown", "rows"),
    [
        ([0, 1, 2], [0, 1, 2], [0, 1, 2]),
        ([1, -1, 9], [0, 1, 2], [1, -1, -1]),
        ([0, 1, 2, 1, 0], [0, 1, 2, 1, 0], [0, 1, 2, 3, 4]),  # played back and forth
        ([1, 0], [0, 1, 2, 1, 0], [1, 4]),
        ([2, 2, 2], [2, 2, 2], [0, 0, 0]),
    ],
)
def test_rows_of_the_plan_go_on_from_the_frame_before(source: list[int], shown: list[int], rows: list[int]) -> None:
    assert _rows(np.array(source), np.array(shown)).tolist() == rows


@pytest.mark.parametrize(
    ("unlike", "outside", "shows"),
    [([0.05] * 8, 0.0, True), ([0.07] * 8, 0.0, False), ([0.10] * 8, 0.5, True), ([0.05] * 5 + [0.9] * 3, 0.0, True)],
)
def test_settings_are_trusted_by_the_median_frame(unlike: list[float], outside: float, shows: bool) -> None:
    walk = Frames({}, list(range(8)), apart=[(value, outside) for value in unlike])
    assert shows_settings(walk)[0] is shows  # type: ignore[arg-type]


def test_a_walk_without_patches_shows_any_settings() -> None:
    assert shows_settings(Frames({}, list(range(8)))) == (True, "nothing is blended")  # type: ignore[arg-type]


def test_share_apart_is_the_difference_of_two_alphas() -> None:
    rng = np.random.default_rng(0)
    offered = rng.normal(0, 20, (80, 80, 3)).astype(np.float32)
    noise = rng.normal(0, 2, offered.shape).astype(np.float32)
    assert share_apart(0.3 * offered, offered, 200.0) == pytest.approx(0.3, abs=0.01)
    assert share_apart(-0.3 * offered + noise, offered, 200.0) == pytest.approx(0.3, abs=0.02)
    assert share_apart(noise, offered, 200.0) < 0.04
    half = np.where(np.arange(80)[:, None, None] < 40, offered, np.float32(0))
    assert share_apart(half, offered, 200.0) == pytest.approx(0.5**0.5, abs=0.05)


def test_frames_outside_the_ranges_are_not_counted_as_passed_through(face: Landmarks) -> None:
    done = measured([[view(face, 0, 0.4)], [], [view(face, 0, 0.4)], [], []])
    rows = [replace(row, reason=OUTSIDE_RANGES) if row.index > 2 else row for row in done.rows]
    assert _of_clip(done.rows, {})["passed_through"] == pytest.approx(3 / 5)
    assert _of_clip(rows, {})["passed_through"] == pytest.approx(1 / 3)
    assert "passed_through" not in _of_clip(rows[3:], {})
