from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from counting import Counting

from lipblend.analysis.follow import _max_move, follow
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.output.synth import write_clip
from lipblend.pairing.scan import Seen
from lipblend.settings import TrackSettings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

Scene = Callable[..., np.ndarray]
SIZE = (320, 240)
FACE_PX = 110.0
PLAIN = {"search_every_s": 9.0, "cuts": False}  # no searches beside the looks that are counted


class Clip:
    """Follows the faces of pictures with a face (or none) at given places."""

    def __init__(self, folder: Path, scene: Scene, landmarker: FaceLandmarker) -> None:
        self._folder, self._scene, self._landmarker = folder, scene, landmarker
        self.calls = 0

    def seen(self, places: Sequence[float | None], *, rate: int = 25, **track: object) -> list[Seen]:
        """Follow a face that stands so far from the left in each frame."""
        path = self._folder / "clip.mp4"
        pictures = [self._scene(*SIZE, *([] if x is None else [(FACE_PX, x, 120.0)])) for x in places]
        write_clip(path, pictures, frame_rate=Fraction(rate), crf=12)
        counting = Counting(self._landmarker)
        settings = TrackSettings.model_validate({**PLAIN, **track})
        with VideoReader(probe(path)) as reader:
            found = list(follow(reader, reader.info, counting, settings))  # type: ignore[arg-type]
        self.calls = len(counting.shapes)
        return found


@pytest.fixture
def clip(tmp_path: Path, scene: Scene, landmarker: FaceLandmarker) -> Clip:
    return Clip(tmp_path, scene, landmarker)


def points(seen: Seen) -> np.ndarray:
    (face,) = seen.faces
    return face.landmarks.points


def middle(seen: Seen) -> float:
    return float((points(seen)[234, 0] + points(seen)[454, 0]) / 2)


def travelled(found: Sequence[Seen]) -> list[float]:
    """How far right of its first place the face is, in each frame."""
    return [middle(seen) - middle(found[0]) for seen in found]


def test_every_second_frame_of_25_is_looked_at_and_the_others_lie_between(clip: Clip) -> None:
    places = [130 + 1.5 * i for i in range(13)]
    exact = clip.seen(places, every_s=0)
    every = clip.calls
    found = clip.seen(places)
    assert clip.calls == every - 6
    assert [seen.frame.index for seen in found] == list(range(13))
    assert [face.track_id for seen in found for face in seen.faces] == [0] * 13
    for i in range(1, 12, 2):
        np.testing.assert_allclose(points(found[i]), (points(found[i - 1]) + points(found[i + 1])) / 2, atol=1e-3)
    assert all(np.abs(points(a) - points(b)).mean() < 1 for a, b in zip(exact, found, strict=True))


@pytest.mark.slow
def test_at_50_frames_a_second_three_of_four_lie_between_by_their_times(clip: Clip) -> None:
    places = [130 + 0.8 * i for i in range(17)]
    clip.seen(places, rate=50, every_s=0)
    every = clip.calls
    found = clip.seen(places, rate=50)
    assert clip.calls == every - 12
    for i, share in ((1, 0.25), (2, 0.5), (3, 0.75)):
        expected = (1 - share) * points(found[0]) + share * points(found[4])
        np.testing.assert_allclose(points(found[i]), expected, atol=1e-3)
    assert travelled(found) == pytest.approx([x - 130 for x in places], abs=1)


def test_zero_looks_at_every_frame(clip: Clip) -> None:
    found = clip.seen([130 + 1.5 * i for i in range(7)], every_s=0)
    apart = [points(found[i]) - (points(found[i - 1]) + points(found[i + 1])) / 2 for i in range(1, 6)]
    assert all(np.abs(each).max() > 0.05 for each in apart)


@pytest.mark.slow(2)
def test_the_frames_of_a_fast_face_are_looked_at_themselves(clip: Clip) -> None:
    turning = [130.0] * 4 + [130, 150, 170, 150, 130, 150, 170] + [170.0] * 4
    found = clip.seen(turning)
    assert travelled(found) == pytest.approx([x - 130 for x in turning], abs=3)
    clip.seen(rushing := [100 + 12 * (6 - abs(i % 12 - 6)) for i in range(30)], every_s=0)
    every = clip.calls
    assert travelled(clip.seen(rushing)) == pytest.approx([x - 100 for x in rushing], abs=4)
    assert clip.calls <= every + 2  # looked at in vain
    jumped = [120.0] * 5 + [145.0] * 6
    assert travelled(clip.seen(jumped)) == pytest.approx([x - 120 for x in jumped], abs=3)


@pytest.mark.slow(2)
@pytest.mark.parametrize("rate", [25, 60])
def test_a_jolt_between_two_looks_is_seen(clip: Clip, rate: int) -> None:
    for at in range(8, 14):
        places = [130.0] * at + [150.0] + [130.0] * 9
        found = clip.seen(places, rate=rate)
        assert travelled(found) == pytest.approx([x - 130 for x in places], abs=3)


@pytest.mark.slow
def test_a_face_is_followed_from_look_to_look(clip: Clip) -> None:
    places = [90 + 3.2 * i for i in range(45)]
    found = clip.seen(places)
    assert [[face.track_id for face in seen.faces] for seen in found] == [[0]] * 45
    assert travelled(found) == pytest.approx([x - 90 for x in places], abs=2)


@pytest.mark.parametrize(
    ("part", "moved", "far"),
    [(slice(0, 40), 0.12, True), (slice(0, 40), 0.08, False), (slice(None), 0.09, True), (slice(None), 0.03, False)],
)
def test_a_part_may_move_further_than_the_whole(face: Landmarks, part: slice, moved: float, far: bool) -> None:
    later = face.points.copy()
    later[part] += np.float32(moved * face.face_width_px / 2**0.5)
    before, after = (TrackedFace(0, Landmarks(mesh)) for mesh in (face.points, later))
    assert (_max_move((before,), (after,)) > 1) == far
    assert _max_move((before,), (TrackedFace(1, before.landmarks),)) == np.inf


@pytest.mark.slow
def test_a_face_that_comes_or_goes_is_not_there_before_or_after(clip: Clip) -> None:
    for gone in (6, 7):
        found = clip.seen([130.0] * gone + [None] * 5)
        assert [len(seen.faces) for seen in found] == [1] * gone + [0] * 5
    for come in (6, 7):
        found = clip.seen([None] * come + [130.0] * 5, search_every_s=0.04)
        assert [len(seen.faces) for seen in found] == [0] * come + [1] * 5


@pytest.mark.slow
def test_a_calm_face_is_left_alone_again_after_a_fast_moment(clip: Clip) -> None:
    calm = [130.0] * 9 + [150.0, 170.0] + [170.0] * 30
    clip.seen(calm, every_s=0)
    every = clip.calls
    clip.seen(calm)
    assert every - 20 < clip.calls + 5 < every


@pytest.mark.slow
def test_nothing_is_interpolated_over_a_cut(clip: Clip, scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    bright = [scene(*SIZE, (FACE_PX, 130.0, 120.0)) for _ in range(8)]
    dark = [scene(*SIZE, (FACE_PX, 138.0, 120.0)) // 3 for _ in range(8)]
    for before in (7, 8):
        write_clip(path, [*bright[:before], *dark], frame_rate=Fraction(25), crf=12)
        with VideoReader(probe(path)) as reader:
            found = list(follow(reader, reader.info, clip._landmarker, TrackSettings()))
        assert travelled(found) == pytest.approx([0.0] * before + [8.0] * 8, abs=1.5)
