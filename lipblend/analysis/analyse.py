"""The first pass: both videos read once, put together, and measured."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np

from lipblend.analysis import cuts
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.evidence import gather
from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.follow import follow
from lipblend.analysis.interpret import Interpretation, interpret
from lipblend.analysis.measure import FaceMeasure, Pair, same_face
from lipblend.errors import InputError
from lipblend.faces.early_landmarker import LandmarkerSoon
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.alignment import Alignment, align, alignment_notes
from lipblend.pairing.by_time import pair_by_time
from lipblend.pairing.excerpt import Window, align_window, check_not_empty
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Clock, jumps
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.runtime.allocator import give_back
from lipblend.runtime.prefetch import prefetch
from lipblend.runtime.spill import StoredSequence
from lipblend.settings import Settings, TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.video import Video

_QUEUE = 2  # frames a stream that wait to be looked at, and as many to be measured
_LACKING_SHARE = 0.2


class Measures:
    """By original and synced frame: what was measured on each face, by its track id. It lies in a file."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, int], int] = {}
        self._kept: StoredSequence[dict[int, FaceMeasure]] = StoredSequence()

    def __setitem__(self, pair: tuple[int, int], measured: dict[int, FaceMeasure]) -> None:
        self._places[pair] = len(self._kept)
        self._kept.append(measured)

    def __getitem__(self, pair: tuple[int, int]) -> dict[int, FaceMeasure]:
        return self._kept[self._places[pair]]

    def __contains__(self, pair: tuple[int, int]) -> bool:
        return pair in self._places

    def clear(self) -> None:
        """Forget them all."""
        self._places.clear()


def analyse(
    original: VideoInfo,
    synced: VideoInfo,
    *,
    model: Path,
    settings: Settings,
    on_frame: Callable[[int], None],
    window: Window | None = None,
    thorough: bool = False,
    finder: LandmarkerSoon | None = None,
) -> ClipAnalysis:
    """Read both videos, follow the faces in each, find out how they go together, and measure how they differ.

    Each video is decoded on one thread, and tracked on another (PyAV and MediaPipe release the GIL). Meanwhile frames
    of the same time are measured against each other: mostly they do belong together. Pairs that turn out to be others
    are read once more.

    Parameters
    ----------
    original, synced : VideoInfo
    model : Path
        Face landmarker bundle, checked.
    settings : Settings
        The groups ``read``, ``pair``, ``track``, and of ``colour`` the space.
    on_frame : callable
        Called with the number of original frames done.
    window : Window, optional
        Look at this part of the two videos only. Frames are then counted from its first one.
    thorough : bool
        Search the synced video for small faces as well as the original even in a window. Otherwise its search ends with
        the size that shows a face, and all is done once more, thoroughly, where a face of the original then lacks its
        counterpart: the faces are the same, only sooner.
    finder : LandmarkerSoon, optional
        A face model that is there already, with the settings' number of faces and confidence; it stays open.

    Raises
    ------
    InputError
        If a video has no frame that can be decoded, or is damaged and ``read.strict`` is set.
    InputMismatchError
        If the two do not belong together.
    WindowUnpairedError
        If a window alone does not show surely which frames belong together.
    """
    track, pair, lab = settings.track, settings.pair, settings.colour.space == "lab"
    ours, theirs = (Scan(original), Scan(synced)) if window is None else window.scans(original, synced, pair)
    starts_s = None if window is None else window.starts_s(original, synced, pair)
    thorough |= window is None
    measures, offline = _read_both(
        ours, theirs, model, track, lab=lab, on_frame=on_frame, starts_s=starts_s, thorough=thorough, finder=finder
    )
    give_back()  # the decoders' and the face models' memory, before the matching needs some
    damage = (*ours.damage, *theirs.damage)
    if settings.read.strict and damage:
        raise InputError(
            "an input is damaged, and read.strict is set", details=damage, hint="Leave out --strict to decode on."
        )
    alignment = align(ours, theirs, pair) if window is None else align_window(ours, theirs, pair)
    read = read_colours(ours, theirs, alignment, settings)
    both = Pair(original, synced.read_by(read.change), alignment.mapping, lab)
    line = alignment.timeline
    wanted = [(int(i), int(j)) for i, j in zip(line.original_index, line.synced_index, strict=True) if j >= 0]
    if not alignment.mapping.is_identity or read.change is not None:
        measures.clear()
    missing = [key for key in wanted if key not in measures]
    _measure_again(both, ours, theirs, missing, measures)
    tracks, moves = measured_tracks(ours, theirs, alignment, both, measures)
    if not thorough and lacks_partners(tracks, line.synced_index):
        return analyse(
            original,
            synced,
            model=model,
            settings=settings,
            on_frame=on_frame,
            window=window,
            thorough=True,
            finder=finder,
        )
    starts = np.zeros(1, np.intp)
    if track.cuts:
        starts = cuts.find_cuts(_changes(ours, line.original_index), np.array(moves), threshold=track.cut_threshold)
        if line.follows == "synced":  # a jump within the original is a cut, whatever it looks like
            times_s = np.array(ours.times_s)
            leaps = jumps(times_s[line.original_index], Clock(times_s).period_s)
            starts = np.union1d(starts, np.flatnonzero(leaps) + 1)
    clock, shown = (ours, line.original_index) if line.follows == "original" else (theirs, line.synced_index)
    return ClipAnalysis(
        original=video_of(ours),
        synced=video_of(theirs).read_by(read.change),
        times_s=np.array(clock.times_s)[shown],
        pts=np.array(clock.pts)[shown],
        durations=np.array(clock.durations)[shown],
        original_index=line.original_index,
        synced_index=line.synced_index,
        shot_starts=starts,
        tracks=tracks,
        alignment=alignment,
        matrix=ycbcr_matrix(original.colour, original.height),
        notes=(*alignment_notes(alignment, original, synced), *read.notes, *damage, *offline),
        interpretation=read,
    )


def _read_both(
    ours: Scan,
    theirs: Scan,
    model: Path,
    track: TrackSettings,
    *,
    lab: bool,
    on_frame: Callable[[int], None],
    starts_s: tuple[float, float] | None,
    thorough: bool,
    finder: LandmarkerSoon | None,
) -> tuple[Measures, tuple[str, ...]]:
    """Fill both scans; returns what was measured on frames of the same time, and a note where there is a need.

    ``starts_s``: times of the two videos that belong together, where they are not their first frames'.
    """
    original, synced = ours.info, theirs.info
    same_size = original.upright_size == synced.upright_size
    provisional = Pair(original, synced, FrameMapping(), lab)
    measures = Measures()
    with (
        ours.reader() as read_original,
        theirs.reader() as read_synced,
        prefetch(read_original, _QUEUE) as decoded_original,
        prefetch(read_synced, _QUEUE) as decoded_synced,
        _landmarker(finder, model, track) as find_original,
        prefetch(follow(decoded_original, original, find_original, track), ours.ahead(_QUEUE)) as seen_original,
        FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as find_synced,
        prefetch(
            follow(decoded_synced, synced, find_synced, track, exhaustive=thorough), theirs.ahead(_QUEUE)
        ) as seen_synced,
    ):
        rest = theirs.recorded(seen_synced)
        for here, there in pair_by_time(ours.recorded(seen_original), rest, starts_s=starts_s):
            if there is not None and same_size:
                key = here.frame.index, there.frame.index
                measures[key] = provisional.measure(here.frame, here.faces, there.frame, there.faces)
            on_frame(len(ours))
        for _ in rest:
            pass
        ours.finish(read_original)
        theirs.finish(read_synced)
        network = find_original.network
    for scan in (ours, theirs):
        if not len(scan):
            check_not_empty(scan, original=scan is ours)
            raise InputError(
                f"no frame of {scan.info.path.name} can be decoded",
                hint="Check that the file plays, or encode it again.",
            )
    note = f"MediaPipe could not be kept from the network ({network.reason})"
    return measures, () if network.refused else (note,)


def video_of(scan: Scan) -> Video:
    """The video that was scanned."""
    return Video(scan.info, np.array(scan.pts), scan.exact_times, scan.kept)


def read_colours(ours: Scan, theirs: Scan, alignment: Alignment, settings: Settings) -> Interpretation:
    """How the synced video's codes are to be read, by what both show of the same."""
    seen = gather(ours, theirs, alignment.pairing.source, alignment.mapping)
    return interpret(seen, ours.info, theirs.info, believe_tags=settings.colour.interpret == "tags")


def _landmarker(
    finder: LandmarkerSoon | None, model: Path, track: TrackSettings
) -> AbstractContextManager[FaceLandmarker]:
    """The one that is there, left open, or a new one."""
    if finder is not None:
        return nullcontext(finder.ready())
    return FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence)


def _measure_again(both: Pair, ours: Scan, theirs: Scan, keys: list[tuple[int, int]], into: Measures) -> None:
    """Measure pairs of frames that were not measured in passing."""
    here, there = ours.frames([i for i, _ in keys]), theirs.frames([j for _, j in keys])
    with prefetch(here, _QUEUE) as frames, prefetch(there, _QUEUE) as partners:
        for (i, j), frame, partner in zip(keys, frames, partners, strict=True):
            into[i, j] = both.measure(frame, ours.faces[i], partner, theirs.faces[j])


def measured_tracks(
    ours: Scan, theirs: Scan, alignment: Alignment, both: Pair, measures: Measures
) -> tuple[dict[int, FaceTrack], list[float]]:
    """Every face of the original through the output, and how far the steadiest face moved in each frame."""
    table = FaceTable()
    rows: dict[int, array[int]] = {}
    moves: list[float] = []
    previous: tuple[TrackedFace, ...] = ()
    line = alignment.timeline
    for row, (i, j) in enumerate(zip(line.original_index.tolist(), line.synced_index.tolist(), strict=True)):
        candidates = both.in_original(theirs.faces[j]) if j >= 0 else ()
        measured = measures[i, j] if j >= 0 else {}
        faces = ours.faces[i]
        for face in faces:
            partner = same_face(face.landmarks, candidates)
            theirs_too = partner.points if partner is not None else None
            added = table.append(row, face.landmarks.points, theirs_too, measured.get(face.track_id))
            rows.setdefault(face.track_id, array("q")).append(added)
        moves.append(_least_move(previous, faces))
        previous = faces
    return {number: FaceTrack(table, each) for number, each in rows.items()}, moves


def lacks_partners(tracks: Mapping[int, FaceTrack], synced_index: np.ndarray) -> bool:
    """Whether some face of the original was not found in more than a fifth of its synced frames."""
    for track in tracks.values():
        has_synced = track.has("synced")[synced_index[track.frames] >= 0]
        if np.count_nonzero(~has_synced) > _LACKING_SHARE * len(has_synced):
            return True
    return False


def _changes(scan: Scan, shown: np.ndarray) -> np.ndarray:
    """How much every output frame's original differs from the one before."""
    pairs: Iterator[tuple[int, int]] = zip(shown[:-1].tolist(), shown[1:].tolist(), strict=True)
    return np.array([0.0, *(cuts.change(scan.thumbs[before], scan.thumbs[after]) for before, after in pairs)])


def _least_move(before: tuple[TrackedFace, ...], after: tuple[TrackedFace, ...]) -> float:
    """How far the steadiest face came from any face of the frame before, in face widths; 0 where there is none."""
    moves = [
        float(np.abs(new.landmarks.points - old.landmarks.points).mean()) / max(old.landmarks.face_width_px, 1.0)
        for new in after
        for old in before
    ]
    return min(moves, default=0.0)
