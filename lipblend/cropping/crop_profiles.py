"""What each generator wants of a face crop: size, margin, rate and alignment, from its own code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

from lipblend.errors import SettingsError
from lipblend.settings.rate_words import parse_frame_rate

Mode = Literal["fixed", "follow", "aligned"]
Alignment = Literal["upright", "brows_nose"]


@dataclass(frozen=True)
class CropProfile:
    """Defaults of a crop.

    Attributes
    ----------
    size : int
        Side of the square crop, pixels.
    margin : float
        Beside the face on each side, in sizes of the face.
    rate : Fraction or None
        Frames per second; None for the original's.
    mode : {"fixed", "follow", "aligned"}
        One box for a shot; a box that follows the face; turned upright with the face.
    align : {"upright", "brows_nose"}
        With "aligned": the whole mesh upright in the middle, or brows and nose on LatentSync's template.
    shift : float
        How far the middle of the crop lies below that of the face, in sides of the crop.
    min_face_px : int
        Faces narrower than this are reported: what the network sees is mostly enlargement.
    why : str
        Where the numbers come from, for the documentation.
    """

    size: int = 512
    margin: float = 0.3
    rate: Fraction | None = None
    mode: Mode = "fixed"
    align: Alignment = "upright"
    shift: float = 0.0
    min_face_px: int = 64
    why: str = ""


PROFILES: Mapping[str, CropProfile] = MappingProxyType(
    {
        "wav2lip": CropProfile(
            size=256, min_face_px=48, why="finds the face itself and scales it to 96 px; keeps the rate"
        ),
        "diff2lip": CropProfile(
            size=256,
            rate=Fraction(25),
            min_face_px=64,
            why="finds the face itself and scales it to 128 px; 25 frames/s",
        ),
        "video-retalking": CropProfile(
            margin=0.5, min_face_px=96, why="cuts its own square around eyes and mouth from the first face it finds"
        ),
        "musetalk": CropProfile(
            rate=Fraction(25), min_face_px=96, why="scales the face to 256 px; made for 25 frames/s"
        ),
        "latentsync": CropProfile(
            rate=Fraction(25),
            mode="aligned",
            align="brows_nose",
            min_face_px=96,
            why="brows and nose on its template of 420 x 560, resized to 512 x 512; 25 frames/s",
        ),
        "geneface": CropProfile(
            margin=0.8, rate=Fraction(25), min_face_px=96, why="squashes what is not square to 512 x 512; 25 frames/s"
        ),
        "liveportrait": CropProfile(
            margin=0.65,
            mode="aligned",
            shift=-0.125,
            min_face_px=96,
            why="scale 2.3 of the face, shifted by -0.125 of the crop, turned upright",
        ),
    }
)
"""By name, as for ``lipblend crop --profile``."""


def profile_with(
    name: str | None,
    *,
    size: int | None = None,
    margin: float | None = None,
    mode: str | None = None,
    rate: str | None = None,
) -> CropProfile:
    """A profile with values of the user's own.

    Parameters
    ----------
    name : str or None
        Of a profile; None for the plain defaults.
    size, margin, mode
        See `CropProfile`; None for those of the profile.
    rate : str or None
        Frames per second, such as ``25`` or ``30000/1001``; ``original``; None for that of the profile.

    Raises
    ------
    SettingsError
        There is no such profile, or ``rate`` is not one.
    """
    if name is not None and name not in PROFILES:
        raise SettingsError(f"there is no profile '{name}'", hint=f"Profiles: {', '.join(PROFILES)}.")
    given: dict[str, Any] = {"size": size, "margin": margin, "mode": mode}
    given = {key: value for key, value in given.items() if value is not None}
    if rate is not None:
        given["rate"] = None if rate.strip() == "original" else parse_frame_rate(rate)
    return replace(PROFILES[name] if name is not None else CropProfile(), **given)
