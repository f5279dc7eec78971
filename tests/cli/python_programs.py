"""Run Python code in a child process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]


def run_code(
    code: str, *arguments: str, folder: Path = ROOT, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `code` with ``sys.argv[1:] == arguments``, so that it imports the checkout's package."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        timeout=HANG_S,
        check=False,
    )
