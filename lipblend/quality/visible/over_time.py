"""The visible parts that only several frames show: flicker, old lips shining through, lips out of step."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.quality.view import FaceView
from lipblend.quality.visible.canonical import canonical, canonical_mask
from lipblend.quality.visible.person_look import PersonLook, departing, something_else, synced_broken
from lipblend.quality.visible.scene import Scene, made_mouth, mouth_shift, scene
from lipblend.quality.visible.thresholds import summation
from lipblend.quality.visible.work_face import Mask, Points
from lipblend.stages.detail.scale import downsample

_CELL = 6  # canonical pixels
_FULL = 0.5
_MIN_CELLS = 5
_MIN_MOUTH = 100  # canonical pixels
_MAX_KEPT = 0.2  # of a mouth that can be compared
_LAG_S = 0.16
_WINDOW_S = 0.2
_KEPT_LEVELS, _OFFERED_LEVELS = 4.0, 8.0
_STRANGE = 0.02  # of the face without its mouth
_COVERED = 0.15  # of the skin
_RIDGE, _NEW_RIDGE = 9.0, 40.0  # squared levels: less motion says nothing; a new mouth trembles as well
_SHIFT_WINDOW_S = 0.16

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Moment:
    """One frame: the mouth in three pictures, and the residual of the skin by cells."""

    place: int
    pictures: npt.NDArray[np.float32]  # (3, 72, 72, 2): original, new and shown mouth, luma and Cr
    mouth: Mask
    broken: bool
    cells: npt.NDArray[np.float32]  # (12, 12, 3)
    known: Mask
    width: float


class OverTime:
    """Follows one face through a shot.

    Parameters
    ----------
    count : int
        Frames of the shot.
    frame_rate : float
        Frames per second.
    look : PersonLook or None
        Where either picture shows something else than the person, in front of the face or broken, nothing is compared.
    """

    def __init__(self, count: int, frame_rate: float, look: PersonLook | None) -> None:
        self._look = look
        self._lag = max(1, round(_LAG_S * frame_rate))
        self._window = max(1, round(_WINDOW_S * frame_rate))
        self._moments: deque[_Moment] = deque(maxlen=self._lag)
        self._hidden: set[int] = set()
        self._flicker = np.full(count, np.nan)
        self._sums = np.full((count, 5), np.nan)
        self._shift_window = max(1, round(_SHIFT_WINDOW_S * frame_rate))
        self._shifts = np.full((count, 2), np.nan)

    def add(self, place: int, view: FaceView) -> None:
        """Note the next frame that shows the face."""
        moment = _moment(place, view, self._look)
        if moment.broken:
            self._hidden.add(place)
        if self._moments and self._moments[-1].place == place - 1:
            self._flicker[place] = _flicker(moment, self._moments[-1])
        if self._moments and self._moments[0].place == place - self._lag:
            self._sums[place] = _sums(moment, self._moments[0])
        self._moments.append(moment)
        made, moved = made_mouth(view), mouth_shift(view)
        if made is not None and not made.all_old and moved is not None and not moment.broken:
            self._shifts[place] = moved

    def values(self, faulty: Collection[int] = ()) -> dict[str, Values]:
        """Series by key, an entry per frame, nan where unknown.

        Nothing is held against the synced picture in the ``faulty`` frames of the shot, nor in those beside a frame in
        which something covers the mouth: there it begins to.

        ``displaced``: distance of the mouth from the new one's place, face widths; mean of the shifts, so that a synced
        patch that trembles about its place is no displacement. ``flicker``: change of the even colour difference from
        the frame before, levels by `lipblend.quality.visible.thresholds.summation`. ``old_lips``: share of the
        original's mouth motion in the result's. ``out_of_step``: share of the new mouth's motion that the result lacks.
        """
        beside = {at + step for at in self._hidden for step in (-1, 1) if 0 <= at + step < len(self._flicker)}
        places = np.array(sorted({*faulty, *beside}), np.int64)
        known, moved = self._sums.copy(), self._shifts.copy()
        for broken in (places, places + self._lag):
            known[broken[broken < len(known)]] = np.nan
        moved[places] = np.nan
        sums = [_running(column, self._window) for column in known.T]
        too_old, _ = _shares(sums, _RIDGE)
        _, too_new = _shares(sums, _NEW_RIDGE)
        shifts = (_running(column, self._shift_window) for column in moved.T)
        return {
            "displaced": np.hypot(*shifts),
            "flicker": self._flicker,
            "old_lips": np.clip(too_old, 0, 1),
            "out_of_step": np.clip(-too_new, 0, 1),
        }


def _shares(sums: Sequence[Values], ridge: float) -> tuple[Values, Values]:
    """What a result's change has beyond the new mouth's, regressed on the changes of the old and the new mouth.

    Ridge regression (Hoerl and Kennard 1970): without motion both shares are 0, as in a right result.
    """
    old, new, both, rest_old, rest_new = sums
    old, new = old + ridge, new + ridge
    determinant = old * new - both * both
    return (rest_old * new - rest_new * both) / determinant, (rest_new * old - rest_old * both) / determinant


def _moment(place: int, view: FaceView, look: PersonLook | None) -> _Moment:
    seen = scene(view)
    face, matrix = seen.face, seen.face.placed.matrix
    # The new mouth is laid where the result shows it: a trembling of the synced patch is no speech.
    trembling = matrix.copy()
    offset = mouth_shift(view)
    if offset is not None:
        trembling[:, 2] -= offset * face.width
    new, shown = (
        canonical((planes[0], planes[2]), place, face.width)
        for planes, place in ((seen.found.recast, trembling), (face.result, matrix))
    )
    pictures = np.stack([face.placed.original[..., ::2], new, shown])
    skin = canonical_mask(seen.parts.skin, matrix)
    weight = downsample(skin.astype(np.float32), _CELL)
    residual = canonical(seen.found.residual, matrix, face.width)
    cells = np.stack(
        [downsample(np.ascontiguousarray(residual[..., way]) * skin, _CELL) for way in range(3)], axis=-1
    ) / (weight[..., None] + np.float32(1e-3))
    whole = canonical_mask(seen.parts.mouth, matrix)
    mouth = whole if look is None else whole & ~departing(face, look)
    broken = look is not None and synced_broken(face, seen.parts, look)
    if _covered(seen, skin, matrix, look):
        kept = whole & _kept(pictures)
        mouth = mouth & ~kept
        broken = broken or bool(np.count_nonzero(kept) > _MAX_KEPT * np.count_nonzero(whole))
    if broken:
        mouth = np.zeros_like(mouth)
    return _Moment(place, pictures, mouth, broken, cells, weight > _FULL, face.width)


def _covered(seen: Scene, skin: Mask, matrix: Points, look: PersonLook | None) -> bool:
    """Whether something passes before the face, or the generator's frame is broken.

    Then original and synced picture differ clearly over a large part of the skin, not only of the mouth, and either
    shows something else than the person; of somebody unknown that is taken for granted.
    """
    if not skin.any() or (look is not None and something_else(seen.face, seen.parts, look) < _STRANGE):
        return False
    offered = [a - b for a, b in zip(seen.found.recast, seen.face.original, strict=True)]
    apart = np.abs(canonical(offered, matrix, seen.face.width)).max(-1)
    return bool((apart[skin] > _OFFERED_LEVELS).mean() > _COVERED)


def _kept(pictures: npt.NDArray[np.float32]) -> Mask:
    """Where the result shows the original itself, and the new mouth differs: no mixture, but kept on purpose."""
    original, new, shown = pictures
    apart, offered = (np.abs(other - original).max(-1) for other in (shown, new))
    return np.asarray((apart < _KEPT_LEVELS) & (offered > _OFFERED_LEVELS))


def _flicker(moment: _Moment, before: _Moment) -> float:
    """Length of the median change of the cells, levels by `summation`; nan where too few are known."""
    known = moment.known & before.known
    if np.count_nonzero(known) < _MIN_CELLS:
        return np.nan
    change = (moment.cells - before.cells)[known]
    return float(np.linalg.norm(np.median(change, axis=0)) * summation(min(moment.width, before.width)))


def _sums(moment: _Moment, before: _Moment) -> Values:
    """Mean products of changes: old^2, new^2, old new, rest old, rest new; the rest is the shown less the new mouth."""
    region = moment.mouth & before.mouth
    if np.count_nonzero(region) < _MIN_MOUTH:
        return np.full(5, np.nan)
    old, new, shown = (moment.pictures - before.pictures)[:, region]
    rest = shown - new
    products = old * old, new * new, old * new, rest * old, rest * new
    return np.array([float(product.mean()) for product in products])


def _running(series: Values, window: int) -> Values:
    """Mean over a centred window, without unknown entries."""
    known = np.isfinite(series)
    kernel = np.ones(min(window, len(series)))
    total = np.convolve(np.where(known, series, 0), kernel, "same")
    count = np.convolve(known, kernel, "same")
    return np.where(known & (count > 0), total / np.maximum(count, 1), np.nan)
