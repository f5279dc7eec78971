"""Timelines for editors."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from lipblend.output.otio_timeline import TimelineClip, TimelineTrack, relative_url, timeline_rate, timeline_text


@pytest.mark.parametrize(
    ("measured", "rate"),
    [
        (Fraction(24000, 1001), 24000 / 1001),
        (Fraction(2397, 100), 24000 / 1001),
        (Fraction(1000, 33) * Fraction(989, 1000), 30000 / 1001),
        (Fraction(24), 24.0),
        (Fraction(25), 25.0),
        (Fraction(17), 17.0),
        (None, 25.0),
    ],
)
def test_rates_are_those_that_editors_know(measured: Fraction | None, rate: float) -> None:
    assert timeline_rate(measured) == pytest.approx(rate, rel=1e-12)


def test_files_are_named_relative_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "take 1").mkdir()
    assert relative_url(tmp_path / "take 1" / "a#b.mov", tmp_path / "layers") == "../take%201/a%23b.mov"
    assert relative_url(tmp_path / "layers" / "patch.mov", tmp_path / "layers") == "patch.mov"


def test_every_track_has_one_clip_of_its_part(tmp_path: Path) -> None:
    clip = TimelineClip(tmp_path / "o.mp4", 100, 50, 240)
    tracks = [TimelineTrack("V1", "Video", clip), TimelineTrack("A1", "Audio", clip)]
    data = json.loads(timeline_text("cut", tracks, 24000 / 1001, tmp_path / "layers"))
    assert (data["OTIO_SCHEMA"], data["name"], data["tracks"]["OTIO_SCHEMA"]) == ("Timeline.1", "cut", "Stack.1")
    for track, kind in zip(data["tracks"]["children"], ("Video", "Audio"), strict=True):
        assert (track["OTIO_SCHEMA"], track["kind"]) == ("Track.1", kind)
        shown = track["children"][0]
        media = shown["media_references"][shown["active_media_reference_key"]]
        assert (shown["OTIO_SCHEMA"], media["OTIO_SCHEMA"]) == ("Clip.2", "ExternalReference.1")
        assert media["target_url"] == "../o.mp4"
        for place, first, frames in ((shown["source_range"], 100, 50), (media["available_range"], 0, 240)):
            assert place["start_time"]["value"] == first
            assert place["duration"]["value"] == frames
            assert place["duration"]["rate"] == pytest.approx(23.976023976)
