"""A model of the user's own that tells what lies in front of a face, run on the processor by onnxruntime.

A mapping file (`lipblend.settings.occluder_mapping`) says what the model takes and what its numbers mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.errors import ModelError
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.settings.occluder_mapping import OccluderMapping, read_occluder_mapping
from lipblend.stages.onnx_session import one_line, start_session

Plane = npt.NDArray[np.float32]
Planes = npt.NDArray[np.float32]

SETTING = "occlusion.model"
_GRAY = 128
_INPUT_TYPES: Mapping[str, npt.DTypeLike] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_TOLERANCE = 0.5  # some models that were trained for 0..1 go a little beyond, and are clipped; logits go far beyond


@dataclass(frozen=True)
class Prediction:
    """What a model says about one crop.

    Attributes
    ----------
    in_front : (h, w) float32
        0 free face to 1 something in front. Means something on the face only: what surrounds it counts as in front
        for a model that knows what a face is.
    skin, lips, nose : (h, w) float32 or None
        Probability of these parts, 0 to 1; None if the model does not tell.
    """

    in_front: Plane
    skin: Plane | None
    lips: Plane | None
    nose: Plane | None


class OccluderModel:
    """A model that has passed a trial run on a gray picture.

    One onnxruntime session, which threads may share. It computes on the calling thread.

    Parameters
    ----------
    path : Path
        The ONNX file.
    mapping_path : Path, optional
        Its mapping file; by default the file beside it that ends in ``.yaml`` instead.

    Attributes
    ----------
    mapping : OccluderMapping
    size : (width, height)
        Pixels that the model sees.
    face_crop : float
        Side of the square that `predict` should be given, in face widths, around the middle of the face.
    runtime : str
        Name and version of the library, on which results depend.

    Raises
    ------
    ModelError
        A file cannot be read, onnxruntime is missing or cannot load the model, or the model does not fit its mapping.
    SettingsError
        The mapping file is not valid.
    """

    def __init__(self, path: Path, mapping_path: Path | None = None) -> None:
        self._path = path
        data = self._read()
        self._mapping_path = path.with_suffix(".yaml") if mapping_path is None else mapping_path
        if not self._mapping_path.is_file():
            raise ModelError(
                f"the occluder model {path} has no mapping file {self._mapping_path}",
                hint=f"Write one, see docs/occluder-models.md, or set {SETTING} to none.",
            )
        self.mapping: OccluderMapping = read_occluder_mapping(self._mapping_path)
        self.face_crop = self.mapping.face_crop
        with process_state_preserved():  # the first run may start parts of the library as well
            self._session, self._errors, self.runtime = start_session(path, data, SETTING)
            self._input, self._type = self._find_input()
            self._output = self._find_output()
            self.size = self._find_size()
            self.predict(np.full((self.size[1], self.size[0], 3), _GRAY, np.uint8))

    def predict(self, rgb: npt.NDArray[np.uint8]) -> Prediction:
        """Run the model on one crop.

        Parameters
        ----------
        rgb : (h, w, 3) uint8
            Scaled to the model's size, whatever its own. Should be a square of `face_crop` face widths, upright.

        Returns
        -------
        Prediction
            Of the crop's size.

        Raises
        ------
        ModelError
            The model failed, or its output does not fit the mapping.
        ValueError
            `rgb` has another shape or dtype.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise ValueError(f"expected (h, w, 3) uint8, got {rgb.shape} {rgb.dtype}")
        planes = self._planes(self._run(self._blob(rgb)))
        size = (rgb.shape[1], rgb.shape[0])
        output = self.mapping.output
        if output.single:
            in_front = 1 - planes[0] if output.invert else planes[0]
        elif output.occluder:
            in_front = self._sum(planes, output.occluder)
        else:
            in_front = 1 - self._sum(planes, output.face)
        parts = [
            _scaled(self._sum(planes, classes), size) if classes else None
            for classes in (output.skin, output.lips, output.nose)
        ]
        return Prediction(_scaled(in_front, size), *parts)

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"the occluder model {self._path} cannot be read: {error.strerror or error}",
                hint=f"Check {SETTING}, or set it to none.",
            ) from error

    def _blob(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        taken = self.mapping.input
        shrinks = self.size[0] < rgb.shape[1] or self.size[1] < rgb.shape[0]
        # Averaging avoids aliasing.
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        picture = cv2.resize(rgb, self.size, interpolation=interpolation).astype(np.float32)
        if taken.order == "bgr":
            picture = picture[..., ::-1]
        shift, spread = (np.asarray(each, np.float32) for each in (taken.mean, taken.std))
        picture = np.asarray((picture * np.float32(taken.scale) - shift) / spread, np.float32)
        if taken.layout == "nchw":
            picture = picture.transpose(2, 0, 1)
        return np.ascontiguousarray(picture[None], self._type)

    def _run(self, blob: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        try:
            (output,) = self._session.run([self._output], {self._input.name: blob})
        except self._errors as error:
            raise self._unusable(f"it does not run on a picture {blob.shape}", one_line(error)) from error
        if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiub":
            raise self._unusable(f"its output {self._output} is not numbers")
        output = np.asarray(output, np.float32)
        bad = int(np.count_nonzero(~np.isfinite(output)))
        if bad:
            raise self._unusable(f"{bad} of {output.size} numbers of its output are not finite (NaN or infinite)")
        return output

    def _planes(self, output: npt.NDArray[np.float32]) -> Planes:
        """Probabilities by channel or class, (c, h, w) float32."""
        described = self.mapping.output
        if described.kind == "classes":
            return self._class_planes(output)
        if described.single:
            planes = output.squeeze()[None]
            if planes.ndim != 3:
                raise self._unusable(
                    f"its output is {output.shape}, expected one channel: the mapping names no classes"
                )
        else:
            picture = output[0] if output.ndim == 4 and output.shape[0] == 1 else output
            if picture.ndim != 3:
                raise self._unusable(f"its output is {output.shape}, expected one picture with a channel per class")
            layout = described.layout or self.mapping.input.layout
            planes = picture if layout == "nchw" else picture.transpose(2, 0, 1)
        if described.kind == "logits":
            return _sigmoid(planes) if described.single else _softmax(planes)
        if planes.min() < -_TOLERANCE or planes.max() > 1 + _TOLERANCE:
            found = f"{planes.min():.3g} to {planes.max():.3g}"
            raise self._unusable(f"its output goes from {found}, and probabilities from 0 to 1; is it of kind logits?")
        return np.asarray(np.clip(planes, 0, 1), np.float32)

    def _class_planes(self, output: npt.NDArray[np.float32]) -> Planes:
        numbers = output.squeeze()
        if numbers.ndim != 2:
            raise self._unusable(f"its output is {output.shape}, expected one class number per pixel")
        if (numbers != np.rint(numbers)).any() or numbers.min() < 0:
            raise self._unusable("its output is not class numbers; is it of kind logits or probability?")
        described = self.mapping.output
        named = (described.occluder, described.face, described.skin, described.lips, described.nose)
        count = 1 + max(max(classes) for classes in named if classes)
        return np.stack([numbers == number for number in range(count)]).astype(np.float32)

    def _sum(self, planes: Planes, classes: tuple[int, ...]) -> Plane:
        if max(classes) >= len(planes):
            raise self._unusable(f"the mapping names class {max(classes)}; its output has 0 to {len(planes) - 1}")
        return np.asarray(np.clip(planes[sorted(set(classes))].sum(axis=0), 0, 1), np.float32)

    def _find_input(self) -> tuple[Any, npt.DTypeLike]:
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise self._unusable(f"it has {len(inputs)} inputs ({', '.join(node.name for node in inputs)})")
        if inputs[0].type not in _INPUT_TYPES:
            raise self._unusable(f"its input is {inputs[0].type}, expected floats")
        return inputs[0], _INPUT_TYPES[inputs[0].type]

    def _find_output(self) -> str:
        names = [node.name for node in self._session.get_outputs()]
        wanted = self.mapping.output.name
        if wanted is None and len(names) > 1:
            raise self._unusable(f"it has {len(names)} outputs ({', '.join(names)}); output.name chooses one")
        if wanted is not None and wanted not in names:
            raise self._unusable(f"it has no output {wanted}, but {', '.join(names)}")
        return wanted or names[0]

    def _find_size(self) -> tuple[int, int]:
        """Width and height: what the model declares, which must not contradict the mapping, else the mapping's."""
        shape = tuple(length if isinstance(length, int) and length > 0 else 0 for length in self._input.shape)
        is_nchw = self.mapping.input.layout == "nchw"
        if len(shape) != 4 or shape[0] not in (0, 1) or shape[1 if is_nchw else 3] not in (0, 3):
            raise self._unusable(f"its input is {shape} (0 is any length), which is not {self.mapping.input.layout}")
        height, width = shape[2:] if is_nchw else shape[1:3]
        given = self.mapping.input.size
        if given is None:
            if not height or not width:
                raise self._unusable("it takes pictures of any size; input.size chooses one")
            return width, height
        if width not in (0, given[0]) or height not in (0, given[1]):
            raise self._unusable(f"it takes {width}x{height} pixels, and the mapping says {given[0]}x{given[1]}")
        return given

    def _unusable(self, reason: str, *details: str) -> ModelError:
        return ModelError(
            f"the occluder model {self._path} cannot be used: {reason}",
            details=details,
            hint=f"Correct {self._mapping_path}, see docs/occluder-models.md, or set {SETTING} to none.",
        )


def _sigmoid(planes: Planes) -> Planes:
    return np.asarray(1 / (1 + np.exp(-np.clip(planes, -80, 80))), np.float32)


def _softmax(planes: Planes) -> Planes:
    power = np.exp(planes - planes.max(axis=0))
    return np.asarray(power / power.sum(axis=0), np.float32)


def _scaled(plane: Plane, size: tuple[int, int]) -> Plane:
    """Resized to (width, height); stays within 0..1."""
    if plane.shape == (size[1], size[0]):
        return np.asarray(plane, np.float32)
    shrinks = size[0] < plane.shape[1] or size[1] < plane.shape[0]
    resized = cv2.resize(plane, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)
