"""`lipblend doctor`, and the other commands, where packages cannot be imported."""

from __future__ import annotations

import json
import re

import pytest
from patience import HANG_S

from lipblend.selfcheck import doctor
from lipblend.selfcheck.environment import run_python

NATIVE = "cv2,mediapipe,av,numpy,scipy,skimage,yaml,tqdm,rich"
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
from lipblend.selfcheck.environment import Ran
broken = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
doctor.run_python = lambda code, *arguments, limit_s: Ran(1, "", broken)
from lipblend.cli.app import main
main()
"""


def test_doctor_reports_when_nothing_can_be_imported() -> None:
    ran = run_python(BROKEN_WORLD, NATIVE, "doctor", "--json", limit_s=HANG_S)
    assert ran.code == 1, ran.err
    findings = {item["name"]: item for item in json.loads(ran.out)["findings"]}
    assert all(findings[f"import {name}"]["state"] == "problem" for name in doctor.IMPORTS)
    assert "apt install libgl1" in findings["import cv2"]["mend"]
    assert findings["face model"]["state"] == "ok"
    assert (findings["codecs"]["state"], findings["sample run"]["state"]) == ("warning", "warning")


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["composite", "a.mp4", "b.mp4", "-o", "c.mp4"], ["probe", "a.mp4"], ["presets", "list"]]
)
def test_other_commands_point_to_the_doctor_then(command: list[str]) -> None:
    ran = run_python(BROKEN_WORLD, NATIVE, *command, limit_s=HANG_S)
    assert ran.code == 1
    assert re.fullmatch(r"error: a package cannot be loaded: .*libGL.so.1.*`lipblend doctor`.*\n", ran.err), ran.err


def test_without_its_own_packages_the_command_line_says_so() -> None:
    ran = run_python(BROKEN_WORLD, "pydantic,pydantic_core", "doctor", limit_s=HANG_S)
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran.err
    assert doctor.REINSTALL in ran.err
