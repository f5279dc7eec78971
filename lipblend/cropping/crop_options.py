"""What is cut out of a video, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lipblend.cropping.crop_profiles import CropProfile
from lipblend.settings import EncodeSettings, TrackSettings

FACES = TrackSettings(face="largest")
"""Face tracking of a crop: nothing was changed yet, so the largest face is meant."""
ENCODE = EncodeSettings(crf=10)
"""Encoding of a crop: the generator should not see our encoder."""


@dataclass(frozen=True)
class CropOptions:
    """What is cut, and how.

    Attributes
    ----------
    profile : CropProfile
    track : TrackSettings
        ``face`` selects the face.
    encode : EncodeSettings
        Of a video.
    depth : int or None
        Bits of a sequence of PNG or TIFF pictures, 8 or 16; None for 16 if the original has more than 8, else 8.
    sound : bool
        Whether a video has the original's sound.
    fill : (int, int, int)
        R, G and B beyond the picture's border, 0 to 255.
    upscale : bool
        Enlarge by Lanczos' kernel, and do not warn of small faces.
    models : Path, optional
    overwrite : bool
    """

    profile: CropProfile = field(default_factory=CropProfile)
    track: TrackSettings = FACES
    encode: EncodeSettings = ENCODE
    depth: int | None = None
    sound: bool = True
    fill: tuple[int, int, int] = (127, 127, 127)
    upscale: bool = False
    models: Path | None = None
    overwrite: bool = True
