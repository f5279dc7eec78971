"""Looking at a part of two videos only, for a single frame of the result."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lipblend.errors import InputError, InputMismatchError
from lipblend.pairing.alignment import Alignment, align
from lipblend.pairing.placement import SmallPictures
from lipblend.pairing.scan import Scan
from lipblend.settings import PairSettings, Settings
from lipblend.video.info import VideoInfo

MARGIN_S = 0.2
"""The original is looked at for so much longer on both sides, as the synced picture may be off by a few frames."""
_REACHES = 1.5  # standard deviations of the slow smoothing of colours that are waited for; farther frames weigh little
_STEADY_REACHES = 3.0
_MEDIAN_FRAMES_S = 0.12
_BESIDE = range(3, 9)
_NOISE = 0.5  # squared grey levels: rounding
_CLEAR = 2.0
HINT = "Analyse the whole clip."


class WindowUnpairedError(InputMismatchError):
    """A part of two videos does not show surely which of their frames belong together."""


@dataclass(frozen=True)
class Window:
    """A stretch of the original, and what the synced video shows at its time.

    Attributes
    ----------
    start_s, stop_s : float
        Seconds since the original's first frame.
    keeps : bool
        Frames are kept, so that they need not be decoded again.
    """

    start_s: float
    stop_s: float
    keeps: bool = True

    def scans(self, original: VideoInfo, synced: VideoInfo, pair: PairSettings) -> tuple[Scan, Scan]:
        """What is to be read of the two videos.

        Raises
        ------
        WindowUnpairedError
            The settings count frames from the start, or follow the synced video's time line.
        """
        if pair.method == "index" or pair.timeline == "synced":
            what = "pair.method = index" if pair.method == "index" else "pair.timeline = synced"
            raise WindowUnpairedError(f"{what} needs the frames before", hint=HINT)
        ours, theirs = self.starts_s(original, synced, pair)
        return (
            Scan(
                original,
                window_pts=window_pts(original, ours + self.start_s - MARGIN_S, ours + self.stop_s + MARGIN_S),
                keeps=self.keeps,
            ),
            Scan(synced, window_pts=window_pts(synced, theirs + self.start_s, theirs + self.stop_s), keeps=self.keeps),
        )

    @staticmethod
    def starts_s(original: VideoInfo, synced: VideoInfo, pair: PairSettings) -> tuple[float, float]:
        """Times of the original's first frame, and of the synced video at that moment."""
        return original.start_s, synced.start_s - (0.0 if pair.offset_s == "auto" else pair.offset_s)


def reach_s(settings: Settings) -> float:
    """Seconds on either side of a frame that matter for it.

    What is smoothed, filled and ramped is looked at as far as it reaches; the slow smoothing of gains and shifts to
    1.5 standard deviations, which hold 87 % of the weight.
    """
    track, smooth, colour = settings.track, settings.smooth, settings.colour
    steady_s = _STEADY_REACHES * smooth.sigma_s if smooth.method == "zero_phase" else 0.3
    return max(
        steady_s + _MEDIAN_FRAMES_S,
        track.max_gap_s + track.ramp_s,
        _REACHES * max(colour.gain_smooth_s, colour.shift_smooth_s),
    )


def check_not_empty(scan: Scan, *, original: bool) -> None:
    """Say which part of a video shows nothing, where only a part was read.

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
    """Find out how the two go together within a window.

    Raises
    ------
    WindowUnpairedError
        They do not keep step here, or nothing confirms that they do.
    """
    if not (original.exact_times and synced.exact_times):
        raise WindowUnpairedError("frames cannot be found by their time stamps", hint=HINT)
    try:
        found = align(original, synced, settings)
    except InputMismatchError as error:
        raise WindowUnpairedError(error.message, hint=HINT) from error
    off_s = abs(found.pairing.offset_s - (0.0 if settings.offset_s == "auto" else settings.offset_s))
    if found.timeline.follows == "synced" or not found.pairing.in_step or off_s > MARGIN_S:
        raise WindowUnpairedError("the two videos do not keep step here", hint=HINT)
    # Where the pairs are given by the settings, there is nothing to confirm.
    if settings.method == "auto" and settings.offset_s == "auto":
        clearness = match_clearness(original, synced, found)
        if clearness < _CLEAR:
            raise WindowUnpairedError("too little moves here to tell which frames belong together", hint=HINT)
    return found


def match_clearness(original: Scan, synced: Scan, found: Alignment) -> float:
    """How much worse all frames three to eight beside the ones found fit, as a multiple; 1 where nothing moves.

    By small pictures, each pixel weighted by how well the pairs found agree there. Measured on five pairs: 5 and more
    for the right frames; below 1.5 for stretches that do not belong together but seem to keep step.
    """
    small = SmallPictures.of(original, synced)
    ours, theirs = (each[:].astype(np.float32) for each in small.pixels(found.mapping))
    rows = np.flatnonzero(found.pairing.source >= 0)
    source = found.pairing.source[rows]
    weight = 1 / ((theirs[rows] - ours[source]).var(0) + _NOISE)

    def left(shift: int) -> float:
        inside = (source + shift >= 0) & (source + shift < len(ours))
        if np.count_nonzero(inside) < len(rows) / 2:
            return math.inf
        difference = theirs[rows[inside]] - ours[source[inside] + shift]
        return float((np.square(difference - difference.mean(0)) * weight).mean())

    beside = [left(sign * shift) for shift in _BESIDE for sign in (-1, 1)]
    clearness = min(beside) / max(left(0), 1e-6)
    return clearness if math.isfinite(clearness) else 1.0


def window_pts(info: VideoInfo, start_s: float, stop_s: float) -> tuple[int, int]:
    """Time stamps of a stretch, which begins no earlier than the video; seconds of its own clock."""
    unit = float(info.time_base)
    return max(round(start_s / unit), round(info.start_s / unit)), round(stop_s / unit)
