"""Whole runs on files trimmed by an edit list give the same as files that hold the shown frames only."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.compositing import composite
from lipblend.selfcheck.sample import make_sample
from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from tests.edits import with_edits

FRAMES, CUT, SHOWN = 32, 7, 20
STRICT = Settings.model_validate({"read": {"strict": True}, "encode": {"preset": "ultrafast", "crf": 0}})


def alone(path: Path, out: Path) -> Path:
    """Encode the shown frames of a file without loss."""
    info = probe(path)
    with VideoReader(info) as reader, av.open(str(out), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"qp": "0", "preset": "ultrafast"})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = info.width, info.height, info.layout.name
        context.colorspace, context.color_primaries = info.colour.matrix, info.colour.primaries
        context.color_trc, context.color_range = info.colour.transfer, info.colour.range
        for frame in reader:
            frame.handle.pts, frame.handle.time_base = frame.index, Fraction(1, 25)
            frame.handle.pict_type = 0
            file.mux(stream.encode(frame.handle))
        file.mux(stream.encode(None))
    return out


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Original and synced video, trimmed at both ends by an edit list, and files of their shown pictures alone."""
    folder = tmp_path_factory.mktemp("trimmed")
    pair = make_sample(folder, frames=FRAMES, size=320)
    (folder / "alone").mkdir()
    found = {}
    for name, path in (("original", pair.original), ("synced", pair.synced)):
        found[name] = with_edits(path, folder / f"{name}.mp4", [(CUT / 25, SHOWN / 25)])
        found[f"{name} alone"] = alone(found[name], folder / "alone" / f"{name}.mp4")
        assert probe(found[name]).trimmed
        assert not probe(found[f"{name} alone"]).trimmed
    return found


def read(path: Path) -> tuple[list[float], list[np.ndarray]]:
    with VideoReader(probe(path)) as reader:
        frames = [(round(frame.time_s, 4), frame.planes[0].copy()) for frame in reader]
    return [time for time, _ in frames], [plane for _, plane in frames]


@pytest.mark.slow(2)
@pytest.mark.parametrize("synced", ["synced", "synced alone"])
def test_trimmed_files_give_the_result_of_their_shown_frames(
    files: dict[str, Path], tmp_path: Path, synced: str
) -> None:
    done = composite(files["original"], files[synced], tmp_path / "out.mp4", settings=STRICT)
    composite(files["original alone"], files["synced alone"], tmp_path / "expected.mp4", settings=STRICT)
    assert done.frames == done.blended == SHOWN
    assert not any("damaged" in note for note in done.notes)
    (times, got), (expected_times, expected) = read(tmp_path / "out.mp4"), read(tmp_path / "expected.mp4")
    assert times == expected_times == [round(index / 25, 4) for index in range(SHOWN)]
    np.testing.assert_array_equal(got, expected)
    assert not probe(tmp_path / "out.mp4").trimmed


@pytest.mark.slow(2)
def test_a_preview_shows_the_frame_that_the_whole_run_shows(files: dict[str, Path], tmp_path: Path) -> None:
    sheets = []
    for suffix in ("", " alone"):
        sheet = tmp_path / f"sheet{suffix}.png"
        videos = [files[f"{name}{suffix}"] for name in ("original", "synced")]
        command = ["preview", *videos, "--at", "0.4", "-o", sheet, "--json"]
        done = CliRunner().invoke(app, [*map(str, command), "--no-cache"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        with av.open(str(sheet)) as file:
            sheets.append(next(file.decode(video=0)).to_ndarray(format="rgb24"))
    np.testing.assert_array_equal(*sheets)
