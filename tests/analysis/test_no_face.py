"""What is said of clips without a face to work on."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from planned import COUNT, analysis_of

from lipblend.cli.exits import name_flags
from lipblend.errors import NoFaceError
from lipblend.plan.make_plan import make_plan
from lipblend.settings import Settings


def test_no_face_anywhere_is_an_error() -> None:
    empty = analysis_of({})
    with pytest.raises(NoFaceError, match=f"in {COUNT} frames: none was found in either video") as caught:
        make_plan(empty, Settings())
    for words in (
        "profile",
        "dark",
        "40 px",
        "--set track.min_face_px=20",
        "--set track.confidence=0.3",
        "--no-face copy",
    ):
        assert words in caught.value.hint
    low = Settings.model_validate({"track": {"min_face_px": 20, "confidence": 0.2}})
    with pytest.raises(NoFaceError) as caught:
        make_plan(empty, low)
    assert "--set" not in caught.value.hint
    assert name_flags(caught.value.hint) == caught.value.hint


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((0, 7), "none was found in the original (the synced video has some, in 7 frames)"),
        ((7, 0), "none was found in the synced video (the original has some, in 7 frames)"),
        ((7, 8), "7 frames of the original and 8 of the synced video have one"),
    ],
)
def test_the_error_says_which_video_has_no_face(counts: tuple[int, int], words: str) -> None:
    empty = replace(analysis_of({}), frames_with_faces=counts)
    with pytest.raises(NoFaceError, match=re.escape(words)):
        make_plan(empty, Settings())
