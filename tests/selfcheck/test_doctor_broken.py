"""`lipblend doctor` and other commands when packages cannot be imported."""

from __future__ import annotations

import json
import re

import pytest
from patience import HANG_S

from lipblend.selfcheck import doctor
from lipblend.selfcheck.environment import run_python
from lipblend.selfcheck.findings import REINSTALL

NATIVE = "cv2,mediapipe,av,numpy,scipy,skimage,yaml,rich"
BROKEN_WORLD = """
import importlib.abc, json, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in refused:
            raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

refused = sys.argv.pop(1).split(",")
sys.meta_path.insert(0, Refuse())
sys.argv[0] = "lipblend"
from lipblend.selfcheck import doctor
from lipblend.selfcheck.environment import PythonRun
broken = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
doctor.run_python = lambda code, *arguments, limit_s: PythonRun(1, "", broken)
from lipblend.cli.app import main
main()
"""


@pytest.mark.parametrize("refused", [NATIVE, f"{NATIVE},packaging"])
def test_doctor_reports_when_nothing_can_be_imported(refused: str) -> None:
    run = run_python(BROKEN_WORLD, refused, "doctor", "--json", limit_s=HANG_S)
    assert run.code == 1, run.err
    findings = {item["name"]: item for item in json.loads(run.out)["findings"]}
    assert all(findings[f"import {name}"]["state"] == "problem" for name in doctor.IMPORTS)
    assert "apt install libgl1" in findings["import cv2"]["mend"]
    assert findings["face model"]["state"] == "ok"
    assert (findings["codecs"]["state"], findings["sample run"]["state"]) == ("warning", "warning")
    assert ("versions were not checked" in run.out) == ("packaging" in refused)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["composite", "a.mp4", "b.mp4", "-o", "c.mp4"], ["probe", "a.mp4"], ["presets", "list"]]
)
def test_other_commands_point_to_the_doctor(command: list[str]) -> None:
    run = run_python(BROKEN_WORLD, NATIVE, *command, limit_s=HANG_S)
    assert run.code == 1
    assert re.fullmatch(r"error: a package cannot be loaded: .*libGL.so.1.*`lipblend doctor`.*\n", run.err), run.err


def test_without_its_own_packages_the_command_line_says_so() -> None:
    run = run_python(BROKEN_WORLD, "pydantic,pydantic_core", "doctor", limit_s=HANG_S)
    assert (run.code, run.err.count("\n")) == (1, 1), run.err
    assert REINSTALL in run.err
