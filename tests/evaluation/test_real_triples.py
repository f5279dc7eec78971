"""A pair made from a real clip whose truth is known: the truth must pass, and what the generator made must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.quality.record import Evaluation

PAIRS = Path(__file__).resolve().parents[3] / "shared" / "eval" / "pairs"
TRIPLE = "ls1_musetalk"


@pytest.mark.slow(40)
@pytest.mark.thorough
@pytest.mark.skipif(not (PAIRS / TRIPLE / "truth.mp4").is_file(), reason="needs real clips in shared/")
def test_real_footage_passes_and_the_generators_own_file_does_not(tmp_path: Path) -> None:
    original, synced, truth = (PAIRS / TRIPLE / f"{name}.mp4" for name in ("orig", "synced", "truth"))

    def judge(result: Path) -> Evaluation:
        # As whoever has only the files: the mattes are estimated.
        return evaluate(original, synced, result, options=EvaluateOptions(matte="difference", cache=tmp_path)).record

    right, raw = judge(truth), judge(synced)
    assert (right.judged, right.passed) == (True, True), right.headline
    assert (raw.judged, raw.passed) == (True, False), raw.headline
    assert right.headline.score > raw.headline.score + 20
    assert raw.headline.parts[0].visibility > 2
