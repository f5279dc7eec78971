"""The frame map and the mapping found together, and the notes about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from small_films import film, generated, thumbs

from lipblend.errors import InputMismatchError
from lipblend.pairing import alignment
from lipblend.pairing.alignment import Alignment, align, alignment_notes
from lipblend.pairing.scan import Scan
from lipblend.settings import PairSettings

SIZE = (960, 540)
N = 80


def scan_of(pictures: np.ndarray, rate: float = 25, *, size: tuple[int, int] = SIZE, start_s: float = 0.0) -> Scan:
    info = SimpleNamespace(
        upright_width=size[0], upright_height=size[1], upright_size=size, path=Path("clip.mp4"), places=None
    )
    scan = Scan(info)  # type: ignore[arg-type]
    scan.thumbs = list(thumbs(pictures))
    scan.pts = list(range(len(pictures)))
    scan.times_s = [start_s + index / rate for index in range(len(pictures))]
    scan.durations, scan.faces = [1] * len(pictures), [()] * len(pictures)
    return scan


@pytest.fixture(scope="module")
def moving() -> np.ndarray:
    return film(N, 2, size=(96, 54), step_px=0.7)


@pytest.fixture(autouse=True)
def no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The films exist as small pictures only."""
    monkeypatch.setattr(alignment, "refine_on_frames", lambda original, synced, pairs, mapping: mapping)


def aligned(
    pictures: np.ndarray, source: Sequence[int] | np.ndarray, rate: float = 25, **pair: object
) -> tuple[Alignment, str]:
    original, synced = scan_of(pictures), scan_of(generated(pictures, source), rate)
    got = align(original, synced, PairSettings.model_validate(pair))
    return got, "; ".join(alignment_notes(got, original.info, synced.info))


def test_identity_has_no_notes(moving: np.ndarray) -> None:
    got, notes = aligned(moving, range(N))
    assert got.mapping.is_identity
    assert got.timeline.follows == "original"
    assert got.pairing.source.tolist() == list(range(N))
    assert got.likeness > 0.9
    assert notes == ""


@pytest.mark.parametrize(
    ("source", "rate", "follows", "says"),
    [
        (range(20, N), 25, "original", "the synced video starts 0.800 s after the start of the original"),
        ([*range(60), *range(58, -1, -1)], 25, "synced", "synced frames that play the original backward: 59"),
        ([*range(N), *range(20)], 25, "synced", "places where the synced video jumps within the original: 1"),
        (range(N), 30, "synced", "its picture runs 1.2000 times as fast as the original's"),
        ([*range(40), 39, *range(40, N - 1)], 25, "original", "synced frames that repeat the previous one: 1"),
        ([*range(40), *range(41, N)], 25, "original", "original frames that the synced video skips: 1"),
    ],
)
def test_findings_are_noted(moving: np.ndarray, source: Sequence[int], rate: float, follows: str, says: str) -> None:
    got, notes = aligned(moving, source, rate)
    assert got.timeline.follows == follows
    assert got.pairing.source.tolist() == list(source)
    assert says in notes
    assert ("the generator re-timed the picture" in notes) == (follows == "synced")


@pytest.mark.slow
def test_a_requested_timeline_is_noted(moving: np.ndarray) -> None:
    assert "follows the synced video's timeline (as requested)" in aligned(moving, range(N), timeline="synced")[1]
    turned = [*range(40), *range(38, -1, -1)]
    assert "the original's timeline, as requested" in aligned(moving, turned, timeline="original")[1]


def test_lost_frames_under_a_moving_camera_do_not_change_the_mapping() -> None:
    # By time the pairs show other moments, under which a mapping that is a little off looks better than none.
    pictures = film(N, 5, size=(96, 54), step_px=0.7)
    whole = np.stack([np.roll(picture, 2 * index // 5, 1) for index, picture in enumerate(pictures)])
    source = np.delete(np.arange(N), np.arange(4, N, 9))
    got, _ = aligned(whole, source)
    assert got.mapping.is_identity
    np.testing.assert_array_equal(got.pairing.source, source)


@pytest.mark.parametrize("late", [0, 15])
def test_a_padded_frame_is_found_whatever_the_offset(moving: np.ndarray, late: int) -> None:
    synced = generated(moving, range(late, N))
    tall = np.stack([cv2.resize(np.pad(picture, ((21, 21), (0, 0))), (72, 72)) for picture in synced])
    original, synced = scan_of(moving), scan_of(tall, size=(960, 960))
    got = align(original, synced, PairSettings())
    assert got.pairing.source.tolist() == list(range(late, N))
    assert (got.mapping.scale_x, got.mapping.shift_y) == pytest.approx((1, 210), abs=12)
    assert "the synced frame (960x960) shows x" in "; ".join(alignment_notes(got, original.info, synced.info))


@pytest.mark.slow(6)
@pytest.mark.parametrize("size", [(960, 540), (540, 960), (960, 960)])
def test_another_scene_is_refused(moving: np.ndarray, size: tuple[int, int]) -> None:
    shape = (96, 54) if size[0] > size[1] else (54, 96) if size[0] < size[1] else (72, 72)
    synced = scan_of(film(N, 77, size=shape), size=size)
    with pytest.raises(InputMismatchError, match="different scenes") as caught:
        align(scan_of(moving), synced, PairSettings())
    assert caught.value.exit_code == 4
    assert caught.value.details


def test_an_offset_beyond_either_end_is_refused(moving: np.ndarray) -> None:
    for method in ("time", "index"):
        with pytest.raises(InputMismatchError, match="do not overlap in time"):
            aligned(moving, range(N), offset_s=99, method=method)


def test_by_index_and_by_time_ignore_the_picture(moving: np.ndarray) -> None:
    got, _ = aligned(moving, range(3, N), method="index")
    assert got.pairing.source.tolist() == list(range(N - 3))
    got, _ = aligned(moving, range(N), 50, method="time")
    assert np.abs(got.pairing.source - np.arange(N) / 2).max() <= 0.5


@pytest.mark.slow(2)
def test_one_video_much_longer_than_the_other(moving: np.ndarray) -> None:
    long = film(2500, 9, size=(32, 18), step_px=0.7)
    original, synced = scan_of(long), scan_of(generated(long, range(1200, 1240), noise=0.5))
    assert align(original, synced, PairSettings()).pairing.source.tolist() == list(range(1200, 1240))
    cut = align(synced, scan_of(long[1200:3000]), PairSettings())
    assert cut.timeline.follows == "original"
    assert cut.timeline.synced_index.tolist() == list(range(40))


@pytest.mark.parametrize(("original", "synced"), [(1, 1), (1, 2), (2, 1), (1, 30), (30, 1)])
def test_the_shortest_clips(moving: np.ndarray, original: int, synced: int) -> None:
    got = align(
        scan_of(moving[:original]), scan_of(generated(moving, np.arange(synced).clip(0, original - 1))), PairSettings()
    )
    assert len(got.timeline.original_index) >= 1
    assert (got.timeline.synced_index[0], got.timeline.original_index[0]) == (0, 0)


def test_black_clips_go_by_the_clock() -> None:
    black = np.zeros((30, 9, 16), np.uint8)
    got = align(scan_of(black, size=(16, 9)), scan_of(black, size=(16, 9)), PairSettings())
    assert got.pairing.source.tolist() == list(range(30))


def test_an_original_of_which_most_is_missing_keeps_the_frames_that_it_has() -> None:
    """The matches of the lost frames must not affect the offset between the two videos."""
    pictures = film(50, 0, size=(32, 18), step_px=0.1)
    noise = np.random.default_rng(0).normal(0, 1, pictures[:18].shape)
    got = align(scan_of(pictures[:18] + noise), scan_of(generated(pictures, range(50), noise=0.5)), PairSettings())
    np.testing.assert_array_equal(got.pairing.source, [*range(18), *[-1] * 32])


@pytest.mark.slow
@pytest.mark.parametrize(("cut_start", "cut_end"), [(25, 0), (0, 25), (15, 15)])
def test_frames_that_a_cut_original_does_not_hold_are_left_out(
    moving: np.ndarray, cut_start: int, cut_end: int
) -> None:
    original, synced = scan_of(moving[cut_start : N - cut_end]), scan_of(generated(moving, range(N)))
    got = align(original, synced, PairSettings())
    wanted = np.arange(N) - cut_start
    wanted[(wanted < 0) | (wanted >= N - cut_end - cut_start)] = -1
    np.testing.assert_array_equal(got.pairing.source, wanted)
    assert got.timeline.follows == "original"
    assert (got.pairing.before, got.pairing.after) == (cut_start, cut_end)
    assert "the original does not contain them" in "; ".join(alignment_notes(got, original.info, synced.info))


@pytest.mark.slow
@pytest.mark.parametrize("late", [25, 60])
@pytest.mark.parametrize("pan_px", [0.25, 0.5, 1.0])
def test_a_late_start_under_a_moving_camera(late: int, pan_px: float) -> None:
    wide = film(1, 3, size=(400, 54), step_px=0)[0]
    heads = film(160, 4, size=(96, 54), step_px=0.5)
    places = [int(8 * pan_px * frame) for frame in range(160)]
    big = cv2.resize(wide, (3200, 54), interpolation=cv2.INTER_CUBIC)
    views = [cv2.resize(big[:, at : at + 768], (96, 54), interpolation=cv2.INTER_AREA) for at in places]
    pictures = np.stack([view // 2 + head // 2 for view, head in zip(views, heads, strict=True)])
    got, _ = aligned(pictures, range(late, 160))
    assert got.mapping.is_identity
    np.testing.assert_array_equal(got.pairing.source, np.arange(late, 160))


@pytest.mark.slow
@pytest.mark.parametrize("shift_px", [0.3, 1.0])
def test_a_frame_of_the_same_size_that_lies_a_little_off(moving: np.ndarray, shift_px: float) -> None:
    turn = np.array([[1, 0, shift_px], [0, 1, shift_px]])
    synced = np.stack(
        [cv2.warpAffine(p, turn, (96, 54), borderMode=cv2.BORDER_REPLICATE) for p in generated(moving, range(N))]
    )
    got = align(scan_of(moving), scan_of(synced), PairSettings())
    np.testing.assert_array_equal(got.pairing.source, np.arange(N))
    assert got.mapping.shift_x == pytest.approx(10 * shift_px, abs=1)
    assert got.timeline.follows == "original"


@pytest.mark.slow
def test_a_given_offset_is_obeyed(moving: np.ndarray) -> None:
    got, _ = aligned(moving, range(N), offset_s=1.6)  # it is 0
    assert got.pairing.source.tolist() == [*range(40, N), *[-1] * 40]
    with pytest.raises(InputMismatchError, match="do not overlap in time"):
        aligned(moving, range(N), offset_s=60.0)


def test_a_still_original_carries_any_number_of_frames() -> None:
    one = film(1, 9, size=(96, 54), step_px=0)
    got = align(scan_of(one), scan_of(generated(one, np.zeros(20, int))), PairSettings())
    assert got.pairing.source.tolist() == [0] * 20


def test_messages_and_documentation_speak_of_one_likeness(moving: np.ndarray) -> None:
    text = " ".join((Path(__file__).parents[2] / "docs" / "inputs.md").read_text(encoding="utf-8").split())
    assert f"a likeness of at least {alignment._MIN_LIKENESS} " in text
    assert alignment.TYPICAL_LIKENESS in text
    got, _ = aligned(moving, range(N))
    info = scan_of(moving).info
    notes = "; ".join(alignment_notes(replace(got, likeness=0.8), info, info))
    assert f"the likeness of matching frames is low (0.80; {alignment.TYPICAL_LIKENESS})" in notes
