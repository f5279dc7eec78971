"""The values of every face in every frame as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from lipblend.facestats.clip_faces import ClipFaces
from lipblend.facestats.face_series import STATES, VALUES

_DIGITS = {"opening": 4, "jitter_px": 4, "jitter_frac": 6, "shape_jitter_frac": 6}


def face_values_csv(clips: Sequence[ClipFaces]) -> bytes:
    """A line for each face and frame of its shot, UTF-8; values are empty where the face was missed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "shot", "face", "frame", "time_s", "state", *VALUES])
    for clip in clips:
        for face in clip.faces:
            for row in range(len(face)):
                values = [(face.values[name][row], _DIGITS.get(name, 2)) for name in VALUES]
                place = [face.start + row, f"{face.times_s[row]:.6f}", STATES[int(face.state[row])]]
                writer.writerow(
                    [
                        clip.path,
                        face.shot,
                        face.face,
                        *place,
                        *(f"{value:.{digits}f}" if math.isfinite(value) else "" for value, digits in values),
                    ]
                )
    return text.getvalue().encode("utf-8", "backslashreplace")
