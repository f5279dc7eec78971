"""Results that show nothing of the synced picture: measured if the settings' mattes are asked for, never a headline."""

from __future__ import annotations

import numpy as np
import pytest
from judged import SETTINGS, Made, make, value, worst

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.quality.record import NO_CHANGE
from lipblend.quality.report.wording import nothing_to_judge

FRAMES = 6


@pytest.fixture(scope="module")
def made(portrait: np.ndarray, face: Landmarks, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(portrait, face, tmp_path_factory.mktemp("nothing"), FRAMES)


@pytest.mark.slow(3)
def test_identity_gives_the_perfect_values_exactly_and_no_headline(made: Made) -> None:
    original = made.film.original
    record = evaluate(original, original, original, settings=SETTINGS, options=EvaluateOptions(matte="settings")).record
    perfect = {
        "seam": 0, "seam_rel": 0, "ssim_y": 1, "ssim_cb": 1, "ssim_cr": 1, "colour_step": 0, "ring_flicker": 0,
        "overspill": 0, "leak": 0, "untouched": 0, "outside": 0, "cast": 0, "colour_drift": 0, "sharpness": 1,
        "grain": 1, "passed_through": 0,
    }  # fmt: skip
    assert {key: worst(record, key) for key in perfect} == perfect
    assert record.matte == "settings"
    assert record.headline is None
    assert "score" not in record.values
    assert value(record, "score") is None


@pytest.mark.slow(2)
def test_the_original_as_a_result_is_measured_with_the_settings_mattes(made: Made) -> None:
    record = made.judge(made.film.original, "settings")
    assert record.matte == "settings"
    assert all(row.blended for row in record.rows)
    assert value(record, "passed_through") == 0
    assert (worst(record, "seam"), worst(record, "untouched")) == (0, 0)
    assert record.headline is None
    assert value(record, "score") is None


@pytest.mark.slow(4)
@pytest.mark.parametrize("matte", ["difference", "auto"])
def test_the_original_as_a_result_took_nothing_over(made: Made, matte: str) -> None:
    record = made.judge(made.film.original, matte)
    assert {row.reason for row in record.rows} == {NO_CHANGE}
    assert value(record, "passed_through") == 1
    assert (record.judged, record.headline) == (False, None)
    assert nothing_to_judge(record).startswith("the gate has nothing to judge: the result is the original file. ")
