"""The record of a face crop: one JSON file that says where every frame was cut out of the original.

The classes are the definition: `schema_text` gives their JSON Schema, which the package ships.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lipblend.errors import InputError
from lipblend.picture.crop_places import CropPlaces

SCHEMA = "lipblend-crop-1"
"""Name and version of the format."""

MAX_BYTES = 512 * 2**20
"""Larger files are not read; a record takes about 400 bytes a frame."""

_MAX_SHOWN_FAULTS = 5
_MOST = 2**40  # frames

Number = Annotated[float, Field(allow_inf_nan=False)]
Row = tuple[Number, Number, Number]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """The original."""

    name: str = Field(description="File name, without folder.")
    sha256: str | None = Field(
        pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, hexadecimal; null to take any original."
    )
    size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
        description="Width and height of its upright pictures, pixels."
    )


class CropFrame(_Part):
    """One frame of the crop."""

    matrix: tuple[Row, Row, Row] = Field(
        description="From the original's upright pixels to the crop's, as a homogeneous 3 x 3 matrix; the last row is "
        "0 0 1. In both pictures the centre of the first pixel lies at (0.5, 0.5)."
    )
    source_index: int = Field(
        ge=0, le=_MOST, description="Frame of the original, counted from 0 in the order of presentation."
    )
    time_s: Annotated[Number, Field(ge=0)] = Field(description="Its time since the original's first frame, seconds.")
    face: bool = Field(description="Whether the face was found there, or a gap of it bridged.")
    box: tuple[Number, Number, Number, Number] | None = Field(
        description="Left, top, right and bottom of the face's mesh in the original's pixels; null without a face."
    )
    confidence: Share = Field(description="1 where the face was found, 0.5 where a gap was bridged, 0 without a face.")
    visibility: Share = Field(description="Share of the face's box that lies in the picture.")

    @model_validator(mode="after")
    def _is_affine(self) -> Self:
        (a, b, _), (c, d, _), last = self.matrix
        if tuple(last) != (0, 0, 1):
            raise ValueError("the last row of a matrix must be 0 0 1")
        if not abs(a * d - b * c) >= 1e-12:  # also if not a number, of huge entries
            raise ValueError("a matrix must be invertible")
        return self


class CropRecord(_Part):
    """Where every frame of a face crop was cut out of the original."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="lipblend face crop", serialize_by_alias=True)

    format: Literal["lipblend-crop-1"] = Field(alias="schema", description="Name and version of this format.")
    size: tuple[Annotated[int, Field(ge=16)], Annotated[int, Field(ge=16)]] = Field(
        description="Width and height of the crop, pixels."
    )
    rate: str = Field(
        pattern="^[1-9][0-9]{0,8}(/[1-9][0-9]{0,8})?$",
        description="Frames of the crop per second, such as 25 or 30000/1001.",
    )
    rotation: Literal[0, 90, 180, 270] = Field(
        description="Counter-clockwise turn by which the original's coded pictures are shown upright, degrees."
    )
    fill: tuple[int, int, int] = Field(description="R, G and B beyond the border of the original's picture, 0 to 255.")
    source: Source
    frames: Annotated[list[CropFrame], Field(min_length=1)]

    @classmethod
    def parsed(cls, text: bytes, path: Path) -> CropRecord:
        """Read and check a record.

        Raises
        ------
        InputError
            It is no record, of another version, or has faults; the message says where.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            faults = list(_faults(error))
            more = [f"and {len(faults) - _MAX_SHOWN_FAULTS} more"] if len(faults) > _MAX_SHOWN_FAULTS else []
            raise InputError(
                f"{path} is not a valid crop record",
                details=(*faults[:_MAX_SHOWN_FAULTS], *more),
                hint=f"It must be as `lipblend crop --meta` writes it ({SCHEMA}).",
            ) from error

    def to_text(self) -> str:
        """The record as JSON, one line for each frame."""
        data = self.model_dump(mode="json", by_alias=True)
        frames = ",\n  ".join(json.dumps(frame) for frame in data.pop("frames"))
        head = json.dumps(data, indent=1).removesuffix("\n}")
        return f'{head},\n "frames": [\n  {frames}\n ]\n}}\n'

    def places(self, content: bytes, name: str) -> CropPlaces:
        """The places of its frames, for the analysis."""
        return CropPlaces(
            source_index=np.array([frame.source_index for frame in self.frames], np.int64),
            times_s=np.array([frame.time_s for frame in self.frames], np.float64),
            matrices=np.array([frame.matrix[:2] for frame in self.frames], np.float64),
            size=self.size,
            rate=float(Fraction(self.rate)),
            present=np.array([frame.face for frame in self.frames], bool),
            digest=digest_of(content),
            name=name,
            size_bytes=len(content),
        )


def schema_text() -> str:
    """The JSON Schema of a record."""
    return json.dumps(CropRecord.model_json_schema(by_alias=True), indent=1) + "\n"


def read_bytes(path: Path) -> bytes:
    """The content of a record's file.

    Raises
    ------
    InputError
        It cannot be read, or is too large.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"{path} has {size / 2**20:.0f} MB, too large for a record of a crop", hint="Give the record."
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the record {path}: {error.strerror or error}", hint="Check the path given by --crop."
        ) from error


def digest_of(content: bytes) -> str:
    """SHA-256 of a record, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _faults(error: ValidationError) -> Iterator[str]:
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"]) or "the file"
        value: Any = item["input"]
        shown = f", got {value!r}" if isinstance(value, (str, int, float, bool)) and len(repr(value)) < 60 else ""
        yield f"{place}: {item['msg'].removeprefix('Value error, ').lower()}{shown}"
