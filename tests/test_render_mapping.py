"""Composed frames whose synced picture lies elsewhere: scaled, padded, cropped, or made from another frame."""

from __future__ import annotations

import numpy as np

from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.picture import Picture
from lipblend.picture.planes import add_delta
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.frame import render_frame
from lipblend.settings import Settings
from tests.renders import EIGHT, TAGS, finished, picture, row_of, settings


def test_a_scaled_and_padded_synced_picture_is_laid_on_the_original(row: FramePlan) -> None:
    x, _ = np.meshgrid(np.arange(768, dtype=np.float32), np.arange(768, dtype=np.float32))
    chroma = [np.full((384, 384), 128, np.uint8)] * 2
    original = Picture([np.full((768, 768), 50, np.uint8), *chroma], EIGHT, TAGS, 768)
    ramp = Picture([(60 + x / 8).astype(np.uint8), *chroma], EIGHT, TAGS, 768)
    mapping = FrameMapping(0.5, 0.5, 20, 30)
    sx, _ = np.meshgrid(np.arange(420, dtype=np.float32) + 0.5, np.arange(440, dtype=np.float32) + 0.5)
    small = Picture(
        [(60 + ((sx - 20) / 0.5 - 0.5) / 8).clip(0, 255).astype(np.uint8), *[np.full((220, 210), 128, np.uint8)] * 2],
        EIGHT,
        TAGS,
        440,
    )
    plain = settings(colour={"method": "none"})
    direct = finished(original, ramp, row, plain)[0].astype(int)
    planes = [plane.copy() for plane in original.planes]
    for patch in render_frame(original, small, row, plain, mapping=mapping).patches:
        add_delta(planes, EIGHT, patch.matte.box, patch.delta)
    np.testing.assert_allclose(planes[0].astype(int), direct, atol=1)


def test_a_head_that_lies_elsewhere_in_the_synced_picture_is_brought_to_its_place(row: FramePlan) -> None:
    original, synced = picture(1), picture(2)
    rolled = [np.roll(plane, (6, 4) if chroma else (12, 8), (0, 1)) for chroma, plane in enumerate(synced.planes)]
    away = Picture(rolled, EIGHT, TAGS, 768)
    face = row.faces[0]
    plain = settings(colour={"method": "none"})
    straight = finished(original, synced, row, plain)
    moved = finished(original, away, row_of(face.original, face.synced, moved=(8, 12)), plain)
    np.testing.assert_allclose(moved[0].astype(int), straight[0], atol=1)


def test_nothing_is_taken_from_beyond_a_cropped_synced_picture(row: FramePlan) -> None:
    original = picture(1)
    x, y = row.faces[0].original.mouth_centre
    right, bottom = int(x) + 10, int(y) + 20
    cropped = Picture(
        [
            plane[: (bottom if not n else bottom // 2), : (right if not n else right // 2)]
            for n, plane in enumerate(picture(2).planes)
        ],
        EIGHT,
        TAGS,
        bottom,
    )
    planes = [plane.copy() for plane in original.planes]
    # A mapping that is not quite none, so that the crop is known to be one.
    for patch in render_frame(original, cropped, row, Settings(), mapping=FrameMapping(1, 1, 1e-9, 0)).patches:
        add_delta(planes, EIGHT, patch.matte.box, patch.delta)
    np.testing.assert_array_equal(planes[0][:, right:], original.planes[0][:, right:])
    np.testing.assert_array_equal(planes[0][bottom:], original.planes[0][bottom:])
    assert not np.array_equal(planes[0], original.planes[0])


def test_a_synced_picture_without_its_last_rows_needs_no_scale(row: FramePlan) -> None:
    original, face = picture(1), row.faces[0]
    bottom = int(face.original.mouth_centre[1]) + 20 & ~1
    planes = [plane[: bottom // 2 if chroma else bottom] for chroma, plane in enumerate(picture(2).planes)]
    luma = finished(original, Picture(planes, EIGHT, TAGS, bottom), row, Settings())[0]
    np.testing.assert_array_equal(luma[bottom:], original.planes[0][bottom:])
    assert not np.array_equal(luma, original.planes[0])
