"""The checks of `lipblend doctor`, each with a simulated fault."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from patience import HANG_S

from lipblend.errors import ModelError
from lipblend.faces.models import MODELS, resolve_model, verify_model
from lipblend.faces.offline import NetworkStatus
from lipblend.selfcheck import doctor, hardware_check, sample_run
from lipblend.selfcheck.doctor import DoctorReport
from lipblend.selfcheck.environment import (
    PythonRun,
    free_disk_bytes,
    free_memory_bytes,
    library_advice,
    network_status,
    run_python,
)
from lipblend.selfcheck.findings import REINSTALL, Finding
from lipblend.selfcheck.requirements import check_opencv, check_requirement, installed_versions, own_requirements
from lipblend.video.codecs import missing_codecs

ROOT = Path(__file__).resolve().parents[2]
NVENC = ["h264_nvenc", "hevc_nvenc", "av1_nvenc"]


@pytest.mark.parametrize(
    ("version", "state"), [((3, 10, 12), "problem"), ((3, 11, 0), "ok"), ((4, 0, 0), "ok")]
)  # fmt: skip
def test_python_version(version: tuple[int, ...], state: str) -> None:
    finding = doctor.check_python(version)
    assert (finding.state, finding.exit_code) == (state, state == "problem")
    assert state == "ok" or "3.10.12; 3.11 or newer" in finding.message


@pytest.mark.parametrize(
    ("requirement", "installed", "state", "message"),
    [
        ("av>=18", {"av": "18.1.0"}, "ok", "18.1.0"),
        ("av>=18", {"av": "17.9"}, "problem", "17.9 is installed; >=18 is required"),
        ("av>=18.0.0", {"av": "18"}, "ok", "18"),
        ("av>=18", {"av": "9.2"}, "problem", "9.2 is installed"),
        ("av==0.1.4", {"av": "0.1.40"}, "problem", "0.1.40 is installed; ==0.1.4"),
        ("av>=2", {"av": "2.0.0rc1"}, "problem", "2.0.0rc1 is installed"),
        ("av>=2", {"av": "2.0.post1"}, "ok", "2.0.post1"),
        ("av>=2,<3", {"av": "3.1"}, "problem", "3.1 is installed"),
        ("av>=2,<3,!=2.8", {"av": "2.9"}, "ok", "2.9"),
        ("av>=2,!=2.8", {"av": "2.8"}, "problem", "2.8 is installed"),
        ("av~=2.0", {"av": "2.5"}, "ok", "2.5"),
        ("av", {"av": "1.0"}, "ok", "1.0"),
        ("av>=1", {"av": "unknown"}, "warning", "cannot compare version unknown with >=1"),
        ("av >> 1", {"av": "1"}, "warning", "invalid requirement"),
        ("mediapipe>=0.10.30", {}, "problem", "not installed; >=0.10.30 is required"),
        ("scikit_image>=0.25", {"scikit-image": "0.26"}, "ok", "0.26"),
        ("opencv-python>=4.10", {"opencv-python-headless": "5.0"}, "warning", "opencv-python-headless can replace it"),
    ],
)
def test_requirements(requirement: str, installed: dict[str, str], state: str, message: str) -> None:
    finding = check_requirement(requirement, installed)
    assert finding.state == state
    assert message in finding.message
    assert finding.exit_code == (state == "problem")
    assert bool(finding.fix) == (state != "ok") or "can replace it" in finding.message


def test_opencv_packages_of_different_versions() -> None:
    two = check_opencv({"opencv-python": "4.10.0.84", "opencv-contrib-python": "5.0.0.93", "numpy": "2"})
    assert two.state == "problem"
    assert "opencv-python 4.10.0.84" in two.message
    assert "opencv-python==5.0.0.93 opencv-contrib-python==5.0.0.93" in two.fix
    assert check_opencv({"opencv-python": "5.0", "opencv-contrib-python": "5.0"}).state == "ok"
    assert check_opencv({"opencv-python-headless": "5.0"}).state == "ok"
    assert check_opencv({}).state == "problem"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("OSError: libEGL.so.1: cannot open shared object file: No such file or directory", "libegl1"),
        ("OSError: libGLESv2.so.2: cannot open shared object file", "libgles2"),
        ("libgthread-2.0.so.0: cannot open shared object file", "libglib2.0-0"),
        ("libstdc++.so.6: cannot open shared object file", "libstdc++6"),
        ("Error loading shared library libgomp.so.1: No such file or directory (needed by x.so)", "apk add libgomp"),
        ("libodd-thing.so.3: cannot open shared object file", "the system package that provides libodd-thing.so"),
        ("/lib/libc.so.6: version `GLIBC_2.38' not found (required by x)", "C library is too old"),
        ("OSError: PortAudio library not found", "libportaudio2"),
        ("ModuleNotFoundError: No module named 'cv2'", ""),
    ],
)
def test_missing_system_library(text: str, advice: str) -> None:
    found = library_advice(text)
    assert (advice in found) if advice else found == ""
    finding = doctor.check_import("cv2", PythonRun(1, "", f"Traceback\n  File\n{text}\n"))
    assert (finding.name, finding.state, finding.exit_code, finding.message) == ("import cv2", "problem", 1, text)
    assert finding.fix == (found or REINSTALL)


def test_imports_that_crash_hang_or_fail() -> None:
    crash = doctor.check_import(
        "mediapipe", run_python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", limit_s=HANG_S)
    )
    assert (crash.state, crash.message) == ("problem", "crashes Python (SIGSEGV)")
    missing = doctor.check_import("cv2", run_python("import no_such_package_at_all", limit_s=HANG_S))
    assert missing.message == "ModuleNotFoundError: No module named 'no_such_package_at_all'"
    hangs = doctor.check_import("av", run_python("import time; time.sleep(100_000)", limit_s=0.5))
    assert "no answer within" in hangs.message
    assert doctor.check_import("av", PythonRun(3, "", "")).message == "exit code 3"


def test_the_child_process_has_the_same_modules_and_its_arguments() -> None:
    run = run_python("import lipblend; print(lipblend.__file__, sys.argv[1:])", "a b", limit_s=HANG_S)
    assert run.out == f"{ROOT / 'lipblend' / '__init__.py'} ['a b']\n", run.err


@pytest.mark.slow
@pytest.mark.parametrize("name", doctor.IMPORTS)
def test_every_import_works_here(name: str) -> None:
    assert doctor.check_import(name, run_python(doctor.IMPORTS[name], limit_s=HANG_S)).state == "ok"


def test_a_missing_or_wrong_model(tmp_path: Path) -> None:
    spec = MODELS["face_landmarker"]
    wrong = tmp_path / spec.file_name

    def broken() -> Path:
        verify_model(wrong, spec)
        return wrong

    missing = doctor.check_model("face_landmarker", broken)
    assert (missing.state, missing.exit_code) == ("problem", ModelError.exit_code)
    wrong.write_bytes(b"not a model")
    changed = doctor.check_model("face_landmarker", broken)
    assert hashlib.sha256(b"not a model").hexdigest() in changed.message
    assert "lipblend models fetch" in changed.fix
    for name in MODELS:
        assert doctor.check_model(name, partial(resolve_model, name)).state == "ok"


def test_a_missing_optional_model_is_a_warning(tmp_path: Path) -> None:
    def broken() -> Path:
        raise ModelError("the model was not found", hint="Run `lipblend models fetch`.")

    missing = doctor.check_model("hand_landmarker", broken)
    assert (missing.name, missing.state, missing.exit_code) == ("hand model", "warning", 0)
    assert "only runs that look for hands need it" in missing.message
    assert "lipblend models fetch" in missing.fix


def without(*names: str) -> Callable[[Iterable[str]], list[str]]:
    return lambda asked: [name for name in asked if name in names]


def test_missing_decoders_and_encoders() -> None:
    assert doctor.check_decoders(without()).state == "ok"
    assert doctor.check_decoders(without("libdav1d")).state == "ok"  # libaom-av1 is enough
    lacking = doctor.check_decoders(without("libdav1d", "libaom-av1", "prores"))
    assert (lacking.state, lacking.message) == ("warning", "no decoder for av1, prores")
    some = doctor.check_encoders(without("libx265", "libsvtav1"), "libx264")
    assert (some.state, some.message) == ("warning", "not available: libx265, libsvtav1")
    default = doctor.check_encoders(without("libx264"), "libx264")
    assert (default.state, default.exit_code) == ("problem", 7)
    assert "--encoder libx265" in default.fix
    assert "--encoder" not in doctor.check_encoders(without(*doctor.ENCODERS), "libx264").fix
    assert doctor.check_encoders(without("own"), "own").state == "problem"


@pytest.mark.parametrize(
    ("failures", "message"),
    [
        (["no driver"] * 3, "h264_nvenc, hevc_nvenc, av1_nvenc cannot be used: no driver"),
        (["", "", "no codec"], "h264_nvenc, hevc_nvenc can be used; av1_nvenc cannot be used: no codec"),
        (["", "", ""], "h264_nvenc, hevc_nvenc, av1_nvenc can be used"),
    ],
)
def test_hardware_encoders_that_work_or_fail(failures: list[str], message: str) -> None:
    output = "noise of a driver\n" + json.dumps(dict(zip(NVENC, failures, strict=True)))
    finding = hardware_check.check_hardware("nvenc", NVENC, PythonRun(0, output, ""))
    assert finding == Finding("hardware encoders (nvenc)", "ok", message)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (PythonRun(-11, "", ""), "SIGSEGV"),
        (PythonRun(1, "", "no answer within 20 s"), "no answer within 20 s"),
        (PythonRun(0, "unreadable", ""), "exit code 0"),
    ],
)
def test_hardware_encoders_that_crash_or_hang(run: PythonRun, reason: str) -> None:
    finding = hardware_check.check_hardware("nvenc", NVENC, run)
    assert finding.state == "warning"
    assert reason in finding.message
    assert "Do not use h264_nvenc, hevc_nvenc, av1_nvenc" in finding.fix


def test_only_hardware_encoders_of_the_build_are_tried() -> None:
    tried: list[list[str]] = []

    def attempt(encoders: Sequence[str]) -> PythonRun:
        tried.append(list(encoders))
        return PythonRun(0, json.dumps(dict.fromkeys(encoders, "")), "")

    built = ("h264_nvenc", "hevc_qsv", "av1_qsv")
    found = list(hardware_check.hardware_findings(lambda names: [name for name in names if name not in built], attempt))
    assert tried == [["h264_nvenc"], ["hevc_qsv", "av1_qsv"]]
    assert [each.name for each in found] == ["hardware encoders (nvenc)", "hardware encoders (qsv)"]
    (none,) = hardware_check.hardware_findings(list, attempt)
    assert (none.state, none.message) == ("ok", "none in this FFmpeg")


@pytest.mark.slow
def test_hardware_encoders_are_tried_with_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware_check, "HARDWARE_LIMIT_S", HANG_S)
    # x264 takes these options too, and starts everywhere.
    assert json.loads(hardware_check.try_hardware(["libx264"]).out) == {"libx264": ""}
    built = [name for name in NVENC if not missing_codecs([name], "w")]
    if built:
        assert set(json.loads(hardware_check.try_hardware(built).out.splitlines()[-1])) == set(built)
    monkeypatch.setattr(hardware_check, "HARDWARE_LIMIT_S", 0.01)
    assert "no answer within" in hardware_check.try_hardware(NVENC).err


def test_a_network_that_cannot_be_blocked() -> None:
    assert doctor.check_network(NetworkStatus(True, "")).state == "ok"
    open_ = doctor.check_network(NetworkStatus(False, "not possible on Darwin"))
    assert open_.state == "warning"
    assert "not possible on Darwin" in open_.message
    assert "may contact" in open_.fix
    assert isinstance(network_status(), NetworkStatus)


def test_a_small_machine() -> None:
    small = doctor.check_machine(1, 400_000_000, Path("tmp"), 10_000_000)
    assert [finding.state for finding in small] == ["warning"] * 3
    assert "0.4 GB; less than 1.0 GB" in small[1].message
    assert "TMPDIR" in small[2].fix
    assert [finding.state for finding in doctor.check_machine(2, 2 * 10**9, Path("tmp"), 2 * 10**9)] == ["ok"] * 3
    unknown = doctor.check_machine(4, None, Path("tmp"), None)
    assert [finding.message for finding in unknown[1:]] == ["unknown on this system"] * 2


def _canonical(requirements: Sequence[str]) -> set[tuple[str, str]]:
    """Name and versions, however they are written."""
    return {(canonicalize_name(each.name), str(each.specifier)) for each in map(Requirement, requirements)}


@pytest.mark.slow
def test_the_facts_of_this_machine(tmp_path: Path) -> None:
    assert (free_disk_bytes(tmp_path) or 0) > 0
    assert free_disk_bytes(tmp_path / "missing") is None
    memory = free_memory_bytes()
    assert memory is None or memory > 10_000_000
    assert installed_versions()["pydantic"] == importlib.metadata.version("pydantic")
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert _canonical(own_requirements() or ()) == _canonical(wanted)
    for requirement in wanted:
        assert check_requirement(requirement, installed_versions()).state == "ok"


GOOD = {"frames": 4, "blended": 4, "output_frames": 4, "seconds": 1.0}


@pytest.mark.parametrize(
    ("run", "code", "part"),
    [
        (PythonRun(0, "noise\n" + json.dumps(GOOD), ""), 0, "4 of 4 frames blended"),
        (PythonRun(0, json.dumps({**GOOD, "blended": 3}), ""), 7, "3 of 4 frames blended"),
        (PythonRun(0, json.dumps({**GOOD, "output_frames": 2}), ""), 7, "2 in the output"),
        (PythonRun(-4, "", ""), 7, "crashes Python (SIGILL)"),
        (PythonRun(1, "", "Traceback\nOSError: libEGL.so.1: cannot open shared object file"), 7, "libEGL.so.1"),
        (PythonRun(1, "", ""), 7, "exit code 1"),
        (PythonRun(0, json.dumps({"error": "no face", "hint": "Look.", "exit_code": 5}), ""), 5, "no face"),
        (PythonRun(0, json.dumps({"error": "bad model", "hint": "", "exit_code": 6}), ""), 6, "bad model"),
    ],
)
def test_results_of_the_sample_run(run: PythonRun, code: int, part: str) -> None:
    finding = sample_run.check_run(run)
    assert part in finding.message
    assert (finding.state, finding.exit_code) == (("problem", code) if code else ("ok", 0))
    assert bool(finding.fix) == bool(code)


@pytest.mark.slow(6)
def test_the_sample_run_works_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sample_run, "RUN_LIMIT_S", HANG_S)
    finding = sample_run.check_run(sample_run.run_sample(None))
    assert finding.state == "ok", finding
    assert list(tmp_path.iterdir()) == []
    wrong = tmp_path / "wrong.task"
    wrong.write_bytes(b"")
    broken = sample_run.check_run(sample_run.run_sample(wrong))
    assert (broken.state, broken.exit_code) == ("problem", 6)
    assert list(tmp_path.iterdir()) == [wrong]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert "cannot create a temporary folder" in sample_run.check_run(sample_run.run_sample(None)).message


def test_the_exit_code_is_the_first_problems() -> None:
    fine, odd = Finding("a", "ok", ""), Finding("b", "warning", "", "x")
    model, encoder = Finding("c", "problem", "", "x", 6), Finding("d", "problem", "", "x", 7)
    assert DoctorReport((fine, odd)).exit_code == 0
    assert DoctorReport((fine, model, encoder)).exit_code == 6
    assert DoctorReport((encoder, model)).to_dict()["exit_code"] == 7
