"""PSNR, SSIM, temporal error and LPIPS against reference footage."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from mouthclips import TalkingFace
from skimage.metrics import structural_similarity

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.reference_measures import (
    MAX_PSNR,
    LpipsModel,
    lower_face,
    mouth,
    mouth_detail,
    reference_scores,
    temporal_error,
)
from lipblend.quality.view import FaceView


@pytest.fixture(scope="module")
def view(portrait: np.ndarray, face: Landmarks) -> FaceView:
    return TalkingFace(portrait, face).view(opened=10)


def test_the_region_is_the_lower_face(view: FaceView) -> None:
    where, w = lower_face(view), view.face_width_px
    y, x = np.nonzero(where)
    middle = view.original_mesh.mouth_centre - (view.box.x0, view.box.y0)
    assert where.sum() == pytest.approx(1.04 * 0.8 * w * w, rel=0.03)
    along = (np.stack([x, y], 1) + 0.5 - middle) @ view.original_mesh.y_axis / w
    assert along.min() == pytest.approx(-0.26, abs=0.01)
    assert along.max() == pytest.approx(0.54, abs=0.01)


def test_equal_pictures_get_the_best_values(view: FaceView) -> None:
    assert reference_scores(view, view.result.copy()) == {"psnr": MAX_PSNR, "ssim": 1.0}


def test_a_known_error(view: FaceView) -> None:
    """Full range and no cast: a level of luma is 255/219 of R, G and B alike."""
    matrix = np.column_stack([np.ones((3, 1)), np.zeros((3, 2)), np.zeros(3)])
    flat = np.full_like(view.result, 100)
    known = replace(view, result=flat, matrix=matrix)
    wrong = flat.copy()
    wrong[..., 0] += 5
    scores = reference_scores(known, wrong)
    assert scores["psnr"] == pytest.approx(10 * np.log10(255**2 / 25))
    expected = (2 * 100 * 105 + 6.5025) / (100**2 + 105**2 + 6.5025)
    assert scores["ssim"] == pytest.approx(expected, abs=1e-4)


def test_errors_outside_the_lower_face_do_not_count(view: FaceView) -> None:
    distance = cv2.distanceTransform((~lower_face(view)).astype(np.uint8), cv2.DIST_L2, 5)
    wrong = view.result + np.float32(40) * (distance > 16)[..., None]
    assert (distance > 16).any()
    assert reference_scores(view, wrong) == {"psnr": MAX_PSNR, "ssim": 1.0}
    assert temporal_error(view, wrong, view, view.result) == pytest.approx(0, abs=1e-4)


def test_ssim_agrees_with_another_implementation(view: FaceView) -> None:
    truth = cv2.GaussianBlur(view.result, (0, 0), 1.5)
    _, similarity = structural_similarity(
        view.result[..., 0].astype(np.float64), truth[..., 0].astype(np.float64), data_range=255, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    expected = similarity[lower_face(view)].mean()
    assert reference_scores(view, truth)["ssim"] == pytest.approx(expected, abs=2e-3)


def test_temporal_error_is_the_change_of_the_error(view: FaceView) -> None:
    truth = view.result + np.float32(3)
    assert temporal_error(view, truth, view, truth) == 0.0
    brighter = replace(view, result=view.result + np.float32(2))
    assert temporal_error(brighter, truth, view, truth) == pytest.approx(2.0, abs=1e-3)


def test_temporal_error_without_the_mouth(view: FaceView) -> None:
    inside = cv2.distanceTransform(mouth(view).astype(np.uint8), cv2.DIST_L2, 5)
    wrong = view.result.copy()
    wrong[inside > 0.8 * inside.max()] += 40
    whole = temporal_error(view, wrong, view, view.result)
    skin = temporal_error(view, wrong, view, view.result, with_mouth=False)
    assert 0 <= skin < 0.05 * whole


def test_mouth_detail_is_the_sharpness_against_the_truth(view: FaceView) -> None:
    truth, where = view.result.copy(), mouth(view)
    assert mouth_detail(view, truth) == 1.0
    assert (mouth(replace(view, synced_mesh=view.original_mesh)) & ~where).sum() == 0
    soft = replace(view, result=cv2.GaussianBlur(truth, (0, 0), 2.0))
    assert mouth_detail(soft, truth) < 0.6
    far = cv2.distanceTransform((~where).astype(np.uint8), cv2.DIST_L2, 5) > 8
    noisy = truth.copy()
    noisy[far] += np.random.default_rng(1).normal(0, 20, noisy.shape).astype(np.float32)[far]
    assert mouth_detail(replace(view, result=noisy), truth) == pytest.approx(1.0, abs=1e-3)
    assert mouth_detail(replace(view, result=truth * 2), truth) == pytest.approx(2.0, rel=1e-3)


def test_temporal_error_of_boxes_that_differ(view: FaceView) -> None:
    """The same picture and error in a box with another corner."""
    across = np.linspace(0, 30, view.box.width, dtype=np.float32)[None, :, None]
    down = np.linspace(0, 50, view.box.height, dtype=np.float32)[:, None, None]
    gradient = across + down + np.zeros_like(view.result)
    truth = view.result - gradient
    box = view.box
    less = Box(box.x0 + 8, box.y0 + 4, box.x1, box.y1)
    cut = replace(view, box=less, **{name: getattr(view, name)[4:, 8:] for name in ("original", "synced", "result")})
    assert temporal_error(view, truth, cut, truth[4:, 8:]) == pytest.approx(0, abs=1e-4)
    assert temporal_error(cut, truth[4:, 8:], view, truth) == pytest.approx(0, abs=1e-4)
    away = replace(view, box=Box(box.x0 + 4000, box.y0, box.x1 + 4000, box.y1))
    assert temporal_error(view, truth, away, truth) is None


def test_a_face_outside_the_box_gives_nothing(view: FaceView) -> None:
    away = replace(view, original_mesh=Landmarks(view.original_mesh.points + np.float32(3000)))
    assert reference_scores(away, view.result) == {}
    assert temporal_error(away, view.result, view, view.result) is None
    assert mouth_detail(replace(away, synced_mesh=away.original_mesh), view.result) is None


def test_a_reference_of_another_size_is_rejected(view: FaceView) -> None:
    with pytest.raises(ValueError, match="reference"):
        reference_scores(view, view.result[1:])


class FakeNetwork:
    """Records its arguments and returns the mean difference."""

    def __init__(self) -> None:
        self.calls: list[tuple[np.ndarray, np.ndarray]] = []

    def eval(self) -> FakeNetwork:
        return self

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        self.calls.append((np.asarray(a), np.asarray(b)))
        return np.abs(a - b).mean()


class NoGrad:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeNetwork:
    """Fake packages, with an empty folder for the weights."""
    (tmp_path / "checkpoints").mkdir()
    made = FakeNetwork()

    def build(*, net: str, verbose: bool) -> FakeNetwork:
        assert (net, verbose) == ("alex", False)
        if (tmp_path / "tries_to_download").exists():
            torch.hub.download_url_to_file("https://example.org/alexnet.pth", "x")
        return made

    def download(*_: object) -> None:
        raise AssertionError("downloaded")

    torch, torchvision, lpips = (ModuleType(name) for name in ("torch", "torchvision", "lpips"))
    torch.hub = SimpleNamespace(get_dir=lambda: str(tmp_path), download_url_to_file=download)  # type: ignore[attr-defined]
    torch.no_grad, torch.from_numpy = NoGrad, np.asarray  # type: ignore[attr-defined]
    lpips.LPIPS = build  # type: ignore[attr-defined]
    for module in (torch, torchvision, lpips):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return made


def weights(folder: Path) -> None:
    (folder / "checkpoints" / "alexnet-owt-7be5be79.pth").write_bytes(b"x")


def test_lpips_gets_scaled_rgb_of_the_lower_face(network: FakeNetwork, view: FaceView, tmp_path: Path) -> None:
    weights(tmp_path)
    model, reason = LpipsModel.load()
    assert model is not None
    assert reason == ""
    white, black, red = (np.broadcast_to(np.float32(code), view.result.shape) for code in (
        (235, 128, 128), (16, 128, 128), (81, 90, 240),
    ))  # fmt: skip
    assert model.score(replace(view, result=white), black) == pytest.approx(2.0)
    ((result, truth),) = network.calls
    assert result.dtype == np.float32
    assert result.shape == truth.shape
    assert result.shape[:2] == (1, 3)
    assert result.shape[2:] == pytest.approx((0.8 * view.face_width_px, 1.04 * view.face_width_px), rel=0.1)
    assert result.min() == 1.0
    assert truth.max() == -1.0
    model.score(replace(view, result=red), red)
    channels = network.calls[1][0].mean((0, 2, 3))
    assert channels[0] > 0.95
    assert channels[1:].max() < -0.95


def test_lpips_without_weights_gives_the_reason(network: FakeNetwork, tmp_path: Path) -> None:
    model, reason = LpipsModel.load()
    assert model is None
    assert str(tmp_path / "checkpoints") in reason
    assert "nothing is downloaded" in reason


def test_lpips_never_downloads(network: FakeNetwork, tmp_path: Path) -> None:
    weights(tmp_path)
    (tmp_path / "tries_to_download").touch()
    model, reason = LpipsModel.load()
    assert model is None
    assert "download of https://example.org/alexnet.pth refused" in reason
    with pytest.raises(AssertionError, match="downloaded"):
        sys.modules["torch"].hub.download_url_to_file("again")


def test_lpips_without_its_package_gives_the_reason(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    model, reason = LpipsModel.load()
    assert model is None
    assert "lpips" in reason
