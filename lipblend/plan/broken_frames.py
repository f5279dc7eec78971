"""Frames whose patch the generator broke, found before blending by comparing each frame with its shot.

`lipblend.analysis.health` measures each frame pair. A frame is broken if its synced lower face differs from what the
shot's other frames make likely and the original's does not: what both videos show (a flash, motion blur, a turned
head) is no fault of the generator, and neither is what only the original shows (a hand before the mouth).

The limits were chosen on 3460 clean frame pairs of 26 clips, and on 1616 frames broken on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.health import Health
from lipblend.plan.frozen_patch import frozen_scores
from lipblend.plan.patch_misfit import patch_misfit

Series = npt.NDArray[np.float64]
Values = npt.NDArray[np.floating]

KINDS = ("noise", "blocks", "hole", "mush", "frozen", "beside", "other face", "no face", "colours")

MIN_ROWS = 8
"""Fewer rows do not show what is usual in a shot; none of them is called broken."""
NOISY_DETAIL, NOISY_CHROMA = 0.7, 0.7
"""Excess of log detail: healthy frames stay below 0.4, noise of 45 levels has 1.6, colour noise 1.5 to 4.3 (chroma)."""
MUSHY_DETAIL = 0.65
"""Loss of log detail: healthy frames stay below 0.37, a blur of 0.045 face widths loses 0.8 and more."""
BLOCKY_COMB = 0.4
"""Excess of the comb: healthy frames stay below 0.15, blocks of 1/14 to 1/7 of the face width have 0.9 to 2.2."""
HOLE_SHARE, HOLE_LEVELS = 0.02, 10.0
"""Share of flat pixels beyond the luma that the shot's lower faces have, and luma of the mouth beyond theirs: the
geometric mean of both over these limits reaches 0.97 in healthy frames; every hole was found."""
MAX_OFFSET_FRAC = 0.1
"""Displacement of the synced mesh's mouth from its usual place beyond which it is astray; speech moves it by 0.05."""
ASTRAY_WEIGHT = 1.5
"""A misfit with its mesh missing or astray counts this much more, and so does mush without a mesh; a mesh alone proves
nothing, because it is missing in healthy profiles too."""

_NOISE_LEVELS = 0.3  # of rounding to 8 bits, added to both sides of a ratio
_USUAL_PERCENTILE = 70.0  # of a shot of which up to a third may be broken
_UNUSUAL_SHARE = 0.02  # of flat pixels: only luma that so few of them have is beyond the usual
_MOUTH = np.s_[2:8, 4:12]  # cells of a thumbnail
_BLOCK_ROWS, _MARGIN_ROWS = 300, 50  # judged together, so that memory does not grow with the shot; and on each side


@dataclass(frozen=True)
class Broken:
    """What is wrong with a frame's synced patch, and how certain that is.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    certainty : float
        0.5 at the limit that healthy frames do not reach, towards 1 far beyond it.
    """

    kind: str
    certainty: float


def broken_rows(track: FaceTrack, times_s: Series, start: int, stop: int) -> Mapping[int, Broken]:
    """The broken frames of one face in the shot [start, stop), by row of the shot.

    Parameters
    ----------
    track : FaceTrack
    times_s : (n,) float64
        Of the rows of the shot, seconds.
    start, stop : int
        Frames of the clip.
    """
    column = track.table.columns["health"]
    measured = [
        (frame - start, row)
        for frame, row in zip(track.frames, track.rows, strict=True)
        if start <= frame < stop and column.holds(row)
    ]
    found: dict[int, Broken] = {}
    for first in range(0, len(measured), _BLOCK_ROWS):
        low, high = max(0, first - _MARGIN_ROWS), first + _BLOCK_ROWS + _MARGIN_ROWS
        block = measured[low:high]
        health = Health.of(np.stack([column[row] for _, row in block]))
        verdicts = broken_frames(health, times_s[[place for place, _ in block]])
        judged = list(zip(block, verdicts, strict=True))[first - low : first - low + _BLOCK_ROWS]
        found |= {place: verdict for (place, _), verdict in judged if verdict is not None}
    return found


def broken_frames(health: Health, times_s: Series) -> list[Broken | None]:
    """Judge the frames of one face in one shot.

    Parameters
    ----------
    health : Health
        Of n frames, ascending.
    times_s : (n,) float64
        Seconds.

    Returns
    -------
    list of Broken or None
        One per frame; None for a frame that is not broken, and for all if there are fewer than `MIN_ROWS`.
    """
    if len(health) < MIN_ROWS:
        return [None] * len(health)
    misfit = patch_misfit(health, times_s)
    # In the order in which they are named: noise is a misfit too, and so is a patch with a hole.
    scores = {
        "noise": np.maximum(
            _excess(health.detail_synced, health.detail_original) / NOISY_DETAIL,
            _excess(health.chroma_synced, health.chroma_original) / NOISY_CHROMA,
        ),
        "blocks": _above_median(health.comb_synced - health.comb_original) / BLOCKY_COMB,
        "hole": _hole_scores(health),
        "mush": _loss(health.detail_synced, health.detail_original) / MUSHY_DETAIL,
        "misfit": misfit.scores,
        "frozen": frozen_scores(health),
    }
    missing, away = _astray(health)
    scores["misfit"] = np.where(missing | away, ASTRAY_WEIGHT, 1) * scores["misfit"]
    scores["mush"] = np.where(missing, ASTRAY_WEIGHT, 1) * scores["mush"]
    found: list[Broken | None] = []
    for row in range(len(health)):
        values = {name: float(each[row]) for name, each in scores.items()}
        sign = next((name for name, value in values.items() if value > 1), None)
        if sign is None:
            found.append(None)
            continue
        named = misfit.kind(row) if values["misfit"] > 1 else None
        found.append(Broken(_kind(sign, named, missing=bool(missing[row])), 1 - 0.5 / max(values.values())))
    return found


def _kind(sign: str, misfit: str | None, *, missing: bool) -> str:
    """Name a fault by its first sign, the kind of its misfit if it is one, and whether the mesh is missing."""
    if missing and sign in ("hole", "mush", "misfit"):
        return "no face"
    if sign == "hole" and misfit == "beside":
        return "beside"
    if sign == "mush" and misfit is not None:
        return "no face"
    if sign == "misfit":
        return misfit or "other face"
    return sign


def _excess(synced: Values, original: Values) -> Series:
    """How far detail exceeds the shot's median, as a log ratio to the original's and alone; the smaller of the two."""
    return np.minimum(_above_median(_log(synced) - _log(original)), _above_median(_log(synced)))


def _loss(synced: Values, original: Values) -> Series:
    """How far detail falls below the shot's median, likewise."""
    return np.minimum(_above_median(_log(original) - _log(synced)), _above_median(-_log(synced)))


def _log(levels: Values) -> Series:
    return np.log(levels.astype(np.float64) + _NOISE_LEVELS)


def _above_median(values: Values) -> Series:
    return np.asarray(values - np.median(values), np.float64)


def _hole_scores(health: Health) -> Series:
    """Darker, or lighter, than the shot's lower faces: flat pixels, and cells of the mouth; (n,), 1 at the limit."""
    scores = np.zeros(len(health))
    for sign in (1, -1):
        synced, original = (np.cumsum(bins[:, ::sign], axis=1) for bins in (health.flat_synced, health.flat_original))
        usual = np.maximum(np.percentile(synced, _USUAL_PERCENTILE, axis=0), original.max(0))
        share = np.where(usual < _UNUSUAL_SHARE, synced - usual, 0).max(1)
        mouth, other = (
            (sign * thumbs[..., 0])[:, *_MOUTH].min(axis=(1, 2))
            for thumbs in (health.face_synced, health.face_original)
        )
        depth = min(float(np.percentile(mouth, 100 - _USUAL_PERCENTILE)), float(other.min())) - mouth
        both = np.maximum(share / HOLE_SHARE, 0) * np.maximum(depth / HOLE_LEVELS, 0)
        scores = np.maximum(scores, np.sqrt(both))
    return scores


def _astray(health: Health) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Rows without a synced mesh, and rows with one far from its usual place; none where that is usual in the shot."""
    found = health.found > 0
    offset = np.stack([health.offset_x, health.offset_y], axis=1)
    if np.count_nonzero(~found) > (1 - _USUAL_PERCENTILE / 100) * len(health):
        return np.zeros(len(health), bool), np.zeros(len(health), bool)
    away = np.hypot(*(offset - np.median(offset[found], axis=0)).T) > MAX_OFFSET_FRAC
    return ~found, np.asarray(found & away)
