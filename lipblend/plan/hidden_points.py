"""Points of a face behind something: filled in from those that are seen.

The face model guesses what it does not see, and draws a jaw along a hand. The generator painted a whole face there, so
the synced mesh shows how hidden points lie to each other; where they lie, the points around them say that both have.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, STABLE, Landmarks
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.face_look import CELL_FRAC, CELLS, LEFT_FRAC, TOP_FRAC

Points = npt.NDArray[np.float32]

_HIDDEN, _SEEN = 0.5, 0.1  # share of a point's cell
_REACH_FRAC = 0.12  # standard deviation of the distance over which a seen point counts, face widths
_FAR = 0.05  # weight of all others together
_LIPS = (*LIPS_OUTER, *LIPS_INNER)
_MOST = 0.7  # of the lips: what is seen of a mouth says how far it is open
_KEPT = (*STABLE, 234, 454)  # the axes of the head and its width, in which the cells lie


def filled_in(mesh: Points, synced: Points, cells: npt.NDArray[np.float32]) -> Points:
    """A mesh with the hidden points where the synced mesh and the seen points say.

    Parameters
    ----------
    mesh, synced : (478, 2) float32
        Of the original and of the synced picture, in the same pixels; the synced face may lie elsewhere.
    cells : (64, 64) float32 in [0, 1]
        What lies in front, in the axes of ``mesh``.

    Returns
    -------
    (478, 2) float32
        Each hidden point is that of ``synced`` plus how far the seen points lie from theirs there: a mean weighted by
        a Gaussian of the distance. Points that give the head's axes stay.
    """
    local = head_frame(Landmarks(mesh)).to_local(mesh)
    column, row = np.clip(((local - (LEFT_FRAC, TOP_FRAC)) / CELL_FRAC).astype(np.intp), 0, CELLS - 1).T
    share = cells[row, column]
    hidden, seen = np.flatnonzero(share > _HIDDEN), np.flatnonzero(share < _SEEN)
    kept = _KEPT if np.isin(_LIPS, hidden).mean() > _MOST else (*_KEPT, *_LIPS)
    hidden = np.setdiff1d(hidden, kept)
    if not len(hidden) or not len(seen):
        return mesh
    away = (synced - mesh)[seen]
    apart = np.linalg.norm(local[hidden, None] - local[None, seen], axis=2)
    weights = np.exp(-0.5 * (apart / _REACH_FRAC) ** 2) + _FAR / len(seen)
    filled = mesh.copy()
    filled[hidden] = synced[hidden] - weights @ away / weights.sum(1, keepdims=True)
    return filled
