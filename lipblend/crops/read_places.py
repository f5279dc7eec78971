"""Reading where a crop lies: lipblend's own record, or what a generator keeps of its crops."""

from __future__ import annotations

import csv
import io
import json
import tokenize
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipblend.crops.coordinate_pickle import load_coordinates
from lipblend.crops.crop_record import CropRecord, digest_of, read_bytes
from lipblend.errors import InputError, InputMismatchError
from lipblend.output.run_record import first_original
from lipblend.picture.crop_places import CropPlaces
from lipblend.runtime.identity import sha256_of
from lipblend.runtime.stand_ins import is_pattern
from lipblend.video.info import VideoInfo

Matrices = npt.NDArray[np.float64]

MUSETALK_MARGIN_PX = 10
"""MuseTalk 1.5 cuts this much more below than its pickled coordinates say (``extra_margin``)."""
_LATENTSYNC_CANVAS = 420 / 512, 560 / 512
"""LatentSync's matrices lead to a canvas of 420 x 560, which it then resizes to 512 x 512 (or half of both)."""
_LEAST_DETERMINANT = 1e-12
_FORMATS = "a JSON record of `lipblend crop`, a JSON list or .npy of boxes or matrices, MuseTalk's .pkl, or a .csv"


def read_places(path: Path, original: VideoInfo, synced: VideoInfo, *, by_content: bool = True) -> CropPlaces:
    """Read a record of a crop, in any of the formats that are understood.

    * JSON as `lipblend.crops.crop_record` describes it. It must be of this original.
    * JSON list or ``.npy`` with one entry a frame: a box ``[x0, y0, x1, y1]`` (right and bottom exclusive), a 2 x 3
      matrix as LatentSync keeps it, or a 3 x 3 matrix to the crop's pixels; both matrices by OpenCV's rule (the first
      pixel's centre at 0).
    * ``.pkl``: MuseTalk's list of boxes; four zeros stand for no face. Tuples are as its `inference` keeps them,
      `MUSETALK_MARGIN_PX` short at the bottom; lists, as of its real-time mode, are complete.
    * ``.csv``: ``x0,y0,x1,y1`` a line, with or without a header.

    All but the first count frames from the original's first one, at the synced crop's rate.

    Parameters
    ----------
    path : Path
    original, synced : VideoInfo
    by_content : bool
        Compare the original's content with the record, which takes reading all of it; otherwise only its size.

    Raises
    ------
    InputError
        The file cannot be read, or is not understood.
    InputMismatchError
        The record is that of another original.
    """
    content = read_bytes(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        data = _json(content, path)
        if isinstance(data, dict):
            record = CropRecord.parsed(content, path)
            check_original(record, original, path, by_content=by_content)
            return record.places(content, path.name)
        rows = data
    elif suffix == ".npy":
        rows = _npy(content, path)
    elif suffix in (".pkl", ".pickle"):
        rows = _pickled(content, path, original.upright_height)
    elif suffix == ".csv":
        rows = _csv(content, path)
    else:
        raise InputError(f"the record {path} has no known ending", hint=f"Give {_FORMATS}.")
    return _listed(_numbers(rows, path), path, content, synced.upright_size)


def recorded_rate(path: Path) -> Fraction | None:
    """Frames per second of the crop that a record is of; None if it is a generator's, which does not tell.

    Raises
    ------
    InputError
        The file cannot be read, or is not understood.
    """
    if path.suffix.lower() != ".json":
        return None
    content = read_bytes(path)
    if not isinstance(_json(content, path), dict):
        return None
    return Fraction(CropRecord.parsed(content, path).rate)


def rates_by_record(record: Path | None, synced: Path) -> dict[Path, Fraction]:
    """The rate of a synced crop of pictures (``synced/%06d.png``), by path; empty for others, or if nothing tells it.

    Raises
    ------
    InputError
        See `recorded_rate`.
    """
    if record is None or not is_pattern(synced):
        return {}
    rate = recorded_rate(record)
    return {} if rate is None else {synced: rate}


def check_original(record: CropRecord, original: VideoInfo, path: Path, *, by_content: bool = True) -> None:
    """Check that a record is of an original, or of what lipblend's own outputs in its place were made from.

    Without `by_content` only the sizes of their pictures are compared.

    So the crops of several faces come back in turn, each into the output of the last run.

    Raises
    ------
    InputMismatchError
        Size or content differ.
    """
    found, wanted = "x".join(map(str, original.upright_size)), "x".join(map(str, record.source.size))
    if found != wanted:
        raise InputMismatchError(
            f"{original.path} has {found} pixels, and the record {path} is of an original of {wanted} "
            f"({record.source.name})",
            hint="Give the original that the crop was cut from.",
        )
    if record.source.sha256 is None or not by_content:
        return
    digest = sha256_of(original.path)
    known = digest, first_original(original.metadata)
    if not any(each and record.source.sha256.startswith(each) for each in known):
        raise InputMismatchError(
            f"{original.path} is not the original that the record {path} was made from ({record.source.name})",
            details=(f"its SHA-256   {digest}", f"the record's  {record.source.sha256}"),
            hint="Give that original, or a whole composite of it with its record. If this is the same picture in "
            "another file, set source.sha256 in the record to null.",
        )


def _listed(rows: Matrices, path: Path, content: bytes, size: tuple[int, int]) -> CropPlaces:
    """Places from boxes (n, 4) or matrices (n, 2 or 3, 3)."""
    count = len(rows)
    present: npt.NDArray[np.bool_] = np.ones(count, bool)
    if rows.shape[1:] == (4,):
        present = np.asarray(rows.any(axis=1))
        known = np.flatnonzero(present)
        if not len(known):
            raise InputError(f"no box in {path} holds a face", hint="All are four zeros.")
        # A frame without a box takes the nearest one's, so that nothing jumps.
        rows = rows[known[np.searchsorted((known[1:] + known[:-1]) / 2, np.arange(count))]]
        matrices, canvas = _of_boxes(rows, path), (1, 1)
    elif rows.shape[1:] in ((2, 3), (3, 3)):
        matrices, canvas = _half_pixel(rows[:, :2]), size
        if rows.shape[1:] == (2, 3):
            matrices = matrices / np.array(_LATENTSYNC_CANVAS)[:, None]
        # Also not a number, of huge entries.
        if not (np.abs(np.linalg.det(matrices[:, :, :2])) >= _LEAST_DETERMINANT).all():
            raise InputError(f"{path} has a matrix that cannot be inverted", hint="Give the record as it was written.")
    else:
        raise InputError(
            f"the record {path} holds {'x'.join(map(str, rows.shape))} numbers; a frame needs 4, 2 x 3 or 3 x 3",
            hint=f"Give {_FORMATS}.",
        )
    numbers = np.arange(count, dtype=np.int64)
    return CropPlaces(
        numbers, None, matrices, canvas, None, present, digest_of(content), name=path.name, size_bytes=len(content)
    )


def _of_boxes(boxes: Matrices, path: Path) -> Matrices:
    """Matrices from the original's pixels to a crop of size 1 x 1."""
    left, top, right, bottom = boxes.T
    bad = np.flatnonzero((right <= left) | (bottom <= top))
    if len(bad):
        raise InputError(
            f"box {bad[0]} of {path} is {boxes[bad[0]].tolist()}: x1 must exceed x0, and y1 must exceed y0",
            hint="A box is x0, y0, x1, y1 in the original's pixels.",
        )
    none = np.zeros_like(left)
    across, down = 1 / (right - left), 1 / (bottom - top)
    return np.stack([np.stack([across, none, -left * across], 1), np.stack([none, down, -top * down], 1)], 1)


def _half_pixel(matrices: Matrices) -> Matrices:
    """From OpenCV's rule, the first pixel's centre at 0, to 0.5."""
    out = matrices.astype(np.float64)
    out[:, :, 2] += 0.5 - 0.5 * out[:, :, :2].sum(axis=2)
    return out


def _json(content: bytes, path: Path) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}", hint=f"Give {_FORMATS}.") from error


def _npy(content: bytes, path: Path) -> Any:
    try:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, MemoryError, SyntaxError, TypeError, OverflowError, tokenize.TokenError) as error:
        raise InputError(f"{path} is not an array of numbers: {error}", hint=f"Give {_FORMATS}.") from error


def _pickled(content: bytes, path: Path, height: int) -> Any:
    try:
        rows = load_coordinates(content)
    except ValueError as error:
        raise InputError(
            f"{path} is not a list of coordinates: {error}",
            hint="Only lists, tuples and numbers are read from a pickle, because anything else can run code.",
        ) from error
    if not isinstance(rows, (list, tuple)) or not all(_is_box(row) for row in rows):
        raise InputError(f"{path} does not hold a list of (x1, y1, x2, y2)", hint=f"Give {_FORMATS}.")
    return [
        (x0, y0, x1, min(y1 + MUSETALK_MARGIN_PX, height)) if isinstance(row, tuple) and any(row) else row
        for row in rows
        for x0, y0, x1, y1 in (row,)
    ]


def _is_box(row: Any) -> bool:
    return isinstance(row, (list, tuple)) and len(row) == 4 and all(isinstance(value, (int, float)) for value in row)


def _csv(content: bytes, path: Path) -> Any:
    try:
        lines = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) if any(map(str.strip, row))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file: {error}", hint=f"Give {_FORMATS}.") from error
    if lines and not _are_numbers(lines[0]):
        del lines[0]  # a header
    for number, row in enumerate(lines):
        if len(row) != 4 or not _are_numbers(row):
            raise InputError(
                f"row {number} of {path} is '{','.join(row)[:60]}'", hint="A row holds four numbers: x0,y0,x1,y1."
            )
    return [[float(value) for value in row] for row in lines]


def _are_numbers(row: list[str]) -> bool:
    try:
        return all(np.isfinite(float(value)) for value in row)
    except ValueError:
        return False


def _numbers(rows: Any, path: Path) -> Matrices:
    try:
        found = np.asarray(rows, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{path} does not hold the same kind of numbers for each frame", hint=f"Give {_FORMATS}."
        ) from error
    if not found.size or found.ndim < 2 or not np.isfinite(found).all():
        raise InputError(f"{path} holds no frames, or numbers that are not finite", hint=f"Give {_FORMATS}.")
    return found
