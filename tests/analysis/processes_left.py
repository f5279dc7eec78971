"""Whether a process is left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from patience import HANG_S


def is_there(pid: int) -> bool:
    """Whether a process is there and has not ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int) -> bool:
    """Whether a process ends, before long."""
    limit = time.monotonic() + HANG_S
    while is_there(pid):
        if time.monotonic() > limit:
            os.kill(pid, signal.SIGKILL)
            return False
        time.sleep(0.02)
    return True
