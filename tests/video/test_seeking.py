"""A time window read by seeking has the frames of forward reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipblend.video.ordered import frames_at
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from lipblend.video.seeking import WindowReader
from tests.small_videos import write_frames

COUNT = 140
KINDS = {
    "open.mp4": {"g": "30", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"},
    "open.ts": {"g": "30", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"},
    "open.mkv": {"g": "30", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"},
    "one-gop.mp4": {"g": "1000", "bf": "3", "sc_threshold": "0"},
}


def picture(index: int) -> np.ndarray:
    image = np.full((48, 64, 3), 60 + index, np.uint8)
    image[10:30, index % 40 : index % 40 + 20] = np.random.default_rng(index // 5).integers(0, 255, (20, 20, 3))
    return image


@pytest.fixture(scope="module", params=KINDS)
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    path: Path = tmp_path_factory.mktemp("window") / request.param
    write_frames(path, map(picture, range(COUNT)), KINDS[request.param])
    info = probe(path)
    with VideoReader(info) as reader:
        whole = [(frame.pts, frame.duration, frame.planes[0].copy()) for frame in reader]
    return info, whole


@pytest.mark.parametrize(("start", "stop"), [(0, 12), (29, 30), (31, 70), (100, 139), (77, 77)])
def test_the_frames_are_those_of_forward_reading(clip, start: int, stop: int) -> None:
    info, whole = clip
    with WindowReader(info, whole[start][0], whole[stop][0]) as reader:
        found = [(frame.index, frame.pts, frame.duration, frame.planes[0].copy()) for frame in reader]
    assert [index for index, *_ in found] == list(range(stop - start + 1))
    for (_, pts, duration, luma), expected in zip(found, whole[start : stop + 1], strict=True):
        assert (pts, duration) == expected[:2]
        np.testing.assert_array_equal(luma, expected[2])
    assert (reader.unplaced, reader.bumped_pts, reader.corrupt_packets) == (0, 0, 0)


def test_bounds_between_frames_select_the_frames_within(clip) -> None:
    info, whole = clip
    step = whole[1][0] - whole[0][0]
    if step < 2:
        pytest.skip("this clock has no time between two frames")
    with WindowReader(info, whole[40][0] + 1, whole[44][0] - 1) as reader:
        assert [frame.pts for frame in reader] == [pts for pts, *_ in whole[41:44]]


def test_a_window_beyond_the_end_is_empty(clip) -> None:
    info, whole = clip
    step = whole[1][0] - whole[0][0]
    with WindowReader(info, whole[-1][0] + 5 * step, whole[-1][0] + 50 * step) as reader:
        assert list(reader) == []


def test_frames_of_a_window_in_any_order(clip) -> None:
    info, whole = clip
    pts = [stamp for stamp, *_ in whole[60:100]]
    wanted = [5, 6, 39, 2, 2, 0]
    found = list(frames_at(info, pts, wanted, exact=True, window=True))
    assert [frame.index for frame in found] == wanted
    for index, frame in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(frame.planes[0], whole[60 + index][2])


def test_unreferenced_pictures_before_a_window_are_skipped(clip, monkeypatch: pytest.MonkeyPatch) -> None:
    info, whole = clip
    stamps: list[int] = []
    decoded = VideoReader._decoded

    def spy(self: VideoReader, container: object, stream: object):
        for picture in decoded(self, container, stream):  # type: ignore[arg-type]
            stamps.append(picture.pts - self._origin)
            yield picture

    monkeypatch.setattr(VideoReader, "_decoded", spy)
    with WindowReader(info, whole[59][0], whole[60][0]) as reader:
        assert [frame.pts for frame in reader] == [pts for pts, *_ in whole[59:61]]
    before = sum(min(stamps) <= pts < whole[59][0] for pts, *_ in whole)
    early = sum(stamp < whole[59][0] for stamp in stamps)
    assert 1 <= early < before
