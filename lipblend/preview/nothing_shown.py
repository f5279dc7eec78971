"""Why a preview has nothing to show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from lipblend.errors import NoFaceError
from lipblend.plan.frame_plan import NO_FACE, OUTSIDE_RANGES
from lipblend.plan.no_face import find_more_faces, where_faces_were_found
from lipblend.preview.look import Look
from lipblend.settings import TrackSettings


def nothing_to_show(looks: Sequence[Sequence[Look]], track: TrackSettings) -> NoFaceError:
    """The error that says why no look shows a blended face."""
    found = [
        f"{time_s:.2f} s: {', '.join(dict.fromkeys(map(_why_empty, same)))}"
        for time_s, same in groupby((look for each in looks for look in each), key=lambda look: look.time_s)
    ]
    hint = (
        "Choose times at which the face is visible: `lipblend probe` shows in which frames it is found. "
        f"{find_more_faces(track)}"
    )
    if all(look.rendered.reason == OUTSIDE_RANGES for each in looks for look in each):
        hint = f"Choose times within {','.join(track.ranges)} (track.ranges), or set it to all."
    return NoFaceError(
        "no face to work on at the time asked for" if len(found) == 1 else "no face to work on at the times asked for",
        details=tuple(found),
        hint=hint,
    )


def _why_empty(look: Look) -> str:
    reason = look.rendered.reason
    return f"{reason} ({where_faces_were_found(look.analysis)})" if reason == NO_FACE else reason
