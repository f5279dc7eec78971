"""Meshes made steady part by part are those made steady at once."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.picture.similarity import Similarity
from lipblend.plan import smoothing, steady_meshes
from lipblend.plan.steady_meshes import MeshSeries, SteadyMeshes
from lipblend.settings import Settings

COUNT = 90


def at_once(
    values: np.ndarray, valid: np.ndarray, times_s: np.ndarray, settings: Settings
) -> tuple[np.ndarray, np.ndarray]:
    track, smooth = settings.track, settings.smooth
    if not valid.any():
        return values, valid
    across = values.reshape(-1, 478, 2)[:, :, 0]
    valid = smoothing.reject_outliers(values, valid, across.max(1) - across.min(1), limit=track.outlier_frac)
    values, valid = smoothing.fill_gaps(values, valid, times_s, max_gap_s=track.max_gap_s)
    if smooth.method == "zero_phase":
        values = smoothing.zero_phase(values, valid, times_s, sigma_s=smooth.sigma_s, order=2)
    elif smooth.method == "ema":
        values = smoothing.ema(values, valid, weight=smooth.ema_weight)
    return values, valid


@pytest.mark.parametrize("missing", [[], [0, 1, 2, 40, 41, 60], [*range(12, 70)], [*range(1, COUNT - 2)], range(COUNT)])
@pytest.mark.parametrize("method", ["zero_phase", "ema", "none"])
def test_they_are_the_same_to_the_last_bit(monkeypatch: pytest.MonkeyPatch, method: str, missing: list[int]) -> None:
    monkeypatch.setattr(steady_meshes, "BLOCK_ROWS", 7)
    settings = Settings.model_validate({"smooth": {"method": method}})
    rng = np.random.default_rng(3)
    times_s = np.cumsum(rng.uniform(0.03, 0.05, COUNT))  # uneven
    meshes = [rng.normal(200, 40, (478, 2)).astype(np.float32)]
    for _ in range(COUNT - 1):
        meshes.append(meshes[-1] + rng.normal(0, 0.6, (478, 2)).astype(np.float32))
    meshes[30] = meshes[30] + np.float32(90)  # stands apart
    placements = [Similarity(1.02, 0.03, *shift) for shift in rng.normal(0, 2, (COUNT, 2)).tolist()]
    some = [None if number in missing else mesh for number, mesh in enumerate(meshes)]
    series = MeshSeries(
        range(5, 5 + COUNT), some, 5, 5 + COUNT, lambda row, points: placements[row].inverse().apply(points)
    )
    steady = SteadyMeshes(series, times_s, settings)
    whole, valid = at_once(series.rows(0, COUNT), series.valid, times_s, settings)
    np.testing.assert_array_equal(steady.valid, valid)
    blocks = list(steady.blocks())
    assert max(len(block) for block in blocks) == 7
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
