from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lipblend.errors import ModelError
from lipblend.faces import landmarker as landmarker_module
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks


def test_finds_the_portrait(landmarker: FaceLandmarker, astronaut: np.ndarray) -> None:
    meshes = landmarker.detect(astronaut)
    assert len(meshes) == 1
    face = Landmarks(meshes[0])
    assert face.face_width_px == pytest.approx(89, abs=4)
    assert face.points[1] == pytest.approx([224, 132], abs=5), "the tip of the nose"


def test_pictures_do_not_depend_on_one_another(landmarker: FaceLandmarker, astronaut: np.ndarray) -> None:
    first = landmarker.detect(astronaut)[0]
    landmarker.detect(np.roll(astronaut, 40, axis=1))
    np.testing.assert_array_equal(landmarker.detect(astronaut)[0], first)


@pytest.mark.parametrize("width", [700, 844, 1080])
def test_strided_pictures_are_seen_as_they_are(
    width: int, landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]
) -> None:
    picture = scene(width, 500, (200, width / 2, 220))
    padded = np.zeros((500, width + 36, 3), np.uint8)
    padded[:, :width] = picture
    view = padded[:, :width]
    assert not view.flags.c_contiguous
    np.testing.assert_array_equal(landmarker.detect(view)[0], landmarker.detect(picture)[0])


@pytest.mark.slow
@pytest.mark.parametrize("times", [2, 4, 8])
def test_pixel_centres_lie_at_one_half(times: int, landmarker: FaceLandmarker, astronaut: np.ndarray) -> None:
    """Repeating every pixel multiplies positions, without any shift, only if the first centre is at (0.5, 0.5)."""
    offsets = []
    for x, y in [(100, 0), (103, 2), (106, 5), (97, 1), (94, 4), (101, 7)]:
        small = astronaut[y : y + 220, x : x + 236]
        large = np.repeat(np.repeat(small, times, axis=0), times, axis=1)
        offsets.append((landmarker.detect(large)[0] / times - landmarker.detect(small)[0]).mean(axis=0))
    assert np.abs(np.mean(offsets, axis=0)).max() < 0.1


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (64, 64, 3)])
def test_pictures_without_a_face(shape: tuple[int, ...], landmarker: FaceLandmarker) -> None:
    assert landmarker.detect(np.zeros(shape, np.uint8)) == []


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros((0, 9, 3), np.uint8),
    ],
    ids=["grey", "four channels", "float", "empty"],
)
def test_other_arrays_are_refused(bad: np.ndarray, landmarker: FaceLandmarker) -> None:
    with pytest.raises(ValueError, match=r"expected \(h, w, 3\) uint8, got"):
        landmarker.detect(bad)


def test_any_thread_may_detect(landmarker: FaceLandmarker, astronaut: np.ndarray) -> None:
    expected = landmarker.detect(astronaut)[0]
    results: list[np.ndarray] = []

    def work() -> None:
        results.extend(landmarker.detect(astronaut)[0] for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 20
    for mesh in results:
        np.testing.assert_array_equal(mesh, expected)


def test_max_faces_limits(model_path: Path, scene: Callable[..., np.ndarray]) -> None:
    picture = scene(900, 400, (150, 200, 170), (150, 650, 170))
    for limit in (1, 2):
        with FaceLandmarker(model_path, max_faces=limit, confidence=0.5) as made:
            assert len(made.detect(picture)) == limit


def test_closing_frees_and_may_be_repeated(model_path: Path, astronaut: np.ndarray) -> None:
    made = FaceLandmarker(model_path, max_faces=1, confidence=0.5)
    made.close()
    made.close()
    with pytest.raises(ValueError, match="closed"):
        made.detect(astronaut)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "face_landmarker.task"
    with pytest.raises(ModelError, match="is not a file"):
        FaceLandmarker(path, max_faces=1, confidence=0.5)
    path.write_bytes(b"no model" * 100)
    with pytest.raises(ModelError, match="MediaPipe cannot use the model"):
        FaceLandmarker(path, max_faces=1, confidence=0.5)


@pytest.mark.parametrize("error", [ImportError("libGLESv2.so.2: cannot open"), AttributeError("no such task")])
def test_what_stops_its_making_is_raised_where_it_is_asked_for(
    error: Exception, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(landmarker_module, "_create_task", refuse)
    with pytest.raises(type(error), match=str(error)):
        FaceLandmarker(model_path, max_faces=1, confidence=0.5)


@pytest.mark.parametrize(("faces", "confidence"), [(0, 0.5), (1, 1.5), (1, -0.1)])
def test_numbers_out_of_range(faces: int, confidence: float, model_path: Path) -> None:
    with pytest.raises(ValueError, match="got"):
        FaceLandmarker(model_path, max_faces=faces, confidence=confidence)


@pytest.mark.slow
def test_nothing_of_the_library_reaches_stderr() -> None:
    code = """
import sys
from skimage import data
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.models import resolve_model
for _ in range(2):
    with FaceLandmarker(resolve_model("face_landmarker"), max_faces=2, confidence=0.5) as made:
        print(len(made.detect(data.astronaut())))
print("mine", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n1\n"
    assert done.stderr == "mine\n"


def test_importing_the_face_layer_does_not_import_mediapipe() -> None:
    code = """
import sys
import lipblend.faces.landmarker, lipblend.faces.tracks, lipblend.faces.models
print("mediapipe" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
