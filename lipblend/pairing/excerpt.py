"""Analysis of a part of two videos only, for a single frame of the result."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lipblend.errors import InputError, InputMismatchError
from lipblend.pairing.alignment import Alignment, align
from lipblend.pairing.scan import Scan
from lipblend.pairing.small_pictures import SmallPictures
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.settings import PairSettings, Settings
from lipblend.video.info import VideoInfo

MARGIN_S = 0.2
"""Seconds read of the original beyond both ends of the window, as the synced picture may be off by a few frames."""
_COLOUR_SIGMAS = 1.5  # standard deviations of the slow smoothing of colours; frames farther away weigh little
_LANDMARK_SIGMAS = 3.0
_MEDIAN_FRAMES_S = 0.12
_SHIFTS = range(3, 9)  # frames
_NOISE_VARIANCE = 0.5  # squared grey levels: rounding
_MIN_CLEARNESS = 2.0
HINT = "Analyse the whole clip."


class WindowUnpairedError(InputMismatchError):
    """A part of two videos is not enough to tell which of their frames belong together."""


@dataclass(frozen=True)
class Window:
    """A stretch of the original, and the synced frames of the same time.

    Attributes
    ----------
    start_s, stop_s : float
        Seconds since the original's first frame.
    keep_frames : bool
        Keep the decoded frames, so that they need not be decoded again.
    """

    start_s: float
    stop_s: float
    keep_frames: bool = True

    def scans(self, original_info: VideoInfo, synced_info: VideoInfo, pair: PairSettings) -> tuple[Scan, Scan]:
        """Scans of the window in both videos, still empty.

        Raises
        ------
        WindowUnpairedError
            The settings pair frames by index, or follow the synced video's timeline.
        """
        if pair.method == "index" or pair.timeline == "synced":
            what = "pair.method = index" if pair.method == "index" else "pair.timeline = synced"
            raise WindowUnpairedError(f"{what} needs all frames from the start", hint=HINT)
        original_s, synced_s = self.starts_s(original_info, synced_info, pair)
        return (
            Scan(
                original_info,
                window_pts=window_pts(
                    original_info, original_s + self.start_s - MARGIN_S, original_s + self.stop_s + MARGIN_S
                ),
                keep_frames=self.keep_frames,
            ),
            Scan(
                synced_info,
                window_pts=window_pts(synced_info, synced_s + self.start_s, synced_s + self.stop_s),
                keep_frames=self.keep_frames,
            ),
        )

    @staticmethod
    def starts_s(original_info: VideoInfo, synced_info: VideoInfo, pair: PairSettings) -> tuple[float, float]:
        """Time of the original's first frame, and the corresponding time in the synced video."""
        return original_info.start_s, synced_info.start_s - (0.0 if pair.offset_s == "auto" else pair.offset_s)


def reach_s(settings: Settings) -> float:
    """Seconds on each side of a frame that affect its result.

    Covers smoothing, filled gaps, short runs and ramps; the slow smoothing of gains and shifts to 1.5 standard
    deviations, which hold 87 % of the weight.
    """
    track, smooth, colour = settings.track, settings.smooth, settings.colour
    landmarks_s = _LANDMARK_SIGMAS * smooth.sigma_s if smooth.method == "zero_phase" else 0.3
    return max(
        landmarks_s + _MEDIAN_FRAMES_S,
        track.max_gap_s + track.ramp_s,
        track.min_run_s,
        _COLOUR_SIGMAS * max(colour.gain_smooth_s, colour.shift_smooth_s),
    )


def check_not_empty(scan: Scan, *, original: bool) -> None:
    """Raise an error that names the window, if only a window was read.

    Call it for a scan without frames.

    Raises
    ------
    InputError, WindowUnpairedError
        The original or the synced video has no frame in the window.
    """
    if scan.window_pts is None:
        return
    start_s, stop_s = (float(pts * scan.info.time_base) for pts in scan.window_pts)
    what = f"{scan.info.path.name} has no frame from {start_s:.2f} to {stop_s:.2f} s"
    raise InputError(what) if original else WindowUnpairedError(what, hint=HINT)


def align_window(original: Scan, synced: Scan, settings: PairSettings) -> Alignment:
    """Align two videos within a window.

    Raises
    ------
    WindowUnpairedError
        The videos are not in step here, or too little moves to confirm that they are.
    """
    if not (original.exact_times and synced.exact_times):
        raise WindowUnpairedError("the frames of a video cannot be located by their time stamps", hint=HINT)
    try:
        found = align(original, synced, settings)
    except InputMismatchError as error:
        raise WindowUnpairedError(error.message, hint=HINT) from error
    off_s = abs(found.pairing.offset_s - (0.0 if settings.offset_s == "auto" else settings.offset_s))
    if found.timeline.follows == "synced" or not found.pairing.in_step or off_s > MARGIN_S:
        raise WindowUnpairedError("the two videos are not in step here", hint=HINT)
    # Pairs given by the settings or by a record need no confirmation.
    if synced.info.places is None and not settings.locate and settings.method == "auto" and settings.offset_s == "auto":
        clearness = match_clearness(original, synced, found)
        if clearness < _MIN_CLEARNESS:
            raise WindowUnpairedError("too little moves here to tell which frames belong together", hint=HINT)
    return found


def match_clearness(original: Scan, synced: Scan, found: Alignment) -> float:
    """Residual of frames 3 to 8 beside the matched ones, at best, divided by that of the matches; 1 if nothing moves.

    Measured on small pictures, each pixel weighted by how well the matches agree there. On five pairs: 5 and more
    for the right frames; below 1.5 for stretches that do not belong together but seem to be in step.
    """
    assert isinstance(found.mapping, FrameMapping)  # only a record gives one for each frame
    small = SmallPictures.of(original, synced)
    original_pixels, synced_pixels = (rows[:].astype(np.float32) for rows in small.pixels(found.mapping))
    rows = np.flatnonzero(found.pairing.source >= 0)
    source = found.pairing.source[rows]
    weight = 1 / ((synced_pixels[rows] - original_pixels[source]).var(0) + _NOISE_VARIANCE)

    def residual(shift: int) -> float:
        inside = (source + shift >= 0) & (source + shift < len(original_pixels))
        if np.count_nonzero(inside) < len(rows) / 2:
            return math.inf
        difference = synced_pixels[rows[inside]] - original_pixels[source[inside] + shift]
        return float((np.square(difference - difference.mean(0)) * weight).mean())

    beside = [residual(sign * shift) for shift in _SHIFTS for sign in (-1, 1)]
    clearness = min(beside) / max(residual(0), 1e-6)
    return clearness if math.isfinite(clearness) else 1.0


def window_pts(info: VideoInfo, start_s: float, stop_s: float) -> tuple[int, int]:
    """Convert seconds of a video's own clock to time stamps; the start is no earlier than the video."""
    unit = float(info.time_base)
    return max(round(start_s / unit), round(info.start_s / unit)), round(stop_s / unit)
