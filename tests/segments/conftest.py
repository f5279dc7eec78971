"""A video with uneven frame times and B-frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags

DURATIONS = (512, 1024, 512, 1536, 700, 900, 333)


@pytest.fixture(scope="session")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64x48, 40 frames, a gradient that moves."""
    path = tmp_path_factory.mktemp("uneven") / "uneven.mp4"
    across, down = np.meshgrid(np.arange(64), np.arange(48))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"qp": "0", "bf": "2", "g": "8"})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = context.time_base = Fraction(1, 12800)
        context.flags |= Flags.frame_duration
        pts = 0
        for index in range(40):
            picture = ((across * 3 + down * 2 + index * 5) % 200 + 20).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.repeat(picture[..., None], 3, 2), format="rgb24").reformat(
                format="yuv420p"
            )
            frame.pts, frame.time_base = pts, Fraction(1, 12800)
            frame.duration = DURATIONS[index % len(DURATIONS)]
            pts += frame.duration
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
