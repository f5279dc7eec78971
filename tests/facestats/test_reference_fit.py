"""Meshes brought onto a reference."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from heads import head

from lipblend.errors import InputError, NoFaceError, SettingsError
from lipblend.faces.landmarks import POINTS_68, STABLE
from lipblend.facestats.landmark_files import write_landmarks
from lipblend.facestats.landmark_rows import Aligned, LandmarkRows
from lipblend.facestats.reference_fit import Fit, fit_matrix, moved, residual_px
from lipblend.facestats.reference_mesh import load_reference, reference_of
from lipblend.settings import TrackSettings

TRACK = TrackSettings()
FITS: tuple[Fit, ...] = ("rigid", "similarity", "affine")


def matrix(scale: float, turn: float, stretch: float = 1.0) -> np.ndarray:
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    linear = scale * np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([stretch, 1.0])
    return np.column_stack([linear, [30.0, -12.5]])


@pytest.mark.parametrize(
    ("true", "fitting"),
    [
        (matrix(1.0, 17.0), FITS),
        (matrix(1.7, -8.0), ("similarity", "affine")),
        (matrix(1.2, 10.0, stretch=1.3), ("affine",)),
    ],
)
def test_each_fit_finds_what_it_can_express(true: np.ndarray, fitting: tuple[Fit, ...]) -> None:
    source = head()[list(STABLE)].astype(np.float64)
    target = source @ true[:, :2].T + true[:, 2]
    for fit in FITS:
        found = fit_matrix(source, target, fit)
        if fit in fitting:
            assert found == pytest.approx(true, abs=1e-9)
            assert residual_px(source, target, found) < 1e-9
            assert moved(source, found) == pytest.approx(target, abs=1e-3)
        else:
            assert residual_px(source, target, found) > 1


def test_the_residual_is_a_distance() -> None:
    target = np.array([[0.0, 0.0], [10.0, 0.0]])
    assert residual_px(target + [3.0, 4.0], target, np.array([[1.0, 0, 0], [0, 1.0, 0]])) == pytest.approx(5)


def test_a_68_point_reference_fits_its_seven_stable_points() -> None:
    mesh = head()
    reference = reference_of(mesh[POINTS_68], "drawn")
    assert len(reference.mesh_indices) == 7
    assert reference.fitted == pytest.approx(mesh[reference.mesh_indices])
    assert reference.width_px == pytest.approx(reference_of(mesh, "drawn").width_px)
    assert len(reference_of(mesh[:468], "drawn").mesh_indices) == len(STABLE)


def rows(count: int = 3, points: int = 478) -> LandmarkRows:
    meshes = np.stack([head(x=200 + 5 * place, tilt=2 * place) for place in range(count)])[:, :points]
    reference = reference_of(head(width=150.0), "drawn")
    matrices = np.stack([fit_matrix(mesh[list(STABLE)], reference.fitted, "similarity") for mesh in meshes])
    aligned = np.stack([moved(mesh, each) for mesh, each in zip(meshes, matrices, strict=True)])
    whole = Aligned(reference, "similarity", aligned, matrices, np.full(count, 0.5))
    zeros = np.zeros(count, np.int64)
    frames = np.arange(count)
    return LandmarkRows(zeros, zeros, frames, frames / 25, np.full(count, 2, np.uint8), meshes, (400, 300), whole)


def test_three_kinds_of_files_hold_the_same(tmp_path: Path) -> None:
    made = rows()
    assert made.aligned is not None
    for name in ("a.npz", "a.csv", "a.json"):
        write_landmarks(tmp_path / name, made, overwrite=False)
    with np.load(tmp_path / "a.npz") as arrays:
        assert (arrays["points"] == made.points).all()
        assert (arrays["aligned"] == made.aligned.points).all()
        assert arrays["matrix"].shape == (3, 2, 3)
        assert str(arrays["schema"]) == "lipblend-landmarks/1"
    lines = list(csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
    data = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    for row, (line, each) in enumerate(zip(lines, data["rows"], strict=True)):
        assert float(line["y_477"]) == pytest.approx(made.points[row, 477, 1], abs=6e-4)
        assert float(line["aligned_x_5"]) == pytest.approx(made.aligned.points[row, 5, 0], abs=6e-4)
        assert np.array(each["points"]) == pytest.approx(made.points[row], abs=6e-4)
        assert np.array(each["matrix"]) == pytest.approx(made.aligned.matrices[row])
        assert (line["state"], each["state"], each["residual_px"]) == ("detected", "detected", 0.5)
    assert (tmp_path / "a.npz").read_bytes() == _again(tmp_path / "b.npz", made)
    with pytest.raises(SettingsError, match="no kind of landmark file"):
        write_landmarks(tmp_path / "a.txt", made, overwrite=True)
    assert not (tmp_path / "a.txt").exists()


def _again(path: Path, made: LandmarkRows) -> bytes:
    write_landmarks(path, made, overwrite=False)
    return path.read_bytes()


def test_what_was_written_is_a_reference(tmp_path: Path) -> None:
    made = rows()
    write_landmarks(tmp_path / "a.json", made, overwrite=False)
    found = load_reference(tmp_path / "a.json", model=tmp_path, track=TRACK)
    assert found.points == pytest.approx(made.points[0], abs=6e-4)
    (tmp_path / "b.json").write_text(json.dumps(head()[POINTS_68].tolist()))
    assert len(load_reference(tmp_path / "b.json", model=tmp_path, track=TRACK).points) == 68


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not a JSON file"),
        ("[" * 100_000, "is not a JSON file"),
        ("{}", "no list of landmarks"),
        ('{"rows": []}', "no list of landmarks"),
        ("[[1, 2], [3]]", "no list of landmarks"),
        (json.dumps([[1, 2]] * 5), "holds 5 landmarks"),
        (json.dumps([[0.2, 0.3]] * 67 + [[0.9, 0.9]]), "they are not pixels"),
        (json.dumps([[1, 2]] * 67 + [[float("nan"), 9]]), "not numbers"),
    ],
)
def test_a_file_without_landmarks_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=message):
        load_reference(tmp_path / "a.json", model=tmp_path, track=TRACK)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv"])
def test_landmarks_in_other_formats_are_named(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(InputError, match=f"of landmarks, JSON files are read, and not '{suffix}'") as caught:
        load_reference(tmp_path / f"a{suffix}", model=tmp_path, track=TRACK)
    assert "--landmarks FILE.json" in caught.value.hint


def test_a_picture_as_reference(
    tmp_path: Path, model_path: Path, portrait: np.ndarray, face: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), portrait[..., ::-1])
    found = load_reference(tmp_path / "a.png", model=model_path, track=TRACK)
    assert np.abs(found.points - face.points).max() < 0.05 * found.width_px  # type: ignore[attr-defined]
    cv2.imwrite(str(tmp_path / "b.png"), np.full((60, 60, 3), 127, np.uint8))
    with pytest.raises(NoFaceError, match=r"reference .*b\.png"):
        load_reference(tmp_path / "b.png", model=model_path, track=TRACK)
    (tmp_path / "c.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is not a picture"):
        load_reference(tmp_path / "c.png", model=model_path, track=TRACK)
    with pytest.raises(InputError, match="cannot read"):
        load_reference(tmp_path / "gone.png", model=model_path, track=TRACK)
