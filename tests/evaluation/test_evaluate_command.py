"""``lipblend evaluate`` on small files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made import Shared
from typer.testing import CliRunner, Result

from lipblend.cli.app import app


def evaluate(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, words), "--no-cache"])


@pytest.mark.slow(3)
def test_a_gate_without_anything_to_judge_does_not_pass(shared_material: Shared) -> None:
    pair = shared_material.sample(frames=6, size=320)
    same = pair.original, pair.original
    for result in (pair.original, pair.synced):  # nothing of the synced picture can be found in either
        done = evaluate(*same, result, "--gate", "--json", "--matte", "difference")
        assert done.exit_code == 8, done.stderr
        assert "the gate has nothing to judge" in done.stderr
        found = json.loads(done.stdout)
        assert (found["judged"], found["passed"], found["headline"]) == (False, None, None)
        assert evaluate(*same, result, "--json", "--matte", "difference").exit_code == 0


@pytest.mark.slow(3)
@pytest.mark.parametrize("matte", ["auto", "settings"])
def test_three_times_the_same_file_is_not_judged(shared_material: Shared, matte: str) -> None:
    original = shared_material.sample(frames=6, size=320).original
    done = evaluate(original, original, original, "--gate", "--json", "--matte", matte)
    assert done.exit_code == 8
    assert "nothing to judge: original and synced are the same file. Give what the lip-sync generator" in done.stderr
    found = json.loads(done.stdout)
    assert (found["judged"], found["passed"], found["headline"]) == (False, None, None)
    assert not any("is it the original?" in note for note in found["notes"])  # the plan says what is the matter


@pytest.mark.slow(3)
def test_the_truth_is_less_visible_than_what_the_generator_made(shared_material: Shared) -> None:
    pair = shared_material.sample(frames=12, size=320)
    truth, raw = (
        json.loads(evaluate(pair.original, pair.synced, result, "--json").stdout)["headline"]["score"]
        for result in (pair.truth, pair.synced)
    )
    assert raw < 30
    assert truth > raw + 20
