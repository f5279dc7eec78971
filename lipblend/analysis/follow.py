"""Follow faces through a video: detected in some frames, interpolated between them where motion is small."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis import cuts
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import FaceTracker, TrackedFace
from lipblend.pairing.scan import Seen, Thumb, thumbnail
from lipblend.picture.patch import Box
from lipblend.picture.planes import to_reduced_rgb
from lipblend.settings import TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame

_MAX_POINT_MOVE = 0.1  # face widths, of any mesh point between two detections
_MAX_MEAN_MOVE = 0.06  # face widths, mean over all points; a larger jump may be a cut (`lipblend.analysis.cuts`)
_MAX_JOLT_LEVELS = 1.0  # grey levels of small pictures, around the faces
_MAX_WAITING = 8  # frames
_ROUNDING_S = 1e-3

Faces = tuple[TrackedFace, ...]


@dataclass(frozen=True)
class _Pending:
    """A decoded frame whose faces are not known yet."""

    frame: Frame
    thumb: Thumb
    new_shot: bool


def follow(
    frames: Iterable[Frame],
    info: VideoInfo,
    landmarker: FaceLandmarker,
    track: TrackSettings,
    *,
    exhaustive: bool = True,
) -> Iterator[Seen]:
    """Follow the faces of a video.

    Faces are detected every ``track.every_s``, in the first and last frame of an apparent shot, and in every frame
    while there are none; at most eight frames wait. The frames between two detections are interpolated if both show
    the same faces, no face moved by more than 0.1 of its width at any point or 0.06 in the mean, and no small picture
    in between differs from both ends by more than they differ from each other (a head that jolts, a mouth that opens
    and closes). Otherwise faces are detected in each of them, and in the following frames until motion is small again.

    Parameters
    ----------
    frames : iterable of Frame
        In presentation order, such as a `VideoReader`.
    info : VideoInfo
        The video they belong to.
    landmarker : FaceLandmarker
    track : TrackSettings
    exhaustive : bool
        As in `FaceTracker`.
    """
    tracker = FaceTracker(
        landmarker,
        info.upright_width,
        info.upright_height,
        min_face_px=track.min_face_px,
        search_every_s=track.search_every_s,
        max_faces=track.max_faces,
        exhaustive=exhaustive,
    )
    watcher = _Watcher(info, tracker, track.every_s)
    waiting: list[_Pending] = []
    for pending in _with_shots(frames, track):
        if pending.new_shot:
            yield from watcher.process(waiting)
            waiting = []
        waiting.append(pending)
        if pending.new_shot or len(waiting) == _MAX_WAITING or watcher.is_due(pending):
            yield from watcher.process(waiting)
            waiting = []
    yield from watcher.process(waiting)


def _with_shots(frames: Iterable[Frame], track: TrackSettings) -> Iterator[_Pending]:
    """Add small pictures and apparent cuts."""
    previous: Thumb | None = None
    recent: deque[float] = deque(maxlen=cuts.WINDOW)
    for frame in frames:
        thumb = thumbnail(frame.planes[0], frame.layout.depth)
        change = cuts.change(previous, thumb) if previous is not None else 0.0
        previous = thumb
        # Unlike find_cuts, this cannot look ahead. False cuts are joined again later.
        new_shot = track.cuts and cuts.stands_out(change, recent, threshold=track.cut_threshold)
        recent.append(change)
        yield _Pending(frame, thumb, new_shot)


class _Watcher:
    """Detects faces in some frames, interpolates the others, and knows when the next detection is due."""

    def __init__(self, info: VideoInfo, tracker: FaceTracker, every_s: float) -> None:
        self._info = info
        self._tracker = tracker
        self._every_s = every_s
        self._faces: Faces = ()
        self._thumb: Thumb | None = None
        self._time_s = -math.inf
        self._moves_per_s = 0.0  # how often per second a face moves by the largest interpolated distance

    def is_due(self, pending: _Pending) -> bool:
        """Whether faces must be detected in this frame, because the next one would be too late."""
        length_s = float(pending.frame.duration * self._info.time_base) or 1 / float(self._info.frame_rate or 25)
        wait_s = pending.frame.time_s + length_s - self._time_s
        return wait_s > self._every_s + _ROUNDING_S or self._moves_per_s * wait_s > 1

    def process(self, frames: Sequence[_Pending]) -> list[Seen]:
        """Find the faces of consecutive frames. Faces are detected in the last one at least."""
        if not frames:
            return []
        *between, last = frames
        if between and self._faces:
            ahead = self._tracker.fork()
            faces = self._detect(ahead, last)
            if _max_move(self._faces, faces) <= 1 and not self._jolts([each.thumb for each in between], last, faces):
                self._tracker = ahead
                first, first_s = self._faces, self._time_s
                self._update(faces, last)
                span_s = last.frame.time_s - first_s
                seen = [_interpolated(each, (each.frame.time_s - first_s) / span_s, first, faces) for each in between]
                return [*seen, Seen(last.frame, faces, last.thumb)]
        out = []
        for each in frames:
            faces = self._detect(self._tracker, each)
            self._update(faces, each)
            out.append(Seen(each.frame, faces, each.thumb))
        return out

    def _update(self, faces: Faces, pending: _Pending) -> None:
        passed_s = pending.frame.time_s - self._time_s
        self._moves_per_s = _max_move(self._faces, faces) / passed_s if self._faces else 0.0
        self._faces, self._time_s, self._thumb = faces, pending.frame.time_s, pending.thumb

    def _jolts(self, between: Sequence[Thumb], last: _Pending, faces: Faces) -> bool:
        """Whether a small picture differs from both ends, around the faces, by more than they do from each other."""
        assert self._thumb is not None  # there are faces, so a frame was processed
        points = np.concatenate([face.landmarks.points for face in (*self._faces, *faces)])
        scale = last.thumb.shape[1] / self._info.upright_width
        left, top = np.maximum(np.floor(points.min(0) * scale).astype(int), 0)
        right, bottom = np.ceil(points.max(0) * scale).astype(int) + 1
        first, second, *others = (thumb[top:bottom, left:right] for thumb in (self._thumb, last.thumb, *between))
        if not first.size:
            return False
        limit = cuts.change(first, second) + _MAX_JOLT_LEVELS
        return any(min(cuts.change(end, each) for end in (first, second)) > limit for each in others)

    def _detect(self, tracker: FaceTracker, pending: _Pending) -> Faces:
        frame, info = pending.frame, self._info

        def reduced_of(box: Box, step: int) -> npt.NDArray[np.uint8]:
            return to_reduced_rgb(frame.planes, frame.layout, info.colour, box, step, height=info.height)

        rgb_of = frame.picture(info).to_rgb
        return tracker.step(rgb_of, new_shot=pending.new_shot, time_s=frame.time_s, reduced_of=reduced_of)


def _interpolated(pending: _Pending, share: float, first: Faces, second: Faces) -> Seen:
    """A frame at a share (0..1) of the time between two detections."""
    faces = tuple(
        TrackedFace(
            a.track_id, Landmarks(a.landmarks.points + np.float32(share) * (b.landmarks.points - a.landmarks.points))
        )
        for a, b in zip(first, second, strict=True)
    )
    return Seen(pending.frame, faces, pending.thumb, detected=False)


def _max_move(first: Faces, second: Faces) -> float:
    """Largest movement of any face, relative to what may be interpolated; infinite if the faces are not the same."""
    if [face.track_id for face in first] != [face.track_id for face in second]:
        return math.inf
    largest = 0.0
    for a, b in zip(first, second, strict=True):
        distance = np.abs(b.landmarks.points - a.landmarks.points)
        width_px = max(a.landmarks.face_width_px, 1.0)
        most, mean = float(np.hypot(*distance.T).max()) / width_px, float(distance.mean()) / width_px
        largest = max(largest, most / _MAX_POINT_MOVE, mean / _MAX_MEAN_MOVE)
    return largest
