"""report.csv: one row a frame."""

from __future__ import annotations

import csv
import io

from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation

FRAME_KEYS = tuple(key for key, measure in MEASURES.items() if measure.per == "frame")
"""Measures with a value a frame, in the order shown."""

COLUMNS = ("frame", "time_s", "shot", "original", "synced", "blended", "reason", "faults", *FRAME_KEYS)


def csv_bytes(record: Evaluation) -> bytes:
    """The table as UTF-8. A cell is empty where a frame has no such value; several faults are joined by ``;``."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in record.rows:
        writer.writerow(
            (
                row.index,
                f"{row.time_s:.6f}",
                row.shot,
                row.original_index,
                "" if row.synced_index < 0 else row.synced_index,
                int(row.blended),
                row.reason,
                ";".join(row.faults),
                *(repr(float(row.values[key])) if key in row.values else "" for key in FRAME_KEYS),
            )
        )
    return out.getvalue().encode("utf-8", "replace")
