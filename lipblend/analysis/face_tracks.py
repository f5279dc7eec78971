"""The faces of a clip as a table with one row per face and frame, stored in temporary files.

A column holds arrays of one shape, and a mask of the rows that have one. A track is a list of row numbers.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from lipblend.analysis.health import VECTOR_SHAPE as HEALTH_SHAPE
from lipblend.analysis.measure import FaceMeasure
from lipblend.runtime.spill import Picked, StoredRows
from lipblend.stages.colour.lip_samples import SAMPLE_SHAPE as MOUTH_SHAPE
from lipblend.stages.colour.membrane import SAMPLE_SHAPE as MEMBRANE_SHAPE
from lipblend.stages.colour.statistics import QUANTILES, ColourStats
from lipblend.stages.masks.footprint import SAMPLE_SHAPE as FOOTPRINT_SHAPE
from lipblend.stages.masks.part_outlines import PARTS_SHAPE
from lipblend.stages.occlusion.face_look import LOOKS_SHAPE
from lipblend.stages.occlusion.hand_paths import HANDS_SHAPE
from lipblend.stages.occlusion.segmented import SEGMENTED_SHAPE
from lipblend.stages.occlusion.stored import DEPARTURES_SHAPE
from lipblend.stages.registration.bend import ROW_VALUES
from lipblend.stages.registration.left_part import SAMPLE_SHAPE as LEFT_SHAPE

Array = npt.NDArray[Any]
Mesh = npt.NDArray[np.float32]

_MESH = (478, 2)
_STATS: dict[str, tuple[int, ...]] = {
    each.name: (len(QUANTILES), 3) if each.name.endswith("quantiles") else (3,)
    for each in fields(ColourStats)
    if each.name != "pixels"
}
_STATS_SIZE = sum(int(np.prod(shape)) for shape in _STATS.values()) + 1  # plus the number of pixels

COLUMNS: Mapping[str, tuple[tuple[int, ...], type[np.generic]]] = {
    "original": (_MESH, np.float32),
    "synced": (_MESH, np.float32),
    "painted": ((), np.float64),
    "above": ((), np.float64),
    "stats": ((_STATS_SIZE,), np.float64),
    "footprint": (FOOTPRINT_SHAPE, np.float16),
    "membrane": (MEMBRANE_SHAPE, np.float16),
    "placement": ((6,), np.float64),
    "health": (HEALTH_SHAPE, np.float32),
    "left": (LEFT_SHAPE, np.float16),
    "bend": ((ROW_VALUES,), np.float32),
    "looks": (LOOKS_SHAPE, np.uint8),
    "strands": ((), np.float64),
    "mouth": (MOUTH_SHAPE, np.float16),
    "hands": (HANDS_SHAPE, np.float32),
    "departures": (DEPARTURES_SHAPE, np.uint8),
    "segmented": (SEGMENTED_SHAPE, np.uint8),
    "person": (SEGMENTED_SHAPE, np.uint8),
    "original_parts": (PARTS_SHAPE, np.uint8),
    "synced_parts": (PARTS_SHAPE, np.uint8),
    "carried": ((), np.float64),
}
"""Shape and dtype of each column. Meshes are in the original's pixels; ``carried`` is the fit of a mesh that was not
found in the picture but carried there (`lipblend.analysis.carry`); ``departures`` is what may lie in front of the face
(`lipblend.analysis.occluders`), found from ``looks``, which is empty afterwards; ``hands``, ``segmented`` (what the
user's model finds) and ``person`` (background within the face) are found by `lipblend.analysis.search_near`;
``original_parts`` and ``synced_parts`` (what a parser sees) by `lipblend.analysis.parse_parts`; the others are the
fields of `FaceMeasure`."""


class MaskedRows(Sequence[Array | None]):
    """Arrays of one shape in a temporary file; None in rows without one.

    Parameters
    ----------
    rows : StoredRows
        The arrays, without the empty rows.
    mask : (n,) bool
        Which of the n rows have an array.
    """

    def __init__(self, rows: StoredRows, mask: npt.NDArray[np.bool_]) -> None:
        if mask.dtype != bool or mask.ndim != 1 or np.count_nonzero(mask) != len(rows):
            raise ValueError(f"a mask of {np.count_nonzero(mask)} in {mask.shape} {mask.dtype} for {len(rows)} rows")
        self.rows = rows
        self._places = array("q", np.where(mask, np.cumsum(mask) - 1, -1).tolist())

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(n,) bool: which rows hold an array."""
        return np.array(self._places, np.int64) >= 0

    def holds(self, row: int) -> bool:
        """Whether a row holds an array."""
        return bool(self._places[row] >= 0)

    def append(self, row: npt.ArrayLike | None) -> None:
        """Add a row at the end."""
        self._places.append(-1 if row is None else len(self.rows))
        if row is not None:
            self.rows.append(np.asarray(row, self.rows.dtype))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[number] for number in range(len(self))[row]]
        place = self._places[row]
        return None if place < 0 else self.rows[place]


class FaceTable:
    """All faces of a clip.

    Parameters
    ----------
    frames : iterable of int
        The output frame of each row.
    columns : mapping of str to MaskedRows, optional
        By the names in `COLUMNS`; empty by default.
    """

    def __init__(self, frames: Iterable[int] = (), columns: Mapping[str, MaskedRows] | None = None) -> None:
        self.frames = array("q", frames)
        self.columns = (
            dict(columns)
            if columns
            else {
                name: MaskedRows(StoredRows(shape, dtype), np.zeros(0, bool))
                for name, (shape, dtype) in COLUMNS.items()
            }
        )
        for name, (shape, dtype) in COLUMNS.items():
            column = self.columns[name]
            if column.rows.shape[1:] != shape or column.rows.dtype != dtype or len(column) != len(self.frames):
                raise ValueError(f"{name}: {column.rows.shape} {column.rows.dtype}, {len(column)} rows")

    def append(
        self,
        frame: int,
        original: Mesh,
        synced: Mesh | None,
        measure: FaceMeasure | None,
        *,
        carried: float | None = None,
    ) -> int:
        """Add a row, and return its number."""
        self.frames.append(frame)
        self.columns["original"].append(original)
        self.columns["synced"].append(synced)
        for name in (
            "painted",
            "above",
            "footprint",
            "membrane",
            "placement",
            "health",
            "left",
            "bend",
            "looks",
            "strands",
            "mouth",
        ):
            self.columns[name].append(getattr(measure, name, None))
        stats = None if measure is None or measure.stats is None else _stats_row(measure.stats)
        self.columns["stats"].append(stats)
        self.columns["carried"].append(carried)
        for name in ("departures", "hands", "segmented", "person", "original_parts", "synced_parts"):
            self.columns[name].append(None)
        return len(self.frames) - 1

    def replace(self, name: str, values: Mapping[int, Array]) -> None:
        """Give a column other values, by row; the other rows have none."""
        shape, dtype = COLUMNS[name]
        column = MaskedRows(StoredRows(shape, dtype), np.zeros(0, bool))
        for row in range(len(self.frames)):
            column.append(values.get(row))
        self.columns[name] = column

    def measure(self, row: int) -> FaceMeasure | None:
        """The measurements of a row; None if there are none."""
        painted, above = self.columns["painted"][row], self.columns["above"][row]
        if painted is None:
            return None
        return FaceMeasure(
            float(painted),
            self.stats(row),
            None if above is None else float(above),
            self.columns["footprint"][row],
            self.columns["membrane"][row],
            self.columns["placement"][row],
            self.columns["health"][row],
            self.columns["left"][row],
            self.columns["bend"][row],
            self.columns["looks"][row],
            None if (strands := self.columns["strands"][row]) is None else float(strands),
            self.columns["mouth"][row],
        )

    def stats(self, row: int) -> ColourStats | None:
        """The colour statistics of a row; None if there are none."""
        values = self.columns["stats"][row]
        return None if values is None else _stats_of(values)


@dataclass(frozen=True)
class FaceTrack:
    """One face of the original, with one item per output frame that shows it.

    Attributes
    ----------
    table : FaceTable
    rows : sequence of int
        Row numbers in the table, by ascending frame.
    """

    table: FaceTable
    rows: Sequence[int]

    @classmethod
    def of(
        cls,
        frames: Sequence[int],
        original: Sequence[Mesh],
        synced: Sequence[Mesh | None],
        measured: Sequence[FaceMeasure | None],
        *,
        table: FaceTable | None = None,
    ) -> FaceTrack:
        """Add a track to a table (a new one by default) from lists with one item per frame."""
        table = FaceTable() if table is None else table
        parts = zip(frames, original, synced, measured, strict=True)
        return cls(table, array("q", [table.append(*part) for part in parts]))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def frames(self) -> list[int]:
        """Output frames, ascending."""
        return [self.table.frames[row] for row in self.rows]

    @property
    def first_frame(self) -> int:
        """The first of `frames`."""
        return self.table.frames[self.rows[0]]

    @property
    def last_frame(self) -> int:
        """The last of `frames`."""
        return self.table.frames[self.rows[-1]]

    @property
    def original(self) -> Sequence[Mesh]:
        """Meshes, (478, 2) float32 each, pixels; read on access."""
        return Picked(self.table.columns["original"], self.rows)  # type: ignore[arg-type]

    @property
    def synced(self) -> Sequence[Mesh | None]:
        """Meshes in the synced video, (478, 2) float32 each, in the original's pixels; read on access."""
        return Picked(self.table.columns["synced"], self.rows)

    @property
    def measured(self) -> Iterator[FaceMeasure | None]:
        """The measurements of each frame."""
        return (self.table.measure(row) for row in self.rows)

    @property
    def is_stand_in(self) -> bool:
        """Whether no mesh of it was found, so that all are a neutral one (`lipblend.analysis.stand_in`)."""
        return bool(len(self) and self.has("carried").all())

    def has(self, column: str) -> npt.NDArray[np.bool_]:
        """(n,) bool: in which items a column of the table has a value."""
        values = self.table.columns[column]
        return np.array([values.holds(row) for row in self.rows], bool)

    def values(self, column: str) -> Iterator[Any]:
        """The values of a column, without those that are missing."""
        rows = self.table.columns[column]
        return (value for row in self.rows if (value := rows[row]) is not None)

    def between(self, start: int, stop: int) -> FaceTrack:
        """The part of the track in frames [start, stop)."""
        first, last = (bisect_left(self.rows, frame, key=self.table.frames.__getitem__) for frame in (start, stop))
        return FaceTrack(self.table, self.rows[first:last])

    def with_rows(self, rows: Iterable[int]) -> FaceTrack:
        """This track with more rows of the table, of other frames."""
        merged = sorted([*self.rows, *rows], key=self.table.frames.__getitem__)
        return FaceTrack(self.table, array("q", merged))

    def joined_with(self, later: FaceTrack) -> FaceTrack:
        """This track followed by a later one of the same table."""
        if later.table is not self.table:
            raise ValueError("the tracks belong to different tables")
        return FaceTrack(self.table, array("q", [*self.rows, *later.rows]))


def _stats_row(stats: ColourStats) -> npt.NDArray[np.float64]:
    parts = [np.ravel(getattr(stats, name)) for name in _STATS]
    return np.concatenate([*parts, [stats.pixels]]).astype(np.float64)


def _stats_of(row: npt.NDArray[np.float64]) -> ColourStats:
    values: dict[str, Any] = {"pixels": int(row[-1])}
    start = 0
    for name, shape in _STATS.items():
        stop = start + int(np.prod(shape))
        values[name] = row[start:stop].reshape(shape)
        start = stop
    return ColourStats(**values)
