"""What is said when a clip has no face to work on."""

from __future__ import annotations

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.errors import NoFaceError
from lipblend.settings import TrackSettings
from lipblend.settings.work_ranges import ALL

_LOW = {"min_face_px": 20, "confidence": 0.3}
"""Values of `TrackSettings` that find more faces than the defaults."""


def where_faces_were_found(analysis: ClipAnalysis) -> str:
    """Which of the two videos have faces."""
    original, synced = analysis.frames_with_faces
    if not original and not synced:
        return "none was found in either video"
    if not original:
        return f"none was found in the original (the synced video has some, in {synced} frames)"
    if not synced:
        return f"none was found in the synced video (the original has some, in {original} frames)"
    return f"{original} frames of the original and {synced} of the synced video have one, but none can be blended"


def no_face_error(analysis: ClipAnalysis, track: TrackSettings, *, frames: int) -> NoFaceError:
    """The error for a clip in which no frame can be blended; ``frames`` are those that lie in the ranges."""
    within = "" if track.ranges == (ALL,) else f" within {','.join(track.ranges)} (track.ranges)"
    return NoFaceError(
        f"no face to work on in {frames} frames{within}: {where_faces_were_found(analysis)}",
        hint=f"{find_more_faces(track)} --no-face copy copies a clip without faces.",
    )


def find_more_faces(track: TrackSettings) -> str:
    """A hint on which faces are not found, and how to find more."""
    lower = [f"--set track.{name}={low}" for name, low in _LOW.items() if getattr(track, name) > low]
    more = f" To find more, try {' and '.join(lower)}." if lower else ""
    return f"Faces in profile, in the dark or narrower than {track.min_face_px} px are not found.{more}"
