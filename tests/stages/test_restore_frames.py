"""Restoration models in whole frames: where their detail shows, and with which settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from restore_models import IDENTITY, SHARPENING

from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.frame import render_frame
from lipblend.settings import RestoreSettings, Settings
from lipblend.stages.detail.restore import Restorer, load_restorers
from lipblend.stages.detail.restore_model import RestoreModel
from tests.renders import picture


def test_frame_has_the_detail_of_the_model_only_in_the_mouth(row: FramePlan, loaded: Callable[..., Restorer]) -> None:
    plain = Settings.model_validate({"reuse": {"method": "none"}})
    (without,) = render_frame(picture(1), picture(2), row, plain).patches
    for data, changes in ((IDENTITY, False), (SHARPENING, True)):
        restorer = loaded(data)
        chosen = plain.model_copy(update={"restore": restorer.settings})
        (patch,) = render_frame(picture(1), picture(2), row, chosen, restorer=restorer).patches
        apart = np.abs((patch.delta - without.delta).whole()).max(2) > 0
        assert apart.any() == changes
        if changes:
            lips = row.faces[0].synced.points[np.asarray(LIPS_OUTER)]
            margin = 0.06 * row.faces[0].original.face_width_px + 1
            y, x = np.array(apart.nonzero()) + np.array([[patch.matte.box.y0], [patch.matte.box.x0]])
            low, high = lips.min(0) - margin, lips.max(0) + margin
            centre = lips.mean(0)
            assert low[0] <= x.min() < centre[0] < x.max() <= high[0]
            assert low[1] <= y.min() < centre[1] < y.max() <= high[1]


def test_restorer_must_match_the_settings(row: FramePlan, loaded: Callable[..., Restorer]) -> None:
    restorer = loaded(IDENTITY)
    chosen = Settings(restore=restorer.settings)
    other = Restorer(restorer.settings.model_copy(update={"strength": 0.5}), restorer.model)
    for settings, given in ((chosen, None), (Settings(), restorer), (chosen, other)):
        with pytest.raises(ValueError, match="restorer"):
            render_frame(picture(1), picture(2), row, settings, restorer=given)


def test_models_are_loaded_once_per_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.onnx").write_bytes(IDENTITY)
    monkeypatch.chdir(tmp_path)  # a relative path starts at the working folder
    one, none = RestoreSettings(model="tiny.onnx"), RestoreSettings()
    found = load_restorers([one, none, RestoreSettings(model="tiny.onnx")])
    assert list(found) == [one, none]
    assert found[none] is None
    restorer = found[one]
    assert restorer is not None
    assert isinstance(restorer.model, RestoreModel)
