"""The recipes, with stand-ins for the generators and for lipblend; their options against the real ones."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lipblend.cli.app import load_command
from lipblend.cropping.crop_profiles import PROFILES

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "scripts" / "recipes"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.sh") if path.stem != "common")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX sh")

# Notes its arguments, and makes the files that it was asked for.
STAND_IN = """#!{python} -S
import json, os, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps([name, *words]) + "\\n")
pairs = dict(zip(words, words[1:])) | dict(word.split("=", 1) for word in words if "=" in word)
if "-s" in pairs:
    stems = [os.path.splitext(os.path.basename(pairs[key]))[0] for key in ("-s", "-d")]
    made = [os.path.join(pairs["-o"], "--".join(stems) + ".mp4")]
elif "--output_vid_name" in pairs:
    made = [os.path.join(pairs["--result_dir"], pairs["--version"], pairs["--output_vid_name"])]
else:
    wanted = ("-o", "--meta", "--outfile", "--video_out_path", "--out_path", "--out_name")
    made = [pairs[key] for key in wanted if key in pairs]
for path in made:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").close()
"""


class Desk:
    """A folder with inputs, a generator's checkout and the stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls_file = folder, folder / "calls"
        self.bin = folder / "bin"
        for name in ("bin", "generator"):
            (folder / name).mkdir()
        for name in ("original.mp4", "speech.wav"):
            (folder / name).touch()
        for name in ("lipblend", "python"):
            (self.bin / name).write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
            (self.bin / name).chmod(0o755)

    def run(self, recipe: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a recipe in the folder of the inputs."""
        files = ["original.mp4", "speech.wav", "out.mp4"]
        environment = {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "CALLS": str(self.calls_file),
            "GENERATOR": str(self.folder / "generator"),
            **variables,
        }
        command = ["sh", str(FOLDER / f"{recipe}.sh"), *options, *files]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def calls(self) -> list[list[str]]:
        """What was called, since the last time this was asked."""
        lines = self.calls_file.read_text(encoding="utf-8").splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    # Paths of pytest hold nothing but letters, digits, - and _; the recipes ask for that.
    return Desk(tmp_path)


def runs_of(desk: Desk, recipe: str) -> list[list[list[str]]]:
    """The calls of both routes."""
    if recipe == "geneface":  # a model is trained between two runs
        runs = [desk.run(recipe), desk.run(recipe, TORSO="checkpoints/may_torso")]
        assert [run.returncode for run in runs] == [0, 0], runs[-1].stderr
        return [desk.calls()]
    found = []
    for options in ((), ("-c",)):
        done = desk.run(recipe, *options)
        assert done.returncode == 0, done.stderr
        found.append(desk.calls())
    return found


def test_every_profile_has_a_recipe() -> None:
    assert sorted(PROFILES) == RECIPES


@pytest.mark.parametrize("recipe", [*RECIPES, "common"])
def test_it_parses(recipe: str) -> None:
    subprocess.run(["sh", "-n", str(FOLDER / f"{recipe}.sh")], check=True)


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_says_how_it_is_used(desk: Desk, recipe: str) -> None:
    asked = desk.run(recipe, "-h")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith(f"usage: {recipe}.sh [-h] [-c] ORIGINAL ")
    used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", (FOLDER / f"{recipe}.sh").read_text(encoding="utf-8")))
    assert {name for name in used if name not in asked.stdout} == set()
    wrong = desk.run(recipe, "-x")
    assert wrong.returncode == 2
    assert "usage: " in wrong.stderr
    assert desk.calls() == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_says_what_the_generator_does_and_where_that_is_from(recipe: str) -> None:
    head = (FOLDER / f"{recipe}.sh").read_text(encoding="utf-8").partition("set -eu")[0]
    for label in ("# Source: https://github.com/", "# Rate:   ", "# Size:   ", "# Colour: "):
        assert label in head


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_crops_generates_blends_and_measures(desk: Desk, recipe: str) -> None:
    work = desk.folder / "out-work"
    for number, calls in enumerate(runs_of(desk, recipe)):
        cropped = number == 1 or recipe == "geneface"
        steps = [call[0] if call[0] == "python" else call[1] for call in calls]
        assert steps == [*(["crop"] if cropped else []), "python", "composite", "evaluate"]
        generated = " ".join(calls[-3])
        assert (str(work / "face.mp4") in generated) == (cropped and recipe != "geneface") or recipe == "musetalk"
        for call in calls[-2:]:
            assert call[2:4] == [str(desk.folder / "original.mp4"), str(work / "synced.mp4")]
            assert ("--crop" in call) == cropped
        if cropped:
            assert calls[0][calls[0].index("--profile") + 1] == recipe


@pytest.mark.parametrize("recipe", RECIPES)
def test_lipblend_takes_every_option(desk: Desk, recipe: str) -> None:
    """By the command line's own parser, which also checks values and that files exist; nothing is run."""
    called = set()
    for calls in runs_of(desk, recipe):
        for call in calls:
            if call[0] == "lipblend":
                load_command(call[1]).make_context(call[1], call[2:])
                called.add(call[1])
    written = re.findall(r"^ *lipblend (\w+)", (FOLDER / f"{recipe}.sh").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(written) == called


def test_an_option_that_lipblend_lacks_is_found() -> None:
    with pytest.raises(Exception, match="No such option: --profil"):
        load_command("crop").make_context("crop", [str(ROOT / "README.md"), "-o", "x.mp4", "--profil", "wav2lip"])


def test_the_task_of_musetalk_names_the_inputs(desk: Desk) -> None:
    assert desk.run("musetalk", "-c").returncode == 0
    task = (desk.folder / "out-work" / "task.yaml").read_text(encoding="utf-8")
    assert f'video_path: "{desk.folder}/out-work/face.mp4"' in task
    assert f'audio_path: "{desk.folder}/speech.wav"' in task


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"GENERATOR": ""}, "set GENERATOR"),
        ({"GENERATOR": "/nowhere"}, "/nowhere: there is no such folder"),
        ({"WORK": "two words"}, "only letters, digits"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(desk: Desk, change: dict[str, str], said: str) -> None:
    done = desk.run("wav2lip", **change)
    assert done.returncode == 2
    assert said in done.stderr
    assert desk.calls() == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_generator_that_fails_ends_the_recipe(desk: Desk, recipe: str) -> None:
    desk.run(recipe, "-c")
    desk.calls()
    (desk.bin / "python").write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    assert desk.run(recipe, "-c", TORSO="checkpoints/may_torso").returncode == 3
    assert not [call for call in desk.calls() if call[1] in ("composite", "evaluate")]


def test_the_page_lists_every_recipe() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert [name for name in RECIPES if f"`{name}.sh`" not in page] == []
    assert shutil.which("sh")
