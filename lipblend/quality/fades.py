"""What is right where a patch fades in or out: one mouth, between the original's and the new one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import ChromaGrid, Patch
from lipblend.quality.view import FaceView, once_per_view
from lipblend.stages.registration.morph import morph

_WHOLE = PixelLayout("yuv444p", 8, 0, 0, 3)  # of a view: chroma at every pixel


@once_per_view
def faded_view(view: FaceView) -> FaceView:
    """The view with the morph of original and synced picture in place of the synced one, and the mesh between.

    A cross-dissolve of the two differs from it by the edges of both mouths. At full weight the view itself.
    """
    if view.weight >= 1:
        return view
    grid = ChromaGrid(_WHOLE, view.box)
    original, synced = (Patch.of(picture, grid) for picture in (view.original, view.synced))
    between = morph(original, synced, (view.original_mesh, view.synced_mesh), view.weight, view.box)
    points = view.original_mesh.points + np.float32(view.weight) * (view.synced_mesh.points - view.original_mesh.points)
    return replace(view, synced=between.whole(), synced_mesh=Landmarks(np.asarray(points, np.float32)))
