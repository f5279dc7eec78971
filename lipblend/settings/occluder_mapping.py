"""The mapping file of an occluder model: what a user's ONNX model takes and what the numbers that it gives mean.

See docs/occluder-models.md for examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from lipblend.errors import SettingsError
from lipblend.settings.presets import read_yaml

_GUIDE = "See docs/occluder-models.md for the keys and for examples."


def _number(value: Any) -> Any:
    """Let a fraction such as 1/255 be written as one; true and false are no numbers."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    if isinstance(value, str) and value.count("/") == 1:
        above, below = value.split("/")
        try:
            return float(above) / float(below)
        except (ValueError, ZeroDivisionError):
            return value
    return value


Number = Annotated[float, BeforeValidator(_number)]
Three = tuple[Number, Number, Number]
Class = Annotated[int, Field(ge=0, le=1000, strict=True)]
Classes = tuple[Class, ...]
Side = Annotated[int, Field(ge=16, le=4096, strict=True)]
Layout = Literal["nchw", "nhwc"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OccluderInput(_Part):
    """What the model takes: ``(value * scale - mean) / std`` of R'G'B' 0 to 255.

    Attributes
    ----------
    size : (width, height) or None
        Pixels; None if the model declares its size.
    layout : {"nchw", "nhwc"}
    order : {"rgb", "bgr"}
        Channel order; that of `mean` and `std` as well.
    scale : float
        1/255 for a range of 0 to 1, 1 for 0 to 255.
    mean, std : (3,) float
    """

    size: tuple[Side, Side] | None = None
    layout: Layout = "nchw"
    order: Literal["rgb", "bgr"] = "rgb"
    scale: Annotated[Number, Field(gt=0)] = 1 / 255
    mean: Three = (0.0, 0.0, 0.0)
    std: Three = (1.0, 1.0, 1.0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if min(self.std) <= 0:
            raise ValueError("std must be above 0")
        return self


class OccluderOutput(_Part):
    """What the model gives.

    Attributes
    ----------
    name : str or None
        Of the output; None if the model has only one.
    kind : {"probability", "logits", "classes"}
        0 to 1; before the sigmoid (one channel) or the softmax (several); or one class number per pixel.
    layout : {"nchw", "nhwc"} or None
        None: that of the input.
    invert : bool
        A single channel says where the face is free, not where something is in front of it.
    occluder, face : tuple of int
        Classes that lie in front of a face; or those of a free face: everything else is in front. One of the two, or
        neither for a single channel.
    skin, lips, nose : tuple of int
        Classes of these parts, empty if the model does not tell.
    """

    name: str | None = None
    kind: Literal["probability", "logits", "classes"]
    layout: Layout | None = None
    invert: bool = False
    occluder: Classes = ()
    face: Classes = ()
    skin: Classes = ()
    lips: Classes = ()
    nose: Classes = ()

    @property
    def single(self) -> bool:
        """One channel, without classes."""
        return not self.occluder and not self.face

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.occluder and self.face:
            raise ValueError("occluder and face exclude each other: give the classes of one of them")
        if self.single and self.kind == "classes":
            raise ValueError("kind classes needs a list of classes: occluder or face")
        if self.single and (self.skin or self.lips or self.nose):
            raise ValueError("skin, lips and nose need a list of classes: occluder or face")
        if self.invert and not self.single:
            raise ValueError("invert is for one channel; give face instead of occluder")
        return self


class OccluderMapping(_Part):
    """One mapping file.

    Attributes
    ----------
    input : OccluderInput
    output : OccluderOutput
    face_crop : float
        Side of the square that the model sees, in face widths, around the middle of the face.
    """

    input: OccluderInput = OccluderInput()
    output: OccluderOutput
    face_crop: Annotated[Number, Field(ge=1, le=4)] = 1.6


def read_occluder_mapping(path: Path) -> OccluderMapping:
    """Read and check a mapping file.

    Raises
    ------
    SettingsError
        It cannot be read, or is not a mapping file; every fault is named in the one error.
    """
    content = read_yaml(path)
    try:
        return OccluderMapping.model_validate(content)
    except ValidationError as error:
        lines = tuple(_fault(item) for item in error.errors())
    if len(lines) == 1:
        raise SettingsError(f"{path}: {lines[0]}", hint=_GUIDE)
    raise SettingsError(f"{path} has {len(lines)} values that are not allowed", details=lines, hint=_GUIDE)


def _fault(item: Any) -> str:
    """``output.kind must be 'probability', 'logits' or 'classes', got 'x'``."""
    key = ".".join(str(part) for part in item["loc"] if part != "function-before[_number(), float]")
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key '{key}'"
    if kind == "missing":
        return f"{key} is missing"
    if kind == "value_error":
        return f"{key}: {context['error']}"
    if kind == "literal_error":
        return f"{key} must be {context['expected']}, got {item['input']!r}"
    return f"{key}: {item['msg'][:1].lower()}{item['msg'][1:]}, got {str(item['input'])[:60]!r}"
