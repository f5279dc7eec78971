"""Crops that move, placed frame by frame by their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from textures import texture

from lipblend.cropping.crop_arrays import crop
from lipblend.errors import InputMismatchError
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.crop_locate import locate
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.frame_mappings import FrameMappings
from lipblend.picture.layouts import nearest_layout

WIDTH, HEIGHT, SIDE = 480, 360, 200
LAYOUT = nearest_layout("gray")


class Shown:
    """A scan as far as locating uses it: frames of one plane, and a mesh in each."""

    def __init__(self, pictures: Sequence[np.ndarray], meshes: Sequence[np.ndarray | None]) -> None:
        self.pictures = pictures
        self.faces = [() if mesh is None else (TrackedFace(0, Landmarks(mesh)),) for mesh in meshes]
        height, width = pictures[0].shape
        self.info = SimpleNamespace(path=Path("a.mp4"), upright_size=(width, height))

    def __len__(self) -> int:
        return len(self.pictures)

    def frames(self, wanted: Sequence[int]) -> Iterator[Any]:
        for index in wanted:
            yield SimpleNamespace(planes=(self.pictures[index],), layout=LAYOUT, index=index)


def scene(
    face: Landmarks, matrices: np.ndarray, *, noise: float = 2.0, lost: Sequence[int] = ()
) -> tuple[Shown, Shown]:
    """A moving picture and its crops, in which another mouth was painted; meshes are a pixel or two off."""
    rng = np.random.default_rng(4)
    mesh = (face.points - face.points.mean(0)) * np.float32(0.5) + np.float32((250, 170))
    originals, crops, found = [], [], []
    for number, matrix in enumerate(matrices):
        picture = np.clip(texture((WIDTH, HEIGHT), 5) + 8 * np.sin(number), 0, 255).astype(np.uint8)
        part = crop(picture, matrix, SIDE).astype(np.float32)
        lips = mesh[[61, 291, 0, 17]] @ matrix[:, :2].T + matrix[:, 2]
        (x0, y0), (x1, y1) = (lips.min(0) - 12).astype(int), (lips.max(0) + 16).astype(int)
        cv2.rectangle(part, (int(x0), int(y0)), (int(x1), int(y1)), float(60 + 100 * (number % 2)), -1)
        crops.append(np.clip(0.95 * part + 6 + rng.normal(0, noise, part.shape), 0, 255).astype(np.uint8))
        originals.append(picture)
        there = mesh @ matrix[:, :2].T + matrix[:, 2] + rng.normal(0, 1.5, mesh.shape)
        found.append(None if number in lost else np.asarray(there, np.float32))
    return Shown(originals, [mesh] * len(matrices)), Shown(crops, found)


def off_px(matrix: np.ndarray, wanted: np.ndarray) -> float:
    """How far the corners of a crop lie off, in the original's pixels."""
    corners = np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE]], np.float64)
    first, second = (FrameMappings(each[None]).at(0).to_original(corners) for each in (matrix, wanted))
    return float(np.abs(first - second).max())


def jittering(count: int, *, turn: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(7)
    rows = []
    for _ in range(count):
        angle, scale = turn * rng.normal(), 0.8 * (1 + 0.03 * rng.normal())
        axes = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        rows.append(
            np.column_stack([axes, np.array([100, 100]) - axes @ (250 + 6 * rng.normal(), 170 + 6 * rng.normal())])
        )
    return np.array(rows)


@pytest.mark.parametrize("turn", [0.0, 0.06])
def test_a_crop_that_jitters_is_placed_in_each_frame(turn: float, face: Landmarks) -> None:
    wanted = jittering(6, turn=turn)
    found = locate(*scene(face, wanted), np.arange(6), None)  # type: ignore[arg-type]
    assert isinstance(found, FrameMappings)
    assert max(off_px(found.at(number).matrix, wanted[number]) for number in range(6)) < 0.5


def test_a_crop_that_stays_has_one_place(face: Landmarks) -> None:
    wanted = np.tile(jittering(1), (5, 1, 1))
    found = locate(*scene(face, wanted), np.arange(5), None)  # type: ignore[arg-type]
    assert isinstance(found, FrameMapping)
    assert off_px(found.matrix, wanted[0]) < 0.3


def test_frames_without_a_face_or_a_partner_take_their_neighbours_place(face: Landmarks) -> None:
    wanted = jittering(6)
    wanted[2] = (wanted[1] + wanted[3]) / 2
    source = np.array([0, 1, -1, 3, 4, 5])
    found = locate(*scene(face, wanted, lost=(4,)), source, None)  # type: ignore[arg-type]
    assert off_px(found.at(2).matrix, wanted[2]) < 0.6
    assert off_px(found.at(4).matrix, wanted[4]) < 0.6  # found from where the frame before lay, 11 px away


def test_it_begins_where_a_record_says(face: Landmarks) -> None:
    wanted = jittering(4)
    starts = wanted.copy()
    starts[:, :, 2] += 3.0
    found = locate(*scene(face, wanted, lost=range(4)), np.arange(4), FrameMappings(starts))  # type: ignore[arg-type]
    assert max(off_px(found.at(number).matrix, wanted[number]) for number in range(4)) < 0.5


def test_another_picture_is_refused(face: Landmarks) -> None:
    wanted = jittering(4)
    original, synced = scene(face, wanted)
    other = Shown([texture((SIDE, SIDE), 90 + n).clip(0, 255).astype(np.uint8) for n in range(4)], [None] * 4)
    other.faces = synced.faces
    with pytest.raises(InputMismatchError, match="found in 0 of 4 frames"):
        locate(original, other, np.arange(4), None)  # type: ignore[arg-type]
    blind = Shown(synced.pictures, [None] * 4)
    with pytest.raises(InputMismatchError, match="--crop"):
        locate(original, blind, np.arange(4), None)  # type: ignore[arg-type]
