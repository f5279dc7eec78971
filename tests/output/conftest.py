"""Fixtures of small videos, and of quick encoders."""

from __future__ import annotations

import av
import pytest

from lipblend.output import encoding
from lipblend.settings import EncodeSettings
from tests.small_videos import clip, make_video, samples, timeline

__all__ = ["clip", "make_video", "samples", "timeline"]


@pytest.fixture
def quick_vp9(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quality of VP9 does not matter here."""
    options = encoding.encoder_options

    def quick(encode: EncodeSettings, codec: av.Codec, depth: int) -> tuple[dict[str, str], list[str]]:
        given, notes = options(encode, codec, depth)
        return given | ({"deadline": "realtime", "cpu-used": "8"} if codec.name == "libvpx-vp9" else {}), notes

    monkeypatch.setattr(encoding, "encoder_options", quick)
