"""A quick look at one moment of two videos: one frame of each, without anything that needs the frames around it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lipblend.analysis.analyse import clip_analysis, measured_tracks, read_colours
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.first_reading import Measures, PairReading
from lipblend.analysis.single_frame import faces_of_frame
from lipblend.errors import InputMismatchError
from lipblend.faces.landmarker import BackgroundLandmarker
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.alignment import align
from lipblend.pairing.colour_samples import ColourSamples
from lipblend.pairing.excerpt import HINT, Window, WindowUnpairedError, window_pts
from lipblend.pairing.joint_search import SAME_TAKE
from lipblend.pairing.scan import Scan, Seen, thumbnail
from lipblend.picture.patch import Box
from lipblend.picture.planes import to_rgb
from lipblend.settings import Settings, TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame
from lipblend.video.seeking import WindowReader

_USUAL_RATE = 25
_FINER = 4  # colour pictures each way: one has to tell what elsewhere dozens do
_REACHES = 0.75, 30.0  # usual frame lengths on both sides in which a frame is looked for, one after the other


def glance(
    original: VideoInfo, synced: VideoInfo, time_s: float, *, finder: BackgroundLandmarker, settings: Settings
) -> ClipAnalysis:
    """Analyse the frame shown at a time, by itself.

    The synced frame of the same time is taken to belong to it, if it looks like it; whether its neighbours would fit
    better is not tried. Faces are looked for in the whole picture, then in tiles, down to the first size that shows
    one. In H.264 about half of the pictures between the key frame and this one are decoded.

    Parameters
    ----------
    original, synced : VideoInfo
    time_s : float
        Seconds since the original's first frame.
    finder : BackgroundLandmarker
        Waited for when both frames are decoded.
    settings : Settings
        The groups ``pair``, ``track``, and of ``colour`` the space.

    Raises
    ------
    WindowUnpairedError
        The settings count frames from the start or follow the synced video's time line; there is no frame of one video
        at that time; or the two are not alike.
    InputError
        A video cannot be read.
    """
    pair, track = settings.pair, settings.track
    Window(time_s, time_s).scans(original, synced, pair)  # whether a part alone can do
    starts_s = Window.starts_s(original, synced, pair)
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="lipblend-glance") as threads:
        first = threads.submit(_frame_at, original, starts_s[0] + time_s)
        second = threads.submit(_frame_at, synced, starts_s[1] + time_s)
        original_frame, synced_frame = first.result(), second.result()
    seen = _faces(original_frame, original, finder, track)
    seen_there = _faces(synced_frame, synced, finder, track, near=seen)
    scans = _scan(original, original_frame, seen), _scan(synced, synced_frame, seen_there)
    try:
        alignment = align(*scans, pair)
        read = read_colours(*scans, alignment, settings)
    except InputMismatchError as error:
        raise WindowUnpairedError(error.message, hint=HINT) from error
    line = alignment.timeline
    if alignment.likeness < SAME_TAKE or line.follows == "synced" or (line.synced_index < 0).any():
        raise WindowUnpairedError("the frames of the same time do not belong together", hint=HINT)
    lab = settings.colour.space == "lab"
    reading = PairReading(original, synced.read_by(read.change), lab, alignment.mapping)
    measures = Measures()
    measures[0, 0] = reading.measure(original_frame, scans[0].faces[0], synced_frame, scans[1].faces[0])
    tracks, _ = measured_tracks(*scans, alignment, measures)
    return clip_analysis(*scans, alignment, read, tracks, read.notes)


def _frame_at(info: VideoInfo, time_s: float) -> Frame:
    """The frame nearest to a time, in seconds of the video's clock; as number 0."""
    length_s = 1 / float(info.frame_rate or _USUAL_RATE)
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
    """The faces of a frame; with ``near``, those of the other video are looked for in their places first."""

    def rgb_of(box: Box) -> npt.NDArray[np.uint8]:
        return to_rgb(frame.planes, frame.layout, info.colour, box, height=info.height)

    return faces_of_frame(rgb_of, info.upright_size, finder.ready().detect, track, near)
