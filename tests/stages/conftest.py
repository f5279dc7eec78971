"""Restoration models, loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lipblend.settings import RestoreSettings
from lipblend.stages.detail.restore import Restorer, load_restorer


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[..., Restorer]:
    def load(data: bytes, **more: object) -> Restorer:
        path = tmp_path / "tiny.onnx"
        path.write_bytes(data)
        found = load_restorer(RestoreSettings.model_validate({"model": str(path), **more}))
        assert found is not None
        return found

    return load
