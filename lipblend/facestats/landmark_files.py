"""Files of landmarks: NPZ, CSV and JSON with the same content (docs/faces.md)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from lipblend.errors import SettingsError
from lipblend.facestats.face_series import STATES
from lipblend.facestats.landmark_rows import LandmarkRows
from lipblend.runtime.files import write_atomically

SCHEMA = "lipblend-landmarks/1"
SUFFIXES = (".npz", ".csv", ".json")


def check_landmark_name(path: Path) -> None:
    """Check the suffix of a file of landmarks.

    Raises
    ------
    SettingsError
        It is not .npz, .csv or .json.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"{path} names no kind of landmark file", hint=f"End it with {', '.join(SUFFIXES)}.")


def write_landmarks(path: Path, rows: LandmarkRows, *, overwrite: bool) -> None:
    """Write landmarks; the suffix tells the kind.

    Raises
    ------
    SettingsError, OutputError
    """
    check_landmark_name(path)
    kind = path.suffix.lower()

    def write(sink: IO[bytes]) -> None:
        if kind == ".npz":
            np.savez(sink, allow_pickle=False, **_arrays(rows))
            return
        for line in _csv_lines(rows) if kind == ".csv" else _json_lines(rows):
            sink.write(line.encode("utf-8"))

    write_atomically(path, write, overwrite=overwrite)


def _arrays(rows: LandmarkRows) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {
        "schema": np.array(SCHEMA),
        "size": np.array(rows.size, np.int64),
        **{name: getattr(rows, name) for name in ("shot", "face", "frame", "time_s", "state", "points")},
    }
    if rows.aligned is not None:
        arrays |= {
            "aligned": rows.aligned.points,
            "matrix": rows.aligned.matrices,
            "residual_px": rows.aligned.residual_px,
            "reference": rows.aligned.reference.points,
            "fit": np.array(rows.aligned.fit),
        }
    return arrays


def _csv_lines(rows: LandmarkRows) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")

    def line(values: list[Any]) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(values)
        return buffer.getvalue()

    head = ["shot", "face", "frame", "time_s", "state"]
    count = rows.points.shape[1]
    head += [f"{axis}_{point}" for point in range(count) for axis in "xy"]
    if rows.aligned is not None:
        head += ["residual_px", *(f"m{row}{column}" for row in range(2) for column in range(3))]
        head += [f"aligned_{axis}_{point}" for point in range(count) for axis in "xy"]
    yield line(head)
    for row in range(len(rows)):
        values: list[Any] = [*_place(rows, row).values(), *(f"{value:.3f}" for value in rows.points[row].ravel())]
        if rows.aligned is not None:
            values.append(f"{rows.aligned.residual_px[row]:.4f}")
            values += [f"{value:.8g}" for value in rows.aligned.matrices[row].ravel()]
            values += [f"{value:.3f}" for value in rows.aligned.points[row].ravel()]
        yield line(values)


def _json_lines(rows: LandmarkRows) -> Iterator[str]:
    head: dict[str, Any] = {"schema": SCHEMA, "size": list(rows.size), "point_count": rows.points.shape[1]}
    if rows.aligned is not None:
        head |= {"fit": rows.aligned.fit, "reference": _rounded(rows.aligned.reference.points)}
    yield json.dumps(head)[:-1] + ', "rows": ['
    for row in range(len(rows)):
        values: dict[str, Any] = {**_place(rows, row), "points": _rounded(rows.points[row])}
        if rows.aligned is not None:
            values["aligned"] = _rounded(rows.aligned.points[row])
            values["matrix"] = rows.aligned.matrices[row].tolist()
            values["residual_px"] = round(float(rows.aligned.residual_px[row]), 4)
        yield (",\n" if row else "\n") + json.dumps(values)
    yield "\n]}\n"


def _place(rows: LandmarkRows, row: int) -> dict[str, Any]:
    return {
        "shot": int(rows.shot[row]),
        "face": int(rows.face[row]),
        "frame": int(rows.frame[row]),
        "time_s": round(float(rows.time_s[row]), 6),
        "state": STATES[int(rows.state[row])],
    }


def _rounded(points: npt.NDArray[Any]) -> list[list[float]]:
    return [[round(value, 3) for value in point] for point in points.tolist()]
