"""Pictures, plan rows and settings for tests of whole composed frames."""

from __future__ import annotations

import numpy as np

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.picture import Picture
from lipblend.picture.planes import add_delta
from lipblend.picture.similarity import Similarity
from lipblend.plan.frame_plan import FacePlan, FramePlan
from lipblend.render.frame import render_frame
from lipblend.settings import Settings
from lipblend.stages.colour.colour_map import ColourMap, Space

TAGS = ColourTags(1, 1, 1, 1)
EIGHT = PixelLayout("yuv420p", 8, 1, 1, 3)
TEN = PixelLayout("yuv420p10le", 10, 1, 1, 3)
NOISE = np.random.default_rng(5)
BLENDS = ("alpha", "multiband", "poisson")


def picture(seed: int, layout: PixelLayout = EIGHT, side: int = 768) -> Picture:
    rng = np.random.default_rng(seed)
    planes = [rng.integers(40, 200, (side, side)), *(rng.integers(100, 160, (side // 2, side // 2)) for _ in range(2))]
    scale = 1 << (layout.depth - 8)
    return Picture([(p * scale).astype(np.uint8 if scale == 1 else np.uint16) for p in planes], layout, TAGS, side)


PLAIN: dict[str, dict[str, object]] = {
    "reuse": {"method": "none"}, "align": {"method": "none"}, "detail": {"strength": 0},
    "colour": {"membrane": False},
}  # fmt: skip
"""The pictures of these tests are noise, of which nothing can be reused; and what is taken over shall be exact."""


def settings(**groups: dict[str, object]) -> Settings:
    return Settings.model_validate({**PLAIN, **{key: {**PLAIN.get(key, {}), **group} for key, group in groups.items()}})


def row_of(
    original: Landmarks,
    synced: Landmarks,
    *,
    weight: float = 1.0,
    offset: float = 0.0,
    moved: tuple[float, float] = (0, 0),
    space: Space = "ycbcr",
) -> FramePlan:
    shift = ColourMap.affine(space, np.ones(3), np.array([offset, 0, 0]))
    face = FacePlan(weight, original, synced, shift, Similarity(right=moved[0], down=moved[1]))
    return FramePlan(0, 0, (face,), "")


def finished(original: Picture, synced: Picture, row: FramePlan, chosen: Settings) -> list[np.ndarray]:
    planes = [plane.copy() for plane in original.planes]
    result = render_frame(original, synced, row, chosen)
    assert result.patches
    for patch in result.patches:
        add_delta(planes, original.layout, patch.matte.box, patch.delta)
    return planes
