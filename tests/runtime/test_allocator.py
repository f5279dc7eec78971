"""Freed memory is kept for the next frame."""

import subprocess
import sys

import pytest

_CHURN = """
import resource
import numpy as np
from lipblend.runtime.allocator import keep_freed_memory
{call}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def churn():
    for _ in range(20):
        planes = [np.ones((400, 400), np.float32) for _ in range(20)]
        del planes
churn()
before = faults()
churn()
print(faults() - before)
"""


def faults(call: str) -> int:
    done = subprocess.run([sys.executable, "-c", _CHURN.format(call=call)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_reused_planes_cost_no_page_faults() -> None:
    kept = faults("made = keep_freed_memory()\nassert made in (True, False)\nif not made: raise SystemExit(print(0))")
    assert kept < 0.05 * max(faults(""), 1) or kept < 50
