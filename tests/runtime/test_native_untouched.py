"""Encoders, decoders, models and checks do not change the state of the process or its children."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest
from patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]
KNOWN = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "ffv1", "prores_ks", "mpeg4")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def steps(what: str, folder: Path) -> dict[str, tuple[str, list[str]]]:
    """Result and changes of each step of a child process."""
    words = [sys.executable, "-m", "tests.runtime.state_child", what, str(folder)]
    environment = {**os.environ, "SVT_LOG": "1", "LIPBLEND_CACHE": "off"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 0, f"after {done.stdout.splitlines()[-1:]}: {done.stderr}"
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {f"{number} {name}": (said, changed) for number, (name, said, changed) in enumerate(lines)}


@pytest.mark.slow(8)
@pytest.mark.parametrize(("what", "least"), [("encoders", 20), ("model", 3), ("doctor", 15), ("run", 1)])
def test_nothing_is_left_changed(what: str, least: int, tmp_path: Path) -> None:
    found = steps(what, tmp_path)
    assert sum(said.startswith("done") for said, _ in found.values()) >= least
    assert {name: changed for name, (_, changed) in found.items() if changed} == {}
    if what == "encoders":
        working = {name.split(" ")[1] for name, (said, _) in found.items() if said.startswith("done")}
        assert {name for name in KNOWN if name in av.codecs_available} <= working
