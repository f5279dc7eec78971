"""Restoration of the mouth by a model: what the model adds in fine detail, and nothing of what it does to colours.

A model that sharpens or enlarges also shifts colours and brightness, and does so differently in every frame. So it is
not its picture that is taken but what it adds to the one it was shown, without that difference's own low-pass, and
with a weight that falls off smoothly beyond the lips.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

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
    """A model ready to be used, and how; may be shared by threads."""

    settings: RestoreSettings
    model: RestoreModel

    def restored(
        self,
        patch: Patch3,
        *,
        lips: npt.NDArray[np.float32],
        face_width_px: float,
        matrix: npt.NDArray[np.float64],
    ) -> Patch3:
        """The patch with the model's detail about the lips.

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
            A new array, or the same one where there is nothing to do. Where the model changes nothing, it is the
            patch, bit for bit.

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
        added = self._added_open(rgb) if self.model.size is None else self._added_fixed(rgb, inner, self.model.size)
        change = np.asarray(cv2.transform(added, np.linalg.inv(matrix[:, :3])), np.float32)
        change = change - cv2.GaussianBlur(change, (0, 0), max(1.0, self.settings.detail_frac * face_width_px))
        weight = np.float32(self.settings.strength) * _weight(inner, margin, (y1 - y0, x1 - x0))
        out = patch.copy()
        out[y0:y1, x0:x1] += weight[..., None] * change
        return out

    def _added_open(self, rgb: Rgb) -> Rgb:
        """What a model without a fixed size adds, (h, w, 3) levels: it is shown the pixels as they are.

        Most models take what lies beyond the border for black: the border that they are given is cut off again.
        """
        height, width = rgb.shape[:2]
        below, right = (_BORDER_PX + -(length + 2 * _BORDER_PX) % SIDE_STEP for length in (height, width))
        whole = cv2.copyMakeBorder(rgb, _BORDER_PX, below, _BORDER_PX, right, cv2.BORDER_REPLICATE)
        seen, made = self.model.run(np.asarray(whole, np.float32))
        inside = np.s_[_BORDER_PX : _BORDER_PX + height, _BORDER_PX : _BORDER_PX + width]
        return np.ascontiguousarray((_lowered(made, seen) - seen)[inside])

    def _added_fixed(self, rgb: Rgb, area: _Area, size: tuple[int, int]) -> Rgb:
        """What a model of a fixed size adds, (h, w, 3) levels: it is shown the area, scaled to fit.

        Where the area is larger than that, an enlarging model's picture is compared with the enlarged one that it was
        shown, so that what it adds between the two sizes is kept.
        """
        fit = min(size[0] / (area.bottom - area.top), size[1] / (area.right - area.left))
        centre = np.array([area.left + area.right, area.top + area.bottom]) / 2
        forward = _affine(fit, np.array([size[1], size[0]]) / 2 - fit * centre)
        seen, made = self.model.run(np.clip(_sampled(rgb, forward, (size[1], size[0])), 0, 255))
        finer = self.model.scale if fit < 1 else 1
        if finer > 1:
            seen = np.asarray(
                cv2.resize(seen, (made.shape[1], made.shape[0]), interpolation=cv2.INTER_CUBIC), np.float32
            )
        back = _affine(1 / (fit * finer), centre - np.array([size[1], size[0]]) / (2 * fit))
        return _sampled(_lowered(made, seen) - seen, back, (rgb.shape[1], rgb.shape[0]))


def load_restorer(settings: RestoreSettings) -> Restorer | None:
    """Read the model that the settings name, and try it; None where they name none.

    Raises
    ------
    ModelError
        It cannot be used.
    """
    return None if settings.model == "none" else Restorer(settings, RestoreModel(settings))


def load_restorers(settings: Iterable[RestoreSettings]) -> dict[RestoreSettings, Restorer | None]:
    """`load_restorer` for several, each distinct one once."""
    return {each: load_restorer(each) for each in dict.fromkeys(settings)}


def _lowered(made: Rgb, seen: Rgb) -> Rgb:
    """The model's picture at the size of what it was shown: means of whole blocks."""
    if made.shape == seen.shape:
        return made
    return np.asarray(cv2.resize(made, (seen.shape[1], seen.shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def _affine(scale: float, shift: npt.NDArray[np.float64]) -> Affine:
    """``scale * p + shift`` for points whose whole numbers are pixel borders, as OpenCV wants it for pixel centres."""
    return np.column_stack([np.eye(2) * scale, shift + 0.5 * scale - 0.5])


def _sampled(picture: Rgb, matrix: Affine, size: tuple[int, int]) -> Rgb:
    """The picture moved by an affine map; one that makes it smaller is low-passed first."""
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
    inside = np.minimum(across[None, :], down[:, None])
    return np.asarray(inside * inside * (3 - 2 * inside), np.float32)
