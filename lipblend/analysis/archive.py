"""An analysis as bytes and back: plain arrays and one JSON text, nothing that could run when it is read."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis, TrackRecord
from lipblend.analysis.interpret import Interpretation
from lipblend.analysis.measure import FaceMeasure
from lipblend.errors import LipblendError
from lipblend.pairing.alignment import Alignment
from lipblend.pairing.timeline import Pairing, Timeline
from lipblend.picture.codemap import STEPS, CodeMap, LightPath
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.runtime.spill import Joined, Mapped, Picked
from lipblend.runtime.spill_rows import StoredRows
from lipblend.stages.colour.membrane import SAMPLE_SHAPE as MEMBRANE_SHAPE
from lipblend.stages.colour.statistics import QUANTILES, ColourStats
from lipblend.stages.masks.footprint import SAMPLE_SHAPE

Arrays = dict[str, npt.NDArray[Any]]
Kept = Mapping[str, npt.NDArray[Any]]
Columns = dict[str, StoredRows]

_KIND = "lipblend analysis"
_HEADER = "header"
_MESH = (478, 2)
_OF_FRAMES = ("times_s", "pts", "durations", "original_index", "synced_index")
_OF_CLIP = ("shot_starts", "original_pts", "synced_pts", "matrix")
_SAMPLES = {"footprint": SAMPLE_SHAPE, "membrane": MEMBRANE_SHAPE}
_TOGETHER = 64  # rows that are held at the same time
_STATS = {"original_quantiles": (len(QUANTILES), 3), "synced_quantiles": (len(QUANTILES), 3), "pixels": ()}
"""Shapes of the fields of `ColourStats` that are not (3,)."""

_CHANGE = {
    "into": (3, 4), "out": (3, 4), "painted_into": (3, 4), "decode": (STEPS,), "mix": (3, 3), "encode": (STEPS, 3),
    "weights": (2, 3), "powers": (2,),
}  # fmt: skip


class DamagedAnalysisError(LipblendError):
    """Bytes that hold no whole analysis."""


def to_file(analysis: ClipAnalysis, key: str, sink: IO[bytes]) -> None:
    """Pack an analysis of a whole clip into a file, or a pipe, that is open for writing.

    Parameters
    ----------
    analysis : ClipAnalysis
        With nothing in ``kept``.
    key : str
        What it was made from; `from_file` asks for the same.
    sink : binary file
    """
    if any(analysis.kept):
        raise ValueError("an analysis of a window is not to be kept")
    records = list(analysis.tracks.values())
    pairing, line = analysis.alignment.pairing, analysis.alignment.timeline
    arrays: Arrays = {name: getattr(analysis, name) for name in (*_OF_FRAMES, *_OF_CLIP)}
    arrays["source"], arrays["line_original"], arrays["line_synced"] = (
        pairing.source, line.original_index, line.synced_index,
    )  # fmt: skip
    arrays["track_ids"] = np.array(list(analysis.tracks), np.int64)
    arrays["track_rows"] = np.array([len(record.frames) for record in records], np.int64)
    arrays["frames"] = np.array([frame for record in records for frame in record.frames], np.int64)
    originals, synced = (Joined([getattr(record, name) for record in records]) for name in ("original", "synced"))
    columns: Columns = {"original": _rows_of(originals, _MESH, np.float32)[0]}
    columns["synced"], arrays["has_synced"] = _rows_of(synced, _MESH, np.float32)
    measured = Joined([record.measured for record in records])
    for name, shape in _SAMPLES.items():
        columns[name], arrays[f"has_{name}"] = _rows_of(_samples(measured, name), shape, np.float16)
    arrays |= _measures(measured)
    arrays |= _change(analysis.interpretation.change)
    header = {
        "kind": _KIND,
        "key": key,
        "mapping": asdict(analysis.alignment.mapping),
        "pairing": {each.name: getattr(pairing, each.name) for each in fields(Pairing) if each.name != "source"},
        "follows": line.follows,
        "likeness": analysis.alignment.likeness,
        "notes": list(analysis.notes),
        "exact_times": list(analysis.exact_times),
        "colour_found": analysis.interpretation.found,
        "colour_notes": list(analysis.interpretation.notes),
    }
    arrays[_HEADER] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    packed: dict[str, npt.NDArray[Any] | StoredRows] = {**arrays, **columns}
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as file:
        for name, column in packed.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                _write_array(member, column)


def from_file(source: IO[bytes], key: str) -> ClipAnalysis:
    """Unpack what `to_file` packed, from a file that is open for reading.

    Raises
    ------
    DamagedAnalysisError
        It is something else, of another key, or not whole.
    """
    try:
        arrays: Arrays = {}
        columns: Columns = {}
        with zipfile.ZipFile(source) as file:
            for name in file.namelist():
                with file.open(name) as member:
                    if (short := name.removesuffix(".npy")) in ("original", "synced", *_SAMPLES):
                        columns[short] = _read_rows(member)
                    else:
                        arrays[short] = np.lib.format.read_array(member, allow_pickle=False)
        header = json.loads(arrays[_HEADER].tobytes())
        if header["kind"] != _KIND or header["key"] != key:
            raise ValueError("of something else")
        return _unpacked(arrays, columns, header)
    except (
        OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, MemoryError,
        zipfile.BadZipFile, zlib.error, struct.error, ArithmeticError,
        RuntimeError,  # zipfile: one bit makes an entry count as encrypted
    ) as error:  # fmt: skip
        raise DamagedAnalysisError(f"not a whole analysis ({type(error).__name__}: {error})") from error


def _unpacked(arrays: Kept, columns: Columns, header: Mapping[str, Any]) -> ClipAnalysis:
    rows = len(arrays["times_s"])
    if not rows or any(arrays[name].shape != (rows,) for name in (*_OF_FRAMES, "line_original", "line_synced")):
        raise ValueError("arrays of different lengths")
    pairing = Pairing(source=arrays["source"], **header["pairing"])
    line = Timeline(_checked(header["follows"], ("original", "synced")), arrays["line_original"], arrays["line_synced"])
    alignment = Alignment(FrameMapping(**header["mapping"]), pairing, line, float(header["likeness"]))
    tracks, frames = _tracks(arrays, columns), arrays["frames"]
    if frames.size and not 0 <= frames.min() <= frames.max() < rows:
        raise ValueError("faces beyond the last frame")
    ours, theirs = header["exact_times"]
    as_they_are: dict[str, Any] = {name: arrays[name] for name in (*_OF_FRAMES, *_OF_CLIP)}
    return ClipAnalysis(
        **as_they_are,
        tracks=tracks,
        alignment=alignment,
        notes=tuple(str(note) for note in header["notes"]),
        exact_times=(bool(ours), bool(theirs)),
        interpretation=Interpretation(
            _change_of(arrays), tuple(str(note) for note in header["colour_notes"]), dict(header["colour_found"])
        ),
    )


def _change(change: CodeMap | None) -> Arrays:
    if change is None:
        return {}
    parts: Arrays = {"into": change.into, "out": change.out}
    if change.painted_into is not None:
        parts["painted_into"] = change.painted_into
    if change.path is not None:
        path = change.path
        parts |= {"decode": path.decode, "mix": path.mix, "encode": path.encode, "weights": np.stack(path.weights)}
        parts["powers"] = np.array(path.powers)
    return {f"change_{name}": part for name, part in parts.items()}


def _change_of(arrays: Kept) -> CodeMap | None:
    parts = {name[len("change_") :]: part for name, part in arrays.items() if name.startswith("change_")}
    if not parts:
        return None
    if any(name in parts and parts[name].shape != shape for name, shape in _CHANGE.items()):
        raise ValueError("a change of codes of another shape")
    path = None
    if "decode" in parts:
        before, after = parts["powers"].tolist()
        path = LightPath(parts["decode"], parts["mix"], (before, after), tuple(parts["weights"]), parts["encode"])
    return CodeMap(parts["into"], path, parts["out"], parts.get("painted_into"))


def _tracks(arrays: Kept, columns: Columns) -> dict[int, TrackRecord]:
    lengths, frames = arrays["track_rows"].tolist(), array("q", arrays["frames"].tolist())
    count = sum(lengths)
    original = columns["original"]
    if original.shape != (count, *_MESH) or original.dtype != np.float32 or len(frames) != count:
        raise ValueError("not one mesh a row")
    synced = _late(columns["synced"], arrays["has_synced"], count, _MESH)
    measured = _measures_of(arrays, columns, count)
    tracks, start = {}, 0
    for number, length in zip(arrays["track_ids"].tolist(), lengths, strict=True):
        part = slice(start, start + length)
        rows = range(start, start + length)
        tracks[number] = TrackRecord(frames[part], Picked(original, rows), synced[part], measured[part])
        start += length
    return tracks


def _measures(measured: Iterable[FaceMeasure | None]) -> Arrays:
    """What is small of them, column by column."""
    there, has_stats, has_above = [], [], []
    painted, above, pixels = array("d"), array("d"), array("q")
    columns = {each.name: array("d") for each in fields(ColourStats) if each.name != "pixels"}
    for each in measured:
        there.append(each is not None)
        if each is None:
            continue
        has_stats.append(each.stats is not None)
        has_above.append(each.above is not None)
        painted.append(each.painted)
        if each.above is not None:
            above.append(each.above)
        if each.stats is not None:
            pixels.append(each.stats.pixels)
            for name, column in columns.items():
                column.extend(np.ravel(getattr(each.stats, name)).tolist())
    arrays: Arrays = {
        "has_measured": np.array(there, bool),
        "has_stats": np.array(has_stats, bool),
        "has_above": np.array(has_above, bool),
        "painted": np.array(painted),
        "above": np.array(above),
        "stats_pixels": np.array(pixels),
    }
    for name, column in columns.items():
        arrays[f"stats_{name}"] = np.array(column).reshape(len(pixels), *_STATS.get(name, (3,)))
    return arrays


def _samples(measured: Iterable[FaceMeasure | None], name: str) -> Iterator[npt.NDArray[np.float16] | None]:
    return (getattr(each, name) for each in measured if each is not None)


def _measures_of(arrays: Kept, columns: Columns, count: int) -> Sequence[FaceMeasure | None]:
    """They are put together when they are asked for."""
    there = int(np.count_nonzero(arrays["has_measured"]))
    samples = [_late(columns[name], arrays[f"has_{name}"], there, shape) for name, shape in _SAMPLES.items()]
    painted, has_stats = arrays["painted"], arrays["has_stats"]
    known = int(np.count_nonzero(has_stats))
    stats = {each.name: arrays[f"stats_{each.name}"] for each in fields(ColourStats)}
    for name, column in stats.items():
        if column.shape != (known, *_STATS.get(name, (3,))):
            raise ValueError(f"colour statistics of another shape: {name}")
    above = _late(arrays["above"], arrays["has_above"], there, ())
    if painted.shape != (there,):
        raise ValueError("arrays of different lengths")

    def stats_of(number: int) -> ColourStats:
        values = {name: column[number] for name, column in stats.items()}
        return ColourStats(**{**values, "pixels": int(values["pixels"])})

    colours = Mapped(_places(has_stats, known, there), lambda place: None if place < 0 else stats_of(place))

    def measure_of(place: int) -> FaceMeasure | None:
        if place < 0:
            return None
        upper = above[place]
        footprint, membrane = (each[place] for each in samples)
        level = None if upper is None else float(upper)
        return FaceMeasure(float(painted[place]), colours[place], level, footprint, membrane)

    return Mapped(_places(arrays["has_measured"], there, count), measure_of)


def _rows_of(
    values: Iterable[npt.NDArray[Any] | None], shape: tuple[int, ...], dtype: npt.DTypeLike
) -> tuple[StoredRows, npt.NDArray[Any]]:
    """Those that are not None, in a file, and which they are."""
    rows, there = StoredRows(shape, dtype), []
    for value in values:
        there.append(value is not None)
        if value is not None:
            rows.append(np.asarray(value, dtype))
    return rows, np.array(there, bool)


def _late(
    values: npt.NDArray[Any] | StoredRows, there: npt.NDArray[Any], count: int, shape: tuple[int, ...]
) -> Sequence[Any]:
    """Values where there are some, None elsewhere; read when they are asked for."""
    if values.shape[1:] != shape:
        raise ValueError(f"{values.shape} is no list of {shape}")
    return Mapped(_places(there, len(values), count), lambda place: None if place < 0 else values[place])


def _places(there: npt.NDArray[Any], known: int, count: int) -> array[int]:
    """Where each of ``count`` things lies among those that are there; -1 for the others."""
    if there.shape != (count,) or np.count_nonzero(there) != known:
        raise ValueError("arrays of different lengths")
    return array("q", np.where(there, np.cumsum(there) - 1, -1).tolist())


def _write_array(sink: IO[bytes], values: npt.NDArray[Any] | StoredRows) -> None:
    """As `numpy.save` writes it, a part at a time."""
    described = {"descr": np.lib.format.dtype_to_descr(values.dtype), "fortran_order": False, "shape": values.shape}
    np.lib.format.write_array_header_1_0(sink, described)
    for start in range(0, len(values), _TOGETHER):
        sink.write(np.ascontiguousarray(values[start : start + _TOGETHER]).tobytes())


def _read_rows(source: IO[bytes]) -> StoredRows:
    """What `numpy.save` wrote, into a file of our own."""
    if np.lib.format.read_magic(source) != (1, 0):
        raise ValueError("an array of another version")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(source)
    if by_columns or dtype.hasobject or not shape:
        raise ValueError("no rows of numbers")
    rows = StoredRows(shape[1:], dtype)
    size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    while block := source.read(size * _TOGETHER):
        rows.extend(np.frombuffer(block, dtype).reshape(-1, *shape[1:]))
    if len(rows) != shape[0]:
        raise ValueError("fewer rows than said")
    return rows


def _checked(word: Any, allowed: Sequence[Any]) -> Any:
    if word not in allowed:
        raise ValueError(f"{word} is none of {allowed}")
    return word
