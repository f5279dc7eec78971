"""A small pair and its analysis."""

from __future__ import annotations

import pytest

from lipblend.analysis.cache import analyse_cached
from lipblend.analysis.clip import ClipAnalysis
from lipblend.faces.models import resolve_model
from lipblend.media.info import VideoInfo
from lipblend.media.probe import probe
from lipblend.sample import SamplePair, make_sample
from lipblend.settings import Settings


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=6, size=320)


@pytest.fixture(scope="module")
def videos(pair: SamplePair) -> tuple[VideoInfo, VideoInfo]:
    return probe(pair.original), probe(pair.synced)


@pytest.fixture(scope="module")
def analysis(videos: tuple[VideoInfo, VideoInfo]) -> ClipAnalysis:
    return analyse_cached(
        *videos, model=resolve_model("face_landmarker"), settings=Settings(), on_frame=lambda _: None, cache=None
    )
