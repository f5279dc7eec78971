"""Pairs whose frames do not go one to one, end to end: what is found, what is reported, what comes out."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from retimed import (
    COUNT,
    NTSC,
    RATE,
    SIZE,
    Material,
    Outcome,
    assert_follows_original,
    assert_follows_synced,
    composite_pair,
    every,
    read,
    write,
)

from lipblend.errors import InputMismatchError
from lipblend.selfcheck.sample_scene import Scene
from lipblend.selfcheck.sample_speech import make_speech
from lipblend.settings import Settings

REAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "real"


@pytest.fixture(scope="module")
def material() -> Material:
    scene, heard, new = Scene(COUNT, SIZE, 4), make_speech(COUNT, 4), make_speech(COUNT, 5)
    return Material(
        [scene.footage(index, heard) for index in range(COUNT)],
        [scene.generated(index, heard, new) for index in range(COUNT)],
        [scene.footage(index, new) for index in range(COUNT)],
        [scene.patch_box(index) for index in range(COUNT)],
    )


@pytest.fixture
def run(material: Material, tmp_path: Path) -> Callable[..., Outcome]:
    return partial(composite_pair, material, tmp_path)


ALL = list(range(COUNT))


SHORT = list(range(36))


@pytest.mark.slow(5)
@pytest.mark.parametrize(
    ("original_rate", "synced_rate"),
    [(RATE, NTSC), (Fraction(60), RATE), (RATE, Fraction(60))],
    ids=["25-29.97", "60-25", "25-60"],
)
def test_another_rate_by_time_follows_the_original(
    run: Callable[..., Outcome], original_rate: Fraction, synced_rate: Fraction
):
    # The original has every frame of the material; the synced video shows the one that is nearest in time.
    count = int(COUNT * synced_rate / original_rate)
    source = [min(round(index * original_rate / synced_rate), COUNT - 1) for index in range(count)]
    done = run(ALL, source, original_times=every(original_rate, COUNT), synced_times=every(synced_rate, count))
    assert_follows_original(done)
    found = done.result.pairing
    assert (found["in_step"], found["offset_s"], found["jumps"], found["backward"]) == (True, 0.0, 0, 0)
    assert found["drift"] == pytest.approx(0, abs=0.02)
    assert abs(found["repeated"] - sum(a == b for a, b in itertools.pairwise(source))) <= 2
    assert done.result.blended >= COUNT - 2
    if synced_rate >= original_rate:
        assert done.error_to_truth(ALL) < 0.5


@pytest.mark.slow(4)
def test_a_generators_other_rate_by_index_follows_the_synced_video(run: Callable[..., Outcome]) -> None:
    times = every(NTSC, len(SHORT))
    done = run(SHORT, SHORT, synced_times=times)
    assert_follows_synced(done, times, SHORT)
    assert done.result.pairing["drift"] == pytest.approx(float(NTSC / RATE) - 1, abs=1e-3)
    assert any("1.198" in note or "1.199" in note for note in done.result.notes)
    assert done.result.blended == len(SHORT)
    assert done.error_to_truth(SHORT) < 0.5


@pytest.mark.slow(4)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_rate_on_both_sides(run: Callable[..., Outcome], suffix: str) -> None:
    steps = [Fraction(n, 1000) for n in (33, 40, 67, 33, 100, 40)]
    times = [sum((steps[k % 6] for k in range(index)), Fraction(0)) for index in range(36)]
    done = run(SHORT, SHORT, original_times=times, synced_times=times, suffix=suffix)
    assert_follows_original(done)
    assert done.result.blended == len(SHORT)
    assert done.error_to_truth(SHORT) < 0.5


@pytest.mark.slow(3)
def test_a_variable_original_made_constant(run: Callable[..., Outcome]) -> None:
    times = [Fraction(index, 25) + (Fraction(1, 60) if index % 3 == 1 else 0) for index in range(36)]
    source = [int(np.argmin([abs(time - Fraction(j, 25)) for time in times])) for j in range(36)]
    done = run(SHORT, source, original_times=times)
    assert_follows_original(done)
    assert done.result.pairing["in_step"]
    assert done.error_to_truth(SHORT) < 0.5


@pytest.mark.slow(4)
def test_a_late_start_and_an_early_end(run: Callable[..., Outcome]) -> None:
    done = run(ALL, ALL[13:50])
    assert_follows_original(done)
    assert done.result.pairing["offset_s"] == pytest.approx(0.52, abs=0.005)
    assert (done.result.frames, done.result.blended) == (60, 37)
    assert done.result.passed_through == {"no synced frame": 23}
    notes = " ".join(done.result.notes)
    assert "starts 0.520 s after the start of the original" in notes
    assert "the first 13 frames have no synced picture" in notes
    assert "ends 10 of 60 frames before the original" in notes
    assert done.error_to_truth([-1] * 13 + ALL[13:50] + [-1] * 10) < 0.5
    for place in (0, 12, 50, 59):
        np.testing.assert_array_equal(done.out.luma[place], done.original.luma[place])


@pytest.mark.slow(4)
def test_trimmed_and_refused_tails(run: Callable[..., Outcome]) -> None:
    done = run(SHORT, SHORT[:24], tail="trim")
    assert done.result.frames == len(done.out.times) == 24
    assert done.out.times == done.original.times[:24]
    with pytest.raises(InputMismatchError, match="12 of 36"):
        run(SHORT, SHORT[:24], tail="error")


@pytest.mark.slow(5)
def test_lost_and_repeated_frames(run: Callable[..., Outcome]) -> None:
    source = [*range(0, 12), *range(13, 30), 29, *range(30, 48)]  # 12 lost, 29 twice: in step but for 18 frames
    done = run(ALL, source)
    assert_follows_original(done)
    assert (done.result.pairing["missing"], done.result.pairing["repeated"]) == (1, 1)
    notes = " ".join(done.result.notes)
    assert "synced frames that repeat the previous one: 1" in notes
    assert "original frames that the synced video skips: 1" in notes
    assert done.error_to_truth([*range(48), *[-1] * 12]) < 0.5


@pytest.mark.slow(4)
def test_there_and_back_fills_a_longer_sound(run: Callable[..., Outcome]) -> None:
    source = [*range(24), *range(22, -1, -1), *range(1, 10)]
    done = run(list(range(24)), source)
    assert_follows_synced(done, every(RATE, len(source)), source)
    assert done.result.pairing["backward"] == 23
    assert any("synced frames that play the original backward: 23" in note for note in done.result.notes)
    assert done.result.blended == len(source)
    assert done.error_to_truth(source) < 0.5
    assert done.result.duration_s == pytest.approx(len(source) / 25, abs=0.001)


@pytest.mark.thorough
def test_a_clip_that_starts_over_and_one_whose_pieces_are_joined(run: Callable[..., Outcome]) -> None:
    source = [*range(30), *range(20)]
    done = run(list(range(30)), source)
    assert_follows_synced(done, every(RATE, 50), source)
    assert done.result.pairing["jumps"] == 1
    assert any("places where the synced video jumps within the original: 1" in note for note in done.result.notes)
    source = [*range(18), *range(40, 58)]
    done = run(ALL, source)
    assert_follows_synced(done, every(RATE, 36), source)
    assert done.error_to_truth(source) < 0.5


@pytest.mark.slow(9)
def test_the_time_line_that_is_asked_for(run: Callable[..., Outcome]) -> None:
    source = [*range(24), *range(22, 12, -1)]
    done = run(list(range(24)), source, timeline="original")
    assert_follows_original(done)
    assert any("is not in step with it" in note for note in done.result.notes)
    assert done.error_to_truth(list(range(24))) < 0.5
    done = run(SHORT, SHORT[6:], timeline="synced")
    assert_follows_synced(done, every(RATE, 30), SHORT[6:])


@pytest.mark.slow(7)
def test_an_offset_that_is_given(run: Callable[..., Outcome]) -> None:
    done = run(SHORT, SHORT[8:], offset_s=0.32)
    assert_follows_original(done)
    assert done.result.pairing["offset_s"] == 0.32
    assert done.result.blended == 28
    with pytest.raises(InputMismatchError, match="do not overlap in time"):
        run(SHORT, SHORT[8:], offset_s=500.0, method="time")


@pytest.mark.slow(3)
@pytest.mark.parametrize("method", ["time", "index"])
def test_by_clock_or_by_count(run: Callable[..., Outcome], method: str) -> None:
    # Made by index and shown faster: the count is right, the clock wrong by up to 6 frames.
    times = every(NTSC, 36)
    done = run(SHORT, SHORT, synced_times=times, method=method)
    if method == "index":
        assert_follows_synced(done, times, SHORT)
        assert done.error_to_truth(SHORT) < 0.5
    else:
        assert_follows_original(done)
        assert done.result.pairing["in_step"]


@pytest.mark.slow(4)
def test_both_start_somewhere_else_on_their_clocks(run: Callable[..., Outcome]) -> None:
    start = Fraction(7, 5)
    done = run(SHORT, SHORT, original_times=every(RATE, 36, start), suffix="mkv")
    assert_follows_original(done)
    assert done.out.times[0] == pytest.approx(1.4)
    assert done.result.pairing["offset_s"] == 0.0
    assert done.result.blended == 36


def padded(picture: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(picture, 0, 0, 36, 36, cv2.BORDER_CONSTANT)


FRAMINGS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], tuple[float, float, float, float]]] = {
    "enlarged": (lambda p: cv2.resize(p, (432, 432), interpolation=cv2.INTER_CUBIC), (1.5, 1.5, 0, 0)),
    "scaled": (lambda p: cv2.resize(p, (216, 216), interpolation=cv2.INTER_AREA), (0.75, 0.75, 0, 0)),
    "other aspect": (lambda p: cv2.resize(p, (360, 288), interpolation=cv2.INTER_CUBIC), (1.25, 1, 0, 0)),
    "padded": (padded, (1, 1, 36, 0)),
    "cropped": (lambda p: p[:, 32:256], (1, 1, -32, 0)),
}


@pytest.mark.slow(4)
@pytest.mark.parametrize("name", FRAMINGS)
def test_another_size_or_shape_is_composed_at_the_originals_size(run: Callable[..., Outcome], name: str) -> None:
    frame, wanted = FRAMINGS[name]
    done = run(SHORT[:20], SHORT[4:20], frame=frame)
    assert_follows_original(done)
    found = done.result.pairing["mapping"]
    got = np.array([found[key] for key in ("scale_x", "scale_y", "shift_x", "shift_y")])
    corners = np.array([[0, 0], [SIZE, SIZE]])
    apart = (corners * got[:2] + got[2:]) - (corners * wanted[:2] + np.array(wanted[2:]))
    assert np.abs(apart).max() < 0.3
    assert (done.result.width, done.result.height) == (SIZE, SIZE)
    assert done.result.pairing["offset_s"] == pytest.approx(0.16, abs=0.005)
    assert done.result.blended == 16
    assert any(f"({SIZE}x{SIZE})" in note and "scaled" in note for note in done.result.notes)
    assert done.error_to_truth([-1] * 4 + SHORT[4:20]) < 0.6


@pytest.mark.slow(3)
@pytest.mark.parametrize("shape", [(288, 288), (160, 320)], ids=["same size", "other size"])
def test_another_scene_is_refused(tmp_path: Path, material: Material, shape: tuple[int, int]) -> None:
    from lipblend import composite

    original = write(tmp_path / "original.mp4", material.original[:12], every(RATE, 12), tone_hz=None)
    rng = np.random.default_rng(1)
    other = cv2.resize(rng.integers(0, 255, (20, 20, 3)).astype(np.uint8), shape, interpolation=cv2.INTER_CUBIC)
    synced = write(
        tmp_path / "synced.mp4", [np.roll(other, 3 * n, 1) for n in range(12)], every(RATE, 12), tone_hz=None
    )
    with pytest.raises(InputMismatchError, match="different scenes") as caught:
        composite(original, synced, tmp_path / "out.mp4", settings=Settings())
    assert caught.value.exit_code == 4
    assert caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["original.mp4", "synced.mp4"]


@pytest.mark.slow
@pytest.mark.parametrize(("originals", "synced"), [(1, 1), (2, 1), (1, 3), (2, 2), (12, 1)])
def test_clips_of_a_frame_or_two(run: Callable[..., Outcome], originals: int, synced: int) -> None:
    done = run(ALL[:originals], [min(index, originals - 1) for index in range(synced)])
    assert done.result.frames == len(done.out.times)
    assert done.result.blended >= 1
    assert set(done.originals_shown()) <= set(range(originals))


def real(name: str, tmp_path: Path):
    """Composite a published pair, fast."""
    from lipblend import composite

    original, synced = REAL / name / "orig.mp4", REAL / name / "synced.mp4"
    if not synced.exists():
        pytest.skip(f"{name} is not at hand")
    groups = {"encode": {"preset": "ultrafast"}}
    return composite(original, synced, tmp_path / "out.mp4", settings=Settings.model_validate(groups))


@pytest.mark.slow(12)
@pytest.mark.thorough
def test_a_real_pair_that_the_generator_re_timed(tmp_path: Path) -> None:
    done = real("wav2lip_huyvux_fps30", tmp_path)
    assert (done.timeline, done.audio) == ("synced", "synced")
    assert (done.frames, done.pairing["jumps"]) == (147, 1)
    assert (done.pairing["repeated"], done.pairing["missing"], done.pairing["backward"]) == (0, 0, 0)
    assert done.pairing["drift"] == pytest.approx(30 / 22.13 - 1, abs=0.002)
    assert read(tmp_path / "out.mp4").times == read(REAL / "wav2lip_huyvux_fps30" / "synced.mp4").times
