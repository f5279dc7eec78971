"""A whole run whose mask is where a parser sees lips: blue in the original, and elsewhere blue in the synced video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from runs import composited

from lipblend.output.synth import write_clip
from lipblend.picture.planes import to_rgb
from lipblend.selfcheck.sample import make_sample
from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from tests.onnxfiles import conv

FRAMES, SIDE = 6, 320
MAPPING = "output: {kind: logits, face: [0, 1], lips: [1]}\nface_crop: 1.8\n"


def rgb_of(path: Path) -> list[np.ndarray]:
    info = probe(path)
    with VideoReader(info) as reader:
        return [to_rgb(frame.planes, frame.layout, info.colour) for frame in reader]


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is blue are lips."""
    folder = tmp_path_factory.mktemp("parser")
    kernel = np.zeros((2, 3, 3, 3), np.float32)
    kernel[1, :, 1, 1] = (-20, -20, 20)
    (folder / "blue.onnx").write_bytes(conv(kernel, size=(160, 160)))
    (folder / "blue.yaml").write_text(MAPPING, encoding="utf-8")
    return folder / "blue.onnx"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[np.ndarray]]:
    """Original and synced video with a blue disk left and right of the mouth, and where one of them is: (h, w) bool."""
    made = make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=SIDE)
    areas = [np.zeros((SIDE, SIDE), bool) for _ in range(FRAMES)]
    for path, side in ((made.original, -22), (made.synced, 22)):
        pictures = []
        for picture, (x0, y0, x1, y1), area in zip(rgb_of(path), made.patch_boxes, areas, strict=True):
            disk = np.zeros((SIDE, SIDE), np.uint8)
            cv2.circle(disk, ((x0 + x1) // 2 + side, (y0 + y1) // 2), 15, 1, -1)
            area |= disk > 0
            pictures.append(np.where(disk[..., None] > 0, np.uint8([40, 60, 200]), picture))
        write_clip(path, pictures, frame_rate=Fraction(25), crf=2)
    return made.original, made.synced, areas


def halved(path: Path, folder: Path) -> Path:
    """The video at half its size."""
    small = [cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for picture in rgb_of(path)]
    write_clip(folder / "half.mp4", small, frame_rate=Fraction(25), crf=2)
    return folder / "half.mp4"


def changed(
    pair: tuple[Path, Path, list[np.ndarray]], output: Path, parser: Path | None
) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Where a run with the mask region lips changes the picture, (h, w) bool a frame; and the notes of the run."""
    settings = Settings.model_validate(
        {
            "encode": {"preset": "ultrafast", "crf": 0},
            "mask": {"shapes": ["region"], "regions": ["lips"], "region_source": "model" if parser else "mesh"},
            "occlusion": {"method": "off", "model": str(parser or "none")},
            "reuse": {"method": "none"},
            "footprint": {"method": "none"},
        }
    )
    made = composited(pair[0], pair[1], output, settings=settings)
    both = zip(rgb_of(pair[0]), rgb_of(made.output), strict=True)
    return [cv2.absdiff(old, new).max(axis=2) > 0 for old, new in both], made.notes


def grown(area: np.ndarray, side: int) -> np.ndarray:
    return cv2.dilate(area.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def test_the_mask_is_where_the_parser_sees_lips_in_either_video(
    pair: tuple[Path, Path, list[np.ndarray]], parser: Path, tmp_path: Path
) -> None:
    parsed, notes = changed(pair, tmp_path / "parsed.mp4", parser)
    by_mesh, _ = changed(pair, tmp_path / "mesh.mp4", None)
    for area, found, mesh in zip(pair[2], parsed, by_mesh, strict=True):
        assert not (found & ~grown(area, 7)).any()  # cells of two pixels, and chroma of two
        assert np.count_nonzero(found & area) > 0.8 * np.count_nonzero(area)
        assert (mesh & ~grown(area, 7)).any()
    assert not any("parser does not show" in note for note in notes)


def test_a_smaller_synced_video_is_parsed_in_its_own_pixels(
    pair: tuple[Path, Path, list[np.ndarray]], parser: Path, tmp_path: Path
) -> None:
    small = pair[0], halved(pair[1], tmp_path), pair[2]
    found, _ = changed(small, tmp_path / "out.mp4", parser)
    for area, each in zip(pair[2], found, strict=True):
        assert not (each & ~grown(area, 11)).any()
        assert np.count_nonzero(each & area) > 0.8 * np.count_nonzero(area)


def test_frames_without_what_the_parser_knows_are_counted(
    pair: tuple[Path, Path, list[np.ndarray]], parser: Path, tmp_path: Path
) -> None:
    plain = make_sample(tmp_path, frames=FRAMES, size=SIDE)
    _, notes = changed((plain.original, plain.synced, pair[2]), tmp_path / "out.mp4", parser)
    assert any(note.startswith(f"{FRAMES} frames in which the parser does not show every region") for note in notes)
