"""Faces named by points in frames (``track.face``, ``--face 812,340@12.5``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from lipblend.errors import SettingsError
from lipblend.settings.base import wrong_form
from lipblend.settings.time_words import moment, moment_text

FORM = "points X,Y@TIME (812,340@12.5 or 812,340@300f, several joined with ;)"
"""What is allowed, in words."""

_POINT = re.compile(r"(\d{1,5}(?:\.\d{1,3})?),(\d{1,5}(?:\.\d{1,3})?)@([0-9a-z.:]{1,20})")
_SLACK_S = 1e-6
_JOINED = re.compile(r"[;+]")


@dataclass(frozen=True)
class FacePoint:
    """A point in a face.

    Attributes
    ----------
    x, y : float
        Pixels of the original's upright picture.
    at : int or Fraction
        Frame number, or seconds since the first frame.
    """

    x: float
    y: float
    at: int | Fraction

    def __str__(self) -> str:
        return f"{self.x:g},{self.y:g}@{moment_text(self.at)}"


def parse_points(text: str) -> tuple[FacePoint, ...]:
    """Read the points of a text.

    Raises
    ------
    ValueError
        It is not a list of points.
    """
    return tuple(_point(part.strip()) for part in _JOINED.split(text))


def _point(text: str) -> FacePoint:
    found = _POINT.fullmatch(text)
    at = moment(found[3]) if found is not None else None
    if found is None or at is None:
        raise wrong_form(text, "a point", FORM)
    return FacePoint(float(found[1]), float(found[2]), at)


def canonical_points(text: str) -> str:
    """The points in their shortest notation, joined with ``+``, as the record of a run holds them.

    Raises
    ------
    ValueError
        It is not a list of points.
    """
    return "+".join(map(str, parse_points(text)))


def names_points(face: str | int) -> bool:
    """Whether a value of ``track.face`` names faces by points."""
    return isinstance(face, str) and "@" in face


def check_point(point: FacePoint, count: int, length_s: float) -> None:
    """Check that a point lies in a clip.

    Parameters
    ----------
    point : FacePoint
    count : int
        Frames of the clip.
    length_s : float
        From its first frame to the end of its last one.

    Raises
    ------
    SettingsError
        It lies beyond the end.
    """
    if point.at >= (length_s - _SLACK_S if isinstance(point.at, Fraction) else count):
        raise SettingsError(
            f"the point {point} (track.face) lies beyond the clip: it has {count} frames, 0 to {count - 1}, and lasts "
            f"{length_s:.3f} s",
            hint="Give a time since the first frame, or a frame number such as @300f.",
        )
