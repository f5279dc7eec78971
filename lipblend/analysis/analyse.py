"""The first pass: read both videos once, pair their frames, follow faces and measure differences."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lipblend.analysis.carry import carry_faces
from lipblend.analysis.changed_frames import changed_frames
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.evidence import gather_evidence
from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.first_reading import FaceSearch, Measures, PairReading, measure_missing, read_both
from lipblend.analysis.interpret import Interpretation, interpret
from lipblend.analysis.keyed_models import model_identity
from lipblend.analysis.measure import in_original, same_face
from lipblend.analysis.occluders import find_departures
from lipblend.analysis.parse_parts import parse_parts
from lipblend.analysis.search_near import check_models, search_near
from lipblend.analysis.shots import find_shots, least_move
from lipblend.analysis.stand_in import add_stand_ins
from lipblend.errors import InputError
from lipblend.faces.landmarker import BackgroundLandmarker
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.alignment import Alignment, align, alignment_notes
from lipblend.pairing.excerpt import Window, align_window
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Clock, Timeline, jumps
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.runtime.allocator import release_freed_memory
from lipblend.settings import Settings, TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.video import Video

_MAX_LACKING_SHARE = 0.2


class Analyser(Protocol):
    """`analyse` in this process, or a function that runs it elsewhere."""

    def __call__(
        self,
        original_info: VideoInfo,
        synced_info: VideoInfo,
        *,
        model: Path,
        settings: Settings,
        on_frame: Callable[[int], None],
        window: Window | None = None,
    ) -> ClipAnalysis: ...


def analyse(
    original_info: VideoInfo,
    synced_info: VideoInfo,
    *,
    model: Path,
    settings: Settings,
    on_frame: Callable[[int], None],
    window: Window | None = None,
    thorough: bool = False,
    finder: BackgroundLandmarker | None = None,
) -> ClipAnalysis:
    """Read both videos, follow the faces in each, pair the frames, and measure how they differ.

    Frames of the same time are measured against each other during reading, because they usually belong together. Frames
    that are paired otherwise afterwards are read again.

    Parameters
    ----------
    original_info, synced_info : VideoInfo
    model : Path
        Face landmarker bundle, checked.
    settings : Settings
        The groups ``read``, ``pair``, ``track``, and of ``colour``, ``mask`` and ``occlusion`` what
        `lipblend.analysis.analysis_settings` lists.
    on_frame : callable
        Called with the number of original frames done.
    window : Window, optional
        Analyse only this excerpt. Frames are counted from its first one.
    thorough : bool
        Search the synced video of an excerpt for the smallest faces at once. Otherwise the search stops at the first
        size that shows a face, and is repeated thoroughly if a face of the original has no counterpart; that finds the
        same faces and is usually faster.
    finder : BackgroundLandmarker, optional
        A face model loaded early with the same settings; it stays open.

    Raises
    ------
    InputError
        A video has no frame that can be decoded, or is damaged and ``read.strict`` is set.
    InputMismatchError
        The two videos do not belong together.
    WindowUnpairedError
        An excerpt alone does not show with certainty which frames belong together.
    ModelError
        The hand model, the occluder model or another that the settings ask for is missing.
    """
    model_identity(settings.occlusion)  # before the work begins
    check_models(settings.occlusion, model)
    for exhaustive in (thorough or window is None, True):
        search = FaceSearch(model, settings.track, exhaustive, finder)
        analysis = _analysed(original_info, synced_info, search, settings, window, on_frame)
        if exhaustive or not lacks_partners(analysis.tracks, analysis.synced_index):
            break
    return analysis


def _analysed(
    original_info: VideoInfo,
    synced_info: VideoInfo,
    search: FaceSearch,
    settings: Settings,
    window: Window | None,
    on_frame: Callable[[int], None],
) -> ClipAnalysis:
    pair, lab, starts_s = settings.pair, settings.colour.space == "lab", None
    original, synced = Scan(original_info), Scan(synced_info)
    if window is not None:
        original, synced = window.scans(original_info, synced_info, pair)
        starts_s = window.starts_s(original_info, synced_info, pair)
    in_front = settings.occlusion.method != "off"
    measures, search_notes = read_both(
        original, synced, search, lab=lab, in_front=in_front, starts_s=starts_s, on_frame=on_frame
    )
    release_freed_memory()  # the memory of decoders and face models, before pairing needs it
    damage = (*original.damage, *synced.damage)
    if settings.read.strict and damage:
        raise InputError(
            "an input is damaged, and read.strict is on",
            details=damage,
            hint="Switch read.strict off to decode it anyway.",
        )
    alignment = align(original, synced, pair) if window is None else align_window(original, synced, pair)
    colours = read_colours(original, synced, alignment, settings)
    reading = PairReading(original_info, synced_info.read_by(colours.change), lab, alignment.mapping, in_front)
    if not alignment.mapping.is_identity or colours.change is not None:
        measures.clear()
    line = alignment.timeline
    with_synced = np.flatnonzero(line.synced_index >= 0)
    measure_missing(reading, original, synced, line.pairs(with_synced), measures)
    tracks, moves = measured_tracks(original, synced, alignment, measures)
    starts = _shot_starts(original, line, moves, search.track) if search.track.cuts else np.zeros(1, np.intp)
    if search.track.carry_s > 0:
        tracks = carry_faces(original, synced, line, reading, tracks, starts, max_s=search.track.carry_s)
    if search.track.stand_in:
        tracks = add_stand_ins(original, synced, line, reading, tracks, starts, min_face_px=search.track.min_face_px)
    if in_front:
        find_departures(tracks, np.array(original.times_s)[line.original_index], starts)
        search_near(original, line, tracks, starts, settings.occlusion, face_model=search.model)
    if settings.mask.region_source == "model":
        parse_parts(original, synced, alignment, tracks, settings.occlusion)
    notes = (*alignment_notes(alignment, original_info, synced_info), *colours.notes, *damage, *search_notes)
    analysis = clip_analysis(original, synced, alignment, colours, tracks, notes)
    return replace(analysis, shot_starts=starts)


def clip_analysis(
    original: Scan,
    synced: Scan,
    alignment: Alignment,
    colours: Interpretation,
    tracks: dict[int, FaceTrack],
    notes: tuple[str, ...],
) -> ClipAnalysis:
    """The analysis from two scans and their alignment, as one shot."""
    line = alignment.timeline
    clock, shown = (original, line.original_index) if line.follows == "original" else (synced, line.synced_index)
    return ClipAnalysis(
        original=_video_of(original),
        synced=_video_of(synced).read_by(colours.change),
        times_s=np.array(clock.times_s)[shown],
        pts=np.array(clock.pts)[shown],
        durations=np.array(clock.durations)[shown],
        original_index=line.original_index,
        synced_index=line.synced_index,
        shot_starts=np.zeros(1, np.intp),
        tracks=tracks,
        alignment=alignment,
        matrix=ycbcr_matrix(original.info.colour, original.info.height),
        notes=notes,
        changed=changed_frames(original, synced, line),
        interpretation=colours,
        frames_with_faces=(_count_frames_with_faces(original), _count_frames_with_faces(synced)),
    )


def _count_frames_with_faces(scan: Scan) -> int:
    return sum(bool(faces) for faces in scan.faces)


def _video_of(scan: Scan) -> Video:
    return Video(scan.info, np.array(scan.pts), scan.exact_times, scan.kept_frames)


def read_colours(original: Scan, synced: Scan, alignment: Alignment, settings: Settings) -> Interpretation:
    """How to read the colour codes of the synced video, judged by what both videos show alike."""
    evidence = gather_evidence(original, synced, alignment.pairing.source, alignment.mapping)
    return interpret(evidence, original.info, synced.info, trust_tags=settings.colour.interpret == "tags")


def measured_tracks(
    original: Scan, synced: Scan, alignment: Alignment, measures: Measures
) -> tuple[dict[int, FaceTrack], list[float]]:
    """The track of every face of the original, and how far the steadiest face moved in each output frame."""
    table = FaceTable()
    rows: dict[int, array[int]] = {}
    moves: list[float] = []
    previous: tuple[TrackedFace, ...] = ()
    line = alignment.timeline
    for frame, (i, j) in enumerate(zip(line.original_index.tolist(), line.synced_index.tolist(), strict=True)):
        candidates = in_original(synced.faces[j], alignment.mapping.at(j)) if j >= 0 else ()
        measured = measures[i, j] if j >= 0 else {}
        faces = original.faces[i]
        for face in faces:
            partner = same_face(face.landmarks, candidates)
            synced_mesh = partner.points if partner is not None else None
            row = table.append(frame, face.landmarks.points, synced_mesh, measured.get(face.track_id))
            rows.setdefault(face.track_id, array("q")).append(row)
        moves.append(least_move(previous, faces))
        previous = faces
    return {track_id: FaceTrack(table, each) for track_id, each in rows.items()}, moves


def lacks_partners(tracks: Mapping[int, FaceTrack], synced_index: npt.NDArray[np.int64]) -> bool:
    """Whether some face of the original was not found in more than a fifth of its synced frames."""
    for track in tracks.values():
        found = track.has("synced")[synced_index[track.frames] >= 0]
        if np.count_nonzero(~found) > _MAX_LACKING_SHARE * len(found):
            return True
    return False


def _shot_starts(scan: Scan, line: Timeline, moves: list[float], track: TrackSettings) -> npt.NDArray[np.intp]:
    shown = line.original_index
    starts = find_shots(scan.thumbs, shown.tolist(), moves, threshold=track.cut_threshold)
    if line.follows == "synced":  # a jump within the original is a cut, however it looks
        times_s = np.array(scan.times_s)
        leaps = jumps(times_s[shown], Clock(times_s).period_s)
        starts = np.union1d(starts, np.flatnonzero(leaps) + 1)
    return starts
