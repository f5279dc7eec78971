"""Tracks of faces with other contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lipblend.analysis.face_tracks import FaceTable, FaceTrack


def retracked(
    track: FaceTrack,
    *,
    original: Sequence[Any] | None = None,
    synced: Sequence[Any] | None = None,
    measured: Sequence[Any] | None = None,
    table: FaceTable | None = None,
) -> FaceTrack:
    """A track with other meshes or measures, in new rows of the same table or of another one."""
    return FaceTrack.of(
        track.frames,
        list(track.original) if original is None else original,
        list(track.synced) if synced is None else synced,
        list(track.measured) if measured is None else measured,
        table=track.table if table is None else table,
    )
