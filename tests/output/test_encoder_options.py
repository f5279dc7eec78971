"""What the summary says about settings that an encoder does not have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lipblend.output.encoders import encoder_options
from lipblend.settings import EncodeSettings


@pytest.mark.parametrize(
    ("encoder", "given", "said"),
    [
        ("libvpx-vp9", {}, []),
        ("libvpx-vp9", {"crf": 30}, []),
        ("libvpx-vp9", {"preset": "medium"}, ["libvpx-vp9 has no speed preset: it is ignored"]),
        ("h264_videotoolbox", {}, []),
        ("h264_videotoolbox", {"preset": "medium"}, ["h264_videotoolbox has no speed preset: it is ignored"]),
        ("ffv1", {}, []),
        ("ffv1", {"crf": 20}, ["ffv1 has neither crf nor speed preset: crf ignored (it is lossless)"]),
        ("mpeg4", {"crf": 20, "preset": "fast"}, ["mpeg4 has neither crf nor speed preset: crf and preset ignored"]),
    ],
)
def test_only_what_was_given_is_said_to_be_ignored(encoder: str, given: dict[str, Any], said: list[str]) -> None:
    codec = SimpleNamespace(name=encoder, lossless=encoder == "ffv1", lossy=encoder != "ffv1")
    assert encoder_options(EncodeSettings(encoder=encoder, **given), codec, 8)[1] == said
