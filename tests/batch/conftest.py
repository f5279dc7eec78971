"""Series of small pairs, with one cache of analyses for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_runs import Series

from lipblend.selfcheck.sample import SamplePair
from tests.made import Shared


@pytest.fixture(scope="session")
def batch_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("analyses")


@pytest.fixture(scope="session")
def small_pairs(shared_material: Shared) -> dict[str, SamplePair]:
    """Three pairs of ten frames."""
    return {name: shared_material.sample(frames=10, size=192, seed=seed) for seed, name in enumerate("abc", 1)}


@pytest.fixture(scope="session")
def long_pair(shared_material: Shared) -> SamplePair:
    """48 frames: four segments of 12."""
    return shared_material.sample(frames=48, size=192)


@pytest.fixture
def series(small_pairs: dict[str, SamplePair], batch_cache: Path, tmp_path: Path) -> Series:
    """A list of the small pairs, written."""
    made = Series(tmp_path / "series", batch_cache, small_pairs)
    made.folder.mkdir()
    made.write()
    return made
