"""The first pass: both videos read once, small numbers kept for every frame."""

from __future__ import annotations

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
    pairs: list[int] = []
    tracks: dict[int, TrackRecord] = {}
    with (
        VideoReader(original) as read_original,
        VideoReader(synced) as read_synced,
        FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as find_original,
        FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as find_synced,
        prefetch(_follow(read_original, original, find_original, track), _QUEUE) as seen_original,
        prefetch(_follow(read_synced, synced, find_synced, track), _QUEUE) as seen_synced,
    ):
        found: dict[int, _Seen] = {}
        for frame, partner in pair_by_time(_frames(seen_original, found, 0), _frames(seen_synced, found, 1)):
            here = found[2 * frame.index]
            there = found[2 * partner.index + 1] if partner is not None else None
            times.append(frame.time_s)
            changes.append(here.change)
            pairs.append(partner.index if partner is not None else -1)
            for face in here.faces:
                record = tracks.setdefault(face.track_id, TrackRecord())
                _measure(record, face.landmarks, here.frame, there, original, synced, lab=lab)
            _forget(found, frame.index, partner.index if partner is not None else None)
            on_frame(len(times))
        corrupt = read_original.corrupt_packets + read_synced.corrupt_packets
    if not times:
        raise InputError(
            f"no frame of {original.path.name} can be decoded", hint="Check that the file plays, or encode it again."
        )
    if max(pairs) < 0:
        raise InputError(
            f"no frame of {synced.path.name} can be decoded", hint="Check that the file plays, or encode it again."
        )
    starts = cuts.find_cuts(np.array(changes), threshold=track.cut_threshold) if track.cuts else np.zeros(1, np.intp)
    return ClipAnalysis(np.array(times), np.array(pairs, np.int64), starts, tracks, corrupt)


def _follow(reader: VideoReader, info: VideoInfo, landmarker: FaceLandmarker, track: TrackSettings) -> Iterator[_Seen]:
    tracker = FaceTracker(
        landmarker,
        info.width,
        info.height,
        min_face_px=track.min_face_px,
        search_every_s=track.search_every_s,
        max_faces=track.max_faces,
    )
    previous: npt.NDArray[np.float32] | None = None
    for frame in reader:
        thumb = cuts.thumbnail(frame.planes[0], frame.layout.depth)
        change = cuts.change(previous, thumb) if previous is not None else 0.0
        previous = thumb

        def rgb_of(box: Box, frame: Frame = frame) -> npt.NDArray[np.uint8]:
            return to_rgb(frame.planes, frame.layout, info.colour, box, height=info.height)

        faces = tracker.step(rgb_of, new_shot=track.cuts and change >= track.cut_threshold, time_s=frame.time_s)
        yield _Seen(frame, faces, change)


def _frames(seen: Iterator[_Seen], found: dict[int, _Seen], parity: int) -> Iterator[Frame]:
    """Hand on the frames alone, and keep what was found in them until it is used."""
    for item in seen:
        found[2 * item.frame.index + parity] = item
        yield item.frame


def _forget(found: dict[int, _Seen], original_index: int, synced_index: int | None) -> None:
    found.pop(2 * original_index)
    if synced_index is not None:
        for key in [key for key in found if key % 2 == 1 and key < 2 * synced_index + 1]:
            del found[key]


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
    box = agreement.lower_face_box(faces).snapped(original.layout, original.width, original.height)
    if there is None or box.width < 4 or box.height < 4:
        record.painted.append(0.0)
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
