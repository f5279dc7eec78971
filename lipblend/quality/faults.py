"""Synced frames that are broken themselves, which no compositor can mend.

`traits` reads a few numbers off each frame, `find_faults` judges them over the clip: every shot has its own usual
values, as medians. The limits were chosen on eleven pairs (six made from real clips, five from published generators),
as they are and with damage put in: see the constants.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import STABLE
from lipblend.quality.frozen import MOUTH_SIZE, is_frozen
from lipblend.quality.lowerface import LowerFace
from lipblend.quality.view import FaceView

FAULTS: dict[str, str] = {
    "blurred": "the lower face lost more than half of its usual fine detail",
    "frozen": "the mouth stays the very same for a quarter of a second or longer while the head moves",
    "misplaced": "the lower face lies off its place",
    "ghosted": "the original's lips shine through: they are seen double",
    "blocky": "the patch shows a grid of blocks",
}
"""What can be wrong with the generator's own patch, for people."""

BLURRED_RATIO = 0.5
"""Detail against the original's, as a share of the shot's median: real clips keep above 0.54; a blur by 0.02 ``w_f``
leaves 0.3 to 0.5, one by 0.012 ``w_f`` about 0.5."""
BLURRED_OWN = 0.6
"""The synced picture's own detail as a share of its median: so that a sharper original alone is no fault."""
BLURRED_ALWAYS = 0.3
"""Detail against the original's below which a whole shot is blurred: medians of real clips are 0.75 to 0.99."""
MISPLACED_LEAST, MISPLACED_SPREADS = 0.022, 4.5
"""Least distance from the shot's median in ``w_f``, and in its robust standard deviations."""
MISPLACED_ALWAYS = 0.03
"""Offset of a whole shot, in ``w_f``; real clips have up to 0.01."""
GHOST_SHARE, GHOST_LIKENESS, GHOST_PEAK = (0.3, 0.8), 0.8, 0.009
"""Share of the original's lips, their correlation, and how far from its place (``w_f``) the best match may lie."""
GHOST_NEAR_S = 0.2
"""A ghost counts where a second one lies so near in time: single ones happen by chance. None of 915 frames of real
clips that could show one do then; of those mixed with the original by half, six of ten do."""
BLOCKY_LEAST = 0.075
"""Log contrast of the grid in rows and in columns: real clips have 0.01 to 0.04, 0.07 at most on the smallest face;
blocks of a twelfth to a sixteenth of the face 0.08 to 0.35. One real frame is above, the first of its file, with coding
blocks to be seen in it."""

_FINE, _COARSE = 240.0, 96.0  # face widths, pixels, at which is measured at most
_LEAST_CROP_PX = 16
_SPREAD = 1.4826  # standard deviation of a normal distribution over its median absolute deviation

Plane = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Traits:
    """What one frame's synced patch is like; nan for what could not be measured.

    Attributes
    ----------
    detail_original, detail_synced : float
        Mean |luma - blurred luma| about the lips, grey levels.
    offset : (x, y) of float
        How far right and down the synced skin about the mouth lies off the original's, in ``w_f``.
    ghost_share, ghost_likeness, ghost_peak : float
        Regression of the synced picture's finest detail on the original's, at the original's lip contours where the
        synced face has none: slope, correlation, and distance of the best match from its place in ``w_f``.
    blocks : float
        Log contrast of a regular grid beyond the original's, the lesser of rows and columns.
    mouth : (24, 32) uint8 or None
        The synced mouth's luma in face coordinates, 0.6 x 0.45 ``w_f``.
    place : (x, y) of float
        The original's stable points in the picture, in ``w_f``.
    """

    detail_original: float
    detail_synced: float
    offset: tuple[float, float]
    ghost_share: float
    ghost_likeness: float
    ghost_peak: float
    blocks: float
    mouth: npt.NDArray[np.uint8] | None
    place: tuple[float, float]


def traits(view: FaceView) -> Traits:
    """Measure one frame; pure, and nothing but the crop about the mouth is looked at."""
    fine = LowerFace(view, _FINE)
    if min(fine.size) < _LEAST_CROP_PX:
        nan = float("nan")
        return Traits(nan, nan, (nan, nan), nan, nan, nan, nan, None, _place(view))
    coarse = LowerFace(view, _COARSE)
    detail = _detail(fine)
    share, likeness, peak = _ghost(fine)
    return Traits(
        *detail, _offset(coarse), share, likeness, peak, _blocks(fine), _mouth(coarse), _place(view)
    )  # fmt: skip


def find_faults(
    traits: Sequence[Traits | None],
    times_s: Sequence[float] | npt.NDArray[np.float64],
    shots: Sequence[tuple[int, int]],
) -> list[tuple[str, ...]]:
    """Name what is broken in each frame.

    Parameters
    ----------
    traits : sequence of Traits or None
        One a frame of the clip; None where there is no face.
    times_s : (n,) float64
    shots : sequence of (start, stop)
        Frames ``start`` to ``stop - 1``. Usual values are taken within a shot.

    Returns
    -------
    list of tuple of str
        Keys of `FAULTS`, in its order; empty for a frame without a fault.
    """
    found: list[set[str]] = [set() for _ in traits]
    times = np.asarray(times_s, np.float64)
    for start, stop in shots:
        rows = [i for i in range(start, stop) if traits[i] is not None]
        shot = [each for each in traits[start:stop] if each is not None]
        if not shot:
            continue
        when = times[rows]
        for name, hits in (
            ("blurred", _is_blurred(shot)),
            ("frozen", is_frozen([t.mouth for t in shot], np.array([t.place for t in shot]), when, _runs(rows))),
            ("misplaced", _is_misplaced(shot)),
            ("ghosted", _is_ghosted(shot, when)),
            ("blocky", np.array([t.blocks > BLOCKY_LEAST for t in shot])),
        ):
            for row in itertools.compress(rows, hits):
                found[row].add(name)
    return [tuple(name for name in FAULTS if name in each) for each in found]


def _runs(rows: Sequence[int]) -> npt.NDArray[np.intp]:
    """A number for every row that changes wherever frames are missing in between."""
    return np.cumsum(np.diff(np.asarray(rows), prepend=rows[0] - 1) != 1)


def _is_blurred(shot: Sequence[Traits]) -> Mask:
    own = np.array([t.detail_synced for t in shot])
    theirs = np.array([t.detail_original for t in shot])
    ratio = np.divide(own, theirs, out=np.full(len(shot), np.nan), where=theirs > 0)
    if np.isnan(ratio).all():
        return np.zeros(len(shot), bool)
    usual = float(np.nanmedian(ratio))
    if usual < BLURRED_ALWAYS:
        return np.asarray(ratio < BLURRED_ALWAYS)
    return np.asarray((ratio < BLURRED_RATIO * usual) & (own < BLURRED_OWN * np.nanmedian(own)))


def _is_misplaced(shot: Sequence[Traits]) -> Mask:
    offset = np.array([t.offset for t in shot])
    known = np.isfinite(offset).all(1)
    if not known.any():
        return np.zeros(len(shot), bool)
    usual = np.median(offset[known], axis=0)
    spread = _SPREAD * np.median(np.abs(offset[known] - usual), axis=0)
    if np.hypot(*usual) > MISPLACED_ALWAYS:
        usual = np.zeros(2)
    limit = np.maximum(MISPLACED_LEAST, MISPLACED_SPREADS * spread)
    return np.asarray(known & (np.hypot(*((offset - usual) / limit).T) > 1))


def _is_ghosted(shot: Sequence[Traits], times: npt.NDArray[np.float64]) -> Mask:
    share, likeness, peak = (
        np.array([getattr(t, name) for t in shot]) for name in ("ghost_share", "ghost_likeness", "ghost_peak")
    )
    low, high = GHOST_SHARE
    hits = (share > low) & (share < high) & (likeness > GHOST_LIKENESS) & (peak <= GHOST_PEAK)
    out = np.zeros(len(shot), bool)
    for i in np.flatnonzero(hits).tolist():
        out[i] = np.count_nonzero(hits & (np.abs(times - times[i]) <= GHOST_NEAR_S)) > 1
    return out


def _place(view: FaceView) -> tuple[float, float]:
    x, y = view.before.points[list(STABLE)].mean(0, dtype=np.float64) / max(view.face_width_px, 1.0)
    return float(x), float(y)


def _detail(crop: LowerFace) -> tuple[float, float]:
    outer, inner = zip(crop.lips(synced=False), crop.lips(synced=True), strict=True)
    # Teeth come and go with the words.
    where = (crop.distance(outer, filled=True) < 0.08 * crop.w) & (crop.distance(inner, filled=True) > 0.03 * crop.w)
    where &= crop.plane(crop.view.contour) > 0.5
    if not where.any():
        return float("nan"), float("nan")
    sigma = max(1.0, 0.008 * crop.w)
    original, synced = (
        float(np.abs(each - cv2.GaussianBlur(each, (0, 0), sigma))[where].mean())
        for each in (crop.original, crop.synced)
    )
    return original, synced


def _offset(crop: LowerFace) -> tuple[float, float]:
    """Translation of the skin about the mouth, by Gauss-Newton with a free gain and level (Lucas and Kanade 1981)."""
    nan = float("nan")
    lips = [crop.lips(synced=False)[0], crop.lips(synced=True)[0]]
    away = crop.distance(lips, filled=True)
    middle, down = crop.points(crop.view.before.mouth_centre), crop.view.before.y_axis
    rows, columns = np.ogrid[: crop.size[1], : crop.size[0]]
    below = (columns + 0.5 - middle[0]) * down[0] + (rows + 0.5 - middle[1]) * down[1]
    # Below the mouth the jaw moves with the words.
    where = (away > 0.03 * crop.w) & (away < 0.2 * crop.w) & (below < 0.1 * crop.w)
    where &= crop.plane(crop.view.contour) > 0.5
    count = int(np.count_nonzero(where))
    if count < 60:
        return nan, nan
    still, moving = (cv2.GaussianBlur(each, (0, 0), 0.02 * crop.w) for each in (crop.original, crop.synced))
    ours = still[where]
    shift = np.zeros(2)
    for _ in range(8):
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        laid = cv2.warpAffine(moving, matrix, crop.size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        across, along = (cv2.Sobel(laid, cv2.CV_32F, dx, 1 - dx, scale=1 / 8)[where] for dx in (1, 0))
        terms = np.stack([-across, -along, ours, np.ones_like(ours)], axis=1).astype(np.float64)
        # A little damping: skin without texture then gives no offset rather than any.
        normal = terms.T @ terms + count * np.diag([0.05, 0.05, 1e-6, 1e-6])
        step = np.clip(np.linalg.solve(normal, terms.T @ laid[where])[:2], -2, 2)
        shift += step
        if np.abs(step).max() < 0.02:
            break
    x, y = shift / crop.w
    return (float(x), float(y)) if np.hypot(x, y) < 0.15 else (nan, nan)


def _ghost(crop: LowerFace) -> tuple[float, float, float]:
    """Slope, correlation and place of the best match of the original's lips in the synced picture."""
    nan = float("nan")
    original, synced = (crop.lips(synced=each) for each in (False, True))
    where = crop.distance(original, filled=False) < 0.02 * crop.w
    where &= crop.distance(synced, filled=False) > 0.025 * crop.w
    reach = max(3, int(0.05 * crop.w))
    if np.count_nonzero(where) < 25 * (crop.w / _COARSE) ** 2:
        return nan, nan, nan
    x, y, width, height = cv2.boundingRect(where.astype(np.uint8))
    ours, theirs = (
        cv2.GaussianBlur(each, (0, 0), max(0.5, 0.003 * crop.w)) - cv2.GaussianBlur(each, (0, 0), 0.008 * crop.w)
        for each in (crop.original, crop.synced)
    )
    lips = np.where(where, ours, np.float32(0))[y : y + height, x : x + width]
    energy = float((lips * lips).sum())
    power = float((theirs[where] ** 2).sum())
    if energy <= 0 or power <= 0:
        return nan, nan, nan
    wide = cv2.copyMakeBorder(theirs, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    matches = cv2.matchTemplate(wide[y : y + height + 2 * reach, x : x + width + 2 * reach], lips, cv2.TM_CCORR)
    row, column = np.unravel_index(int(matches.argmax()), matches.shape)
    here = float(matches[reach, reach])
    distance = float(np.hypot(row - reach, column - reach)) / crop.w
    return here / energy, here / float(np.sqrt(energy * power)), distance


def _blocks(crop: LowerFace) -> float:
    """Strongest comb in the gradients' profile of the synced picture, less the original's of the same period.

    After Wang, Bovik and Evans 2000 (https://doi.org/10.1109/ICIP.2000.899622), for blocks of any period.
    """
    scores = []
    for axis in (0, 1):
        count = crop.size[axis] - 1
        periods = np.arange(5.0, min(42.0, 0.16 * crop.w, count / 4.5), 0.25)
        if not len(periods):
            return float("nan")
        combs = [
            _comb(np.abs(np.diff(plane, axis=1 - axis)).mean(axis), periods, crop.w)
            for plane in (crop.synced, crop.original)
        ]
        scores.append(float((combs[0] - combs[1]).max()))
    return min(scores)


_TRANSFORM = 8192
_HARMONICS = np.arange(1, 5)
_PHASES = np.exp(1j * np.outer(_HARMONICS, np.linspace(0, 2 * np.pi, 32, endpoint=False)))


def _comb(profile: Plane, periods: Points, face_px: float) -> npt.NDArray[np.float64]:
    """How far the log profile stands out at even steps: first four harmonics, in the best common phase."""
    from scipy.ndimage import median_filter  # slow to load

    log = np.log(profile + np.float32(0.5))
    local = median_filter(log, size=2 * max(5, int(0.03 * face_px) | 1) + 1, mode="reflect")
    spikes = np.clip(log - local, -0.5, 1.0)
    spectrum = np.fft.rfft(spikes - spikes.mean(), _TRANSFORM) / len(spikes)
    places = np.rint(_HARMONICS * (_TRANSFORM / periods)[:, None]).astype(int)
    parts = np.where(places < len(spectrum), spectrum[np.minimum(places, len(spectrum) - 1)], 0)
    return np.asarray((parts @ _PHASES).real.max(1))


def _mouth(crop: LowerFace) -> npt.NDArray[np.uint8]:
    mesh = crop.view.before
    width, height = MOUTH_SIZE
    step = 0.6 * mesh.face_width_px / width
    axes = np.stack([mesh.x_axis, mesh.y_axis], axis=1) * step
    middle = mesh.points[list(STABLE)].mean(0, dtype=np.float64) + 0.42 * mesh.face_width_px * mesh.y_axis
    corners = middle + (np.array([[0, 0], [1, 0], [0, 1]]) - np.array([width - 1, height - 1]) / 2) @ axes.T
    first, right, under = crop.points(corners) - 0.5
    matrix = np.stack([right - first, under - first, first], axis=1)
    smooth = cv2.GaussianBlur(crop.synced, (0, 0), 1.0)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(smooth, matrix, MOUTH_SIZE, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(np.rint(patch), 0, 255), np.uint8)
