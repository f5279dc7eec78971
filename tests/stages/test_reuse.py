"""Registration of the original to a synced picture, on textures with a known motion."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from patience import HANG_S
from registered import SIZE, TOLERANCE, UPRIGHT, found, jaw_flow, skin, vectors

from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.settings import ReuseSettings
from lipblend.stages.registration.flow import shifted, warped
from lipblend.stages.registration.reuse import RegistrationMasks, register
from lipblend.stages.registration.smooth_field import smooth_field


def inner(array: np.ndarray, margin: int = 24) -> np.ndarray:
    return array[margin:-margin, margin:-margin]


def test_equal_pictures_have_no_motion_and_full_trust() -> None:
    original = skin()
    same = found(original, original)
    assert not same.shift.any()
    assert same.flow.still.all()
    assert same.trust.min() > 0.999
    assert np.abs(same.field.whole()).max() < 1e-3


def test_moved_jaw_is_followed_and_the_rest_is_exactly_still() -> None:
    original = skin()
    flow = jaw_flow(5.0)
    result = found(original, warped(original, flow))
    assert inner(result.flow.still)[:40].all()
    low = result.flow.down[165:185, 40:160]
    assert low == pytest.approx(-5.0, abs=0.4)
    assert inner(result.trust).mean() > 0.97
    rest = np.abs(warped(original, vectors(result.flow)) - warped(original, flow))[165:185, 40:160, 0]
    assert rest.mean() < 0.25 * np.abs(original - warped(original, flow))[165:185, 40:160, 0].mean()


def test_blur_cast_and_noise_do_not_lower_trust() -> None:
    original = skin()
    synced = cv2.GaussianBlur(original, (0, 0), 1.5) + np.array([-6, 2, 4], np.float32)
    synced += np.random.default_rng(2).normal(0, 1.5, synced.shape).astype(np.float32)
    result = found(original, synced)
    assert inner(result.trust).mean() > 0.9
    assert inner(result.field.luma).mean() == pytest.approx(6, abs=1)
    assert inner(result.field.chroma)[..., 1].mean() == pytest.approx(-4, abs=1)
    assert inner(result.flow.still).mean() > 0.8  # noise moves the finest flow here and there


def test_content_missing_in_the_original_is_not_trusted() -> None:
    original = skin()
    synced = original.copy()
    cv2.circle(synced, (100, 130), 22, (40, 125, 140), -1)  # an open mouth
    result = found(original, synced)
    assert result.trust[122:138, 92:108].max() < 0.02
    assert result.trust[30:90].mean() > 0.99


def test_shift_of_the_whole_is_undone() -> None:
    original = skin()
    result = found(original, shifted(original, np.array([-1.3, 0.6])))
    assert result.shift == pytest.approx([1.3, -0.6], abs=0.1)
    assert inner(result.flow.still).mean() > 0.98
    back = shifted(shifted(original, np.array([-1.3, 0.6])), result.shift)
    assert np.abs(inner(back - original)).mean() < 1
    assert inner(result.trust).mean() > 0.97  # judged after the shift is undone


def test_shift_is_that_of_the_still_part() -> None:
    original = skin()
    rows = np.arange(SIZE, dtype=np.float32)[:, None] * np.ones((1, SIZE), np.float32)
    nothing = np.zeros_like(rows)
    jaw = np.dstack([nothing, -3 * np.clip((rows - 62) / 12, 0, 1)]).astype(np.float32)  # most of the picture
    assert found(original, warped(original, jaw)).shift == pytest.approx([0, 0], abs=0.1)
    blink = np.dstack([nothing, -3.5 * ((rows > 28) & (rows < 44))]).astype(np.float32)  # a third of the still part
    assert found(original, warped(original, blink)).shift == pytest.approx([0, 0], abs=0.4)


def test_shift_is_read_where_the_generator_painted() -> None:
    original = skin()
    synced = shifted(original, np.array([-1.3, 0.6]))
    synced[:36] = original[:36]  # most of the still part was only re-encoded
    painted = np.zeros((SIZE, SIZE), np.float32)
    painted[36:] = 1
    assert found(original, synced, painted=painted).shift == pytest.approx([1.3, -0.6], abs=0.1)
    few = painted.copy()
    few[:60] = 0
    few[:60, :1] = 1  # 60 pixels
    assert not found(original, synced, painted=few).shift.any()


def test_too_large_a_shift_is_not_made() -> None:
    original = skin()
    result = found(original, shifted(original, np.array([0.0, 3.0])), max_shift_px=2.0)
    assert not result.shift.any()


def test_without_motion_the_original_is_compared_in_place() -> None:
    original = skin()
    synced = warped(original, jaw_flow(5.0))
    result = found(original, synced, method="still")
    assert result.flow.still.all()
    low = result.trust[165:185, 40:160]
    assert low.mean() < found(original, synced).trust[165:185, 40:160].mean() - 0.3


def test_without_the_field_a_cast_lowers_trust() -> None:
    original = skin()
    result = found(original, original + np.array([-6, 0, 0], np.float32), field=False)
    assert not result.field.whole().any()
    assert inner(result.trust).mean() < 0.1


def test_large_faces_have_flow_in_pixels() -> None:
    original = cv2.resize(skin(), (500, 500), interpolation=cv2.INTER_CUBIC)
    # The second motion is half a working pixel.
    for px, tolerance in ((5.0, 0.8), (0.5, 0.25)):
        moved = warped(original, cv2.resize(jaw_flow(px), (500, 500)) * np.float32(2.5))
        result = found(original, moved, face_width_px=400.0, max_shift_px=8.0)
        assert result.flow.right.shape == result.flow.down.shape == (500, 500)
        assert result.flow.down[420:450, 100:400].mean() == pytest.approx(-2.5 * px, abs=tolerance)


def test_shift_and_flow_are_in_pixels_and_chroma_flow_in_samples() -> None:
    size = 400
    luma = cv2.resize(skin(), (size, size), interpolation=cv2.INTER_CUBIC)[..., 0]
    down = np.dstack([np.zeros((size, size)), cv2.resize(jaw_flow(6.0), (size, size))[..., 1]]).astype(np.float32)
    grid = ChromaGrid(PixelLayout("yuv420p", 8, 1, 1, 3), Box(0, 0, size, size))
    grey = np.full((size // 2, size // 2, 2), 128, np.float32)
    still = np.zeros((size, size), bool)
    still[:150] = True
    moved = Patch(shifted(warped(luma, down), np.array([-2.4, 1.0])), grey, grid)
    result = register(
        Patch(luma, grey, grid),
        moved,
        RegistrationMasks(still, ~still, np.ones_like(luma)),
        ReuseSettings(method="motion", still_px=0.3, moving_px=1.0),
        face_width_px=320.0,
        tolerance=TOLERANCE,
        max_shift_px=8.0,
        field=True,
        y_axis=UPRIGHT,
    )
    assert result.shift == pytest.approx([2.4, -1.0], abs=0.15)
    low = np.s_[330:370, 80:320]
    assert result.flow.down[low].mean() == pytest.approx(-6, abs=0.6)
    assert result.flow.chroma_down[165:185, 40:160].mean() == pytest.approx(result.flow.down[low].mean() / 2, abs=0.05)
    assert np.abs(result.flow.chroma_right[165:185, 40:160]).mean() < 0.1


def test_field_continues_beyond_the_weight_and_fades_out() -> None:
    weight = np.zeros((100, 100), np.float32)
    weight[:, :30] = 1
    eight, minus_two = smooth_field([np.full_like(weight, 8), np.full_like(weight, -2)], weight, 8.0)
    assert (eight[50, 15], minus_two[50, 15]) == pytest.approx((8, -2), abs=0.1)
    assert eight[50, 38] > 5
    # Two sigmas away little was seen: a field that went on at full strength would glow there.
    assert abs(eight[50, 48]) < 2.5
    assert abs(eight[50, 99]) < 0.1
    (little,) = smooth_field([np.full_like(weight, 8)], np.full_like(weight, 0.02), 8.0)
    assert little[50, 50] == pytest.approx(8, rel=0.06)  # as much as anywhere


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    original, threads = skin(), cv2.getNumThreads()
    moved = warped(original, jaw_flow(3.0))
    try:
        results = []
        for count in (1, 2, 5):
            cv2.setNumThreads(count)
            results.append(found(original, moved))
    finally:
        cv2.setNumThreads(threads)
    for other in results[1:]:
        assert np.array_equal(vectors(results[0].flow), vectors(other.flow))
        assert np.array_equal(results[0].trust, other.trust)


def test_beyond_the_footprint_motion_fades_out_and_the_original_is_trusted() -> None:
    original = skin()
    synced = warped(original, jaw_flow(5.0))
    edge = 170
    synced[edge:] = original[edge:]  # the generator's box ends on the jaw
    painted = np.ones((SIZE, SIZE), np.float32)
    painted[edge - 4 :] = 0
    cut = found(original, synced)
    kept = found(original, synced, painted=painted)
    beyond = np.s_[edge + 2 : edge + 8, 40:160]
    assert np.abs(cut.flow.down[beyond]).mean() < 2
    assert kept.flow.down[beyond].mean() == pytest.approx(-3.8, abs=0.4)
    assert np.abs(kept.flow.down[-2:, 40:160]).mean() < np.abs(kept.flow.down[beyond]).mean() - 0.5
    assert kept.trust[edge + 2 :].min() > 0.99


def test_difference_beyond_the_footprint_does_not_weaken_the_cast_inside() -> None:
    original = skin()
    synced = original + np.float32(2)
    synced[150:] = original[150:]
    painted = np.ones((SIZE, SIZE), np.float32)
    painted[146:] = 0
    inside = np.s_[138:146, 40:160]
    kept, mixed = (
        abs(found(original, synced, **given).field.luma[inside].mean() + 2) for given in ({"painted": painted}, {})
    )
    assert kept < 0.03
    assert mixed > 0.05


def test_trust_follows_the_local_tolerance() -> None:
    original = skin()
    synced = original.copy()
    synced[..., 0] += 2.5 * cv2.GaussianBlur(np.random.default_rng(5).normal(0, 1, (SIZE, SIZE)), (0, 0), 6) * 20
    strict_left = np.full((10, 10), 4, np.float32)
    strict_left[:, :5] = 1.5
    trust = found(original, synced, tolerance=strict_left, method="still", field=False).trust
    even = found(original, synced, tolerance=np.full((10, 10), 4, np.float32), method="still", field=False).trust
    np.testing.assert_allclose(trust[:, 120:], even[:, 120:], atol=1e-6)
    assert trust[:, :80].mean() < even[:, :80].mean() - 0.1


@pytest.mark.parametrize(("px", "made"), [(0.02, 0.0), (0.3, 0.3)])
def test_shift_within_the_error_of_the_estimate_is_not_made(px: float, made: float) -> None:
    original = skin()
    moved = shifted(original, np.array([px, 0.0]))
    got = found(original, moved).shift
    assert got[0] == pytest.approx(-made, abs=0.1 if made else 1e-9)


def test_different_colour_of_equal_brightness_is_not_trusted() -> None:
    original = skin()
    synced = original.copy()
    synced[110:150, 80:120] += np.array([0, -14, 14], np.float32)  # the sum of both is 0
    result = found(original, synced)
    assert result.trust[122:138, 92:108].max() < 0.05
    assert result.trust[30:80].mean() > 0.99


def test_strong_cast_of_the_replaced_part_is_undone() -> None:
    original = skin()
    synced = original.copy()
    synced[130:] += np.array([-14, 0, 0], np.float32)
    replaced = np.zeros((SIZE, SIZE), bool)
    replaced[130:] = True
    result = found(original, synced, replaced=replaced)
    assert result.field.luma[160:190, 40:160].mean() == pytest.approx(14, abs=1)
    assert result.trust[160:190, 40:160].mean() > 0.95


def test_field_follows_a_varying_cast() -> None:
    original = skin()
    column = np.arange(SIZE, dtype=np.float32)
    for period, share in ((120, 0.80), (60, 0.41)):  # exp(-(2 pi 0.08 w / period)^2 / 2)
        wave = np.sin(2 * np.pi * column / period)
        synced = original + np.float32(2) * wave[None, :, None] * np.array([1, 0, 0], np.float32)
        result = found(original, synced)
        inside = result.field.luma[80:180, 40:160]
        fitted = float((inside * -wave[40:160]).mean() / (wave[40:160] ** 2).mean())
        assert fitted == pytest.approx(2 * share, abs=0.25)
        if period == 120:
            assert inner(result.trust).mean() > 0.93


def test_resampling_repeats_border_pixels() -> None:
    even = np.full((30, 40, 3), 90, np.float32)
    flow = np.full((30, 40, 2), 7.5, np.float32)
    for moved in (shifted(even, np.array([6.3, -4.2])), warped(even, flow), warped(even, -flow)):
        np.testing.assert_allclose(moved, even, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(2, 2), (2, 100), (100, 2), (9, 100), (12, 100), (15, 140), (9, 9)])
def test_face_at_the_edge_of_the_picture_is_registered(size: tuple[int, int]) -> None:
    """OpenCV's flow refuses pictures of less than 12 pixels, and crashes on some of less than 16."""
    code = (
        "import sys, numpy as np; from lipblend.stages.registration.flow import dense_flow\n"
        "size = tuple(map(int, sys.argv[1:]))\n"
        "plane = np.random.default_rng(0).uniform(0, 255, size).astype(np.float32)\n"
        "flow = dense_flow(plane, plane, plane >= 0); assert flow.shape == (*size, 2) and not flow.any()"
    )
    ran = subprocess.run([sys.executable, "-c", code, *map(str, size)], capture_output=True, text=True, timeout=HANG_S)
    assert ran.returncode == 0, ran.stderr


def test_golden_registration() -> None:
    original = skin()
    synced = cv2.GaussianBlur(shifted(warped(original, jaw_flow(4.0)), np.array([0.7, -0.4])), (0, 0), 1.0)
    cv2.circle(synced, (100, 130), 20, (45, 125, 140), -1)
    result = found(original, synced + np.array([-5, 2, 3], np.float32))
    low = result.flow.down[165:185, 40:160].mean()
    numbers = [*result.shift, low, inner(result.trust).mean(), *inner(result.field.whole()).mean((0, 1))]
    assert numbers == pytest.approx(GOLDEN, abs=0.12)


GOLDEN = [-0.7, 0.4, -4.0, 0.9, 5.0, -2.0, -3.0]
