"""What a child process of a job runs in the place of `lipblend.batch.job_child.run_order`: something happens to it.

What happens to which job is told by the variable ``LIPBLEND_STRUCK``: JSON, by name of the job, a list of what, the
stage and the number of frames done, such as ``{"a": ["pause", "render", 13]}``. See `Strike` for what there is.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

from lipblend.batch import job_process
from lipblend.batch.job_child import run_job
from lipblend.runtime.child import Channel, program
from lipblend.runtime.progress import Progress

VARIABLE = "LIPBLEND_STRUCK"
_MOST_S = 600.0  # of a pause: only a guard against hanging
_FILE_BYTES = 6000


class Strike:
    """Passes progress on, and strikes at its moment.

    * ``pause``: writes the file ``NAME.paused`` into the folder of ``LIPBLEND_STRUCK_FOLDER``, and waits for
      ``NAME.go`` there, or for the end of whoever started this process;
    * ``crash``: as a native library does (SIGSEGV);
    * ``eat``: takes memory and keeps it;
    * ``full``: from the start, no file can grow beyond 6,000 bytes, as if the disk were full.
    """

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel, self._name, self._parent = channel, name, os.getppid()
        self._what, self._stage, self._done = json.loads(os.environ.get(VARIABLE, "{}")).get(name, ("", "", 0))
        self._eaten = b""
        if self._what == "full":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing fails instead
            resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))

    def __call__(self, progress: Progress) -> None:
        self._channel.send(progress)
        if (progress.stage, progress.done) != (self._stage, self._done):
            return
        if self._what == "pause":
            self._pause()
        elif self._what == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif self._what == "eat":
            self._eaten = b"x" * 2_000_000_000
            self._pause()

    def _pause(self) -> None:
        folder = Path(os.environ["LIPBLEND_STRUCK_FOLDER"])
        (folder / f"{self._name}.paused").touch()
        end_s = time.monotonic() + _MOST_S
        while not (folder / f"{self._name}.go").exists() and os.getppid() == self._parent:
            assert time.monotonic() < end_s, "nobody let it go on"
            time.sleep(0.02)


def run_order(channel: Channel) -> None:
    """See the module."""
    order = channel.receive()
    print("struck:", order.spec.name, file=sys.stderr, flush=True)
    channel.send(run_job(order, Strike(channel, order.spec.name)))


CHILD = program("struck_child", "run_order", "a job of a series")


def dask_setup(_: object) -> None:
    """Of a Dask worker that is started with ``--preload struck_child``."""
    job_process.CHILD = CHILD
