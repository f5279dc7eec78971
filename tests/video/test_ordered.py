"""Frames in any order are the frames of forward reading."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lipblend.errors import InputError
from lipblend.video import ordered
from lipblend.video.info import VideoInfo
from lipblend.video.ordered import frames_at
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from tests.small_videos import write_frames

COUNT = 400
CLIPS = ("open.mp4", "open.mkv", "open.ts", "closed.mp4", "one-gop.mp4")


def picture(index: int) -> np.ndarray:
    """(48, 64, 3) uint8: the index in black and white blocks, and something that moves, for the decoder to predict."""
    out = np.full((48, 64, 3), 90 + index % 50, np.uint8)
    for bit in range(9):
        out[0:16, 7 * bit : 7 * bit + 7] = 255 * (index >> bit & 1)
    x = 2 * index % 48
    out[24:40, x : x + 16] = np.random.default_rng(index // 7).integers(0, 255, (16, 16, 3))
    return out


def index_in(luma: np.ndarray) -> int:
    return sum(int(luma[4:12, 7 * bit + 2 : 7 * bit + 5].mean() > 128) << bit for bit in range(9))


def write(path: Path, count: int, options: dict[str, str], *, step: int = 1) -> Path:
    return write_frames(path, map(picture, range(count)), options, step=step)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[VideoInfo, list[int], list[list[np.ndarray]]]]:
    folder, out = tmp_path_factory.mktemp("ordered"), {}
    kinds = {
        "open": {"g": "60", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"},
        "closed": {"g": "25", "bf": "2"},
        "one-gop": {"g": "1000", "bf": "3", "sc_threshold": "0"},
    }
    for name in CLIPS:
        info = probe(write(folder / name, COUNT, kinds[name.split(".")[0]]))
        with VideoReader(info) as reader:
            frames = [(frame.pts, [plane.copy() for plane in frame.planes]) for frame in reader]
        out[name] = info, [pts for pts, _ in frames], [planes for _, planes in frames]
    return out


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Time stamps of all frames that were decoded."""
    seen: list[int] = []
    frames = VideoReader._frames

    def counted(self: VideoReader, container: object) -> Iterator[object]:
        for frame in frames(self, container):
            seen.append(frame.pts)
            yield frame

    monkeypatch.setattr(VideoReader, "_frames", counted)
    return seen


def assert_right(clip: tuple[VideoInfo, list[int], list[list[np.ndarray]]], wanted: list[int], *, exact: bool) -> None:
    info, pts, planes = clip
    got = 0
    for index, frame in zip(wanted, frames_at(info, pts, wanted, exact=exact), strict=True):
        assert (frame.index, frame.pts) == (index, pts[index])
        for plane, plain in zip(frame.planes, planes[index], strict=True):
            np.testing.assert_array_equal(plane, plain)
        got += 1
    assert got == len(wanted)


def test_the_clips_encode_their_frame_numbers(clips) -> None:
    for _, pts, planes in clips.values():
        assert len(pts) == COUNT
        assert [index_in(frame[0]) for frame in planes] == list(range(COUNT))


@pytest.mark.parametrize("name", CLIPS)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    wanted=st.lists(
        st.one_of(
            st.integers(0, COUNT - 1).map(lambda index: [index]),
            st.tuples(st.integers(0, COUNT - 30), st.integers(2, 29)).map(lambda run: [*range(run[0], sum(run))]),
            st.tuples(st.integers(0, COUNT - 30), st.integers(2, 29)).map(lambda run: [*range(run[0], sum(run))][::-1]),
            st.tuples(st.integers(0, COUNT - 1), st.integers(2, 4)).map(lambda run: [run[0]] * run[1]),
        ),
        max_size=6,
    ).map(lambda runs: list(itertools.chain.from_iterable(runs)))
)
def test_any_order_gives_the_frames_of_forward_reading(clips, name: str, wanted: list[int]) -> None:
    assert_right(clips[name], wanted, exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_far_jumps_ahead_and_back(clips, name: str) -> None:
    assert_right(clips[name], [0, 399, 1, 250, 251, 160, 398, 151, 152, 330, 170, 0], exact=True)


def test_a_repeat_is_a_copy_that_may_be_written_to(clips) -> None:
    info, pts, planes = clips["closed.mp4"]
    for number, frame in enumerate(frames_at(info, pts, [7, 7, 7, 8, 8, 7], exact=True)):
        index = [7, 7, 7, 8, 8, 7][number]
        out = frame.writable()
        np.testing.assert_array_equal(out.planes[0], planes[index][0])
        for plane in out.planes:
            plane[...] = number


@pytest.mark.slow
def test_forward_and_backward_play_decodes_a_bounded_number_of_frames(clips, decoded: list[int]) -> None:
    wanted = [*range(COUNT), *range(COUNT - 2, -1, -1), *range(1, 50)]
    assert_right(clips["closed.mp4"], wanted, exact=True)
    # Each block of 24 backward starts at most 25 + 16 frames early; blocks within the first 150 frames read from 0.
    assert len(decoded) < 6 * COUNT
    decoded.clear()
    assert_right(clips["closed.mp4"], list(range(COUNT)), exact=True)
    assert len(decoded) <= COUNT


def test_a_far_jump_is_sought_and_a_near_one_is_read_through(clips, decoded: list[int]) -> None:
    assert_right(clips["closed.mp4"], [0, 395], exact=True)
    assert len(decoded) < 60
    decoded.clear()
    assert_right(clips["closed.mp4"], [200, 300, 350], exact=True)
    assert len(decoded) < 220


def test_inexact_stamps_read_from_the_start_again(clips, decoded: list[int]) -> None:
    assert_right(clips["closed.mp4"], [300, 290], exact=False)
    assert len(decoded) >= 300
    assert decoded.count(0) == 1
    decoded.clear()
    assert_right(clips["closed.mp4"], [300, 100], exact=False)
    assert decoded.count(0) == 2


def test_backward_play_holds_a_bounded_number_of_frames(clips, monkeypatch: pytest.MonkeyPatch) -> None:
    info, pts, _ = clips["closed.mp4"]
    longest: list[int] = []
    plan = ordered._descending

    def watched(runs: list[tuple[int, int]], place: int) -> list[tuple[int, int]]:
        block = plan(runs, place)
        longest.append(len(block))
        return block

    monkeypatch.setattr(ordered, "_descending", watched)
    for _ in frames_at(info, pts, range(120, -1, -1), exact=True):
        pass
    assert max(longest) <= ordered._MAX_BLOCK
    assert sum(longest) == 121


def test_no_frames_requested_reads_nothing(clips, decoded: list[int]) -> None:
    info, pts, _ = clips["closed.mp4"]
    assert list(frames_at(info, pts, [], exact=True)) == []
    assert decoded == []


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [[20], [0, 20], [380], [20, 5]])
@pytest.mark.parametrize("change", ["other stamps", "shorter", "gone"])
def test_a_file_that_changed_ends_in_an_error(tmp_path: Path, change: str, wanted: list[int]) -> None:
    path = write(tmp_path / "clip.mp4", COUNT, {"g": "25"})
    info = probe(path)
    with VideoReader(info) as reader:
        pts = [frame.pts for frame in reader]
    if change == "gone":
        path.unlink()
    elif change == "shorter":
        write(path, 20, {"g": "25"})
    else:
        write(path, COUNT, {"g": "25"}, step=2)
    with pytest.raises(InputError) as caught:
        list(frames_at(info, pts, wanted, exact=True))
    assert change == "gone" or "changed while" in caught.value.message
