"""Ranges and points beyond the end are found from the packets, before anything is decoded."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from lipblend.compositing import composite
from lipblend.cropping.crop_job import crop_video
from lipblend.cropping.crop_options import FACES, CropOptions
from lipblend.errors import SettingsError
from lipblend.lab.sweep.grid import make_grid
from lipblend.lab.sweep.run_sweep import run_sweep
from lipblend.output.synth import write_clip
from lipblend.preview.frames import preview
from lipblend.quality.evaluation.evaluate import evaluate
from lipblend.settings import Settings
from lipblend.video.asked_times import check_asked_times
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[VideoInfo, VideoInfo]:
    """One second, and two."""
    folder, picture = tmp_path_factory.mktemp("clips"), np.zeros((48, 64, 3), np.uint8)
    paths = [folder / "short.mp4", folder / "long.mp4"]
    for path, count in zip(paths, (25, 50), strict=True):
        write_clip(path, [picture] * count, frame_rate=Fraction(25), crf=30)
    return probe(paths[0]), probe(paths[1])


def asked(**track: object) -> Settings:
    return Settings.model_validate({"track": track})


@pytest.mark.parametrize(
    ("track", "says"),
    [
        ({"ranges": "0.5-1"}, None), ({"ranges": "0.5-1.08"}, None), ({"ranges": "1.0-end"}, None),
        ({"ranges": "0.5-3"}, "the range 0.5-3 (track.ranges) reaches beyond the clip: the output has 25 frames, 0 to"),
        ({"ranges": "26f-end"}, "lasts 1.000 s"), ({"ranges": "0.5-0.51"}, "holds no frame"),
        ({"face": "5,5@24f"}, None), ({"face": "5,5@25f"}, None), ({"face": "5,5@26f"}, "0 to 24, and lasts 1.000 s"),
        ({"face": "5,5@0.2;5,5@3"}, "the point 5,5@3 (track.face) lies beyond the clip: it has 25 frames"),
    ],
)  # fmt: skip
def test_one_frame_more_than_announced_is_allowed_for(
    clips: tuple[VideoInfo, VideoInfo], track: dict[str, str], says: str | None
) -> None:
    if says is None:
        check_asked_times(asked(**track).track, clips[:1])
        return
    with pytest.raises(SettingsError, match=re.escape(says)):
        check_asked_times(asked(**track).track, clips[:1])


def test_it_is_an_error_only_beyond_every_video_whose_times_count(clips: tuple[VideoInfo, VideoInfo]) -> None:
    track = asked(ranges="1.2-1.6").track
    check_asked_times(track, clips)
    check_asked_times(track, clips[::-1])
    with pytest.raises(SettingsError, match="25 frames"):
        check_asked_times(track, [clips[0], clips[0]])


def test_what_packets_do_not_tell_is_left_to_the_plan(clips: tuple[VideoInfo, VideoInfo]) -> None:
    check_asked_times(asked(ranges="5-9").track, [replace(clips[0], interlaced=True)])


def test_every_command_checks_before_it_reads_a_frame(
    clips: tuple[VideoInfo, VideoInfo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: object, **more: object) -> NoReturn:
        raise AssertionError("a frame was asked for")

    monkeypatch.setattr("lipblend.video.reader.VideoReader.__init__", refused)
    path, settings = clips[0].path, asked(ranges="5-9")
    grid = make_grid(None, None, ["track.ranges=5-9,6-9"])
    options = CropOptions(track=FACES.model_copy(update={"face": "5,5@9"}))
    for call in (
        lambda: composite(path, path, tmp_path / "out.mp4", settings=settings),
        lambda: evaluate(path, path, path, settings=settings),
        lambda: preview(path, path, [], {"one": settings}),
        lambda: run_sweep(path, path, tmp_path / "sweep", grid=grid),
        lambda: crop_video(path, tmp_path / "out.mp4", tmp_path / "out.json", options=options),
    ):
        with pytest.raises(SettingsError, match="beyond the clip"):
            call()
    assert not (tmp_path / "out.mp4").exists()
    with pytest.raises(SettingsError, match="beyond the clip"):
        composite(path, path, tmp_path / "out.mp4", settings=settings.model_copy(
            update={"pair": settings.pair.model_copy(update={"timeline": "synced"})}))  # fmt: skip
