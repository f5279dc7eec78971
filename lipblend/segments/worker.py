"""The code of a render worker: it receives segments and sends coded packets. It writes no files."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import cv2

from lipblend.runtime.child import Channel
from lipblend.segments.encode import Segment, encode_segment
from lipblend.segments.job import RenderJob
from lipblend.stages.detail.restore import load_restorer


@dataclass(frozen=True)
class Setup:
    """The first message to a worker.

    Attributes
    ----------
    job : RenderJob
    threads : int
        Number of threads for OpenCV.
    """

    job: RenderJob
    threads: int


def work(channel: Channel) -> None:
    """Render and encode the segments received, until None is received."""
    setup: Setup = channel.receive()
    cv2.setNumThreads(setup.threads)
    restorer = load_restorer(setup.job.settings.restore)
    segment: Segment | None
    while (segment := channel.receive()) is not None:
        with closing(setup.job.render(segment.rows, restorer, threads=1)) as frames:
            for step in encode_segment(setup.job, segment, frames):
                channel.send(step)
