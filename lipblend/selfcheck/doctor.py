"""Check the installation and suggest fixes.

OpenCV, MediaPipe and PyAV are not imported here before a child process has shown that they work: a package that is
missing, lacks a system library or crashes Python must appear in the report.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lipblend.errors import ModelError, OutputError
from lipblend.faces.models import MODELS, resolve_model
from lipblend.faces.offline import NetworkStatus
from lipblend.selfcheck.environment import (
    PythonRun,
    core_count,
    free_disk_bytes,
    free_memory_bytes,
    library_advice,
    network_status,
    run_python,
)
from lipblend.selfcheck.findings import REINSTALL, Finding, problem
from lipblend.selfcheck.hardware_check import hardware_findings
from lipblend.selfcheck.sample_run import check_run, run_sample

MIN_PYTHON = (3, 11)
MIN_FREE_MEMORY = 1_000_000_000
MIN_FREE_DISK = 1_000_000_000
"""Bytes of memory, and of space in the temporary folder, below which a warning is given."""
IMPORT_LIMIT_S = 120.0

IMPORTS: Mapping[str, str] = {
    "cv2": "import cv2, numpy; cv2.resize(numpy.zeros((4, 4), numpy.uint8), (2, 2))",
    # Only creating an image loads the native library.
    "mediapipe": "import mediapipe, numpy; from mediapipe import tasks; tasks.vision.FaceLandmarker; mediapipe.Image("
    "image_format=mediapipe.ImageFormat.SRGB, data=numpy.zeros((8, 8, 3), numpy.uint8))",
    "av": "import av; av.Codec('h264', 'r')",
    "numpy": "import numpy",
    "scipy": "import scipy.ndimage, scipy.sparse.linalg",
    "skimage": "from skimage import data",
    "pydantic": "import pydantic; pydantic.TypeAdapter(int).validate_python(1)",
    "yaml": "import yaml",
}
"""Packages that the program uses, and a line of Python that uses each."""

# Codec -> names of FFmpeg's decoders, any of which is enough.
DECODERS: Mapping[str, tuple[str, ...]] = {
    "h264": ("h264",), "hevc": ("hevc",), "vp9": ("vp9", "libvpx-vp9"), "av1": ("libdav1d", "libaom-av1"),
    "prores": ("prores",), "ffv1": ("ffv1",), "mpeg4": ("mpeg4",),
}  # fmt: skip
ENCODERS = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "ffv1", "prores_ks")


@dataclass(frozen=True)
class DoctorReport:
    """All findings, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """That of the first problem; 0 if there is none."""
        return next((finding.exit_code for finding in self.findings if finding.state == "problem"), 0)

    def to_dict(self) -> dict[str, Any]:
        """All fields for JSON."""
        return {"findings": [finding.to_dict() for finding in self.findings], "exit_code": self.exit_code}


def diagnose(models: Path | None = None) -> Iterator[Finding]:
    """Run all checks, one after the other.

    Parameters
    ----------
    models : Path, optional
        Face model bundle, or the folder that holds it and perhaps other models.
    """
    yield check_python(sys.version_info[:3])
    try:
        from lipblend.selfcheck.requirements import requirement_findings
    except ImportError as error:
        yield problem("packaging", f"versions were not checked: {error}", REINSTALL)
    else:
        yield from requirement_findings()
    imports = {name: check_import(name, run_python(code, limit_s=IMPORT_LIMIT_S)) for name, code in IMPORTS.items()}
    yield from imports.values()
    model = check_model("face_landmarker", lambda: resolve_model("face_landmarker", models))
    yield model
    for name in (name for name, spec in MODELS.items() if spec.optional):
        yield check_model(name, partial(resolve_model, name, models))
    if all(imports[name].state == "ok" for name in ("av", "pydantic")):
        yield from _codec_findings()
    else:
        yield Finding("codecs", "warning", "not checked, because PyAV or pydantic cannot be imported")
    yield check_network(network_status())
    temporary = Path(tempfile.gettempdir())
    yield from check_machine(core_count(), free_memory_bytes(), temporary, free_disk_bytes(temporary))
    broken = [finding.name for finding in (*imports.values(), model) if finding.state != "ok"]
    if broken:
        yield Finding("sample run", "warning", f"skipped because of: {', '.join(broken)}")
    else:
        yield check_run(run_sample(models))


def _codec_findings() -> Iterator[Finding]:
    from lipblend.settings import Settings
    from lipblend.video.codecs import missing_codecs

    yield check_decoders(lambda names: missing_codecs(names, "r"))
    yield check_encoders(lambda names: missing_codecs(names, "w"), Settings().encode.encoder)
    yield from hardware_findings(lambda names: missing_codecs(names, "w"))


def check_python(version: tuple[int, ...]) -> Finding:
    """Check the version of Python."""
    found = ".".join(map(str, version[:3]))
    wanted = ".".join(map(str, MIN_PYTHON))
    if version[:2] < MIN_PYTHON:
        return problem("Python", f"{found}; {wanted} or newer is required", f"Install Python {wanted} or newer.")
    return Finding("Python", "ok", found)


def check_import(name: str, run: PythonRun) -> Finding:
    """Check the result of a child process that imported and used a package."""
    label = f"import {name}"
    if run.code == 0:
        return Finding(label, "ok", "works")
    if run.killed_by:
        fix = f"{REINSTALL} If that does not help, the package does not support this processor or system."
        return problem(label, f"crashes Python ({run.killed_by})", fix)
    return problem(label, run.last_line, library_advice(run.err) or REINSTALL)


def check_model(name: str, resolve: Callable[[], Path]) -> Finding:
    """Check one of `MODELS`; `resolve` finds and verifies it, or raises `ModelError`. An optional one only warns."""
    spec = MODELS[name]
    label = {"faces": "face", "hands": "hand", "people": "person"}[spec.finds] + " model"
    try:
        path = resolve()
    except ModelError as error:
        message = "; ".join((error.message, *error.details))
        if spec.optional:
            return Finding(label, "warning", f"{message}; only runs that look for {spec.finds} need it", error.hint)
        return problem(label, message, error.hint, error.exit_code)
    return Finding(label, "ok", f"{path}, SHA-256 as expected")


def check_decoders(missing: Callable[[Iterable[str]], list[str]]) -> Finding:
    """Check FFmpeg's decoders; `missing` returns those of the given names that FFmpeg lacks."""
    lacking = [label for label, names in DECODERS.items() if len(missing(names)) == len(names)]
    if lacking:
        fix = f"Files with these codecs cannot be read. {REINSTALL}"
        return Finding("decoders", "warning", f"no decoder for {', '.join(lacking)}", fix)
    return Finding("decoders", "ok", ", ".join(DECODERS))


def check_encoders(missing: Callable[[Iterable[str]], list[str]], default: str) -> Finding:
    """Check FFmpeg's encoders. A missing default encoder is a problem."""
    lacking = missing(dict.fromkeys((default, *ENCODERS)))
    available = [name for name in ENCODERS if name not in lacking]
    if default in lacking:
        instead = f"Choose another encoder (--encoder {available[0]}), or: " if available else ""
        message = f"the default encoder {default} is not available"
        return problem("encoders", message, f"{instead}{REINSTALL}", OutputError.exit_code)
    if lacking:
        fix = f"Use {', '.join(available)}, or: {REINSTALL}"
        return Finding("encoders", "warning", f"not available: {', '.join(lacking)}", fix)
    return Finding("encoders", "ok", ", ".join(available))


def check_network(status: NetworkStatus) -> Finding:
    """Check whether network access of the face library can be blocked."""
    if status.refused:
        return Finding("network", "ok", "the face library cannot open sockets")
    return Finding(
        "network",
        "warning",
        f"network access of the face library cannot be blocked: {status.reason}",
        "It may contact its maker's metrics server on start; it is not known to send pictures. To prevent that, use a "
        "firewall, a container without network, or Linux on x86-64 or ARM64.",
    )


def check_machine(cores: int, free_memory: int | None, temporary: Path, free_disk: int | None) -> tuple[Finding, ...]:
    """Check cores, free memory and space in the temporary folder (bytes; None if unknown)."""
    found = [Finding("cores", "ok", str(cores))]
    if cores < 2:
        found = [Finding("cores", "warning", "1", "Expect slow runs: decoding and face search share one core.")]
    for name, free, minimum, fix in (
        ("free memory", free_memory, MIN_FREE_MEMORY, "Close other programs; large pictures may not fit."),
        (
            f"free space in {temporary}",
            free_disk,
            MIN_FREE_DISK,
            "Free space, or choose another folder: TMPDIR=FOLDER.",
        ),
    ):
        if free is None:
            found.append(Finding(name, "ok", "unknown on this system"))
        elif free < minimum:
            message = f"{_gigabytes(free)}; less than {_gigabytes(minimum)} may not be enough"
            found.append(Finding(name, "warning", message, fix))
        else:
            found.append(Finding(name, "ok", _gigabytes(free)))
    return tuple(found)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
