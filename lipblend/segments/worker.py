"""What runs in a worker process: segments in, coded packets out. It writes no file."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection

import cv2

from lipblend.runtime.processes import sendable
from lipblend.segments.encode import Segment, encoded
from lipblend.segments.job import RenderJob
from lipblend.stages.detail.restore import Restorer, load_restorer


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


def work(connection: Connection) -> None:
    """Render and encode segments as they come, until there is None or the parent is gone."""
    try:
        setup: Setup = connection.recv()
        cv2.setNumThreads(setup.threads)
        try:
            restorer = load_restorer(setup.job.settings.restore)
            while (segment := connection.recv()) is not None:
                _render(connection, setup.job, segment, restorer)
        except (EOFError, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 - every failure has to reach the parent, which raises it
            connection.send(sendable(error, "In a render worker"))
    except (EOFError, ConnectionError):
        return  # the parent is gone, or wants no more


def _render(connection: Connection, job: RenderJob, segment: Segment, restorer: Restorer | None) -> None:
    with closing(job.rendered(segment.rows, restorer, threads=1)) as frames:
        for step in encoded(job, segment, frames):
            connection.send(step)
