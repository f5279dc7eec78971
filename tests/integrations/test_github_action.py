"""The GitHub action and the examples of docs/ci.md: what they call exists, and each ending is passed on."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from patience import HANG_S

from lipblend.cli.app import load_command
from lipblend.settings.presets import read_yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "integrations" / "github-action"
ACTION = read_yaml(FOLDER / "action.yml")
SCRIPT = (FOLDER / "run-batch.sh").read_text(encoding="utf-8")
posix = pytest.mark.skipif(os.name == "nt" or shutil.which("bash") is None, reason="needs bash")

STAND_IN = """#!{python} -S
import json, os, sys
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "batch":
    print("3 jobs: 2 passed, 1 failed")
    sys.exit(int(os.environ["CODE"]))
sys.exit(int(os.environ.get("PRUNE_CODE", "0")))
"""


class Runner:
    """A folder with a list of jobs, a stand-in for lipblend, and the files that a runner gives to a step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "jobs.yaml").write_text("[]")
        (folder / "bin").mkdir()
        program = folder / "bin" / "lipblend"
        program.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
        program.chmod(0o755)

    def run(self, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        """The step "Batch", with the defaults of the inputs."""
        values = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
        environment = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "CALLS": "calls", "CODE": str(code),
            "GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "page", "JOBS": "jobs.yaml", "GATE": values["gate"],
            "WORKERS": values["workers"], "OPTIONS": values["options"], "FOLDER": values["folder"],
            "LIPBLEND_CACHE": "analyses", **variables,
        }  # fmt: skip
        command = ["bash", str(FOLDER / "run-batch.sh")]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=HANG_S
        )

    def calls(self) -> list[list[str]]:
        """Arguments of each call of lipblend."""
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.chdir(tmp_path)
    return Runner(tmp_path)


def parse(words: list[str]) -> Any:
    """By the command line's own parser; nothing is run."""
    if words[0] == "cache":
        return load_command("cache").commands[words[1]].make_context(words[1], words[2:])
    return load_command(words[0]).make_context(words[0], words[1:])


@posix
def test_what_the_action_calls_is_accepted_by_the_command_line(runner: Runner) -> None:
    done = runner.run(OPTIONS="--fail-fast\n --only intro* ", WORKERS="2")
    assert done.returncode == 0, done.stderr
    batch, prune = runner.calls()
    given = parse(batch).params
    assert (given["job_list"], given["workers"], given["gate"]) == (Path("jobs.yaml"), "2", True)
    assert (given["fail_fast"], given["only"]) == (True, ["intro*"])
    results = Path("lipblend-results")
    assert [given[key] for key in ("junit", "index", "results", "logs")] == [
        results / "junit.xml", results, results / "results.jsonl", results / "logs",
    ]  # fmt: skip
    assert prune == ["cache", "prune"]
    parse(prune)
    with pytest.raises(Exception, match="No such option: --fail-fats"):
        parse([*batch, "--fail-fats"])


@posix
@pytest.mark.parametrize("code", [0, 8, 9, 2])
def test_every_ending_is_noted_and_the_step_goes_on(code: int, runner: Runner) -> None:
    done = runner.run(code, GATE="false", LIPBLEND_CACHE="off")
    assert done.returncode == 0, done.stderr
    assert (runner.folder / "output").read_text().splitlines() == [
        f"exit-code={code}", "index=lipblend-results/index.html", "junit=lipblend-results/junit.xml",
    ]  # fmt: skip
    assert "3 jobs: 2 passed, 1 failed" in done.stdout
    assert "3 jobs: 2 passed, 1 failed" in (runner.folder / "page").read_text()
    (batch,) = runner.calls()
    assert "--gate" not in batch


@posix
def test_inputs_are_no_shell(runner: Runner) -> None:
    done = runner.run(JOBS="$(touch owned);'x y'.yaml", FOLDER="a b", OPTIONS="$(touch owned)", PRUNE_CODE="7")
    assert done.returncode == 0, done.stderr
    assert not (runner.folder / "owned").exists()
    assert runner.calls()[0][1] == "$(touch owned);'x y'.yaml"
    assert (runner.folder / "a b" / "summary.txt").exists()
    assert "could not be pruned" in done.stderr
    wrong = runner.run(GATE="yes")
    assert (wrong.returncode, "gate must be true or false, not 'yes'" in wrong.stderr) == (2, True)


def expressions(value: Any) -> set[str]:
    return set(re.findall(r"\b(?:inputs|steps)\.[\w.-]+", json.dumps(value)))


def test_the_action_is_complete() -> None:
    assert ACTION["runs"]["using"] == "composite"
    steps = ACTION["runs"]["steps"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    assert all("shell" in step for step in steps if "run" in step), "a composite action needs it"
    used = expressions(ACTION["runs"]) - {"steps.batch.outputs.exit-code"}
    assert used == {f"inputs.{name}" for name in ACTION["inputs"]}
    assert not any("${{" in step.get("run", "") for step in steps), "inputs must not become part of a script"
    assert all(
        each.get("description") and ("default" in each or each["required"]) for each in ACTION["inputs"].values()
    )
    (batch,) = [step for step in steps if step.get("id") == "batch"]
    assert set(re.findall(r'"\$\{(\w+):\?\}"', SCRIPT)) | {"OPTIONS"} == {
        name for name in batch["env"] if not name.startswith("LIPBLEND")
    }
    written = set(re.findall(r'echo "([\w-]+)=', SCRIPT))
    assert {each["value"] for each in ACTION["outputs"].values()} == {
        f"${{{{ steps.batch.outputs.{name} }}}}" for name in written
    }
    assert steps[-1]["run"] == 'exit "$EXIT_CODE"'
    restored, saved = (
        [step["with"] for step in steps if step.get("uses", "").startswith(f"actions/cache/{word}@")]
        for word in ("restore", "save")
    )
    assert [(each["path"], each["key"]) for each in restored] == [(each["path"], each["key"]) for each in saved]


def test_the_example_workflow_uses_inputs_that_exist() -> None:
    workflow = read_yaml(FOLDER / "example-workflow.yml")
    steps = workflow["jobs"]["blend"]["steps"]
    (used,) = [step for step in steps if "lipblend" in step.get("uses", "")]
    assert used["uses"].partition("lipblend/")[2].partition("@")[0] == FOLDER.relative_to(ROOT).as_posix()
    assert set(used["with"]) <= set(ACTION["inputs"])
    assert {name for name, each in ACTION["inputs"].items() if each.get("required")} <= set(used["with"])


def test_the_commands_of_the_page_are_accepted_by_the_command_line(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    lines = re.findall(r"^[ -]*(lipblend .+)$", text.replace("\\\n", " "), re.MULTILINE)
    assert len(lines) >= 2
    for line in lines:
        parse(shlex.split(line, comments=True)[1:])
    inputs = set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE))
    assert set(ACTION["inputs"]) <= inputs
