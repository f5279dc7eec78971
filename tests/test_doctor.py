"""The checks of `lipblend doctor`, each in worlds that are broken in its own way."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from patience import HANG_S

from lipblend.errors import ModelError
from lipblend.faces.models import MODELS, resolve_model, verify_model
from lipblend.faces.offline import NetworkStatus
from lipblend.selfcheck import doctor, hardware_check
from lipblend.selfcheck.doctor import DoctorReport
from lipblend.selfcheck.environment import (
    Ran,
    free_disk_bytes,
    free_memory_bytes,
    installed_versions,
    library_advice,
    network_status,
    our_requirements,
    run_python,
    version_fits,
)
from lipblend.selfcheck.findings import Finding
from lipblend.video.codecs import missing_codecs

ROOT = Path(__file__).resolve().parent.parent
LIBGL = (
    "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n"
    "ImportError: libGL.so.1: cannot open shared object file: No such file or directory\n"
)  # fmt: skip


def test_python_too_old() -> None:
    old = doctor.check_python((3, 10, 12))
    assert (old.state, old.exit_code) == ("problem", 1)
    assert "3.10.12; 3.11 or newer" in old.message
    assert doctor.check_python((3, 11, 0)).state == doctor.check_python((4, 0, 0)).state == "ok"


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("18.1.0", ">=18", True),
        ("17.9", ">=18", False),
        ("18", ">=18.0.0", True),
        ("9.2", ">=18", False),
        ("0.1.4", "==0.1.4", True),
        ("0.1.40", "==0.1.4", False),
        ("2.0.0rc1", ">=2", False),
        ("2.0.post1", ">=2", True),
        ("3.1", ">=2,<3", False),
        ("2.9", ">=2,<3,!=2.8", True),
        ("2.8", ">=2,!=2.8", False),
        ("5.0.0.93", ">=4.10", True),
        ("1.0", "", True),
        ("1.0", "~=1.0", None),
        ("unknown", ">=1", None),
    ],
)
def test_version_ranges(version: str, wanted: str, fits: bool | None) -> None:
    assert version_fits(version, wanted) is fits


def test_a_package_that_is_missing_or_too_old() -> None:
    world = {"av": "17.0", "numpy": "2.1", "opencv-python-headless": "5.0", "scikit-image": "0.26"}
    states = {
        text: doctor.check_requirement(text, world)
        for text in (
            "av>=18",
            "numpy>=2",
            "mediapipe>=0.10.30",
            "opencv-python>=4.10",
            "scikit_image>=0.25",
            "numpy~=2.0",
        )
    }
    assert [finding.state for finding in states.values()] == ["problem", "ok", "problem", "warning", "ok", "warning"]
    assert states["av>=18"].message == "17.0 is installed; >=18 is needed"
    assert states["mediapipe>=0.10.30"].message == "not installed; >=0.10.30 is needed"
    assert "opencv-python-headless stands in" in states["opencv-python>=4.10"].message
    for finding in states.values():
        assert bool(finding.mend) == (finding.state != "ok") or "stands in" in finding.message
        assert finding.exit_code == (1 if finding.state == "problem" else 0)


def test_two_opencv_packages_of_different_versions() -> None:
    two = doctor.check_opencv({"opencv-python": "4.10.0.84", "opencv-contrib-python": "5.0.0.93", "numpy": "2"})
    assert two.state == "problem"
    assert "opencv-python 4.10.0.84" in two.message
    assert "opencv-python==5.0.0.93 opencv-contrib-python==5.0.0.93" in two.mend
    assert doctor.check_opencv({"opencv-python": "5.0", "opencv-contrib-python": "5.0"}).state == "ok"
    assert doctor.check_opencv({"opencv-python-headless": "5.0"}).state == "ok"
    assert doctor.check_opencv({}).state == "problem"


def test_an_import_that_lacks_a_system_library() -> None:
    finding = doctor.check_import("cv2", Ran(1, "", LIBGL))
    assert (finding.name, finding.state, finding.exit_code) == ("import cv2", "problem", 1)
    assert finding.message.startswith("ImportError: libGL.so.1: cannot open")
    assert "apt install libgl1 (Debian, Ubuntu), dnf install libglvnd-glx (Fedora), apk add mesa-gl" in finding.mend


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("OSError: libEGL.so.1: cannot open shared object file: No such file or directory", "libegl1"),
        ("OSError: libGLESv2.so.2: cannot open shared object file", "libgles2"),
        ("libgthread-2.0.so.0: cannot open shared object file", "libglib2.0-0"),
        ("libstdc++.so.6: cannot open shared object file", "libstdc++6"),
        ("Error loading shared library libgomp.so.1: No such file or directory (needed by x.so)", "apk add libgomp"),
        ("libodd-thing.so.3: cannot open shared object file", "the system package that holds libodd-thing.so"),
        ("/lib/libc.so.6: version `GLIBC_2.38' not found (required by x)", "C library is too old"),
        ("OSError: PortAudio library not found", "libportaudio2"),
        ("ModuleNotFoundError: No module named 'cv2'", ""),
    ],
)
def test_the_missing_library_is_named_with_its_package(text: str, part: str) -> None:
    advice = library_advice(text)
    assert (part in advice) if part else advice == ""


def test_an_import_that_crashes_hangs_or_finds_no_module() -> None:
    crash = doctor.check_import(
        "mediapipe", run_python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", limit_s=HANG_S)
    )
    assert (crash.state, crash.message) == ("problem", "brings Python down (SIGSEGV)")
    missing = doctor.check_import("cv2", run_python("import no_such_package_at_all", limit_s=HANG_S))
    assert missing.message == "ModuleNotFoundError: No module named 'no_such_package_at_all'"
    assert missing.mend == doctor.REINSTALL
    hangs = doctor.check_import("av", run_python("import time; time.sleep(100_000)", limit_s=0.5))
    assert "no answer within" in hangs.message
    silent = doctor.check_import("av", Ran(3, "", ""))
    assert silent.message == "exit code 3"
    assert doctor.check_import("av", run_python("import json", limit_s=HANG_S)).state == "ok"


def test_the_process_of_its_own_sees_the_same_modules_and_its_arguments() -> None:
    ran = run_python("import lipblend; print(lipblend.__file__, sys.argv[1:])", "a b", limit_s=HANG_S)
    assert ran.out == f"{ROOT / 'lipblend' / '__init__.py'} ['a b']\n", ran.err


@pytest.mark.slow
@pytest.mark.parametrize("name", doctor.IMPORTS)
def test_every_import_that_is_tried_works_here(name: str) -> None:
    assert doctor.check_import(name, run_python(doctor.IMPORTS[name], limit_s=HANG_S)).state == "ok"


def test_a_model_that_is_missing_or_another_file(tmp_path: Path) -> None:
    spec = MODELS["face_landmarker"]
    wrong = tmp_path / spec.file_name

    def broken() -> Path:
        verify_model(wrong, spec)
        return wrong

    missing = doctor.check_model(broken)
    assert (missing.state, missing.exit_code) == ("problem", ModelError.exit_code)
    wrong.write_bytes(b"not a model")
    changed = doctor.check_model(broken)
    assert hashlib.sha256(b"not a model").hexdigest() in changed.message
    assert "lipblend models fetch" in changed.mend
    assert doctor.check_model(lambda: resolve_model("face_landmarker")).state == "ok"


def test_codecs_that_are_not_there() -> None:
    def without(*names: str):
        return lambda asked: [name for name in asked if name in names]

    assert doctor.check_decoders(without()).state == "ok"
    assert doctor.check_decoders(without("libdav1d")).state == "ok"  # libaom-av1 does as well
    lacking = doctor.check_decoders(without("libdav1d", "libaom-av1", "prores"))
    assert (lacking.state, lacking.message) == ("warning", "no decoder for av1, prores")
    some = doctor.check_encoders(without("libx265", "libsvtav1"), "libx264")
    assert (some.state, some.message) == ("warning", "not there: libx265, libsvtav1")
    default = doctor.check_encoders(without("libx264"), "libx264")
    assert (default.state, default.exit_code) == ("problem", 7)
    assert "--encoder libx265" in default.mend
    none = doctor.check_encoders(without(*doctor.ENCODERS), "libx264")
    assert "--encoder" not in none.mend
    assert doctor.check_encoders(without("own"), "own").state == "problem"


NVENC = ["h264_nvenc", "hevc_nvenc", "av1_nvenc"]


def test_hardware_encoders_that_start_and_that_do_not() -> None:
    def judged(code: int, out: str = "", err: str = "") -> Finding:
        return hardware_check.check_hardware("nvenc", NVENC, Ran(code, out, err))

    def answer(*words: str) -> str:
        return "noise of a driver\n" + json.dumps(dict(zip(NVENC, words, strict=True)))

    none = judged(0, answer("Cannot load libcuda.so.1", "Cannot load libcuda.so.1", "Cannot load libcuda.so.1"))
    assert none == Finding(
        "hardware encoders (nvenc)", "ok", "h264_nvenc, hevc_nvenc, av1_nvenc cannot: Cannot load libcuda.so.1"
    )
    some = judged(0, answer("", "", "Codec not supported"))
    assert (some.state, some.message) == (
        "ok",
        "h264_nvenc, hevc_nvenc can be used; av1_nvenc cannot: Codec not supported",
    )
    assert judged(0, answer("", "", "")).message == "h264_nvenc, hevc_nvenc, av1_nvenc can be used"
    crashed, hung, silent = judged(-11), judged(1, "", "no answer within 20 s"), judged(0, "nothing that can be read")
    assert {crashed.state, hung.state, silent.state} == {"warning"}
    assert "SIGSEGV" in crashed.message
    assert "no answer within 20 s" in hung.message
    assert "Do not use h264_nvenc, hevc_nvenc, av1_nvenc" in hung.mend


def test_only_hardware_encoders_of_the_build_are_tried() -> None:
    tried: list[list[str]] = []

    def attempt(encoders: Sequence[str]) -> Ran:
        tried.append(list(encoders))
        return Ran(0, json.dumps(dict.fromkeys(encoders, "")), "")

    there = ("h264_nvenc", "hevc_qsv", "av1_qsv")
    found = list(hardware_check.hardware_findings(lambda names: [name for name in names if name not in there], attempt))
    assert tried == [["h264_nvenc"], ["hevc_qsv", "av1_qsv"]]
    assert [each.name for each in found] == ["hardware encoders (nvenc)", "hardware encoders (qsv)"]
    none = list(hardware_check.hardware_findings(list, attempt))
    assert [(each.state, each.message) for each in none] == [("ok", "none in this FFmpeg")]


@pytest.mark.slow
def test_hardware_encoders_are_tried_in_a_process_that_cannot_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware_check, "HARDWARE_LIMIT_S", HANG_S)
    # x264 takes these options too, and starts everywhere.
    assert json.loads(hardware_check.try_hardware(["libx264"]).out) == {"libx264": ""}
    there = [name for name in NVENC if not missing_codecs([name], "w")]
    if there:
        assert set(json.loads(hardware_check.try_hardware(there).out.splitlines()[-1])) == set(there)
    monkeypatch.setattr(hardware_check, "HARDWARE_LIMIT_S", 0.01)
    assert "no answer within" in hardware_check.try_hardware(NVENC).err


def test_a_network_that_cannot_be_refused_is_told_honestly() -> None:
    assert doctor.check_network(NetworkStatus(True, "")).state == "ok"
    open_ = doctor.check_network(NetworkStatus(False, "not possible on Darwin"))
    assert open_.state == "warning"
    assert "not possible on Darwin" in open_.message
    assert "may contact" in open_.mend
    assert isinstance(network_status(), NetworkStatus)


def test_a_small_machine_is_warned_of() -> None:
    small = doctor.check_machine(1, 400_000_000, Path("tmp"), 10_000_000)
    assert [finding.state for finding in small] == ["warning"] * 3
    assert "0.4 GB; less than 1.0 GB" in small[1].message
    assert "TMPDIR" in small[2].mend
    assert [finding.state for finding in doctor.check_machine(2, 2 * 10**9, Path("tmp"), 2 * 10**9)] == ["ok"] * 3
    unknown = doctor.check_machine(4, None, Path("tmp"), None)
    assert [finding.message for finding in unknown[1:]] == ["this system does not say"] * 2


@pytest.mark.slow
def test_the_facts_of_this_machine(tmp_path: Path) -> None:
    assert (free_disk_bytes(tmp_path) or 0) > 0
    assert free_disk_bytes(tmp_path / "missing") is None
    memory = free_memory_bytes()
    assert memory is None or memory > 10_000_000
    assert installed_versions()["pydantic"] == importlib.metadata.version("pydantic")
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    found = our_requirements()
    assert found is not None
    assert sorted(found) == sorted(wanted)
    for requirement in wanted:
        assert doctor.check_requirement(requirement, installed_versions()).state == "ok"


GOOD = {"frames": 4, "blended": 4, "output_frames": 4, "seconds": 1.0}


@pytest.mark.parametrize(
    ("ran", "code", "part"),
    [
        (Ran(0, "noise\n" + json.dumps(GOOD), ""), 0, "4 of 4 frames blended"),
        (Ran(0, json.dumps({**GOOD, "blended": 3}), ""), 7, "3 of 4 frames blended"),
        (Ran(0, json.dumps({**GOOD, "output_frames": 2}), ""), 7, "2 in the output"),
        (Ran(-4, "", ""), 7, "brings Python down (SIGILL)"),
        (Ran(1, "", "Traceback\nOSError: libEGL.so.1: cannot open shared object file"), 7, "libEGL.so.1"),
        (Ran(1, "", ""), 7, "exit code 1"),
        (Ran(0, json.dumps({"error": "no face", "hint": "Look.", "exit_code": 5}), ""), 5, "no face"),
        (Ran(0, json.dumps({"error": "bad model", "hint": "", "exit_code": 6}), ""), 6, "bad model"),
    ],
)
def test_the_sample_run_is_judged_by_what_came_out(ran: Ran, code: int, part: str) -> None:
    finding = doctor.check_run(ran)
    assert part in finding.message
    assert (finding.state, finding.exit_code) == (("problem", code) if code else ("ok", 0))
    assert bool(finding.mend) == bool(code)


@pytest.mark.slow(6)
def test_the_sample_run_works_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(doctor, "RUN_LIMIT_S", HANG_S)
    finding = doctor.check_run(doctor.run_sample(None))
    assert finding.state == "ok", finding
    assert list(tmp_path.iterdir()) == []
    wrong = tmp_path / "wrong.task"
    wrong.write_bytes(b"")
    broken = doctor.check_run(doctor.run_sample(wrong))
    assert (broken.state, broken.exit_code) == ("problem", 6)
    assert list(tmp_path.iterdir()) == [wrong]


def test_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert "no temporary folder" in doctor.check_run(doctor.run_sample(None)).message


def test_the_exit_code_is_the_first_problems() -> None:
    fine, odd = Finding("a", "ok", ""), Finding("b", "warning", "", "x")
    model, encoder = Finding("c", "problem", "", "x", 6), Finding("d", "problem", "", "x", 7)
    assert DoctorReport((fine, odd)).exit_code == 0
    assert DoctorReport((fine, model, encoder)).exit_code == 6
    assert DoctorReport((encoder, model)).to_dict()["exit_code"] == 7
