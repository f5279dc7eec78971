"""The same command gives the same file, in one process or several, at one go or resumed, whatever the heap held."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import HANG_S

from lipblend.selfcheck.sample import make_sample

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow(10)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_one_command_gives_one_file(tmp_path: Path) -> None:
    pair = make_sample(tmp_path, frames=20, size=304)
    made = set()
    for number, (fill, more) in enumerate([("0", ()), ("85", ()), ("170", ("--jobs", "2")), ("1", ("--resume",))]):
        output = tmp_path / f"{number}.mp4"
        words = [str(pair.original), str(pair.synced), "-o", str(output), "--set", "encode.segment_s=0.5", *more]
        # glibc fills what it hands out with the complement of this byte, here and in the workers.
        environment = {**os.environ, "MALLOC_PERTURB_": fill, "LIPBLEND_CACHE": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-m", "lipblend", "composite", "--quiet", *words],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANG_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        made.add(output.read_bytes())
    assert len(made) == 1
