"""Facts about the machine and the Python installation, used by `lipblend.selfcheck.doctor`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lipblend.faces.offline import NetworkStatus, refuse_network_on_this_thread
from lipblend.runtime.processes import signal_name

# Library -> package on Debian and Ubuntu, Fedora, Alpine.
SYSTEM_PACKAGES: Mapping[str, tuple[str, str, str]] = {
    "libGL.so": ("libgl1", "libglvnd-glx", "mesa-gl"),
    "libEGL.so": ("libegl1", "libglvnd-egl", "mesa-egl"),
    "libGLESv2.so": ("libgles2", "libglvnd-gles", "mesa-gles"),
    "libgthread-2.0.so": ("libglib2.0-0", "glib2", "glib"),
    "libglib-2.0.so": ("libglib2.0-0", "glib2", "glib"),
    "libSM.so": ("libsm6", "libSM", "libsm"),
    "libICE.so": ("libice6", "libICE", "libice"),
    "libXext.so": ("libxext6", "libXext", "libxext"),
    "libXrender.so": ("libxrender1", "libXrender", "libxrender"),
    "libX11.so": ("libx11-6", "libX11", "libx11"),
    "libxcb.so": ("libxcb1", "libxcb", "libxcb"),
    "libgomp.so": ("libgomp1", "libgomp", "libgomp"),
    "libstdc++.so": ("libstdc++6", "libstdc++", "libstdc++"),
    "libportaudio.so": ("libportaudio2", "portaudio", "portaudio"),
}


@dataclass(frozen=True)
class PythonRun:
    """Result of a Python child process: exit code (negative: number of a signal), stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def killed_by(self) -> str:
        """Name of the signal that ended it; empty if none did."""
        return signal_name(self.code)

    @property
    def last_line(self) -> str:
        """Last line of stderr, where Python names the exception."""
        lines = self.err.strip().splitlines()
        return lines[-1].strip() if lines else f"exit code {self.code}"


def run_python(code: str, *arguments: str, limit_s: float) -> PythonRun:
    """Run Python code in a child process with the same module path and ``sys.argv[1:] == arguments``.

    The process is killed after `limit_s` seconds.
    """
    program = f"import json, sys; sys.path[:] = json.loads(sys.argv.pop(1))\n{code}"
    path = json.dumps([os.path.abspath(entry) for entry in sys.path])
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, path, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return PythonRun(1, "", f"no answer within {limit_s:.0f} s")
    except OSError as error:
        return PythonRun(1, "", f"{sys.executable} cannot be started: {error.strerror or error}")
    return PythonRun(done.returncode, done.stdout, done.stderr)


def library_advice(text: str) -> str:
    """How to install the missing system library named in an error text; empty if it names none."""
    if re.search(r"version [`']?GLIBC_[\d.]+'? not found", text):
        return "The system's C library is too old for this package. Use a newer distribution or a container."
    match = re.search(r"(lib[\w+.-]*?\.so)(?:\.\d+)*: cannot open shared object file", text)
    match = match or re.search(r"Error loading shared library (lib[\w+.-]*?\.so)", text)
    library = match[1] if match else "libportaudio.so" if "PortAudio library not found" in text else ""
    if not library:
        return ""
    if library not in SYSTEM_PACKAGES:
        return f"Install the system package that provides {library} (Debian, Ubuntu: apt-file search {library})."
    debian, fedora, alpine = SYSTEM_PACKAGES[library]
    return (
        f"Install {library}: apt install {debian} (Debian, Ubuntu), dnf install {fedora} (Fedora), "
        f"apk add {alpine} (Alpine)."
    )


def network_status() -> NetworkStatus:
    """Try in a short-lived thread whether its network access can be blocked."""
    found: list[NetworkStatus] = []
    thread = threading.Thread(target=lambda: found.append(refuse_network_on_this_thread()), name="lipblend-doctor")
    thread.start()
    thread.join()
    return found[0] if found else NetworkStatus(False, "the test thread failed")


def core_count() -> int:
    """Number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def free_memory_bytes() -> int | None:
    """Memory available without swapping, within a container's limit; None if unknown."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    free = int(match[1]) * 1024 if match else None
    limit, used = (_number(Path("/sys/fs/cgroup") / name) for name in ("memory.max", "memory.current"))
    if free is None or limit is None or used is None:
        return free
    return min(free, max(limit - used, 0))


def free_disk_bytes(folder: Path) -> int | None:
    """Free space in a folder; None if unknown."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such file, or the word "max"
        return None
