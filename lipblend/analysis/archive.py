"""An analysis as bytes and back: plain arrays and one JSON text, nothing that could run when it is read."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import COLUMNS, FaceTable, FaceTrack, MaskedRows
from lipblend.analysis.interpret import Interpretation
from lipblend.errors import LipblendError
from lipblend.pairing.alignment import Alignment
from lipblend.pairing.timeline import Pairing, Timeline
from lipblend.picture.codemap import TABLE_SIZE, CodeMap, LightPath
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.frame_mappings import FrameMappings, Mappings
from lipblend.runtime.spill import StoredRows
from lipblend.video.info import VideoInfo
from lipblend.video.video import Video

Arrays = dict[str, npt.NDArray[Any]]

_KIND = "lipblend analysis"
_HEADER = "header"
_PER_FRAME = ("times_s", "pts", "durations", "original_index", "synced_index", "changed")
_PER_CLIP = ("shot_starts", "matrix")
_CHUNK_ROWS = 64  # held in memory at a time

_CHANGE_SHAPES = {
    "into": (3, 4), "out": (3, 4), "painted_into": (3, 4), "decode": (TABLE_SIZE,), "mix": (3, 3),
    "encode": (TABLE_SIZE, 3), "weights": (2, 3), "powers": (2,),
}  # fmt: skip


class DamagedAnalysisError(LipblendError):
    """The bytes do not hold a whole analysis."""


def to_file(analysis: ClipAnalysis, key: str, sink: IO[bytes]) -> None:
    """Write an analysis of a whole clip to a file or pipe.

    Parameters
    ----------
    analysis : ClipAnalysis
        Without cached frames; its tracks are of one table.
    key : str
        What it was made from; `from_file` asks for the same.
    sink : binary file
    """
    if analysis.original.cached or analysis.synced.cached:
        raise ValueError("an analysis of an excerpt cannot be archived")
    tracks = list(analysis.tracks.values())
    table = tracks[0].table if tracks else FaceTable()
    if any(track.table is not table for track in tracks):
        raise ValueError("tracks of several tables")
    pairing, line, mapping = analysis.alignment.pairing, analysis.alignment.timeline, analysis.mapping
    arrays: dict[str, npt.NDArray[Any] | StoredRows] = {
        **{name: getattr(analysis, name) for name in (*_PER_FRAME, *_PER_CLIP)},
        "original_pts": analysis.original.pts,
        "synced_pts": analysis.synced.pts,
        "source": pairing.source,
        **({} if isinstance(mapping, FrameMapping) else {"mappings": mapping.rows}),
        "line_original": line.original_index,
        "line_synced": line.synced_index,
        "track_ids": np.array(list(analysis.tracks), np.int64),
        "track_lengths": np.array([len(track) for track in tracks], np.int64),
        "track_rows": np.array([row for track in tracks for row in track.rows], np.int64),
        "frames": np.array(table.frames, np.int64),
        **{f"has_{name}": column.mask for name, column in table.columns.items()},
        **_change_arrays(analysis.interpretation.change),
        **{name: column.rows for name, column in table.columns.items()},
    }
    header = {
        "kind": _KIND,
        "key": key,
        "mapping": asdict(mapping) if isinstance(mapping, FrameMapping) else None,
        "pairing": {each.name: getattr(pairing, each.name) for each in fields(Pairing) if each.name != "source"},
        "follows": line.follows,
        "likeness": analysis.alignment.likeness,
        "notes": list(analysis.notes),
        "frames_with_faces": analysis.frames_with_faces,
        "exact_times": [analysis.original.exact, analysis.synced.exact],
        "colour_found": analysis.interpretation.found,
        "colour_notes": list(analysis.interpretation.notes),
    }
    arrays[_HEADER] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as file:
        for name, values in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                _write_array(member, values)


def from_file(source: IO[bytes], key: str, original: VideoInfo, synced: VideoInfo) -> ClipAnalysis:
    """Read what `to_file` wrote.

    Parameters
    ----------
    source : binary file
    key : str
    original, synced : VideoInfo
        The two videos that were analysed.

    Raises
    ------
    DamagedAnalysisError
        It is something else, of another key, or incomplete.
    """
    try:
        arrays: Arrays = {}
        rows: dict[str, StoredRows] = {}
        with zipfile.ZipFile(source) as file:
            for name in file.namelist():
                with file.open(name) as member:
                    if (short := name.removesuffix(".npy")) in COLUMNS:
                        rows[short] = _read_rows(member)
                    else:
                        arrays[short] = np.lib.format.read_array(member, allow_pickle=False)
        header = json.loads(arrays[_HEADER].tobytes())
        if header["kind"] != _KIND or header["key"] != key:
            raise ValueError("of something else")
        return _unpacked(arrays, rows, header, (original, synced))
    except (
        OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, MemoryError,
        zipfile.BadZipFile, zlib.error, struct.error, ArithmeticError,
        RuntimeError,  # zipfile: a flipped bit makes an entry look encrypted
    ) as error:  # fmt: skip
        raise DamagedAnalysisError(f"not a whole analysis ({type(error).__name__}: {error})") from error


def _unpacked(
    arrays: Arrays, rows: Mapping[str, StoredRows], header: Mapping[str, Any], videos: tuple[VideoInfo, VideoInfo]
) -> ClipAnalysis:
    count = len(arrays["times_s"])
    if not count or any(arrays[name].shape != (count,) for name in (*_PER_FRAME, "line_original", "line_synced")):
        raise ValueError("arrays of different lengths")
    if header["follows"] not in ("original", "synced"):
        raise ValueError(f"follows {header['follows']}")
    pairing = Pairing(source=arrays["source"], **header["pairing"])
    line = Timeline(header["follows"], arrays["line_original"], arrays["line_synced"])
    change = _change_of(arrays)
    exact_original, exact_synced = header["exact_times"]
    seen_original, seen_synced = header["frames_with_faces"]
    return ClipAnalysis(
        original=Video(videos[0], arrays["original_pts"], bool(exact_original)),
        synced=Video(videos[1], arrays["synced_pts"], bool(exact_synced)).read_by(change),
        **{name: arrays[name] for name in (*_PER_FRAME, *_PER_CLIP)},
        tracks=_tracks(arrays, rows, count),
        alignment=Alignment(_mapping_of(arrays, header), pairing, line, float(header["likeness"])),
        notes=tuple(str(note) for note in header["notes"]),
        interpretation=Interpretation(
            change, tuple(str(note) for note in header["colour_notes"]), dict(header["colour_found"])
        ),
        frames_with_faces=(int(seen_original), int(seen_synced)),
    )


def _mapping_of(arrays: Arrays, header: Mapping[str, Any]) -> Mappings:
    """One mapping for all synced frames, or one for each."""
    if header["mapping"] is not None:
        return FrameMapping(**header["mapping"])
    if len(arrays["mappings"]) != len(arrays["synced_pts"]):
        raise ValueError("mappings of other frames")
    return FrameMappings(arrays["mappings"])


def _tracks(arrays: Arrays, rows: Mapping[str, StoredRows], count: int) -> dict[int, FaceTrack]:
    frames, places, lengths = arrays["frames"], arrays["track_rows"], arrays["track_lengths"].tolist()
    if frames.size and not 0 <= frames.min() <= frames.max() < count:
        raise ValueError("faces beyond the last frame")
    if (places.size and not 0 <= places.min() <= places.max() < len(frames)) or sum(lengths) != len(places):
        raise ValueError("tracks of faces that are not there")
    table = FaceTable(frames.tolist(), {name: MaskedRows(rows[name], arrays[f"has_{name}"]) for name in COLUMNS})
    tracks, start = {}, 0
    for number, length in zip(arrays["track_ids"].tolist(), lengths, strict=True):
        tracks[number] = FaceTrack(table, array("q", places[start : start + length].tolist()))
        start += length
    return tracks


def _change_arrays(change: CodeMap | None) -> Arrays:
    if change is None:
        return {}
    parts: Arrays = {"into": change.to_rgb, "out": change.from_rgb}
    if change.painted_to_rgb is not None:
        parts["painted_into"] = change.painted_to_rgb
    if change.path is not None:
        path = change.path
        parts |= {"decode": path.decode, "mix": path.mix, "encode": path.encode, "weights": np.stack(path.weights)}
        parts["powers"] = np.array(path.powers)
    return {f"change_{name}": part for name, part in parts.items()}


def _change_of(arrays: Arrays) -> CodeMap | None:
    parts = {name.removeprefix("change_"): part for name, part in arrays.items() if name.startswith("change_")}
    if not parts:
        return None
    if any(name in parts and parts[name].shape != shape for name, shape in _CHANGE_SHAPES.items()):
        raise ValueError("a colour change of another shape")
    path = None
    if "decode" in parts:
        decoding, encoding = parts["powers"].tolist()
        path = LightPath(parts["decode"], parts["mix"], (decoding, encoding), tuple(parts["weights"]), parts["encode"])
    return CodeMap(parts["into"], path, parts["out"], parts.get("painted_into"))


def _write_array(sink: IO[bytes], values: npt.NDArray[Any] | StoredRows) -> None:
    """Write an array in `numpy.save`'s format, a few rows at a time."""
    described = {"descr": np.lib.format.dtype_to_descr(values.dtype), "fortran_order": False, "shape": values.shape}
    np.lib.format.write_array_header_1_0(sink, described)
    for start in range(0, len(values), _CHUNK_ROWS):
        sink.write(np.ascontiguousarray(values[start : start + _CHUNK_ROWS]).tobytes())


def _read_rows(source: IO[bytes]) -> StoredRows:
    """Read an array in `numpy.save`'s format into a temporary file."""
    if np.lib.format.read_magic(source) != (1, 0):
        raise ValueError("an array of another version")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(source)
    if by_columns or dtype.hasobject or not shape:
        raise ValueError("no rows of numbers")
    rows = StoredRows(shape[1:], dtype)
    size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    while block := source.read(size * _CHUNK_ROWS):
        rows.extend(np.frombuffer(block, dtype).reshape(-1, *shape[1:]))
    if len(rows) != shape[0]:
        raise ValueError("fewer rows than the header says")
    return rows
