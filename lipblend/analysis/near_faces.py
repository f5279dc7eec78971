"""Faces that something may lie in front of, and one pass over the frames that show them for all that look there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import COLUMNS, FaceTable, FaceTrack
from lipblend.faces.landmarks import Landmarks
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Timeline
from lipblend.picture.picture import Picture
from lipblend.runtime.spill import NumberedRows

Array = npt.NDArray[Any]
Faces = Mapping[int, Sequence[tuple[FaceTable, int]]]
"""Table and row of faces, by output frame."""


@dataclass(frozen=True)
class NearFrames:
    """The original's pictures of output frames, decoded again.

    Attributes
    ----------
    original : Scan
    line : Timeline
    """

    original: Scan
    line: Timeline

    def pictures(self, frames: Collection[int]) -> Iterator[tuple[int, Picture]]:
        """Output frames, ascending, with their pictures."""
        wanted = sorted(frames)
        indices = [int(self.line.original_index[each]) for each in wanted]
        for frame, decoded in zip(wanted, self.original.frames(indices), strict=True):
            yield frame, decoded.picture(self.original.info)


class Looker(Protocol):
    """Looks at some frames of each shot for what fills one column of the faces' table."""

    column: str
    faces: Faces

    def wanted(self, frames: Sequence[int]) -> Collection[int]:
        """Those of a shot's frames in question, ascending, that it has to see."""

    def look(self, frame: int, picture: Picture) -> None:
        """See one of them."""

    def finished(self, frames: Sequence[int], near: NearFrames) -> Mapping[int, Array]:
        """What was found in the shot, by row of the table. May look at more of its frames."""


def look_near(
    near: NearFrames,
    tracks: Mapping[int, FaceTrack],
    shot_starts: npt.NDArray[np.intp],
    lookers: Sequence[Looker],
) -> None:
    """Fill the columns of the tracks' table: each frame is decoded once, whoever looks at it.

    Parameters
    ----------
    near : NearFrames
    tracks : mapping of int to FaceTrack
        All of one table.
    shot_starts : (m,) int
    lookers : sequence of Looker
    """
    found = {looker.column: NumberedRows(*COLUMNS[looker.column]) for looker in lookers}
    for start, stop in pairwise([*shot_starts.tolist(), len(near.line.original_index)]):
        shots = [[frame for frame in sorted(looker.faces) if start <= frame < stop] for looker in lookers]
        wanted = [set(looker.wanted(frames)) for looker, frames in zip(lookers, shots, strict=True)]
        for frame, picture in near.pictures(set().union(*wanted)):
            for looker, own in zip(lookers, wanted, strict=True):
                if frame in own:
                    looker.look(frame, picture)
        for looker, frames in zip(lookers, shots, strict=True):
            found[looker.column].update(looker.finished(frames, near))
    for table in {id(track.table): track.table for track in tracks.values()}.values():
        for column, values in found.items():
            table.replace(column, values)


def faces_in_question(tracks: Mapping[int, FaceTrack], *, always: bool) -> Faces:
    """The faces of frames with departures, or all."""
    faces: dict[int, list[tuple[FaceTable, int]]] = {}
    for track in tracks.values():
        wanted = np.ones(len(track), bool) if always else track.has("departures")
        for row, want in zip(track.rows, wanted.tolist(), strict=True):
            if want:
                faces.setdefault(track.table.frames[row], []).append((track.table, row))
    return faces


def original_mesh(table: FaceTable, row: int) -> Landmarks:
    """The original's mesh of a row."""
    return Landmarks(table.columns["original"][row])


def runs_of(frames: Sequence[int]) -> list[list[int]]:
    """Consecutive frames."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return runs
