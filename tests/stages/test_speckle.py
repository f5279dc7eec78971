"""Wild pixels are filled in, and nothing else is touched."""

from __future__ import annotations

import numpy as np
from textures import texture

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.stages.detail.speckle import despeckled, is_speckled, speckle_tile

SIZE = (96, 80)


def patch_of(luma: np.ndarray) -> Patch:
    grid = ChromaGrid(PixelLayout("yuv420p", 8, 1, 1, 3), Box(0, 0, *SIZE))
    chroma = np.dstack([texture((48, 40), seed, fine_px=4, contrast=6) for seed in (7, 8)])
    return Patch(luma, chroma.astype(np.float32), grid)


def speckled(luma: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    hit = rng.random(luma.shape) < share
    return np.where(hit, rng.choice(np.float32([16, 235]), luma.shape), luma).astype(np.float32), hit


def test_wild_pixels_are_filled_in() -> None:
    clean = texture(SIZE, 1, fine_px=4, contrast=20)
    spoiled, hit = speckled(clean, 0.02)
    assert is_speckled(spoiled, clean)
    calm = despeckled(patch_of(spoiled)).luma
    assert np.abs(calm - clean)[hit].mean() < 6
    np.testing.assert_array_equal(calm[~hit], spoiled[~hit])


def test_a_few_are_a_faces_own() -> None:
    clean = texture(SIZE, 1, fine_px=4, contrast=20)
    assert not is_speckled(speckled(clean, 0.002)[0], clean)
    assert not is_speckled(clean, clean)


def test_what_the_original_has_too_is_no_fault() -> None:
    stubble = speckled(texture(SIZE, 1, fine_px=4, contrast=20), 0.02)[0]
    assert not is_speckled(stubble, stubble)


def test_it_looks_around_the_mouth(face: Landmarks) -> None:
    tile = speckle_tile(face)
    x, y = face.mouth_centre
    assert tile.x0 < x < tile.x1
    assert tile.y0 < y < tile.y1
    assert tile.width < 0.5 * face.face_width_px
