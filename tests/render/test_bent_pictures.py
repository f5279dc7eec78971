"""A distorted synced picture comes back undistorted: in the patch, a bridge, for the judge, and in what is measured."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from renders import EIGHT, TAGS, row_of
from textures import texture

from lipblend.analysis.measure import FaceMeasure, measure_faces
from lipblend.analysis.reduced_pair import ReducedPair
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.picture.planes import cut
from lipblend.picture.similarity import Similarity
from lipblend.plan.frame_plan import Bridge, BridgeEnd, FacePlan
from lipblend.quality.evaluation.views import FrameTriple
from lipblend.render.synced_patch import SyncedPictures, matched_patch
from lipblend.stages.registration.bend import KNOTS, Lattice, bend_flow

SIDE = 768
SHIFT = Similarity(right=6.0, down=-4.0)


@pytest.fixture
def lattice() -> Lattice:
    turn = 2 * np.pi * np.arange(KNOTS) / 6
    right, down = np.meshgrid(np.sin(turn), np.cos(turn), indexing="ij")
    return np.asarray(0.015 * np.stack([right, down], 2), np.float32)


def drawn(lattice: Lattice | None, face: Landmarks, moved: Similarity = SHIFT) -> Picture:
    """A smooth picture as a generator would show it: distorted around the face, and the whole displaced."""
    whole = Box(0, 0, SIDE, SIDE)
    right, down = np.zeros((2, SIDE, SIDE), np.float32) if lattice is None else bend_flow(lattice, whole, face)
    flags = cv2.INTER_LINEAR | cv2.WARP_RELATIVE_MAP
    back = [-right, -down]
    for _ in range(6):
        back = [-cv2.remap(each, *back, flags, borderMode=cv2.BORDER_REPLICATE) for each in (right, down)]
    planes = []
    for number in range(3):
        plane = texture((SIDE, SIDE), 30 + number, fine_px=6, contrast=25 if number == 0 else 12)
        plane = cv2.remap(plane, *back, cv2.INTER_CUBIC | cv2.WARP_RELATIVE_MAP, borderMode=cv2.BORDER_REPLICATE)
        size = SIDE if number == 0 else SIDE // 2
        matrix = moved.inverse().warp_matrix()
        plane = cv2.warpAffine(
            plane, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        plane = cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA)
        planes.append(np.clip(np.rint(plane), 0, 255).astype(np.uint8))
    return Picture(planes, EIGHT, TAGS, SIDE)


def plan(face: Landmarks, lattice: Lattice | None) -> FacePlan:
    (each,) = row_of(face, face, moved=(SHIFT.right, SHIFT.down)).faces
    return replace(each, bend=lattice)


def around(face: Landmarks) -> Box:
    return face.box().clipped(SIDE, SIDE).snapped(EIGHT, SIDE, SIDE)


def differences(patch: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Of luma, Cb and Cr, root mean squares away from the border."""
    return np.asarray(np.sqrt(((patch - wanted)[20:-20, 20:-20] ** 2).mean((0, 1))))


@pytest.mark.parametrize("bridged", [False, True])
def test_the_patch_is_undistorted(face: Landmarks, lattice: Lattice, bridged: bool) -> None:
    original, synced = drawn(None, face, Similarity()), drawn(lattice, face)
    wanted = cut(original.planes, EIGHT, around(face))
    each = plan(face, lattice)
    pictures = SyncedPictures(synced, 7, {7: synced}, UNMOVED)
    if bridged:
        end = BridgeEnd(7, face, SHIFT, each.colour, bend=lattice)
        each = replace(each, bridge=Bridge((end,), 0.0), placement=Similarity(right=99.0), bend=None)
    whole = matched_patch(pictures, original, wanted, each).whole()
    assert (differences(whole, wanted.whole()) < (0.6, 0.7, 0.7)).all()
    bent = matched_patch(pictures, original, wanted, plan(face, None)).whole()
    assert (differences(bent, wanted.whole()) > (5, 2, 2)).all()


def test_the_judge_sees_it_undistorted(face: Landmarks, lattice: Lattice) -> None:
    original, synced = drawn(None, face, Similarity()), drawn(lattice, face)
    frames = FrameTriple(original, synced, original, UNMOVED)
    box = around(face)
    wanted = frames.original_crop(box)
    assert (differences(frames.synced_crop(box, plan(face, lattice), wanted), wanted) < (0.6, 1.3, 1.3)).all()
    assert (differences(frames.synced_crop(box, plan(face, None), wanted), wanted) > (5, 2, 2)).all()


@pytest.mark.parametrize("step", [1, 2])
def test_it_is_found_at_any_size(face: Landmarks, lattice: Lattice, step: int) -> None:
    pair = ReducedPair(drawn(None, face, Similarity()), drawn(lattice, face), UNMOVED, step)
    placed = pair.placed(SHIFT)
    bend = placed.bend([face], pair)
    assert bend is not None
    assert bend.is_certain
    box = around(face)
    found, wanted = (np.stack(bend_flow(each, box, face)) for each in (bend.lattice, lattice))
    upper = np.s_[:, : found.shape[1] // 2]
    assert np.abs(found - wanted)[upper].mean() < 0.15 * np.abs(wanted)[upper].mean()
    apart = [
        float(np.abs(np.subtract(*patches[:2])).mean())
        for patches in (each.patches(box) for each in (placed, placed.unbent(bend, face)))
        if patches is not None
    ]
    assert apart[1] < 0.3 * apart[0]


@pytest.mark.parametrize("footprint", [False, True])
@pytest.mark.parametrize("bent", [False, True])
def test_what_is_at_hand_shows_what_would_be_cut_out(
    face: Landmarks, lattice: Lattice, monkeypatch: pytest.MonkeyPatch, footprint: bool, bent: bool
) -> None:
    original, synced = drawn(None, face, Similarity()), drawn(lattice if bent else None, face)
    partner = Landmarks(SHIFT.apply(face.points).astype(np.float32))

    def measured() -> FaceMeasure:
        faces = [TrackedFace(0, face)]
        return measure_faces(original, faces, synced, [partner], mapping=UNMOVED, lab=False, footprint=footprint)[0]

    read = measured()
    monkeypatch.setattr(ReducedPair, "read", lambda self, wanted: self)
    cut_out = measured()
    assert read.placement is not None
    assert np.hypot(*read.placement[2:4]) > 5
    assert (read.bend is not None) or not bent
    for name, tolerance in (("painted", 1e-3), ("above", 1e-3), ("placement", 1e-5), ("left", 0.02), ("health", 0.01)):
        np.testing.assert_allclose(getattr(read, name), getattr(cut_out, name), atol=tolerance, err_msg=name)
    assert read.stats is not None
    assert cut_out.stats is not None
    np.testing.assert_allclose(read.stats.synced_mean, cut_out.stats.synced_mean, atol=0.01)
