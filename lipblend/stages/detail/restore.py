"""Restoration of the mouth by a model: its fine detail is added, its colours are not.

A model that sharpens or enlarges also shifts colours and brightness, differently in every frame. So only the difference
between its output and its input is used, without the low-pass of that difference, and with a weight that falls off
smoothly around the lips.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.smoothstep import smoothstep
from lipblend.settings import RestoreSettings
from lipblend.stages.detail.restore_model import SIDE_STEP, RestoreModel, Rgb

Patch3 = npt.NDArray[np.float32]
Affine = npt.NDArray[np.float64]

_BORDER_PX = 8


@dataclass(frozen=True)
class _Area:
    """The lips' bounds grown by the margin, in pixels of the patch; sub-pixel, so that it moves as smoothly as they."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Restorer:
    """A loaded model with its settings; threads may share it."""

    settings: RestoreSettings
    model: RestoreModel

    def restore(
        self,
        patch: Patch3,
        *,
        lips: npt.NDArray[np.float32],
        face_width_px: float,
        matrix: npt.NDArray[np.float64],
    ) -> Patch3:
        """Add the model's detail around the lips.

        Parameters
        ----------
        patch : (h, w, 3) float32
            YCbCr, 8-bit levels.
        lips : (n, 2) float32
            Outline of the lips, in the patch's pixels.
        face_width_px : float
        matrix : (3, 4) float64
            YCbCr to R'G'B' 0..255, from `lipblend.picture.ycbcr.ycbcr_matrix`.

        Returns
        -------
        (h, w, 3) float32
            A new array, or the patch itself if there is nothing to do. Bit for bit the patch where the model changes
            nothing.

        Raises
        ------
        ModelError
            The model failed on this picture.
        """
        height, width = patch.shape[:2]
        margin = self.settings.margin_frac * face_width_px
        low, high = lips.min(0).astype(np.float64), lips.max(0).astype(np.float64)
        area = _Area(low[0] - margin, low[1] - margin, high[0] + margin, high[1] + margin)
        x0, y0 = max(0, int(np.floor(area.left))), max(0, int(np.floor(area.top)))
        x1, y1 = min(width, int(np.ceil(area.right))), min(height, int(np.ceil(area.bottom)))
        if self.settings.strength == 0 or x1 - x0 < 2 or y1 - y0 < 2:
            return patch
        inner = _Area(area.left - x0, area.top - y0, area.right - x0, area.bottom - y0)
        rgb = np.asarray(np.clip(cv2.transform(patch[y0:y1, x0:x1], matrix), 0, 255), np.float32)
        added = self._added_any_size(rgb) if self.model.size is None else self._added_fixed(rgb, inner, self.model.size)
        change = np.asarray(cv2.transform(added, np.linalg.inv(matrix[:, :3])), np.float32)
        change = change - cv2.GaussianBlur(change, (0, 0), max(1.0, self.settings.detail_frac * face_width_px))
        weight = np.float32(self.settings.strength) * _weight(inner, margin, (y1 - y0, x1 - x0))
        out = patch.copy()
        out[y0:y1, x0:x1] += weight[..., None] * change
        return out

    def _added_any_size(self, rgb: Rgb) -> Rgb:
        """What a model of any size adds, (h, w, 3) levels: it is given the pixels unscaled.

        Most models pad with black: the picture is given a border, which is cut off again.
        """
        height, width = rgb.shape[:2]
        below, right = (_BORDER_PX + -(length + 2 * _BORDER_PX) % SIDE_STEP for length in (height, width))
        framed = cv2.copyMakeBorder(rgb, _BORDER_PX, below, _BORDER_PX, right, cv2.BORDER_REPLICATE)
        shown, output = self.model.run(np.asarray(framed, np.float32))
        inside = np.s_[_BORDER_PX : _BORDER_PX + height, _BORDER_PX : _BORDER_PX + width]
        return np.ascontiguousarray((_reduced(output, shown) - shown)[inside])

    def _added_fixed(self, rgb: Rgb, area: _Area, size: tuple[int, int]) -> Rgb:
        """What a model of a fixed size adds, (h, w, 3) levels: it is given the area, scaled to fit.

        If the area is larger than that, the output of an enlarging model is compared with its enlarged input, so that
        detail between the two sizes is kept.
        """
        fit = min(size[0] / (area.bottom - area.top), size[1] / (area.right - area.left))
        centre = np.array([area.left + area.right, area.top + area.bottom]) / 2
        forward = _affine(fit, np.array([size[1], size[0]]) / 2 - fit * centre)
        shown, output = self.model.run(np.clip(_resampled(rgb, forward, (size[1], size[0])), 0, 255))
        finer = self.model.scale if fit < 1 else 1
        if finer > 1:
            enlarged = cv2.resize(shown, (output.shape[1], output.shape[0]), interpolation=cv2.INTER_CUBIC)
            shown = np.asarray(enlarged, np.float32)
        back = _affine(1 / (fit * finer), centre - np.array([size[1], size[0]]) / (2 * fit))
        return _resampled(_reduced(output, shown) - shown, back, (rgb.shape[1], rgb.shape[0]))


def load_restorer(settings: RestoreSettings) -> Restorer | None:
    """Load and try the model of the settings; None if they name none.

    Raises
    ------
    ModelError
        It cannot be used.
    """
    return None if settings.model == "none" else Restorer(settings, RestoreModel(settings))


def load_restorers(settings: Iterable[RestoreSettings]) -> dict[RestoreSettings, Restorer | None]:
    """`load_restorer` for several settings, once for each distinct one."""
    return {each: load_restorer(each) for each in dict.fromkeys(settings)}


def _reduced(output: Rgb, shown: Rgb) -> Rgb:
    """The model's output at the size of its input: means of whole blocks."""
    if output.shape == shown.shape:
        return output
    return np.asarray(cv2.resize(output, (shown.shape[1], shown.shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def _affine(scale: float, shift: npt.NDArray[np.float64]) -> Affine:
    """``scale * p + shift`` for points on pixel borders at integers, as OpenCV's matrix for pixel centres."""
    return np.column_stack([np.eye(2) * scale, shift + 0.5 * scale - 0.5])


def _resampled(picture: Rgb, matrix: Affine, size: tuple[int, int]) -> Rgb:
    """The picture under an affine map, low-passed first if that reduces it."""
    scale = float(matrix[0, 0])
    if scale < 1:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.5 * np.sqrt(1 / scale**2 - 1)), np.float32)
    moved = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _weight(area: _Area, margin_px: float, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """1 within the lips' bounds, smoothly down to 0 at the area's edge; (h, w) float32."""
    x, y = (np.arange(count, dtype=np.float64) + 0.5 for count in (shape[1], shape[0]))
    across = np.clip(np.minimum(x - area.left, area.right - x) / margin_px, 0, 1)
    down = np.clip(np.minimum(y - area.top, area.bottom - y) / margin_px, 0, 1)
    return np.asarray(smoothstep(np.minimum(across[None, :], down[:, None])), np.float32)
