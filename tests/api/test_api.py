"""The public Python API: its names, its documented examples, and the example programs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from made import Shared

import lipblend
from lipblend import FrameBlender, Settings, blend_frame
from lipblend.faces.landmarks import LIPS_OUTER, Landmarks

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("name", lipblend.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(lipblend, name)
    assert name in dir(lipblend)
    if name == "__version__":
        assert found == importlib.metadata.version("lipblend")
    else:
        assert len(inspect.getdoc(found) or "") > 20


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'composit'"):
        lipblend.composit  # noqa: B018


def test_importing_the_package_loads_nothing() -> None:
    names = "[name for name in sys.modules if name.startswith('lipblend.')]"
    code = f"import sys, lipblend; print({names}, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["[]", "False"]


@pytest.mark.parametrize("module", ["lipblend.frame_blender", "lipblend.cropping.crop_arrays"])
def test_the_documented_examples_do_what_they_say(module: str) -> None:
    done = doctest.testmod(importlib.import_module(module))
    assert done.attempted > 0
    assert done.failed == 0


@pytest.fixture(scope="module")
def frames(portrait: np.ndarray, face: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """A frame, and the same with another mouth in a soft, tinted patch."""
    synced = portrait.copy()
    lips = face.points[list(LIPS_OUTER)]
    x, y = lips.mean(0).astype(int)
    half = int(0.3 * face.face_width_px)
    patch = cv2.GaussianBlur(synced[y - half : y + half, x - half : x + half], (0, 0), 2).astype(np.int16) + 6
    synced[y - half : y + half, x - half : x + half] = np.clip(patch, 0, 255).astype(np.uint8)
    cv2.ellipse(synced, (int(x), int(y)), (half // 3, half // 5), 0, 0, 360, (40, 10, 15), -1)
    return portrait, synced


def test_a_frame_takes_over_the_mouth_and_nothing_else(frames: tuple[np.ndarray, np.ndarray], face: Landmarks) -> None:
    original, synced = frames
    with FrameBlender() as blender:
        result = blender.blend(original, synced)
        assert blender.blended_faces == 1
        assert np.array_equal(blender.blend(original, synced, frame=0), result)
        assert not np.array_equal(blender.blend(original, synced), result), "grain of its own for each frame"
        assert np.array_equal(blender.blend(original, original), original)
    assert (result.shape, result.dtype) == (original.shape, np.uint8)
    x, y = face.points[list(LIPS_OUTER)].mean(0).astype(int)
    assert np.abs(result[y - 5 : y + 5, x - 5 : x + 5].astype(int) - synced[y - 5 : y + 5, x - 5 : x + 5]).mean() < 12
    assert np.abs(original[y - 5 : y + 5, x - 5 : x + 5].astype(int) - synced[y - 5 : y + 5, x - 5 : x + 5]).mean() > 40
    changed = (result != original).any(2)
    assert 0 < changed.mean() < 0.2
    assert not changed[: int(face.points[:, 1].min())].any()
    assert np.array_equal(blend_frame(original, synced), result)


@pytest.mark.parametrize(
    ("original", "synced", "what"),
    [
        (np.zeros((32, 32, 3), np.float32), np.zeros((32, 32, 3), np.uint8), "original must be"),
        (np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8), "synced must be"),
        (np.zeros((32, 32, 3), np.uint8), np.zeros((32, 48, 3), np.uint8), "same size"),
        (np.zeros((0, 32, 3), np.uint8), np.zeros((0, 32, 3), np.uint8), "original must be"),
    ],
)
def test_other_arrays_are_refused(original: np.ndarray, synced: np.ndarray, what: str) -> None:
    with FrameBlender(Settings()) as blender, pytest.raises(ValueError, match=what):
        blender.blend(original, synced)


@pytest.mark.slow(8)
@pytest.mark.parametrize("example", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_the_example_programs_run(
    example: Path, shared_material: Shared, frames: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    words = {
        "paste_back": ["original.png", "synced.png", "out.png"],
        "step_by_step": ["original.mp4", "synced.mp4", "pictures"],
        "whole_clip": ["original.mp4", "synced.mp4", "out.mp4"],
    }[example.stem]
    pair = shared_material.sample(frames=12, size=320)
    (tmp_path / "original.mp4").symlink_to(pair.original)
    (tmp_path / "synced.mp4").symlink_to(pair.synced)
    for name, frame in zip(("original.png", "synced.png"), frames, strict=True):
        cv2.imwrite(str(tmp_path / name), frame[..., ::-1])
    done = subprocess.run(
        [sys.executable, str(example), *words], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / words[2]).exists()
    if example.stem == "whole_clip":
        values = [line.partition(": ")[2] for line in done.stdout.splitlines()[1:]]
        assert values
        assert all(len(value) <= len("1.234e-05") and np.isfinite(float(value)) for value in values)
    if example.stem == "step_by_step":
        assert len(list((tmp_path / "pictures").iterdir())) == 2


def test_examples_are_complete() -> None:
    assert len(EXAMPLES) == 3
    for path in EXAMPLES:
        assert runpy.run_path(str(path), run_name="not main")["main"]


@pytest.mark.parametrize("example", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_a_wrong_call_of_an_example_is_one_line(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = runpy.run_path(str(example), run_name="not main")
    assert f".venv/bin/python examples/{example.name} " in program["__doc__"]
    for arguments, start in (
        ([], f"usage: {example.name} "),
        (["gone.mp4", "gone.mp4", "out.mp4"], "error: gone.mp4 "),
    ):
        assert program["main"](arguments) != 0
        said = capsys.readouterr().err
        assert said.startswith(start)
        assert said.count("\n") == 1
