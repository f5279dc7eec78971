"""Facts about the machine and the Python that the program runs in, for `lipblend.selfcheck.doctor` to judge."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lipblend.faces.offline import NetworkStatus, refuse_network_on_this_thread

# Library -> its package on Debian and Ubuntu, Fedora, Alpine.
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
class Ran:
    """How a Python process of its own ended: exit code (negative: the number of a signal), and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def killed_by(self) -> str:
        """Name of the signal that ended it; empty when none did."""
        if self.code >= 0:
            return ""
        try:
            return signal.Signals(-self.code).name
        except ValueError:
            return f"signal {-self.code}"

    @property
    def last_line(self) -> str:
        """Last line of its complaint, where Python names the exception."""
        lines = self.err.strip().splitlines()
        return lines[-1].strip() if lines else f"exit code {self.code}"


def run_python(code: str, *arguments: str, limit_s: float) -> Ran:
    """Run some Python in a process of its own, with this one's module path and ``sys.argv[1:] == arguments``.

    It is ended after `limit_s` seconds.
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
        return Ran(1, "", f"no answer within {limit_s:.0f} s")
    except OSError as error:
        return Ran(1, "", f"{sys.executable} cannot be started: {error.strerror or error}")
    return Ran(done.returncode, done.stdout, done.stderr)


def library_advice(text: str) -> str:
    """What to install for the system library that an error text says is missing; empty when it names none."""
    if re.search(r"version [`']?GLIBC_[\d.]+'? not found", text):
        return "The system's C library is too old for this package: use a newer distribution, or a container."
    match = re.search(r"(lib[\w+.-]*?\.so)(?:\.\d+)*: cannot open shared object file", text)
    match = match or re.search(r"Error loading shared library (lib[\w+.-]*?\.so)", text)
    library = match[1] if match else "libportaudio.so" if "PortAudio library not found" in text else ""
    if not library:
        return ""
    if library not in SYSTEM_PACKAGES:
        return f"Install the system package that holds {library} (Debian, Ubuntu: apt-file search {library})."
    debian, fedora, alpine = SYSTEM_PACKAGES[library]
    return (
        f"Install {library}: apt install {debian} (Debian, Ubuntu), dnf install {fedora} (Fedora), "
        f"apk add {alpine} (Alpine)."
    )


def plain_name(name: str) -> str:
    """A distribution's name as package indexes compare it: ``scikit_image`` is ``scikit-image``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_versions() -> dict[str, str]:
    """Version of every distribution that is installed, by `plain_name`."""
    versions: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        # A half-removed package has no metadata left.
        name = distribution.metadata["Name"] if distribution.metadata is not None else None
        if name:
            versions.setdefault(plain_name(name), distribution.version)
    return versions


def our_requirements() -> list[str] | None:
    """What lipblend itself needs at run time, as in ``pyproject.toml``; None when lipblend is not installed."""
    try:
        listed = importlib.metadata.requires("lipblend")
    except importlib.metadata.PackageNotFoundError:
        return None
    return [line for line in listed or [] if ";" not in line]


def version_fits(version: str, wanted: str) -> bool | None:
    """Whether a version lies in a range such as ``>=2,<3``; None where that cannot be told.

    Only release numbers are compared, and a pre-release counts as older than its release.
    """
    for part in filter(None, (part.strip() for part in wanted.split(","))):
        match = re.fullmatch(r"(>=|<=|==|!=|>|<)\s*([\d.]+\w*)", part)
        if match is None or not re.match(r"\d", version):
            return None
        found, limit = version_key(version), version_key(match[2])
        fits = {
            ">=": found >= limit, "<=": found <= limit, "==": found == limit,
            "!=": found != limit, ">": found > limit, "<": found < limit,
        }  # fmt: skip
        if not fits[match[1]]:
            return False
    return True


def version_key(version: str) -> tuple[tuple[int, ...], bool]:
    """Release numbers without trailing zeros, and whether it is a final release: sorts as versions do."""
    match = re.match(r"(\d+(?:\.\d+)*)", version)
    numbers = [int(number) for number in match[1].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    rest = version[match.end() :] if match else version
    return tuple(numbers), re.match(r"[-_.]?(a|b|c|rc|dev|pre)", rest) is None


def network_status() -> NetworkStatus:
    """Try on a thread that ends at once whether the network can be refused to it."""
    found: list[NetworkStatus] = []
    thread = threading.Thread(target=lambda: found.append(refuse_network_on_this_thread()), name="lipblend-doctor")
    thread.start()
    thread.join()
    return found[0] if found else NetworkStatus(False, "the attempt failed")


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def free_memory_bytes() -> int | None:
    """Memory that can be had without swapping, within a container's limit; None where the system does not say."""
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
    """Free space in a folder; None where it cannot be had."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such file, or the word "max"
        return None
