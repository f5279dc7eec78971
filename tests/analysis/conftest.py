"""A small pair and its analysis."""

from __future__ import annotations

import pytest

from lipblend.analysis.cache import analyse_cached
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.faces.models import resolve_model
from lipblend.selfcheck.sample import SamplePair
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from tests.made import Shared


@pytest.fixture(scope="session")
def pair(shared_material: Shared) -> SamplePair:
    return shared_material.sample(frames=6, size=320)


@pytest.fixture(scope="session")
def videos(pair: SamplePair) -> tuple[VideoInfo, VideoInfo]:
    return probe(pair.original), probe(pair.synced)


@pytest.fixture(scope="session")
def analysis(videos: tuple[VideoInfo, VideoInfo]) -> ClipAnalysis:
    return analyse_cached(
        *videos, model=resolve_model("face_landmarker"), settings=Settings(), on_frame=lambda _: None, cache=None
    )
