"""Measures against reference footage: PSNR, SSIM, temporal error, mouth detail, lip lines, LPIPS."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.quality.levels import ROUNDING
from lipblend.quality.lip_line import overshoot, rag_ratio
from lipblend.quality.sharpness import fine_detail
from lipblend.quality.view import FaceView, Patch3, Region
from lipblend.stages.masks.mask import grid_step_px, signed_distance

MAX_PSNR = 100.0
"""PSNR of equal pictures and the maximum of all, dB: the true value is infinite, which JSON cannot represent."""

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_TEMPORAL_SIGMA_PX = 3.0
_MOUTH_MARGIN_FRAC = 0.03
_MIN_LPIPS_PX = 64  # side that AlexNet's last layers need

_ALEXNET_WEIGHTS = "alexnet-*.pth"


@dataclass(frozen=True)
class SeenFace:
    """A face of a frame, and what the reference shows there, if there is one."""

    view: FaceView
    truth: Patch3 | None

    def scores(self, previous: SeenFace | None) -> dict[str, float]:
        """`reference_scores`, `lip_line_scores`, `temporal_error` since the frame before; empty without a reference."""
        if self.truth is None:
            return {}
        found = {**reference_scores(self.view, self.truth), **lip_line_scores(self.view, self.truth)}
        if previous is not None and previous.truth is not None:
            error = temporal_error(self.view, self.truth, previous.view, previous.truth)
            found |= {"temporal": error} if error is not None else {}
        return found


def lower_face(view: FaceView) -> Region:
    """The region that is measured, (h, w) bool.

    A rectangle along the face's axes around the original's mouth, 0.52 ``w_f`` to each side, 0.26 ``w_f`` up (to the
    tip of the nose) and 0.54 ``w_f`` down (below the chin), clipped to the view's box.
    """
    mesh, w = view.original_mesh, view.face_width_px
    middle = mesh.mouth_centre - (view.box.x0, view.box.y0)
    corners = np.array(
        [
            middle + w * (across * mesh.x_axis + down * mesh.y_axis)
            for across, down in ((-0.52, -0.26), (0.52, -0.26), (0.52, 0.54), (-0.52, 0.54))
        ]
    )
    out = np.zeros((view.box.height, view.box.width), np.uint8)
    cv2.fillConvexPoly(out, np.rint((corners - 0.5) * 16).astype(np.int32), (1,), shift=4)
    return out.astype(bool)


def mouth(view: FaceView) -> Region:
    """Both meshes' outer lip contours and 0.03 ``w_f`` around them, (h, w) bool."""
    polygons = [(mesh.points[list(LIPS_OUTER)], True) for mesh in (view.original_mesh, view.synced_mesh)]
    distance = signed_distance(polygons, view.box, step_px=grid_step_px(view.face_width_px))
    return np.asarray(distance > -_MOUTH_MARGIN_FRAC * view.face_width_px)


def mouth_detail(view: FaceView, reference: Patch3) -> float | None:
    """Fine detail of the `mouth`, result over reference: 1 is equally sharp, below 1 softer.

    Detail is the standard deviation of `lipblend.quality.sharpness.fine_detail`, in both pictures at least that of
    rounding to 8 bits. None where the mouth is not in the box.
    """
    _check(view, reference)
    region = mouth(view)
    if not region.any():
        return None
    result, truth = (
        float(fine_detail(np.ascontiguousarray(patch[..., 0]))[region].std(dtype=np.float64))
        for patch in (view.result, reference)
    )
    return max(result, ROUNDING) / max(truth, ROUNDING)


def reference_scores(view: FaceView, reference: Patch3) -> dict[str, float]:
    """PSNR and SSIM of the result over the lower face.

    Parameters
    ----------
    view : FaceView
    reference : (h, w, 3) float32
        The reference footage in the view's box, YCbCr in 8-bit levels in the original's encoding.

    Returns
    -------
    dict
        ``psnr``: dB, of R'G'B' rounded and clipped to 0..255, at most `MAX_PSNR`. ``ssim``: mean structural
        similarity of luma, Gaussian window 11x11 of sigma 1.5, exactly 1 for equal pictures. Empty if the lower face
        is not in the box.

    Raises
    ------
    ValueError
        If the sizes of reference and view differ.
    """
    _check(view, reference)
    region = lower_face(view)
    if not region.any():
        return {}
    error = _rgb(view.result, view.matrix)[region] - _rgb(reference, view.matrix)[region]
    mean_square = float(np.mean(error.astype(np.float64) ** 2))
    psnr = MAX_PSNR if mean_square == 0 else min(MAX_PSNR, 10 * float(np.log10(255**2 / mean_square)))
    result, truth = (np.ascontiguousarray(patch[..., 0]) for patch in (view.result, reference))
    ssim = 1.0 if np.array_equal(result[region], truth[region]) else float(_ssim(result, truth)[region].mean())
    return {"psnr": psnr, "ssim": ssim}


def lip_line_scores(view: FaceView, reference: Patch3) -> dict[str, float]:
    """``rag`` and ``overshoot`` (`lipblend.quality.lip_line`); empty if the lips are not in the box."""
    _check(view, reference)
    found = {"rag": rag_ratio(view, reference), "overshoot": overshoot(view, reference)}
    return {key: value for key, value in found.items() if value is not None}


def temporal_error(
    view: FaceView,
    reference: Patch3,
    previous_view: FaceView,
    previous_reference: Patch3,
    *,
    with_mouth: bool = True,
) -> float | None:
    """Mean frame-to-frame change of the error, ``|G * (e_t - e_{t-1})|``, luma in grey levels.

    ``e = result - reference`` at the same pixels of the picture, G a Gaussian of sigma 3 px. The mean is over the later
    frame's lower face, without its `mouth` if ``with_mouth`` is False. None if the two views share no such pixel.
    """
    _check(view, reference)
    _check(previous_view, previous_reference)
    shared = view.box.clipped_to(previous_view.box)
    if shared.width <= 0 or shared.height <= 0:
        return None
    now, then = shared.within(view.box), shared.within(previous_view.box)
    region = (lower_face(view) if with_mouth else lower_face(view) & ~mouth(view))[now]
    if not region.any():
        return None
    change = (view.result - reference)[..., 0][now] - (previous_view.result - previous_reference)[..., 0][then]
    return float(np.abs(cv2.GaussianBlur(change, (0, 0), _TEMPORAL_SIGMA_PX))[region].mean())


class LpipsModel:
    """LPIPS with AlexNet (Zhang et al. 2018, https://doi.org/10.1109/CVPR.2018.00068), from the package ``lpips``."""

    def __init__(self, torch: Any, network: Any) -> None:
        self._torch, self._network = torch, network

    @classmethod
    def load(cls) -> tuple[LpipsModel, str] | tuple[None, str]:
        """The model, or None and the reason why it is not available. Never downloads.

        AlexNet's weights must be in torch's folder (``torch.hub.get_dir()/checkpoints``); LPIPS's own small weights are
        part of its package. The library would fetch a missing file, so the file is checked first, and torch's download
        functions are disabled while the model is created.
        """
        try:
            torch = importlib.import_module("torch")
            importlib.import_module("torchvision")
            lpips = importlib.import_module("lpips")
        except ImportError as error:
            return None, f"LPIPS needs the packages lpips, torch and torchvision: {error}"
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        if not any(path.is_file() for path in folder.glob(_ALEXNET_WEIGHTS)):
            return None, f"LPIPS needs AlexNet's weights ({_ALEXNET_WEIGHTS}) in {folder}: nothing is downloaded"
        with _Offline(torch.hub):
            try:
                network = lpips.LPIPS(net="alex", verbose=False)
            except (OSError, RuntimeError) as error:
                return None, f"LPIPS could not be loaded: {error}"
        return cls(torch, network.eval()), ""

    def score(self, view: FaceView, reference: Patch3) -> float | None:
        """LPIPS of the bounding rectangle of the result's lower face; None if that is not in the box.

        Rectangles with a side shorter than 64 px are enlarged.
        """
        _check(view, reference)
        x, y, width, height = cv2.boundingRect(lower_face(view).astype(np.uint8))
        if width == 0 or height == 0:
            return None
        result, truth = (
            self._tensor(_rgb(np.ascontiguousarray(patch[y : y + height, x : x + width]), view.matrix))
            for patch in (view.result, reference)
        )
        with self._torch.no_grad():
            return float(self._network(result, truth).item())

    def _tensor(self, rgb: Patch3) -> Any:
        """(1, 3, h, w), -1..1."""
        height, width = rgb.shape[:2]
        grow = max(1.0, _MIN_LPIPS_PX / min(height, width))
        if grow > 1:
            size = round(width * grow), round(height * grow)
            rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), np.float32)
        values = rgb / np.float32(127.5) - np.float32(1)
        return self._torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))


class _Offline:
    """Context in which torch's hub cannot download."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self._functions: Mapping[str, Any] = {}

    def __enter__(self) -> None:
        names = [name for name in ("download_url_to_file", "urlopen") if hasattr(self._hub, name)]
        self._functions = {name: getattr(self._hub, name) for name in names}
        for name in names:
            setattr(self._hub, name, _refuse)

    def __exit__(self, *_: object) -> None:
        for name, function in self._functions.items():
            setattr(self._hub, name, function)


def _refuse(url: object, *_: object, **__: object) -> None:
    raise OSError(f"download of {url} refused")


def _check(view: FaceView, reference: Patch3) -> None:
    if reference.shape != view.result.shape:
        raise ValueError(f"the reference has the shape {reference.shape}, the result {view.result.shape}")


def _rgb(patch: Patch3, matrix: npt.NDArray[np.float64]) -> Patch3:
    return np.asarray(np.clip(np.rint(cv2.transform(patch, matrix)), 0, 255), np.float32)


def _ssim(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)

    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a * a) - mean_a * mean_a + mean(b * b) - mean_b * mean_b
    covariance = mean(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + np.float32(_C1)) * (2 * covariance + np.float32(_C2))
    bottom = (mean_a * mean_a + mean_b * mean_b + np.float32(_C1)) * (variances + np.float32(_C2))
    return np.asarray(top / bottom, np.float32)
