from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import FULL, LIMITED, codes, contour_of, cropped, flat, lip_mask, noise, sized, view_of

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.overspill import leak, overspill
from lipblend.quality.regions import lips, lips_box, skin, skin_near_mouth
from lipblend.quality.view import FaceView

SIZE = (340, 400)
WHOLE = Box(0, 0, *SIZE)


@pytest.fixture(scope="module")
def mesh(face: Landmarks) -> Landmarks:
    return sized(face, 220, left=40, top=40)


def scene(mesh: Landmarks, *, level: float = 40.0, scale: int = 1, matrix: np.ndarray = LIMITED) -> FaceView:
    """Textured skin; the generator darkens the lips, with a margin, by ``level`` codes. All of it was taken."""
    size = (SIZE[0] * scale, SIZE[1] * scale)
    mesh = Landmarks(mesh.points * np.float32(scale))
    original = flat(size) + cv2.GaussianBlur(noise(size, 40, 1), (0, 0), 2 * scale)
    synced = original.copy()
    # The margin lets the low-passed difference be even over the lips, and ends before the skin that is measured.
    synced[lip_mask(mesh, Box(0, 0, *size), grown_px=0.035 * mesh.face_width_px), 0] -= level
    return view_of(mesh, original, synced, contour_of(mesh, size), synced=synced, matrix=matrix)


def shares(view: FaceView) -> tuple[float | None, float | None]:
    return overspill(view), leak(view)


def uncovered(view: FaceView, share: float) -> tuple[FaceView, float]:
    """Leave about a share of the original's lips uncovered, from the left; returns the exact share."""
    mouth = lips_box(view.original_mesh, view.box)
    columns = mouth.x0 + np.nonzero(lips(view.original_mesh, mouth))[1]
    limit = int(np.quantile(columns, share))
    alpha = view.alpha.copy()
    alpha[:, :limit] = 0
    return replace(view, alpha=alpha), float((columns < limit).mean())


def test_lips_left_uncovered_by_a_known_share(mesh: Landmarks) -> None:
    for share in (0.02, 0.25, 0.5, 0.9):
        view, exact = uncovered(scene(mesh), share)
        assert exact == pytest.approx(share, abs=0.03)
        measured = shares(view)
        assert measured[0] == pytest.approx(exact, abs=1e-12)
        assert measured[1] == pytest.approx(exact, rel=0.08)


def test_full_and_no_coverage(mesh: Landmarks) -> None:
    view = scene(mesh)
    assert shares(view) == (0.0, 0.0)
    assert shares(replace(view, alpha=np.zeros_like(view.alpha))) == (1.0, 1.0)


def test_partial_alpha(mesh: Landmarks) -> None:
    view = scene(mesh)
    for alpha, share in ((0.25, 1.0), (0.499, 1.0), (0.5, 0.0), (0.75, 0.0)):
        measured = shares(replace(view, alpha=np.full_like(view.alpha, alpha)))
        assert measured[0] == share
        assert measured[1] == pytest.approx(1 - alpha)


def test_cast_blur_and_noise_are_not_overspill(mesh: Landmarks) -> None:
    view = scene(mesh)
    nothing = np.zeros_like(view.alpha)
    contrast = scene(mesh).original.copy()
    contrast[lip_mask(mesh, WHOLE), 0] -= 60  # dark lips, with teeth: what blur and casts act upon
    x, y = mesh.mouth_centre.astype(int)
    contrast[y - 3 : y + 3, x - 25 : x + 25, 0] += 110
    painted = (view.contour > 0)[..., None]
    kinds = {
        "the same": contrast,
        "cast": contrast + np.float32([-8, 3, -2]),
        "cast where it painted": np.where(painted, contrast + np.float32([-8, 3, -2]), contrast),
        "strong cast": contrast + np.float32([-16, 3, -2]),
        "cast as a factor": np.float32([16, 128, 128]) + np.float32(0.82) * (contrast - np.float32([16, 128, 128])),
        "blur": cv2.GaussianBlur(contrast, (0, 0), 0.012 * mesh.face_width_px),
        "noise": contrast + noise(SIZE, 6, 7),
        "all": cv2.GaussianBlur(contrast, (0, 0), 0.006 * mesh.face_width_px) - np.float32([6, 0, 0]) + noise(SIZE, 3),
    }
    for name, synced in kinds.items():
        changed = replace(view, original=contrast, synced=np.asarray(synced, np.float32), alpha=nothing)
        assert shares(changed) == (0.0, 0.0), name


def test_a_difference_is_found_under_cast_blur_and_noise(mesh: Landmarks) -> None:
    view = scene(mesh)
    synced = cv2.GaussianBlur(view.synced, (0, 0), 2) + np.float32([-8, 3, 0]) + noise(SIZE, 4)
    view, exact = uncovered(replace(view, synced=synced.astype(np.float32)), 0.3)
    measured = shares(view)
    assert measured[0] == pytest.approx(exact, abs=0.01)


def test_chroma_alone_is_a_difference_too(mesh: Landmarks) -> None:
    view = scene(mesh, level=0)
    synced = view.original.copy()
    synced[lip_mask(mesh, WHOLE, grown_px=5), 2] += 25
    measured = shares(replace(view, synced=synced, alpha=np.zeros_like(view.alpha)))
    assert measured[0] > 0.95


def test_only_where_the_synced_picture_differs(mesh: Landmarks) -> None:
    view = scene(mesh, level=0)
    middle = int(mesh.mouth_centre[0])
    synced = view.original.copy()
    synced[:, middle:][lip_mask(mesh, WHOLE, grown_px=5)[:, middle:], 0] -= 60
    old_lips = lips(mesh, WHOLE)
    right = old_lips[:, middle:].sum() / old_lips.sum()
    measured = shares(replace(view, synced=synced, alpha=np.zeros_like(view.alpha)))
    assert measured[0] == pytest.approx(right, abs=0.08)  # the low-pass spreads it a little
    assert measured[1] == 1
    taken = np.zeros_like(view.alpha)
    taken[:, middle - 12 :] = 1
    assert shares(replace(view, synced=synced, alpha=taken)) == (0.0, 0.0)


def test_twice_the_size_has_the_same_share(mesh: Landmarks) -> None:
    values = []
    for scale in (1, 2):
        view = scene(mesh, scale=scale)
        synced = cv2.GaussianBlur(view.synced, (0, 0), 2 * scale)
        values.append(shares(uncovered(replace(view, synced=synced), 0.4)[0]))
    assert values[0] == pytest.approx(values[1], abs=0.02)


def test_both_ranges_measure_alike(mesh: Landmarks) -> None:
    rgb = np.clip(cv2.GaussianBlur(np.random.default_rng(2).normal(150, 60, (SIZE[1], SIZE[0], 3)), (0, 0), 3), 0, 255)
    changed = rgb.copy()
    changed[lip_mask(mesh, WHOLE)] -= 11  # near the threshold
    contour = contour_of(mesh, SIZE)
    alpha = contour * (np.arange(SIZE[0]) > mesh.mouth_centre[0])
    values = [
        shares(view_of(mesh, codes(rgb, m), codes(changed, m), contour, alpha=alpha, matrix=m)) for m in (FULL, LIMITED)
    ]
    assert values[0][0] > 0.1
    assert values[0] == pytest.approx(values[1], abs=0.01)


def test_a_view_that_is_a_crop_of_the_picture_measures_the_same(mesh: Landmarks) -> None:
    view, _ = uncovered(scene(mesh), 0.3)
    box = Box(20, 90, SIZE[0] - 10, SIZE[1] - 4)
    assert shares(cropped(view, box)) == pytest.approx(shares(view), abs=0.01)


def test_lips_are_the_pixels_inside_the_outer_contour(mesh: Landmarks) -> None:
    mouth = lips_box(mesh, WHOLE)
    exact = lip_mask(mesh, mouth)
    assert (lips(mesh, mouth) != exact).mean() < 0.01
    assert lip_mask(mesh, WHOLE).sum() == exact.sum()
    assert lips(mesh, Box(0, 0, 0, 0)).shape == (0, 0)


def test_skin_keeps_off_lips_and_jaw(mesh: Landmarks) -> None:
    view = scene(mesh)
    whole, near = skin(view), skin_near_mouth(view)
    assert not (near & ~whole).any()
    assert 0 < near.sum() < whole.sum()
    assert not (whole & lip_mask(mesh, WHOLE, grown_px=0.05 * 220 - 1)).any()
    assert (near <= lip_mask(mesh, WHOLE, grown_px=0.15 * 220 + 2)).all()
    opened = Landmarks((mesh.points + np.float32([0, 30])).astype(np.float32))
    both = skin(replace(view, synced_mesh=opened))
    assert not (both & lip_mask(opened, WHOLE)).any()
    assert (both <= (whole | lip_mask(mesh, WHOLE, grown_px=12))).all()
