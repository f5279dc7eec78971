"""Detection of broken synced patches."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import with_mesh
from mouthclips import Damage, TalkingFace, blocky, blurred, misplaced, mixed, moved, painted, repeated, times

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.fault_traits import Traits, traits
from lipblend.quality.faults import FAULTS, find_faults, mouth_difference
from lipblend.quality.view import FaceView

COUNT = 24


@pytest.fixture(scope="module")
def clip(portrait: np.ndarray, face: Landmarks) -> list[FaceView]:
    return TalkingFace(portrait, face).clip(COUNT)


@pytest.fixture(scope="module")
def sound(clip: list[FaceView]) -> list[Traits]:
    return [traits(view) for view in clip]


def found(views: list[FaceView], shots: tuple[tuple[int, int], ...] = ((0, COUNT),)) -> list[tuple[str, ...]]:
    return find_faults([traits(view) for view in views], times(len(views)), shots)


def frames(faults: list[tuple[str, ...]], name: str) -> list[int]:
    return [i for i, each in enumerate(faults) if name in each]


def test_a_sound_clip_has_no_faults(sound: list[Traits]) -> None:
    assert find_faults(sound, times(COUNT), [(0, COUNT)]) == [()] * COUNT


def test_untouched_footage_has_no_faults(clip: list[FaceView]) -> None:
    same = [replace(view, synced=view.original, result=view.original, synced_mesh=view.original_mesh) for view in clip]
    assert found(same) == [()] * COUNT
    assert all(traits(view).offset == pytest.approx((0, 0), abs=1e-6) for view in same[:3])


@pytest.mark.parametrize(("damage", "name"), [(blurred, "blurred"), (misplaced, "misplaced"), (blocky, "blocky")])
def test_damage_is_found_where_it_is(clip: list[FaceView], sound: list[Traits], damage: Damage, name: str) -> None:
    mixed_in = list(sound)
    for i in (5, 6, 15):
        mixed_in[i] = traits(damage(clip[i]))
    faults = find_faults(mixed_in, times(COUNT), [(0, COUNT)])
    assert faults == [(name,) if i in (5, 6, 15) else () for i in range(COUNT)]


def test_of_a_bridged_frame_the_generators_own_picture_is_looked_at(clip: list[FaceView]) -> None:
    drawn = blurred(clip[5])
    bridged = replace(clip[5], broken=drawn.synced)
    assert traits(bridged).detail_synced == traits(drawn).detail_synced < 0.7 * traits(clip[5]).detail_synced


@pytest.fixture(scope="module")
def apart(portrait: np.ndarray, face: Landmarks) -> list[FaceView]:
    """The synced mouth is wide open and as soft as generators make it, the original's is closed."""
    made = TalkingFace(portrait, face)
    views = [made.view(at=(0.7 * i, 0.4 * i), opened=22 + 4 * np.sin(i), seed=i) for i in range(COUNT)]
    return [painted(view, cv2.GaussianBlur(view.synced, (0, 0), 1.2)) for view in views]


def test_lips_that_shine_through_are_found(apart: list[FaceView]) -> None:
    assert found(apart) == [()] * COUNT
    hits = frames(found([mixed(view) if 4 <= i < 20 else view for i, view in enumerate(apart)]), "ghosted")
    assert len(hits) >= 12
    assert set(hits) <= set(range(4, 20))


def test_a_single_ghost_is_ignored(apart: list[FaceView]) -> None:
    pair, alone = ([mixed(view) if i in which else view for i, view in enumerate(apart)] for which in ((8, 9), (8,)))
    assert frames(found(pair), "ghosted") == [8, 9]
    assert frames(found(alone), "ghosted") == []


def test_a_repeated_mouth_is_found(clip: list[FaceView]) -> None:
    assert frames(found(repeated(clip, 6, 16)), "frozen") == list(range(6, 16))
    assert frames(found(repeated(clip, 6, 11)), "frozen") == []  # too short


def test_mouths_are_compared_where_they_match_best(clip: list[FaceView]) -> None:
    first, second = (traits(clip[i]).mouth for i in (0, 3))
    nudged = np.rint(moved(first.astype(np.float32), 2.0, -1.0)).astype(np.uint8)
    assert mouth_difference(first, first) == 0.0
    assert mouth_difference(first, nudged) < 0.5 < 2 < mouth_difference(first, second)


@pytest.mark.slow
def test_a_pause_is_not_frozen(portrait: np.ndarray, face: Landmarks) -> None:
    views = TalkingFace(portrait, face).clip(COUNT, still=range(7, 17))
    assert frames(found(views), "frozen") == []


def test_a_stretch_is_not_joined_over_a_gap(clip: list[FaceView]) -> None:
    seen: list[Traits | None] = [traits(view) for view in repeated(clip, 6, 16)]
    seen[10] = None
    faults = find_faults(seen, times(COUNT), [(0, COUNT)])
    assert frames(faults, "frozen") == []
    assert faults[10] == ()


@pytest.mark.parametrize(("damage", "name"), [(blurred, "blurred"), (misplaced, "misplaced"), (blocky, "blocky")])
def test_a_shot_that_is_broken_throughout(clip: list[FaceView], sound: list[Traits], damage: Damage, name: str) -> None:
    broken = [traits(damage(view)) if i >= 12 else sound[i] for i, view in enumerate(clip)]
    faults = find_faults(broken, times(COUNT), [(0, 12), (12, COUNT)])
    assert faults[:12] == [()] * 12
    assert len(frames(faults, name)) >= 11


def test_a_face_outside_the_box_is_not_measured(clip: list[FaceView]) -> None:
    away = Landmarks(clip[0].original_mesh.points + np.float32(2000))
    seen = traits(with_mesh(clip[0], away))
    assert np.isnan(seen.detail_synced)
    assert np.isnan(seen.blocks)
    assert seen.mouth is None
    assert find_faults([seen, None, seen], times(3), [(0, 3)]) == [()] * 3
    assert find_faults([], times(0), []) == []
    assert find_faults([None, None], times(2), [(0, 2)]) == [(), ()]


def test_every_fault_has_a_description() -> None:
    assert list(FAULTS) == ["blurred", "frozen", "misplaced", "ghosted", "blocky"]
    assert all(FAULTS.values())
