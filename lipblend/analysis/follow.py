"""Following faces through a video without looking at every frame: what lies between is interpolated where it may be."""

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
from lipblend.picture.planes import to_reduced_rgb, to_rgb
from lipblend.settings import TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame

_MOST_FRAC = 0.1  # face widths, of any mesh point, from look to look
_MEAN_FRAC = 0.06  # of all points: a face that jumps so far may have been cut (`lipblend.analysis.cuts`)
_JOLT_LEVELS = 1.0  # of a small picture's grey, about the faces
_MOST_WAITING = 8  # frames held back
_ROUNDING_S = 1e-3

Faces = tuple[TrackedFace, ...]


@dataclass(frozen=True)
class _Shown:
    """A decoded frame that nobody has looked for faces in."""

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

    Faces are looked for every ``track.every_s``, in the first and last frame of what looks like a shot, and in every
    frame while there is none; at most eight frames wait. The meshes of a frame between two looks are interpolated if
    both show the same faces, none has moved by more than 0.1 of its width at any point or 0.06 in the mean from the one
    to the other, and no small picture between is less like either than they are like each other, as it is where a head
    jolts or a mouth opens and shuts. Otherwise each is looked at, and so are the next ones until the faces are calm.

    Parameters
    ----------
    frames : iterable of Frame
        In the order of presentation, such as a `VideoReader`.
    info : VideoInfo
        Theirs.
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
    waiting: list[_Shown] = []
    for shown in _shown(frames, track):
        if shown.new_shot:
            yield from watcher.looked(waiting)
            waiting = []
        waiting.append(shown)
        if shown.new_shot or len(waiting) == _MOST_WAITING or watcher.is_due(shown):
            yield from watcher.looked(waiting)
            waiting = []
    yield from watcher.looked(waiting)


def _shown(frames: Iterable[Frame], track: TrackSettings) -> Iterator[_Shown]:
    previous: Thumb | None = None
    recent: deque[float] = deque(maxlen=cuts.WINDOW)
    for frame in frames:
        thumb = thumbnail(frame.planes[0], frame.layout.depth)
        change = cuts.change(previous, thumb) if previous is not None else 0.0
        previous = thumb
        # The tracker cannot look ahead, as find_cuts does; what it takes for a cut too many is joined again later.
        new_shot = track.cuts and cuts.stands_out(change, recent, threshold=track.cut_threshold)
        recent.append(change)
        yield _Shown(frame, thumb, new_shot)


class _Watcher:
    """Looks at frames with a tracker, and knows when to look next."""

    def __init__(self, info: VideoInfo, tracker: FaceTracker, every_s: float) -> None:
        self._info = info
        self._tracker = tracker
        self._every_s = every_s
        self._faces: Faces = ()
        self._thumb: Thumb | None = None
        self._time_s = -math.inf
        self._pace = 0.0  # how often a second a face moves as far as is still interpolated

    def is_due(self, shown: _Shown) -> bool:
        """Whether a frame must be looked at, because the next one would come too late."""
        length_s = float(shown.frame.duration * self._info.time_base) or 1 / float(self._info.frame_rate or 25)
        next_s = shown.frame.time_s + length_s
        wait_s = next_s - self._time_s
        return wait_s > self._every_s + _ROUNDING_S or self._pace * wait_s > 1

    def looked(self, frames: Sequence[_Shown]) -> list[Seen]:
        """Faces of some frames in a row, the last of which is looked at in any case."""
        if not frames:
            return []
        *between, last = frames
        if between and self._faces:
            ahead = self._tracker.fork()
            faces = self._step(ahead, last)
            if _furthest(self._faces, faces) <= 1 and not self._jolts([each.thumb for each in between], last, faces):
                self._tracker = ahead
                first, first_s = self._faces, self._time_s
                self._note(faces, last)
                span_s = last.frame.time_s - first_s
                held = [_between(each, (each.frame.time_s - first_s) / span_s, (first, faces)) for each in between]
                return [*held, _seen(last, faces)]
        out = []
        for each in frames:
            faces = self._step(self._tracker, each)
            self._note(faces, each)
            out.append(_seen(each, faces))
        return out

    def _note(self, faces: Faces, shown: _Shown) -> None:
        passed_s = shown.frame.time_s - self._time_s
        self._pace = _furthest(self._faces, faces) / passed_s if self._faces else 0.0
        self._faces, self._time_s, self._thumb = faces, shown.frame.time_s, shown.thumb

    def _jolts(self, between: Sequence[Thumb], last: _Shown, faces: Faces) -> bool:
        """Whether a small picture between two looks is less like either, about the faces, than they are alike."""
        assert self._thumb is not None  # there was a look, as there are faces
        points = np.concatenate([face.landmarks.points for face in (*self._faces, *faces)])
        scale = last.thumb.shape[1] / self._info.upright_width
        left, top = np.maximum(np.floor(points.min(0) * scale).astype(int), 0)
        right, bottom = np.ceil(points.max(0) * scale).astype(int) + 1
        first, second, *others = (thumb[top:bottom, left:right] for thumb in (self._thumb, last.thumb, *between))
        if not first.size:
            return False
        usual = cuts.change(first, second)
        return any(min(cuts.change(end, each) for end in (first, second)) > usual + _JOLT_LEVELS for each in others)

    def _step(self, tracker: FaceTracker, shown: _Shown) -> Faces:
        frame, info = shown.frame, self._info

        def rgb_of(box: Box) -> npt.NDArray[np.uint8]:
            return to_rgb(frame.planes, frame.layout, info.colour, box, height=info.height)

        def reduced_of(box: Box, step: int) -> npt.NDArray[np.uint8]:
            return to_reduced_rgb(frame.planes, frame.layout, info.colour, box, step, height=info.height)

        return tracker.step(rgb_of, new_shot=shown.new_shot, time_s=frame.time_s, reduced_of=reduced_of)


def _seen(shown: _Shown, faces: Faces) -> Seen:
    return Seen(shown.frame, faces, shown.thumb)


def _between(shown: _Shown, share: float, ends: tuple[Faces, Faces]) -> Seen:
    """A frame that lies so far from the one look to the other, 0..1."""
    faces = tuple(
        TrackedFace(
            one.track_id,
            Landmarks(one.landmarks.points + np.float32(share) * (two.landmarks.points - one.landmarks.points)),
        )
        for one, two in zip(*ends, strict=True)
    )
    return _seen(shown, faces)


def _furthest(before: Faces, after: Faces) -> float:
    """How far any face has moved, as a share of what is still interpolated; infinite where they are not the same."""
    if [face.track_id for face in before] != [face.track_id for face in after]:
        return math.inf
    furthest = 0.0
    for one, two in zip(before, after, strict=True):
        apart = np.abs(two.landmarks.points - one.landmarks.points)
        width_px = max(one.landmarks.face_width_px, 1.0)
        most, mean = float(np.hypot(*apart.T).max()) / width_px, float(apart.mean()) / width_px
        furthest = max(furthest, most / _MOST_FRAC, mean / _MEAN_FRAC)
    return furthest
