"""Measures against the truth, where there is one: PSNR, SSIM, temporal error, mouth detail, LPIPS."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.quality.levels import ROUNDING
from lipblend.quality.sharpness import fine_detail
from lipblend.quality.view import FaceView, Patch3
from lipblend.stages.masks.mask import grid_step_px, signed_distance

PSNR_MOST = 100.0
"""What equal pictures get, dB, and the most that any do: the true value would be infinite, which JSON cannot hold."""

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_TEMPORAL_SIGMA = 3.0
_MOUTH_MARGIN_FRAC = 0.03
_LPIPS_SIZE = 64  # least side, pixels: AlexNet's last layers need that much

Mask = npt.NDArray[np.bool_]


def lower_face(view: FaceView) -> Mask:
    """Where is measured: (h, w) bool.

    A rectangle along the face's axes about the original's mouth, 0.52 ``w_f`` to each side, 0.26 ``w_f`` up (to the tip
    of the nose) and 0.54 ``w_f`` down (below the chin), as far as it lies in the view's box.
    """
    mesh, w = view.before, view.face_width_px
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


def mouth(view: FaceView) -> Mask:
    """Both outer lip contours (``before`` and ``after``) and 0.03 ``w_f`` around them: (h, w) bool."""
    polygons = [(mesh.points[list(LIPS_OUTER)], True) for mesh in (view.before, view.after)]
    distance = signed_distance(polygons, view.box, step_px=grid_step_px(view.face_width_px))
    return np.asarray(distance > -_MOUTH_MARGIN_FRAC * view.face_width_px)


def mouth_detail(view: FaceView, reference: Patch3) -> float | None:
    """Fine detail of the `mouth`, result over reference: 1 is as sharp as the truth, below 1 softer.

    Detail is the standard deviation of luma minus luma under a Gaussian of sigma 1.5 px; in both pictures at least what
    rounding to 8 bits makes. None where the mouth is not in the box.
    """
    _check(view, reference)
    where = mouth(view)
    if not where.any():
        return None
    ours, theirs = (
        float(fine_detail(np.ascontiguousarray(each[..., 0]))[where].std(dtype=np.float64))
        for each in (view.result, reference)
    )
    return max(ours, ROUNDING) / max(theirs, ROUNDING)


def reference_scores(view: FaceView, reference: Patch3) -> dict[str, float]:
    """PSNR and SSIM of the result over the lower face.

    Parameters
    ----------
    view : FaceView
    reference : (h, w, 3) float32
        The truth in the view's box, YCbCr in 8-bit levels in the original's encoding.

    Returns
    -------
    dict
        ``psnr``: dB, of R'G'B' rounded and clipped to 0..255, at most `PSNR_MOST`. ``ssim``: mean structural
        similarity of luma, Gaussian window 11x11 of sigma 1.5, exactly 1 for equal pictures. Empty if the lower face
        is not in the box.

    Raises
    ------
    ValueError
        If the reference has another size than the view.
    """
    _check(view, reference)
    where = lower_face(view)
    if not where.any():
        return {}
    error = _rgb(view.result, view.matrix)[where] - _rgb(reference, view.matrix)[where]
    mean_square = float(np.mean(error.astype(np.float64) ** 2))
    psnr = PSNR_MOST if mean_square == 0 else min(PSNR_MOST, 10 * float(np.log10(255**2 / mean_square)))
    ours, theirs = (np.ascontiguousarray(each[..., 0]) for each in (view.result, reference))
    similarity = 1.0 if np.array_equal(ours[where], theirs[where]) else float(_ssim(ours, theirs)[where].mean())
    return {"psnr": psnr, "ssim": similarity}


def temporal_error(
    view: FaceView,
    reference: Patch3,
    before_view: FaceView,
    before_reference: Patch3,
    *,
    with_mouth: bool = True,
) -> float | None:
    """Mean change of the error from the frame before: ``|G * (e_t - e_{t-1})|``, luma in grey levels.

    ``e = result - reference`` at the same pixels of the picture, G a Gaussian of sigma 3 px; the mean is over the lower
    face of the later frame, without ``with_mouth`` only over what is not its `mouth`. None if the two views have none
    of it in common.
    """
    _check(view, reference)
    _check(before_view, before_reference)
    one, two = view.box, before_view.box
    x0, y0, x1, y1 = max(one.x0, two.x0), max(one.y0, two.y0), min(one.x1, two.x1), min(one.y1, two.y1)
    if x0 >= x1 or y0 >= y1:
        return None
    here, there = (np.s_[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0] for box in (one, two))
    where = (lower_face(view) if with_mouth else lower_face(view) & ~mouth(view))[here]
    if not where.any():
        return None
    error = (view.result - reference)[..., 0][here] - (before_view.result - before_reference)[..., 0][there]
    return float(np.abs(cv2.GaussianBlur(error, (0, 0), _TEMPORAL_SIGMA))[where].mean())


class LpipsModel:
    """LPIPS with AlexNet (Zhang et al. 2018, https://doi.org/10.1109/CVPR.2018.00068), by the package ``lpips``."""

    def __init__(self, torch: Any, network: Any) -> None:
        self._torch, self._network = torch, network

    @classmethod
    def load(cls) -> tuple[LpipsModel, str] | tuple[None, str]:
        """The model, or None with the reason why there is none. Nothing is ever downloaded.

        AlexNet's weights must lie where torch keeps them (``torch.hub.get_dir()/checkpoints``); LPIPS's own small
        weights come with its package. The file is looked for first, as the library would fetch a missing one, and
        torch's download functions refuse while the model is made.
        """
        try:
            torch = importlib.import_module("torch")
            importlib.import_module("torchvision")
            lpips = importlib.import_module("lpips")
        except ImportError as error:
            return None, f"LPIPS needs the packages lpips, torch and torchvision: {error}"
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        if not any(each.is_file() for each in folder.glob("alexnet-*.pth")):
            return None, f"LPIPS needs AlexNet's weights (alexnet-*.pth) in {folder}: nothing is downloaded"
        with _Offline(torch.hub):
            try:
                network = lpips.LPIPS(net="alex", verbose=False)
            except (OSError, RuntimeError) as error:
                return None, f"LPIPS could not be set up: {error}"
        return cls(torch, network.eval()), ""

    def score(self, view: FaceView, reference: Patch3) -> float | None:
        """LPIPS of the result's lower face, its upright bounding rectangle; None if that is not in the box.

        Sides shorter than 64 px are enlarged.
        """
        _check(view, reference)
        x, y, width, height = cv2.boundingRect(lower_face(view).astype(np.uint8))
        if width == 0 or height == 0:
            return None
        ours, theirs = (
            self._tensor(_rgb(np.ascontiguousarray(each[y : y + height, x : x + width]), view.matrix))
            for each in (view.result, reference)
        )
        with self._torch.no_grad():
            return float(self._network(ours, theirs).item())

    def _tensor(self, rgb: Patch3) -> Any:
        """(1, 3, h, w), -1..1."""
        height, width = rgb.shape[:2]
        grow = max(1.0, _LPIPS_SIZE / min(height, width))
        if grow > 1:
            size = round(width * grow), round(height * grow)
            rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), np.float32)
        values = rgb / np.float32(127.5) - np.float32(1)
        return self._torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))


class _Offline:
    """While it is entered, torch's hub refuses to download."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self._kept: Mapping[str, Any] = {}

    def __enter__(self) -> None:
        names = [name for name in ("download_url_to_file", "urlopen") if hasattr(self._hub, name)]
        self._kept = {name: getattr(self._hub, name) for name in names}
        for name in names:
            setattr(self._hub, name, _refuse)

    def __exit__(self, *_: object) -> None:
        for name, function in self._kept.items():
            setattr(self._hub, name, function)


def _refuse(url: object, *_: object, **__: object) -> None:
    raise OSError(f"would have downloaded {url}")


def _check(view: FaceView, reference: Patch3) -> None:
    if reference.shape != view.result.shape:
        raise ValueError(f"the reference is {reference.shape}, the result {view.result.shape}")


def _rgb(patch: Patch3, matrix: npt.NDArray[np.float64]) -> Patch3:
    return np.asarray(np.clip(np.rint(cv2.transform(patch, matrix)), 0, 255), np.float32)


def _ssim(one: npt.NDArray[np.float32], two: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)

    ours, theirs = mean(one), mean(two)
    spread = mean(one * one) - ours * ours + mean(two * two) - theirs * theirs
    shared = mean(one * two) - ours * theirs
    top = (2 * ours * theirs + np.float32(_C1)) * (2 * shared + np.float32(_C2))
    return np.asarray(
        top / ((ours * ours + theirs * theirs + np.float32(_C1)) * (spread + np.float32(_C2))), np.float32
    )
