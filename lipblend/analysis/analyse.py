"""The first pass: both videos read once, small numbers kept for every frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.analysis import agreement, cuts
from lipblend.analysis.clip import ClipAnalysis, TrackRecord
from lipblend.errors import InputError
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import FaceTracker, TrackedFace
from lipblend.media.colour import convert_colour, ycbcr_matrix
from lipblend.media.info import VideoInfo
from lipblend.media.pairing import pair_by_time
from lipblend.media.planes import Box, extract_patch, to_rgb
from lipblend.media.prefetch import prefetch
from lipblend.media.reader import Frame, VideoReader
from lipblend.settings import TrackSettings
from lipblend.stages import colour

_QUEUE = 4  # decoded frames waiting a stream
_SAME_FACE_FRAC = 0.5


@dataclass(frozen=True)
class _Seen:
    """A decoded frame with what was found in it."""

    frame: Frame
    faces: tuple[TrackedFace, ...]
    change: float

    @property
    def time_s(self) -> float:
        return self.frame.time_s


def analyse(
    original: VideoInfo,
    synced: VideoInfo,
    *,
    model: Path,
    track: TrackSettings,
    lab: bool,
    on_frame: Callable[[int], None],
) -> ClipAnalysis:
    """Read both videos, follow the faces in each, and measure how the two differ.

    Each video is decoded and tracked on its own thread (PyAV and MediaPipe release the GIL); this thread pairs the
    frames by time and measures.

    Parameters
    ----------
    original, synced : VideoInfo
    model : Path
        Face landmarker bundle, checked.
    track : TrackSettings
    lab : bool
        Take colour statistics in CIE Lab instead of YCbCr.
    on_frame : callable
        Called with the number of original frames done.

    Raises
    ------
    InputError
        If a video has no frame that can be decoded.
    """
    times: list[float] = []
    changes: list[float] = []
    moves: list[float] = []
    pairs: list[int] = []
    previous: tuple[TrackedFace, ...] = ()
    tracks: dict[int, TrackRecord] = {}
    with (
        VideoReader(original) as read_original,
        VideoReader(synced) as read_synced,
        FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as find_original,
        FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as find_synced,
        prefetch(_follow(read_original, original, find_original, track), _QUEUE) as seen_original,
        prefetch(_follow(read_synced, synced, find_synced, track), _QUEUE) as seen_synced,
    ):
        for here, there in pair_by_time(seen_original, seen_synced):
            times.append(here.time_s)
            changes.append(here.change)
            pairs.append(there.frame.index if there is not None else -1)
            for face in here.faces:
                record = tracks.setdefault(face.track_id, TrackRecord())
                _measure(record, face.landmarks, here.frame, there, original, synced, lab=lab)
            moves.append(_least_move(previous, here.faces))
            previous = here.faces
            on_frame(len(times))
        damage = (*_missing(original, len(times)), *_damage(original, read_original), *_damage(synced, read_synced))
    if not times:
        raise InputError(
            f"no frame of {original.path.name} can be decoded", hint="Check that the file plays, or encode it again."
        )
    if max(pairs) < 0:
        raise InputError(
            f"no frame of {synced.path.name} can be decoded", hint="Check that the file plays, or encode it again."
        )
    starts = np.zeros(1, np.intp)
    if track.cuts:
        starts = cuts.find_cuts(np.array(changes), np.array(moves), threshold=track.cut_threshold)
    return ClipAnalysis(np.array(times), np.array(pairs, np.int64), starts, tracks, damage)


def _missing(info: VideoInfo, count: int) -> Iterator[str]:
    """Frames that the container promises and the decoder did not give, for the summary."""
    promised = info.frame_count or 0
    if not promised and info.duration_s and info.frame_rate:
        promised = round(info.duration_s * info.frame_rate)
    if count < promised - max(1, promised // 50):
        yield f"{info.path.name} is damaged or cut short: {count} of about {promised} frames could be decoded"


def _damage(info: VideoInfo, reader: VideoReader) -> Iterator[str]:
    """What was wrong with a file, for the summary."""
    for count, what in (
        (reader.corrupt_packets, "packets could not be decoded"),
        (reader.concealed_frames, "frames are damaged"),
        (reader.bumped_pts, "frames had a time stamp that does not rise, and were moved on"),
    ):
        if count:
            yield f"{info.path.name}: {count} {what}"


def _least_move(before: tuple[TrackedFace, ...], after: tuple[TrackedFace, ...]) -> float:
    """How far the steadiest face came from any face of the frame before, in face widths; 0 where there is none."""
    moves = [
        float(np.abs(new.landmarks.points - old.landmarks.points).mean()) / max(old.landmarks.face_width_px, 1.0)
        for new in after
        for old in before
    ]
    return min(moves, default=0.0)


def _follow(reader: VideoReader, info: VideoInfo, landmarker: FaceLandmarker, track: TrackSettings) -> Iterator[_Seen]:
    tracker = FaceTracker(
        landmarker,
        info.upright_width,
        info.upright_height,
        min_face_px=track.min_face_px,
        search_every_s=track.search_every_s,
        max_faces=track.max_faces,
    )
    previous: npt.NDArray[np.float32] | None = None
    recent: deque[float] = deque(maxlen=cuts.WINDOW)
    for frame in reader:
        thumb = cuts.thumbnail(frame.planes[0], frame.layout.depth)
        change = cuts.change(previous, thumb) if previous is not None else 0.0
        previous = thumb

        def rgb_of(box: Box, frame: Frame = frame) -> npt.NDArray[np.uint8]:
            return to_rgb(frame.planes, frame.layout, info.colour, box, height=info.height)

        # The tracker cannot look ahead, as find_cuts does; what it takes for a cut too many is joined again later.
        new_shot = track.cuts and cuts.stands_out(change, recent, threshold=track.cut_threshold)
        recent.append(change)
        faces = tracker.step(rgb_of, new_shot=new_shot, time_s=frame.time_s)
        yield _Seen(frame, faces, change)


def _measure(
    record: TrackRecord,
    face: Landmarks,
    frame: Frame,
    there: _Seen | None,
    original: VideoInfo,
    synced: VideoInfo,
    *,
    lab: bool,
) -> None:
    """Add one row to a track: the synced mesh of the same face, how much was painted, the colours."""
    record.frames.append(frame.index)
    record.original.append(face.points)
    partner = _same_face(face, there.faces) if there is not None else None
    record.synced.append(partner.points if partner is not None else None)
    faces = [face] if partner is None else [face, partner]
    box = agreement.lower_face_box(faces).snapped(frame.layout, original.upright_width, original.upright_height)
    if there is None or box.width < 4 or box.height < 4:
        record.painted.append(None)
        record.stats.append(None)
        return
    ours = extract_patch(frame.planes, frame.layout, box)
    theirs = extract_patch(there.frame.planes, there.frame.layout, box)
    theirs = convert_colour(theirs, synced.colour, original.colour, original.height)
    record.painted.append(agreement.painted_score(ours, theirs, face.face_width_px))
    if lab:
        matrix = ycbcr_matrix(original.colour, original.height)
        ours, theirs = colour.ycbcr_to_lab(ours, matrix), colour.ycbcr_to_lab(theirs, matrix)
    record.stats.append(agreement.face_stats(ours, theirs, faces, box))


def _same_face(face: Landmarks, candidates: tuple[TrackedFace, ...]) -> Landmarks | None:
    """The candidate whose mesh centre is nearest, within half a face width."""
    centre = face.points.mean(0)
    best, limit = None, _SAME_FACE_FRAC * face.face_width_px
    for other in candidates:
        distance = float(np.linalg.norm(other.landmarks.points.mean(0) - centre))
        if distance <= limit:
            best, limit = other.landmarks, distance
    return best
