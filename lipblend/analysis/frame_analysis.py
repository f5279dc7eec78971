"""Analysing a single frame of each video, without tracking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lipblend.analysis.analyse import clip_analysis, measured_tracks, read_colours
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.first_reading import Measures, PairReading
from lipblend.analysis.parse_parts import check_parser, parse_parts
from lipblend.errors import InputMismatchError
from lipblend.faces.landmarker import BackgroundLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import (
    CROP_FACTOR,
    SAME_FACE_IOU,
    Detect,
    Mesh,
    crop_around,
    find_faces,
    overlap,
    shifted,
)
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.alignment import align
from lipblend.pairing.colour_samples import ColourSamples
from lipblend.pairing.excerpt import HINT, Window, WindowUnpairedError, window_pts
from lipblend.pairing.joint_search import SAME_TAKE
from lipblend.pairing.scan import Scan, Seen, thumbnail
from lipblend.picture.patch import Box
from lipblend.settings import Settings, TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame
from lipblend.video.seeking import WindowReader

_DEFAULT_RATE = 25
_FINER = 4  # times finer colour pictures than usual, because one replaces the dozens of a clip
_REACHES = 0.75, 30.0  # frame lengths on each side that are searched for a frame, in this order


def analyse_frame(
    original: VideoInfo, synced: VideoInfo, time_s: float, *, finder: BackgroundLandmarker, settings: Settings
) -> ClipAnalysis:
    """Analyse the frame shown at a time, without its neighbours.

    The synced frame of the same time is paired with it if the two are alike; other frames are not tried. Faces are
    searched for in the whole picture, then in tiles, down to the first size that shows one. In H.264, about half of the
    pictures between the key frame and this one are decoded.

    Parameters
    ----------
    original, synced : VideoInfo
    time_s : float
        Seconds since the original's first frame.
    finder : BackgroundLandmarker
        Waited for once both frames are decoded.
    settings : Settings
        The groups ``pair``, ``track``, of ``colour`` the space, and where the regions of the mask come from.

    Raises
    ------
    WindowUnpairedError
        The settings count frames from the start or follow the synced video's time line; a video has no frame at that
        time; or the two frames are not alike.
    InputError
        A video cannot be read.
    SettingsError, ModelError
        The parser that the mask asks for cannot be asked.
    """
    check_parser(settings)
    pair, track = settings.pair, settings.track
    Window(time_s, time_s).scans(original, synced, pair)  # raises if an excerpt is not enough
    if synced.places is not None:
        raise WindowUnpairedError("one frame of a crop does not tell whether its record holds", hint=HINT)
    starts_s = Window.starts_s(original, synced, pair)
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="lipblend-frame") as threads:
        first = threads.submit(_frame_at, original, starts_s[0] + time_s)
        second = threads.submit(_frame_at, synced, starts_s[1] + time_s)
        original_frame, synced_frame = first.result(), second.result()
    original_faces = _faces(original_frame, original, finder, track)
    synced_faces = _faces(synced_frame, synced, finder, track, near=original_faces)
    scans = _scan(original, original_frame, original_faces), _scan(synced, synced_frame, synced_faces)
    try:
        alignment = align(*scans, pair)
        colours = read_colours(*scans, alignment, settings)
    except InputMismatchError as error:
        raise WindowUnpairedError(error.message, hint=HINT) from error
    line = alignment.timeline
    if alignment.likeness < SAME_TAKE or line.follows == "synced" or (line.synced_index < 0).any():
        raise WindowUnpairedError("the frames of the same time do not belong together", hint=HINT)
    lab = settings.colour.space == "lab"
    reading = PairReading(original, synced.read_by(colours.change), lab, alignment.mapping)
    measures = Measures()
    measures[0, 0] = reading.measure(original_frame, scans[0].faces[0], synced_frame, scans[1].faces[0])
    tracks, _ = measured_tracks(*scans, alignment, measures)
    if settings.mask.region_source == "model":
        parse_parts(*scans, alignment, tracks, settings.occlusion)
    return clip_analysis(*scans, alignment, colours, tracks, colours.notes)


def faces_of_frame(
    rgb_of: Callable[[Box], npt.NDArray[np.uint8]],
    size: tuple[int, int],
    detect: Detect,
    track: TrackSettings,
    near: Sequence[TrackedFace] = (),
) -> tuple[TrackedFace, ...]:
    """Find the faces of a frame: in the whole picture, then in tiles, down to the first size that shows one.

    Parameters
    ----------
    rgb_of : callable
        Returns a box of the frame as (h, w, 3) uint8 RGB.
    size : (int, int)
        Width and height of the frame, pixels.
    detect : callable
        See `lipblend.faces.search.find_faces`.
    track : TrackSettings
    near : sequence of TrackedFace
        Faces of the other video's frame, whose places are searched first.
    """
    meshes: list[Mesh] = []
    for face in near:
        crop = crop_around(face.landmarks.points, CROP_FACTOR).clipped(*size)
        seen = [shifted(mesh, crop) for mesh in detect(rgb_of(crop))] if min(crop.width, crop.height) > 1 else []
        meshes += [mesh for mesh in seen if overlap(mesh, face.landmarks.points) >= SAME_FACE_IOU][:1]
    if not near or len(meshes) < len(near):
        whole = rgb_of(Box(0, 0, *size))
        meshes = find_faces(whole, detect, min_face_px=track.min_face_px, exhaustive=False)
    return tuple(TrackedFace(number, Landmarks(mesh)) for number, mesh in enumerate(meshes[: track.max_faces]))


def _frame_at(info: VideoInfo, time_s: float) -> Frame:
    """The frame nearest to a time (seconds on the video's clock), numbered 0."""
    length_s = 1 / float(info.frame_rate or _DEFAULT_RATE)
    for reach in _REACHES:
        around = window_pts(info, time_s - reach * length_s, time_s + reach * length_s)
        nearest: Frame | None = None
        with WindowReader(info, *around) as reader:
            for frame in reader:
                if nearest is None or abs(frame.time_s - time_s) < abs(nearest.time_s - time_s):
                    nearest = frame
        if nearest is not None:
            return replace(nearest, index=0)
    raise WindowUnpairedError(f"{info.path.name} has no frame at {time_s:.2f} s", hint=HINT)


def _scan(info: VideoInfo, frame: Frame, faces: tuple[TrackedFace, ...]) -> Scan:
    scan = Scan(info, window_pts=(frame.pts, frame.pts), colours=ColourSamples(finer=_FINER))
    for _ in scan.record([Seen(frame, faces, thumbnail(frame.planes[0], frame.layout.depth))]):
        pass
    return scan


def _faces(
    frame: Frame,
    info: VideoInfo,
    finder: BackgroundLandmarker,
    track: TrackSettings,
    near: tuple[TrackedFace, ...] = (),
) -> tuple[TrackedFace, ...]:
    """The faces of a frame; ``near`` are those of the other video, whose places are searched first."""

    return faces_of_frame(frame.picture(info).to_rgb, info.upright_size, finder.ready().detect, track, near)
