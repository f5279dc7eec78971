"""A person's own mouth over a shot, learnt from the original, and how the synced one differs from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.settings import ColourSettings
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.lip_samples import Sample, mouth_points
from lipblend.stages.colour.membrane import Cells, membrane_at
from lipblend.stages.colour.mouth_fit import MouthColours, mouth_colours

Mesh = Callable[[int], Landmarks]

_MAX_ROWS = 300  # of a shot, evenly spread


def own_mouth(
    samples: Mapping[int, Sample],
    maps: Sequence[ColourMap],
    fields: Sequence[Cells | None],
    meshes: tuple[Mesh, Mesh],
    settings: ColourSettings,
    matrix: npt.NDArray[np.float64],
) -> MouthColours | None:
    """What the colours of one shot's mouth need; None if that is off or too little was seen.

    Parameters
    ----------
    samples : mapping of int to Sample
        By row of the shot; see `lipblend.stages.colour.lip_samples.mouth_sample`.
    maps, fields : sequence of ColourMap, of Cells or None
        What matches the synced colours of each row.
    meshes : callables
        The original's mesh of a row, and the synced one.
    settings : ColourSettings
    matrix : (3, 4) float64
        YCbCr to R'G'B' 0..255.
    """
    if settings.lips == "off" or settings.lips_strength == 0 or not samples:
        return None
    rows = sorted(samples)
    rows = [rows[at] for at in np.linspace(0, len(rows) - 1, min(len(rows), _MAX_ROWS)).round().astype(int)]
    original, synced = [], []
    for row in rows:
        first, second = samples[row].astype(np.float32)
        second = maps[row].apply(second[None], matrix)[0]
        field = fields[row]
        if field is not None:
            second = second + membrane_at(field, mouth_points(meshes[1](row)), meshes[0](row))
        original.append(first)
        synced.append(second)
    black = -float(matrix[0] @ [0, 128, 128, 1]) / float(matrix[0, 0])
    white = black + 255 / float(matrix[0, 0])
    both = (np.asarray(each, np.float64) for each in (original, synced))
    return mouth_colours(*both, black=black, white=white, strength=settings.lips_strength)
