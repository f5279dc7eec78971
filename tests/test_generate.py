"""The generated patch: what each step adds, on made pictures whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from lipblend.faces.landmarks import LEFT_CHEEK, RIGHT_CHEEK, Landmarks
from lipblend.picture.light import code_contrast
from lipblend.picture.patch import ChromaGrid
from lipblend.render import generate as module
from lipblend.render.generate import reach_px
from lipblend.settings import Settings
from lipblend.stages.registration.flow import shifted, warped
from tests.patch_scenes import LAYOUT, Scene, settings, skin


@pytest.fixture
def mesh(face: Landmarks, transformed: Callable[..., Landmarks]) -> Landmarks:
    return transformed(face, scale=0.5)


def test_equal_pictures_take_nothing_over(mesh: Landmarks) -> None:
    scene, picture = Scene(mesh, chosen=settings(detail={"strength": 0.7, "grain": 1, "fade": 1})), skin()
    made = scene.made(picture, picture)
    np.testing.assert_allclose(made.patch, scene.cut(picture), atol=0.01)
    assert np.abs(made.beyond).max() < 0.01
    assert made.taken.max() < 0.01


def test_the_synced_picture_is_put_in_its_place_and_its_cast_taken_off(mesh: Landmarks) -> None:
    scene, picture = Scene(mesh, chosen=settings(reuse={"method": "none"})), skin()
    off = shifted(picture, np.array([-1.2, 0.7])) + np.array([-5, 3, 2], np.float32)
    made = scene.made(picture, off)
    inside = scene.matte.alpha > 0.5
    left = np.abs(made.patch - scene.cut(picture))[inside].mean(0)
    was = np.abs(scene.cut(off - picture))[inside].mean(0)
    assert (left < 0.2 * was).all()
    np.testing.assert_array_equal(made.taken, scene.matte.alpha)
    assert not made.beyond.any()


def test_what_moved_is_the_originals_own_pixels_inside_and_beyond_the_mask(mesh: Landmarks) -> None:
    scene, picture = Scene(mesh), skin()
    truth = warped(picture, scene.jaw(4.0))
    made = scene.made(picture, cv2.GaussianBlur(truth, (0, 0), 1.2))
    alpha, reach = scene.matte.alpha, scene.matte.reach
    want, before = scene.cut(truth), scene.cut(picture)
    moved = scene.cut(scene.down) > 0.15 * scene.width
    inside, beyond = moved & (alpha == 1), moved & (alpha == 0) & (reach > 0.99)
    assert np.count_nonzero(beyond) > 200
    for where, got in ((inside, made.patch), (beyond, before + made.beyond)):
        left, was = (float(np.abs(z - want)[where][:, 0].mean()) for z in (got, before))
        assert left < 0.35 * was
    fine = [float((z - cv2.GaussianBlur(z, (0, 0), 1.2))[..., 0][inside].std()) for z in (made.patch, want)]
    assert fine[0] > 0.9 * fine[1]  # 0.6 from the blurred one
    assert made.taken[inside].mean() > 0.95
    still = scene.cut(scene.down) < -0.1 * scene.width
    assert made.taken[still].mean() < 0.02
    assert made.taken[still].max() < 0.3
    assert not made.beyond[(alpha == 1) | (reach == 0)].any()


def test_nothing_is_moved_beyond_the_mask_where_the_original_does_not_explain_it(mesh: Landmarks) -> None:
    scene, picture = Scene(mesh), skin()
    synced = warped(picture, scene.jaw(4.0))
    rows = np.nonzero(((scene.matte.alpha == 0) & (scene.matte.reach > 0.9)).any(1))[0]
    below = (rows.max() + scene.matte.box.y0 - scene.mouth[1]) / scene.width - 0.04
    spot = scene.hole(0.07, below=below)
    synced[spot] = (30, 90, 90)
    made = scene.made(picture, synced)
    core = scene.cut(scene.hole(0.03, below=below)) & (scene.matte.alpha == 0)
    assert np.count_nonzero(core) > 5
    assert np.abs(made.beyond[core]).max() < 0.5


def test_still_keeps_the_original_in_its_place_only(mesh: Landmarks) -> None:
    scene, picture = Scene(mesh, chosen=settings(reuse={"method": "still"})), skin()
    synced = warped(picture, scene.jaw(4.0))
    made = scene.made(picture, synced)
    assert reach_px(scene.face, scene.settings.reuse) == 0
    assert reach_px(scene.face, Settings().reuse) == pytest.approx(Settings().reuse.reach_frac * scene.width)
    assert not made.beyond.any()
    still = (scene.cut(scene.down) < -0.1 * scene.width) & (scene.matte.alpha > 0.9)
    np.testing.assert_allclose(made.patch[still], scene.cut(picture)[still], atol=0.5)


def test_grain_is_added_where_the_synced_picture_shows_and_is_fresh(mesh: Landmarks) -> None:
    clean = cv2.GaussianBlur(skin(), (0, 0), 3)
    noisy = clean + np.random.default_rng(4).normal(0, 3, clean.shape).astype(np.float32) * np.float32([1, 0, 0])
    scene = Scene(mesh, chosen=settings(detail={"grain": 1}))
    hole = scene.hole(0.16)
    synced = clean.copy()
    synced[hole] = (70, 120, 140)
    core = scene.cut(scene.hole(0.1))

    def added(frame: int, share: float = 1.0, **other: Any) -> np.ndarray:
        chosen = scene.settings.model_copy(
            update={"detail": scene.settings.detail.model_copy(update={"grain": share}), **other}
        )
        none = chosen.model_copy(update={"detail": chosen.detail.model_copy(update={"grain": 0.0})})
        patches = []
        for each in (chosen, none):
            scene.settings = each
            patches.append(scene.made(noisy, synced, frame=frame).patch)
        scene.settings = chosen
        return np.asarray(patches[0] - patches[1])

    first = added(1)
    assert first[core][:, 0].std() == pytest.approx(3, rel=0.25)
    assert not first[..., 1:].any()
    kept = scene.cut(~scene.hole(0.4)) & (scene.matte.alpha > 0.5)
    assert np.abs(first[kept][:, 0]).mean() < 0.15 * np.abs(first[core][:, 0]).mean()
    other = added(2)
    assert abs(np.corrcoef(first[core][:, 0], other[core][:, 0])[0, 1]) < 0.25
    np.testing.assert_allclose(added(1, 0.5)[core][:, 0], first[core][:, 0] / 2, atol=0.05)
    # The same place of the frame has the same grain in another box.
    box, matte = scene.matte.box, scene.matte
    cuts = np.s_[6:, 4:]
    scene.matte = replace(
        matte, box=replace(box, x0=box.x0 + 4, y0=box.y0 + 6),
        **{key: getattr(matte, key)[cuts] for key in ("mask", "alpha", "reach", "painted", "contour")},
    )  # fmt: skip
    inner = core[cuts]
    assert np.corrcoef(added(1)[inner][:, 0], first[cuts][inner][:, 0])[0, 1] > 0.95


def test_a_fade_keeps_the_fine_detail_that_it_would_blur(mesh: Landmarks) -> None:
    picture = skin()
    plain, kept = (
        Scene(mesh, chosen=settings(detail={"fade": fade}, reuse={"tolerance_levels": 12.0})) for fade in (0, 1)
    )
    other = cv2.GaussianBlur(picture, (0, 0), 2.5)
    fine = np.random.default_rng(8).normal(0, 3, picture.shape[:2]).astype(np.float32)
    other[..., 0] += cv2.GaussianBlur(fine, (0, 0), 0.8) * 4
    sizes = []
    for scene in (plain, kept):
        patch = scene.made(picture, other).patch[..., 0]
        sizes.append(float((patch - cv2.GaussianBlur(patch, (0, 0), 1.0))[scene.matte.alpha > 0.9].std()))
    assert sizes[1] > sizes[0]


def test_the_micro_warp_brings_the_cheeks_to_the_originals(
    mesh: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    away = transformed(mesh, shift=(4.0, 0.0))
    picture = skin()
    synced = shifted(picture, np.array([-4.0, 0.0]))
    place = (mesh.points[RIGHT_CHEEK[0]] + mesh.points[LEFT_CHEEK[0]]) / 2
    errors = []
    for strength, largest in ((1.0, 0.1), (0.0, 0.1), (1.0, 0.005)):
        align = {"method": "none", "warp_strength": strength, "warp_max_frac": largest, "warp_regularisation": 0.1}
        chosen = settings(align=align, reuse={"method": "none"}, colour={"membrane": False})
        scene = Scene(mesh, away, chosen)
        lips = np.hypot(scene.cut(scene.right), 2 * scene.cut(scene.down)) < 0.5 * scene.width
        beside = (scene.matte.alpha > 0.5) & ~lips
        assert np.count_nonzero(beside) > 100, place
        errors.append(float(np.abs(scene.made(picture, synced).patch - scene.cut(picture))[beside][:, 0].mean()))
    assert errors[0] < 0.2 * errors[1]
    assert errors[2] > 0.6 * errors[1]


def test_the_model_is_shown_the_patch_in_its_place_and_what_it_makes_is_taken(mesh: Landmarks) -> None:
    picture = skin()
    off = shifted(picture, np.array([-1.2, 0.7])) + np.array([-5, 3, 2], np.float32)
    scene = Scene(mesh, chosen=settings(reuse={"method": "none"}))
    shown: list[np.ndarray] = []

    def restore(patch: np.ndarray) -> np.ndarray:
        shown.append(patch.copy())
        return patch + np.float32(7)

    made, plain = scene.made(picture, off, restore=restore), scene.made(picture, off)
    (given,) = shown
    np.testing.assert_array_equal(given, plain.patch)
    np.testing.assert_array_equal(made.patch, given + np.float32(7))


def test_sharpness_is_made_up_for_and_limited(mesh: Landmarks) -> None:
    picture = skin()
    picture[:, ::5] += 2
    soft = cv2.GaussianBlur(picture, (0, 0), 0.9)
    fine = []
    for detail in ({"strength": 1, "sharpen_max": 3}, {"strength": 0.5, "sharpen_max": 3},
                   {"strength": 1, "sharpen_max": 0.1}, {"strength": 0}, {"strength": 0, "denoise": 1}):  # fmt: skip
        scene = Scene(mesh, chosen=settings(reuse={"method": "none"}, detail=detail))
        patch = scene.made(picture, soft).patch[..., 0]
        fine.append(float((patch - cv2.GaussianBlur(patch, (0, 0), 1))[scene.matte.alpha > 0.9].std()))
    whole, half, limited, none, calm = fine
    assert none < limited < half < whole
    assert limited < 1.15 * none
    assert calm < 0.9 * none


def test_each_setting_reaches_its_step(mesh: Landmarks, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}

    def spied(name: str) -> None:
        real = getattr(module, name)

        def spy(*values: Any, **named: Any) -> Any:
            calls[name] = (values, named)
            return real(*values, **named)

        monkeypatch.setattr(module, name, spy)

    for name in ("register", "band_gains", "missing_grain"):
        spied(name)
    chosen = settings(
        reuse={"tolerance_levels": 4.5, "lips_tolerance_levels": 1.5, "still_px": 0.4, "moving_px": 1.7},
        colour={"membrane": False},
        align={"method": "none"}, detail={"grain": 1, "strength": 0.6, "sharpen_max": 0.8},
    )  # fmt: skip
    scene, picture = Scene(mesh, chosen=chosen), skin()
    painted = scene.matte.painted.copy()
    scene.matte = replace(scene.matte, painted=painted)
    synced = warped(picture, scene.jaw(4.0))
    synced[scene.hole(0.12)] = (40, 125, 140)
    scene.made(picture, synced)
    (_, _, masks, reuse), named = calls["register"]
    assert masks.painted is painted
    np.testing.assert_array_equal(masks.replaced, scene.matte.alpha > 0.5)
    assert reuse == chosen.reuse
    tolerance = cv2.resize(named["tolerance"], scene.matte.alpha.shape[::-1])
    mouth = np.rint(mesh.mouth_centre - (scene.matte.box.x0, scene.matte.box.y0)).astype(int)
    assert tolerance[mouth[1], mouth[0]] == pytest.approx(1.5, abs=0.3)
    assert tolerance[0] == pytest.approx(4.5)
    assert (named["max_shift_px"], named["field"]) == (0.0, False)
    (ours, _, same), given = calls["band_gains"]
    assert (given["strength"], given["max_gain"]) == (0.6, 0.8)
    grid = ChromaGrid(LAYOUT, scene.matte.box)
    core = scene.matte.core(grid).within(grid.box)
    alpha, middle = scene.matte.alpha[core], scene.cut(scene.hole(0.06))[core]
    assert ours.luma[alpha > 0.5].mean() == pytest.approx(130, abs=25)
    assert same.any()
    assert not same[middle].any()
    assert not same[alpha <= 0.5].any()
    (before, _, still) = calls["missing_grain"][0]
    np.testing.assert_array_equal(before, scene.cut(picture)[..., 0][core])
    assert still.any()
    assert not still[middle].any()
    low = (scene.cut(scene.down) > 0.2 * scene.width)[core]
    assert still[low].mean() < 0.5 * same[low].mean()  # resampled pixels have less noise


def test_a_golden_patch(mesh: Landmarks) -> None:
    """Everything on: a blurred, cast, wobbling, moving picture with an open mouth."""
    scene, picture = Scene(mesh, chosen=Settings()), skin()
    truth = warped(picture, scene.jaw(3.0))
    truth[scene.hole(0.1)] = (45, 122, 138)
    synced = shifted(cv2.GaussianBlur(truth, (0, 0), 1.0), np.array([0.8, -0.5])) + np.array([4, -2, 3], np.float32)
    made = scene.made(picture, synced, frame=3)
    error = np.abs(made.patch - scene.cut(truth))[scene.matte.alpha > 0.5]
    found = [*error.mean(0), float(made.taken.sum() / scene.matte.alpha.sum()), float(np.abs(made.beyond).sum() / 1e4)]
    assert found == pytest.approx(GOLDEN, rel=0.08)


GOLDEN = [0.916, 0.120, 0.120, 0.764, 1.496]


def test_less_is_tolerated_where_codes_are_of_less_contrast(mesh: Landmarks) -> None:
    """A spot in PQ codes is as visible as one of nearly twice as many levels in SDR's."""
    scene, picture = Scene(mesh), skin()
    spot = picture + np.where(scene.hole(0.06, below=0.12), 0.9, 0).astype(np.float32)[..., None]
    sdr, pq = (scene.made(picture, spot, contrast=code_contrast(transfer)).taken.max() for transfer in (1, 16))
    assert (code_contrast(1), code_contrast(18)) == (1.0, pytest.approx(0.75))
    assert pq > 2 * sdr + 0.1
