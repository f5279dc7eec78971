"""An analysis as bytes and back: plain arrays and one JSON text, nothing that could run when it is read."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import IO, Any, TypeVar

import numpy as np
import numpy.typing as npt

from lipblend.analysis.alignment import Alignment
from lipblend.analysis.clip import ClipAnalysis, TrackRecord
from lipblend.analysis.interpret import Interpretation
from lipblend.analysis.measure import FaceMeasure
from lipblend.analysis.timeline import Pairing, Timeline
from lipblend.errors import LipblendError
from lipblend.media.codemap import STEPS, CodeMap, LightPath
from lipblend.media.mapping import FrameMapping
from lipblend.stages.colour import QUANTILES, ColourStats
from lipblend.stages.footprint import SAMPLE_SHAPE
from lipblend.stages.membrane import SAMPLE_SHAPE as MEMBRANE_SHAPE

T = TypeVar("T")
Arrays = dict[str, npt.NDArray[Any]]
Kept = Mapping[str, npt.NDArray[Any]]

_KIND = "lipblend analysis"
_HEADER = "header"
_MESH = (478, 2)
_OF_FRAMES = ("times_s", "pts", "durations", "original_index", "synced_index")
_OF_CLIP = ("shot_starts", "original_pts", "synced_pts", "matrix")
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
    arrays["original"] = _stacked([mesh for record in records for mesh in record.original], _MESH, np.float32)
    synced = [mesh for record in records for mesh in record.synced]
    arrays["synced"], arrays["has_synced"] = _some(synced, _MESH, np.float32)
    arrays |= _measures([each for record in records for each in record.measured])
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
    np.savez(sink, allow_pickle=False, **arrays)


def from_file(source: IO[bytes], key: str) -> ClipAnalysis:
    """Unpack what `to_file` packed, from a file that is open for reading.

    Raises
    ------
    DamagedAnalysisError
        It is something else, of another key, or not whole.
    """
    try:
        with np.load(source, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays[_HEADER].tobytes())
        if header["kind"] != _KIND or header["key"] != key:
            raise ValueError("of something else")
        return _unpacked(arrays, header)
    except (
        OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, MemoryError,
        zipfile.BadZipFile, zlib.error, struct.error, ArithmeticError,
        RuntimeError,  # zipfile: one bit makes an entry count as encrypted
    ) as error:  # fmt: skip
        raise DamagedAnalysisError(f"not a whole analysis ({type(error).__name__}: {error})") from error


def _unpacked(arrays: Kept, header: Mapping[str, Any]) -> ClipAnalysis:
    rows = len(arrays["times_s"])
    if not rows or any(arrays[name].shape != (rows,) for name in (*_OF_FRAMES, "line_original", "line_synced")):
        raise ValueError("arrays of different lengths")
    pairing = Pairing(source=arrays["source"], **header["pairing"])
    line = Timeline(_checked(header["follows"], ("original", "synced")), arrays["line_original"], arrays["line_synced"])
    alignment = Alignment(FrameMapping(**header["mapping"]), pairing, line, float(header["likeness"]))
    tracks, frames = _tracks(arrays), arrays["frames"]
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


def _tracks(arrays: Kept) -> dict[int, TrackRecord]:
    lengths, frames = arrays["track_rows"].tolist(), arrays["frames"].tolist()
    count = sum(lengths)
    original = arrays["original"]
    if original.shape != (count, *_MESH) or original.dtype != np.float32 or len(frames) != count:
        raise ValueError("not one mesh a row")
    synced = _some_of(arrays["synced"], arrays["has_synced"], count, _MESH, np.asarray)
    measured = _measures_of(arrays, count)
    tracks, start = {}, 0
    for number, length in zip(arrays["track_ids"].tolist(), lengths, strict=True):
        part = slice(start, start + length)
        tracks[number] = TrackRecord(frames[part], list(original[part]), synced[part], measured[part])
        start += length
    return tracks


def _measures(measured: Sequence[FaceMeasure | None]) -> Arrays:
    present = [each for each in measured if each is not None]
    stats = [each.stats for each in present if each.stats is not None]
    arrays: Arrays = {
        "has_measured": np.array([each is not None for each in measured], bool),
        "has_stats": np.array([each.stats is not None for each in present], bool),
        "painted": np.array([each.painted for each in present], np.float64),
    }
    arrays["above"], arrays["has_above"] = _some([each.above for each in present], (), np.float64)
    arrays["footprint"], arrays["has_footprint"] = _some([each.footprint for each in present], SAMPLE_SHAPE, np.float16)
    membranes = [each.membrane for each in present]
    arrays["membrane"], arrays["has_membrane"] = _some(membranes, MEMBRANE_SHAPE, np.float16)
    for each in fields(ColourStats):
        shape = _STATS.get(each.name, (3,))
        dtype = np.int64 if each.name == "pixels" else np.float64
        arrays[f"stats_{each.name}"] = _stacked([getattr(one, each.name) for one in stats], shape, dtype)
    return arrays


def _measures_of(arrays: Kept, count: int) -> list[FaceMeasure | None]:
    there = int(np.count_nonzero(arrays["has_measured"]))
    painted = arrays["painted"].tolist()
    above = _some_of(arrays["above"], arrays["has_above"], there, (), float)
    footprint = _some_of(arrays["footprint"], arrays["has_footprint"], there, SAMPLE_SHAPE, np.asarray)
    membrane = _some_of(arrays["membrane"], arrays["has_membrane"], there, MEMBRANE_SHAPE, np.asarray)
    columns = {each.name: arrays[f"stats_{each.name}"] for each in fields(ColourStats)}
    for name, column in columns.items():
        if column.shape != (np.count_nonzero(arrays["has_stats"]), *_STATS.get(name, (3,))):
            raise ValueError(f"colour statistics of another shape: {name}")
    names = list(columns)
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    known = [ColourStats(**{**row, "pixels": int(row["pixels"])}) for row in rows]
    stats = _spread(known, arrays["has_stats"], there)
    made = [FaceMeasure(*each) for each in zip(painted, stats, above, footprint, membrane, strict=True)]
    return _spread(made, arrays["has_measured"], count)


def _stacked(values: Sequence[Any], shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.array(values, dtype).reshape(len(values), *shape)


def _some(values: Sequence[Any], shape: tuple[int, ...], dtype: npt.DTypeLike) -> tuple[npt.NDArray[Any], ...]:
    """Those that are not None, and which they are."""
    there = [value is not None for value in values]
    return _stacked([value for value in values if value is not None], shape, dtype), np.array(there, bool)


def _some_of(
    values: npt.NDArray[Any], there: npt.NDArray[Any], count: int, shape: tuple[int, ...], made: Callable[[Any], T]
) -> list[T | None]:
    if values.shape[1:] != shape:
        raise ValueError(f"{values.shape} is no list of {shape}")
    return _spread([made(value) for value in values], there, count)


def _spread(values: Iterable[T], there: npt.NDArray[Any], count: int) -> list[T | None]:
    rest = list(values)
    if there.shape != (count,) or np.count_nonzero(there) != len(rest):
        raise ValueError("arrays of different lengths")
    source = iter(rest)
    return [next(source) if each else None for each in there.tolist()]


def _checked(word: Any, allowed: Sequence[Any]) -> Any:
    if word not in allowed:
        raise ValueError(f"{word} is none of {allowed}")
    return word
