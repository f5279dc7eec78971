import numpy as np
import pytest

from lipblend.analysis import agreement
from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.formats import ColourTags
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.stages.colour.statistics import ColourStats, measure
from lipblend.stages.masks.mask import signed_distance

MATRIX = ycbcr_matrix(ColourTags(1, 1, 1, 1), 1080)


@pytest.fixture
def patches(face: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    box = agreement.lower_face_box([face])
    rng = np.random.default_rng(0)
    original = (rng.normal(0, 4, (box.height, box.width, 3)) + [130, 110, 150]).astype(np.float32)
    return original, original.copy()


def skin_stats(original: np.ndarray, synced: np.ndarray, face: Landmarks, *, lab: bool = False) -> ColourStats | None:
    skin = agreement.same_skin(original, synced, [face], agreement.lower_face_box([face]))
    return None if skin is None else measure(original, synced, skin, MATRIX, lab=lab)


def test_skin_region_keeps_away_from_the_lips(face: Landmarks) -> None:
    box = agreement.lower_face_box([face])
    skin = agreement.skin_region([face], box)
    lips = signed_distance([(face.points[list(LIPS_OUTER)], True)], box, step_px=1) > -3
    assert 0.15 < skin.mean() < 0.8
    assert not (skin & lips).any()


def test_statistics_ignore_a_place_where_the_pictures_show_different_things(
    face: Landmarks, patches: tuple[np.ndarray, np.ndarray]
) -> None:
    original, synced = patches
    synced += np.array([5, -2, 3], np.float32)
    third = synced.shape[1] // 4
    synced[:, :third, 0] += 70
    stats = skin_stats(original, synced, face)
    assert stats is not None
    np.testing.assert_allclose(stats.synced_mean - stats.original_mean, [5, -2, 3], atol=0.3)


@pytest.mark.parametrize("lab", [False, True])
def test_colours_of_lips_and_teeth_do_not_enter_the_statistics(
    face: Landmarks, patches: tuple[np.ndarray, np.ndarray], *, lab: bool
) -> None:
    original, synced = patches
    synced += np.array([5, -2, 3], np.float32)
    box = agreement.lower_face_box([face])
    before = skin_stats(original, synced, face, lab=lab)
    lips = signed_distance([(face.points[list(LIPS_OUTER)], True)], box, step_px=1) > 0
    synced[lips] = [90, 60, 225]
    synced[lips & (np.arange(box.height)[:, None] % 12 < 4)] = [230, 128, 128]
    after = skin_stats(original, synced, face, lab=lab)
    assert before is not None
    assert after is not None
    for name in ("synced_mean", "synced_std", "synced_quantiles", "original_mean", "synced_light"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=0.05)
    # Golden: the cast alone, within what 4 levels of noise leave of it.
    if not lab:
        np.testing.assert_allclose(after.synced_mean - after.original_mean, [5, -2, 3], atol=0.05)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_place_that_differs_in_one_channel_alone_does_not_agree(
    face: Landmarks, patches: tuple[np.ndarray, np.ndarray], channel: int
) -> None:
    original, synced = patches
    third = synced.shape[1] // 4
    synced[:, :third, channel] += 30
    skin = agreement.same_skin(original, synced, [face], agreement.lower_face_box([face]))
    assert skin is not None
    assert not skin[:, : third - 8].any()
    assert skin[:, third + 8 :].any()


def test_too_little_skin_gives_no_statistics(face: Landmarks) -> None:
    tiny = np.zeros((6, 6, 3), np.float32)
    nothing = agreement.agreeing(tiny, tiny, np.ones((6, 6), bool), 40.0)
    assert not nothing.any()


def test_an_even_difference_is_not_paint_and_a_patch_is(patches: tuple[np.ndarray, np.ndarray]) -> None:
    original, synced = patches
    assert agreement.painted_score(original, synced + 6, 200.0) == pytest.approx(0, abs=1e-3)
    synced[20:60, 20:90] += 40
    assert agreement.painted_score(original, synced, 200.0) > 2
