"""What runs in a render worker: segments in, coded packets out. It writes no file."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import cv2

from lipblend.runtime.child import Channel
from lipblend.segments.encode import Segment, encoded
from lipblend.segments.job import RenderJob
from lipblend.stages.detail.restore import load_restorer


@dataclass(frozen=True)
class Setup:
    """The first message to a worker.

    Attributes
    ----------
    job : RenderJob
    threads : int
        How many threads OpenCV may use.
    """

    job: RenderJob
    threads: int


def work(channel: Channel) -> None:
    """Render and encode segments as they come, until None comes."""
    setup: Setup = channel.receive()
    cv2.setNumThreads(setup.threads)
    restorer = load_restorer(setup.job.settings.restore)
    segment: Segment | None
    while (segment := channel.receive()) is not None:
        with closing(setup.job.rendered(segment.rows, restorer, threads=1)) as frames:
            for step in encoded(setup.job, segment, frames):
                channel.send(step)
