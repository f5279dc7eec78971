"""What stands in front is found in PQ and HLG as in SDR: limits are in levels of SDR, and so are the pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lipblend.analysis.measure import FaceMeasure, measure_faces
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.picture.formats import ColourTags
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.picture.hdr import PQ
from lipblend.picture.light import HLG, SDR, from_light, in_sdr, scene_power, to_light, transfer_kind
from lipblend.picture.picture import Picture
from lipblend.render.behind import InFront
from lipblend.render.face_patch import face_front
from lipblend.render.frame import render_frame
from lipblend.render.synced_patch import SyncedPictures
from lipblend.stages.occlusion.face_look import CELLS
from tests.renders import TEN, row_of, settings
from tests.textures import texture

SIDE = 768
FAINT = 15.0  # levels by which a cup stands out: its edge is measured in SDR, and in PQ it was not
CUP = np.zeros((CELLS, CELLS), np.uint8)
CUP[27:42, 14:29] = 255  # beside the mouth


def drawn(face: Landmarks, transfer: int) -> tuple[Picture, Picture]:
    """A face behind a faint cup and faint strands, and without them, of the same light."""
    luma = texture((SIDE, SIDE), 3, fine_px=8, contrast=10)
    (x, y), width = face.mouth_centre, face.face_width_px
    things = np.zeros((SIDE, SIDE), np.float32)
    cv2.circle(things, (int(x - 0.2 * width), int(y)), int(0.15 * width), (FAINT,), -1)
    things = cv2.GaussianBlur(things, (0, 0), 2.0)
    for across in np.arange(0.2, 0.4, 0.06):
        right = int(x + across * width)
        cv2.line(things, (right, int(y - 0.3 * width)), (right - 6, int(y + 0.2 * width)), (-16.0,), 2)
    noise = np.random.default_rng(2).normal(0, 0.5, (2, SIDE, SIDE))
    kind, tags = transfer_kind(transfer), ColourTags(1, 1, transfer, 1)
    grey = np.full((SIDE // 2, SIDE // 2), 512, np.uint16)
    pictures = []
    for shown, own in ((luma + things, noise[0]), (luma, noise[1])):
        light = to_light((shown + own - 16) / 219, SDR)
        codes = np.rint(4 * (16 + 219 * from_light(light ** (1 + scene_power(kind)), kind))).astype(np.uint16)
        pictures.append(Picture([codes, grey, grey], TEN, tags, SIDE))
    return pictures[0], pictures[1]


def measured(face: Landmarks, transfer: int) -> FaceMeasure:
    original, synced = drawn(face, transfer)
    found = measure_faces(
        original, [TrackedFace(0, face)], synced, [face],
        mapping=UNMOVED, lab=False, footprint=True, in_front=True,
    )  # fmt: skip
    return found[0]


def front(face: Landmarks, transfer: int) -> tuple[InFront, InFront]:
    """As a frame is rendered, and as it is looked for beside that."""
    original, synced = drawn(face, transfer)
    row = row_of(face, face)
    row = replace(row, faces=(replace(row.faces[0], ways=(("departures", CUP),), strands=True),))
    (patch,) = render_frame(original, synced, row, settings()).patches
    pictures = SyncedPictures(synced, 0, {}, UNMOVED)
    apart = face_front(original, pictures, row.faces[0], settings(), patch.matte.box, None)
    assert patch.front is not None
    assert apart is not None
    return patch.front, apart


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_looks_and_strands_are_those_of_sdr(face: Landmarks, transfer: int) -> None:
    plain, found = measured(face, 1), measured(face, transfer)
    assert plain.looks is not None
    assert found.looks is not None
    assert np.abs(plain.looks.astype(int) - found.looks).max() <= 2
    assert plain.strands is not None
    assert found.strands is not None
    assert plain.strands > 0.5
    assert found.strands == pytest.approx(plain.strands, rel=0.1)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_the_matte_is_that_of_sdr(face: Landmarks, transfer: int) -> None:
    for plain, found in zip(front(face, 1), front(face, transfer), strict=True):
        for one, other in ((plain.solid, found.solid), (plain.strands, found.strands)):
            assert one is not None
            assert other is not None
            assert one.max() == 1
            assert np.abs(one - other)[(one > 0) | (other > 0)].mean() < 0.05


def test_sdr_is_left_as_it_is_and_grey_stays_grey() -> None:
    patch = np.random.default_rng(1).uniform(16, 140, (5, 7, 3)).astype(np.float32)
    assert in_sdr(patch, 1, full=False) is patch
    patch[..., 1:] = 128
    for full in (False, True):
        found = in_sdr(patch, PQ, full=full)
        assert (found[..., 1:] == 128).all()
        order = np.argsort(patch[..., 0].ravel())
        assert (np.diff(found[..., 0].ravel()[order]) > 0).all()
        white = np.float32(16 + 219 * 0.5807) if not full else np.float32(255 * 0.5807)
        shown = in_sdr(np.float32([[[white, 138, 128]]]), PQ, full=full)[0, 0]
        assert shown[0] == pytest.approx(255 if full else 235, abs=1)
        assert shown[1] > 140
