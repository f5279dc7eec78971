"""What lies in front of a face through a shot, as the plan has it."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pytest
from planned import COUNT, analysis_of, even_stats
from shots_occluded import CHEEK, departing, hand_on

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import ColourTags
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.plan import face_plan, hidden
from lipblend.plan.broken_frames import Broken
from lipblend.plan.hidden import strand_rows
from lipblend.plan.make_plan import make_plan
from lipblend.settings import Settings
from lipblend.stages.occlusion.hand_paths import HANDS_SHAPE
from lipblend.stages.occlusion.linking import CLEAR, FAINT
from lipblend.stages.occlusion.stored import DEPARTURES_SHAPE

RATE = 25
TIMES_S = np.arange(100) / RATE
CLEAR_STRANDS, FAINT_STRANDS, NO_STRANDS = 2.5, 1.1, 0.1
MATRIX = ycbcr_matrix(ColourTags(1, 1, 1, 1), 1080)
LARGE = np.s_[30:52, 16:30]

Clip = Callable[..., ClipAnalysis]


def occlusion(**values: object) -> Settings:
    return Settings.model_validate({"occlusion": {"method": "auto", **values}})


def test_strands_in_some_frames_are_there_in_all_between() -> None:
    rows = strand_rows(dict.fromkeys(range(30, 61, 3), CLEAR_STRANDS), TIMES_S)
    assert rows == set(range(min(rows), max(rows) + 1))
    assert {30, 31, 32, 59, 60} <= rows
    assert 0.1 * RATE < 30 - min(rows) < RATE
    assert 30 - min(rows) == max(rows) - 60


def test_faint_strands_count_beside_clear_ones_only() -> None:
    faint = dict.fromkeys(range(0, 100, 3), FAINT_STRANDS)
    assert strand_rows(faint, TIMES_S) == set()
    one, lasting = strand_rows({48: CLEAR_STRANDS}, TIMES_S), strand_rows(faint | {48: CLEAR_STRANDS}, TIMES_S)
    assert one < lasting
    assert len(lasting) < 80
    assert strand_rows(dict.fromkeys(range(0, 100, 3), NO_STRANDS) | {48: CLEAR_STRANDS}, TIMES_S) == one
    assert strand_rows({}, TIMES_S) == set()


@pytest.fixture
def clip(face: Landmarks) -> Clip:
    """A face that keeps still; the synced colours are off by ``cast`` levels in some frames."""

    def make(
        frames: Collection[int] = (),
        *,
        levels: float = 2 * CLEAR,
        where: tuple[slice, slice] = LARGE,
        cast: float = 0.0,
        strands: Collection[int] = (),
        hands: Collection[int] = (),
    ) -> ClipAnalysis:
        measured = [
            FaceMeasure(
                1.0,
                even_stats(120.0, 120.0 + (cast if frame in {*frames, *hands} else 0)),
                strands=CLEAR_STRANDS if frame in strands else NO_STRANDS,
            )
            for frame in range(COUNT)
        ]
        track = FaceTrack.of(list(range(COUNT)), [face.points] * COUNT, [face.points] * COUNT, measured)
        departing(track, list(frames), levels, where)
        seen = np.full(HANDS_SHAPE, np.nan, np.float32)
        seen[1] = hand_on(face)
        track.table.replace("hands", dict.fromkeys(hands, seen))
        return analysis_of({0: track})

    return make


def planned(analysis: ClipAnalysis, settings: Settings | None = None) -> list[face_plan.FacePlan]:
    rows = make_plan(analysis, settings or occlusion()).rows
    assert all(len(row.faces) == 1 for row in rows)
    return [row.faces[0] for row in rows]


def cells_of(face: face_plan.FacePlan) -> np.ndarray | None:
    """What lies in front in whichever way it was found, without hands and strands."""
    return np.maximum.reduce([cells for _, cells in face.ways]) if face.ways else None


def test_what_departs_lies_in_front_in_its_frames(clip: Clip) -> None:
    faces = planned(clip(range(10, 20), where=CHEEK))
    assert [row for row, each in enumerate(faces) if cells_of(each) is not None] == list(range(10, 20))
    cells = cells_of(faces[15])
    assert cells is not None
    assert (cells.shape, cells.dtype) == (DEPARTURES_SHAPE, np.uint8)
    assert cells[37:43, 19:23].min() > 240
    assert cells[:25].max() == cells[:, 40:].max() == 0
    faint = planned(clip(range(10, 20), where=CHEEK, levels=1.2 * FAINT))
    assert all(cells_of(each) is None for each in faces[:10] + faint)


def test_faint_departures_beside_clear_ones_lie_in_front_too(clip: Clip) -> None:
    analysis = clip(range(15, 18), where=CHEEK)
    (track,) = analysis.tracks.values()
    clear = track.table.columns["departures"][16]
    faint = np.rint(clear * (1.3 * FAINT / (2 * CLEAR))).astype(np.uint8)
    track.table.replace("departures", {row: clear if row in (15, 16) else faint for row in range(12, 20)})
    rows = [row for row, each in enumerate(planned(analysis)) if cells_of(each) is not None]
    assert {14, 15, 16, 17} <= set(rows) <= set(range(12, 20))


def test_the_change_fades_where_nearly_all_of_the_mouth_is_hidden(clip: Clip) -> None:
    whole = np.s_[20:50, 8:56]
    faces = planned(clip(range(10, 20), where=whole))
    assert [faces[row].showing for row in (3, 9, 20)] == [1, 1, 1]
    assert faces[15].showing == pytest.approx(0, abs=1e-6)
    assert 0 < faces[10].showing < 1  # not from one frame to the next
    assert {each.showing for each in planned(clip(range(10, 20), where=CHEEK))} == {1.0}


def test_rows_are_linked_alike_wherever_a_piece_of_a_long_run_ends(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = clip(range(8, 22), where=CHEEK)
    (track,) = analysis.tracks.values()
    clear = track.table.columns["departures"][16]
    faint = np.rint(clear * (1.3 * FAINT / (2 * CLEAR))).astype(np.uint8)
    track.table.replace("departures", {row: clear if row == 14 else faint for row in range(2, 30)})
    whole = [cells_of(each) for each in planned(analysis)]
    assert 8 < sum(each is not None for each in whole) < 16
    monkeypatch.setattr(hidden, "_LONGEST_ROWS", 4)
    for one, other in zip(whole, planned(analysis), strict=True):
        np.testing.assert_array_equal(one, cells_of(other))


def test_the_weight_makes_faint_departures_count_and_off_none(clip: Clip) -> None:
    analysis = clip(range(10, 20), where=CHEEK, levels=1.2 * FAINT)
    assert cells_of(planned(analysis, occlusion(looks_weight=3))[15]) is not None
    clear = clip(range(10, 20), where=CHEEK)
    for weaker in (occlusion(looks="off"), occlusion(looks_weight=0.2)):
        assert cells_of(planned(clear, weaker)[15]) is None


def test_strands_are_planned_and_may_be_off_or_count_less(clip: Clip) -> None:
    analysis = clip(strands=[18, 21])
    assert [each.strands for each in planned(analysis)][17:23] == [True] * 6
    assert not planned(analysis)[0].strands
    for weaker in (occlusion(strands="off"), occlusion(strands_weight=0.2)):
        assert not any(each.strands for each in planned(analysis, weaker))


def test_hands_are_planned_in_their_frames(clip: Clip, face: Landmarks) -> None:
    analysis = clip(hands=range(5, 8))
    faces = planned(analysis)
    assert [row for row, each in enumerate(faces) if each.hands] == [5, 6, 7]
    (points,) = faces[6].hands
    np.testing.assert_array_equal(points, hand_on(face))
    assert not any(each.hands for each in planned(analysis, occlusion(hands="off")))


def test_a_hand_alone_over_the_mouth_lets_the_change_fade(clip: Clip, face: Landmarks) -> None:
    """Nothing but the hand says that the mouth is hidden."""
    analysis = clip(hands=range(10, 20))
    (track,) = analysis.tracks.values()
    seen = np.full(HANDS_SHAPE, np.nan, np.float32)
    middle = np.asarray(face.mouth_centre, np.float32)
    hand = hand_on(face)
    seen[0] = middle + 2.5 * (hand - hand[[0, 5, 9, 13, 17]].mean(0))
    track.table.replace("hands", dict.fromkeys(range(10, 20), seen))
    faces = planned(analysis)
    assert all(not each.ways for each in faces)
    assert faces[15].showing < 0.05
    assert faces[3].showing == 1
    assert planned(analysis, occlusion(hands_weight=0.5))[15].showing == 1


def test_hands_that_nothing_bears_out_are_dropped(clip: Clip) -> None:
    """Much departs, but not where the hand was found."""
    faces = planned(clip(range(10, 20), hands=range(5, 15), where=np.s_[18:30, 10:24]))
    assert [row for row, each in enumerate(faces) if each.hands] == list(range(5, 10))


def test_off_nothing_is_in_front_however_it_was_found(clip: Clip) -> None:
    analysis = clip(range(10, 20), hands=range(10, 20), strands=[12, 15], where=CHEEK)
    assert all(each.strands and cells_of(each) is not None for each in planned(analysis)[12:16])
    for each in planned(analysis, occlusion(method="off")):
        assert (each.ways, each.hands, each.strands) == ((), (), False)


def luma_of(face: face_plan.FacePlan) -> float:
    """What becomes of the synced 120 levels."""
    grey = np.full((2, 2, 3), 120, np.float32)
    return float(face.colour.apply(grey, MATRIX)[0, 0, 0])


@pytest.mark.parametrize("kind", ["departures", "hands"])
def test_hidden_rows_teach_no_colours(kind: str, clip: Clip) -> None:
    frames = range(12, 24)
    analysis = clip(frames, cast=30) if kind == "departures" else clip(hands=frames, cast=30)
    off = planned(analysis, occlusion(looks="off", hands="off"))
    assert abs(luma_of(off[18]) - 120) > 5
    assert [luma_of(each) for each in planned(analysis)] == pytest.approx([120] * COUNT, abs=0.1)


def test_a_little_in_front_does_not_make_a_row_useless(clip: Clip) -> None:
    analysis = clip(range(12, 24), where=np.s_[38:44, 18:24], cast=30)
    faces = planned(analysis)
    assert cells_of(faces[18]) is not None
    assert luma_of(faces[18]) != pytest.approx(120, abs=3)


def test_if_nearly_all_rows_are_hidden_they_teach_colours(clip: Clip) -> None:
    faces = planned(clip(range(1, COUNT), cast=30))
    assert cells_of(faces[20]) is not None
    assert luma_of(faces[20]) < 105


def test_hidden_rows_are_not_named_broken(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {row: Broken("hole", 0.9) for row in (6, 15, 30)}
    monkeypatch.setattr(face_plan, "broken_rows", lambda *_: broken)
    analysis = clip(range(10, 20))
    assert {row for row, each in enumerate(planned(analysis)) if each.bridge is not None} == {6, 30}
    every = planned(analysis, occlusion(looks="off"))
    assert {row for row, each in enumerate(every) if each.bridge is not None} == {6, 15, 30}
