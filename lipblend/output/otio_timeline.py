"""An OpenTimelineIO timeline as JSON: the original, the patch above it, and the sound.

Sources: the OpenTimelineIO serialized schema (Timeline.1, Stack.1, Track.1, Clip.2, ExternalReference.1, TimeRange.1,
RationalTime.1), https://opentimelineio.readthedocs.io.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

_STANDARD = tuple(
    Fraction(rate)
    for rate in (
        "24000/1001", "24", "25", "30000/1001", "30", "48000/1001", "48", "50", "60000/1001", "60", "120000/1001",
        "120",
    )
)  # fmt: skip
_NEAR = Fraction(1, 2500)  # of a rate; 24 and 23.976 differ by 2.5 times as much
_MEDIA = "DEFAULT_MEDIA"


@dataclass(frozen=True)
class TimelineClip:
    """A part of a file.

    Attributes
    ----------
    path : Path
    first, frames : int
        The part shown, in frames of the file.
    available : int
        Frames of the file.
    """

    path: Path
    first: int
    frames: int
    available: int


@dataclass(frozen=True)
class TimelineTrack:
    """A track with a single clip, from the beginning of the timeline."""

    name: str
    kind: Literal["Video", "Audio"]
    clip: TimelineClip


def timeline_rate(frame_rate: Fraction | None) -> float:
    """Frames per second as editors have them: the usual rate next to a measured one; 25 if it is unknown."""
    rate = frame_rate or Fraction(25)
    nearest = min(_STANDARD, key=lambda each: abs(each - rate))
    return float(nearest if abs(nearest - rate) <= _NEAR * nearest else rate)


def timeline_text(name: str, tracks: list[TimelineTrack], rate: float, folder: Path) -> str:
    """The timeline as JSON.

    Parameters
    ----------
    name : str
    tracks : list of TimelineTrack
        From the lowest to the topmost.
    rate : float
        Frames per second.
    folder : Path
        Where the file will lie; files are named relative to it.
    """
    stack = _item("Stack.1", "tracks") | {"children": [_track(each, rate, folder) for each in tracks]}
    timeline = {"OTIO_SCHEMA": "Timeline.1", "metadata": {}, "name": name, "global_start_time": None, "tracks": stack}
    return json.dumps(timeline, indent=4) + "\n"


def _track(track: TimelineTrack, rate: float, folder: Path) -> dict[str, Any]:
    clip = track.clip
    media = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": clip.path.name,
        "available_range": _range(0, clip.available, rate),
        "available_image_bounds": None,
        "target_url": relative_url(clip.path, folder),
    }
    shown = _item("Clip.2", clip.path.name) | {
        "source_range": _range(clip.first, clip.frames, rate),
        "media_references": {_MEDIA: media},
        "active_media_reference_key": _MEDIA,
    }
    return _item("Track.1", track.name) | {"kind": track.kind, "children": [shown]}


def relative_url(path: Path, folder: Path) -> str:
    """A file as a URL relative to a folder; absolute if it lies on another drive."""
    try:
        return quote(Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix())
    except ValueError:  # Windows: there is no relative path
        return path.resolve().as_uri()


def _item(schema: str, name: str) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": schema, "metadata": {}, "name": name, "source_range": None, "effects": [], "markers": [],
        "enabled": True,
    }  # fmt: skip


def _range(first: int, frames: int, rate: float) -> dict[str, Any]:
    start, duration = (
        {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(each)} for each in (first, frames)
    )
    return {"OTIO_SCHEMA": "TimeRange.1", "duration": duration, "start_time": start}
