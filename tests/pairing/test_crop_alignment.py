"""Which frames of a record a synced crop shows, and of the original."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lipblend.errors import InputMismatchError
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.crop_alignment import check_length, crop_frames, found_shift, mappings_of, shifted, sources
from lipblend.pairing.timeline import Clock
from lipblend.picture.crop_places import CropPlaces
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.frame_mappings import FrameMappings

SIDE = 200


def places(frames: int, *, rate: float | None = 25.0, source_rate: float = 25.0, step: float = 0.0) -> CropPlaces:
    matrices = np.tile([[0.5, 0.0, -10.0], [0.0, 0.5, -20.0]], (frames, 1, 1))
    matrices[:, 0, 2] -= step * np.arange(frames)
    times_s = np.arange(frames) / (rate or 25.0)
    source = np.rint(times_s * source_rate).astype(np.int64)
    return CropPlaces(source, source / source_rate, matrices, (SIDE, SIDE), rate, np.ones(frames, bool), "")


def scan(
    frames: int, rate: float, *, faces: list[Any] | None = None, first_s: float = 0.0, window: bool = False
) -> Any:
    clock = Clock(first_s + np.arange(frames) / rate, 0.0 if window else None)
    info = SimpleNamespace(path=Path("a.mp4"), upright_size=(SIDE, SIDE))
    return SimpleNamespace(
        clock=lambda: clock, window_pts=(0, 1) if window else None, faces=faces or [()] * frames, info=info,
        __len__=lambda: frames, length=frames,
    )  # fmt: skip


class Scans:
    """A scan as far as the alignment uses it."""

    def __init__(self, frames: int, rate: float, **more: Any) -> None:
        made = scan(frames, rate, **more)
        self.clock, self.window_pts, self.faces, self.info = made.clock, made.window_pts, made.faces, made.info
        self._frames = frames

    def __len__(self) -> int:
        return self._frames


def test_at_the_records_rate_frames_are_counted() -> None:
    clock = Clock(np.arange(1000) / 24.97)  # a rate that is a little off would drift by a frame in 40 s
    assert crop_frames(clock, places(1000), 0.0).tolist() == list(range(1000))


def test_at_another_rate_frames_go_by_time() -> None:
    found = crop_frames(Clock(np.arange(60) / 30), places(50), 0.0)
    assert found[[0, 6, 12, 30]].tolist() == [0, 5, 10, 25]
    assert found[-1] == 49


def test_frames_beyond_the_record_have_none() -> None:
    assert crop_frames(Clock(np.arange(5) / 25), places(3), 0.0).tolist() == [0, 1, 2, -1, -1]
    assert crop_frames(Clock(np.arange(5) / 25), places(9), -0.08).tolist() == [-1, -1, 0, 1, 2]


def test_a_window_counts_from_the_start_of_the_crop() -> None:
    clock = Clock(2.0 + np.arange(4) / 25, 0.0)
    assert crop_frames(clock, places(100), 0.0).tolist() == [50, 51, 52, 53]


def test_the_record_names_the_original_frames() -> None:
    original, synced = Scans(60, 30), Scans(50, 25)
    made = places(50, source_rate=30)
    assert sources(original, synced, made, np.arange(50)).tolist() == made.source_index.tolist()  # type: ignore[arg-type]
    assert sources(original, synced, made, np.array([-1, 3])).tolist() == [-1, 4]  # type: ignore[arg-type]


def test_without_times_frames_are_counted_at_the_crops_rate() -> None:
    bare = replace(places(50), times_s=None, rate=None)
    same = sources(Scans(50, 25), Scans(50, 25), bare, np.arange(50))  # type: ignore[arg-type]
    assert same.tolist() == list(range(50))
    faster = sources(Scans(60, 30), Scans(50, 25), bare, np.arange(50))  # type: ignore[arg-type]
    assert faster[[0, 5, 10, 45]].tolist() == [0, 6, 12, 54]


def test_in_a_window_the_original_goes_by_time() -> None:
    original = Scans(20, 25, first_s=1.0, window=True)
    found = sources(original, Scans(20, 25), places(100), np.arange(20, 45))  # type: ignore[arg-type]
    assert found.tolist() == [-1] * 5 + list(range(20))


def test_a_crop_that_is_longer_than_its_record_is_refused() -> None:
    with pytest.raises(InputMismatchError, match="has 60 frames, and its record 50"):
        check_length(Scans(100, 25), Scans(60, 25), places(50))  # type: ignore[arg-type]
    check_length(Scans(100, 25), Scans(51, 25), places(50))  # type: ignore[arg-type]
    check_length(Scans(100, 25), Scans(60, 30), places(50))  # type: ignore[arg-type]
    check_length(Scans(100, 25), Scans(30, 25), places(50))  # type: ignore[arg-type]


def test_a_record_of_more_frames_than_the_original_has_is_refused() -> None:
    with pytest.raises(InputMismatchError, match="names frame 49 of the original, which has 40"):
        check_length(Scans(40, 25), Scans(50, 25), places(50))  # type: ignore[arg-type]


def test_frames_without_a_face_may_have_been_skipped() -> None:
    made = places(10)
    made.present[3:6] = False
    assert check_length(Scans(100, 25), Scans(7, 25), made).source_index.tolist() == [0, 1, 2, 6, 7, 8, 9]  # type: ignore[arg-type]
    assert len(check_length(Scans(100, 25), Scans(10, 25), made)) == 10  # type: ignore[arg-type]


def test_skipped_frames_without_times_keep_their_originals() -> None:
    made = replace(places(20), times_s=None, rate=None)
    made.present[5:8] = False
    short = check_length(Scans(100, 25), Scans(17, 25), made)  # type: ignore[arg-type]
    found = sources(Scans(20, 25), Scans(17, 25), short, np.arange(17))  # type: ignore[arg-type]
    assert found.tolist() == [*range(5), *range(8, 20)]


def test_a_part_does_not_tell_whether_frames_were_skipped() -> None:
    made = places(20)
    made.present[3] = False
    with pytest.raises(InputMismatchError, match="only the whole crop"):
        check_length(Scans(100, 25), Scans(10, 25, window=True), made)  # type: ignore[arg-type]


def test_frames_that_have_none_are_not_moved() -> None:
    assert shifted(np.array([-1, 0, 1, 48, 49, -1]), 2, places(50)).tolist() == [-1, 2, 3, -1, -1, -1]
    assert shifted(np.array([-1, 0, 1, 2]), -1, places(50)).tolist() == [-1, -1, 0, 1]


def test_frames_beyond_the_record_lie_where_the_nearest_do() -> None:
    made = mappings_of(places(5, step=1.0), np.array([-1, -1, 2, 3, 4, -1]), (SIDE, SIDE))
    assert [made.at(number).shift_x for number in range(6)] == [-12, -12, -12, -13, -14, -14]


def test_a_crop_of_one_place_has_one_mapping() -> None:
    one = mappings_of(places(5), np.arange(5), (SIDE, SIDE))
    assert one == FrameMapping(0.5, 0.5, -10, -20)
    half = mappings_of(places(5), np.arange(5), (SIDE // 2, SIDE // 4))
    assert half == FrameMapping(0.25, 0.125, -5, -5)
    many = mappings_of(places(5, step=1.0), np.array([2, 3, -1]), (SIDE, SIDE))
    assert isinstance(many, FrameMappings)
    assert [many.at(number).shift_x for number in range(3)] == [-12, -13, -13]


def seen(face: Landmarks, shift: float, matrix: np.ndarray | None = None) -> tuple[TrackedFace, ...]:
    points = face.points + np.float32((shift, 0.5 * shift))
    if matrix is not None:
        points = np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)
    return (TrackedFace(0, Landmarks(points)),)


@pytest.mark.parametrize("delay", [-3, 0, 2])
def test_a_delay_of_the_generator_is_found(delay: int, face: Landmarks) -> None:
    made = places(40)
    path = 30 * np.sin(np.arange(60) / 4)
    original = Scans(40, 25, faces=[seen(face, path[number]) for number in range(40)])
    synced = Scans(40, 25, faces=[seen(face, path[abs(number + delay)], made.matrices[0]) for number in range(40)])
    frames = crop_frames(synced.clock(), made, 0.0)
    assert found_shift(original, synced, made, frames) == delay  # type: ignore[arg-type]


def test_a_still_face_tells_no_delay(face: Landmarks) -> None:
    made = places(20)
    original, synced = (
        Scans(20, 25, faces=[seen(face, 0)] * 20),
        Scans(20, 25, faces=[seen(face, 0, made.matrices[0])] * 20),
    )
    assert found_shift(original, synced, made, np.arange(20)) == 0  # type: ignore[arg-type]


def test_the_record_of_another_crop_is_refused(face: Landmarks) -> None:
    made, other = places(20), np.array([[0.5, 0, 60.0], [0, 0.5, 20]])
    original, synced = Scans(20, 25, faces=[seen(face, 0)] * 20), Scans(20, 25, faces=[seen(face, 0, other)] * 20)
    with pytest.raises(InputMismatchError, match="face widths beside the original's face"):
        found_shift(original, synced, made, np.arange(20))  # type: ignore[arg-type]


def test_without_faces_nothing_is_checked() -> None:
    made = places(20)
    assert found_shift(Scans(20, 25), Scans(20, 25), made, np.arange(20)) == 0  # type: ignore[arg-type]


def test_mappings_are_checked() -> None:
    for rows in (np.zeros((0, 2, 3)), np.zeros((2, 3)), np.zeros((1, 2, 3)), np.full((1, 2, 3), np.nan)):
        with pytest.raises(ValueError, match="mappings must be"):
            FrameMappings(rows)
    with pytest.raises(IndexError):
        FrameMappings(np.eye(2, 3)[None]).at(-1)
