"""Whole runs on an original with an alpha channel, and the commands that show it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from runs import composited
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.picture.alpha_channel import alpha_plane
from lipblend.segments.proxy_size import ProxySize
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FRAMES, SIDE = 18, 320
LOSSLESS = {"encode": {"preset": "ultrafast", "crf": 0, "segment_s": 0.5}}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=SIDE)


def alpha_of(index: int) -> np.ndarray:
    """Noise, different for each frame."""
    return np.random.default_rng(index).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)


@pytest.fixture(scope="module")
def with_alpha(pair: SamplePair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's original with an alpha channel of noise."""
    path = tmp_path_factory.mktemp("alpha") / "original.mkv"
    info = probe(pair.original)
    with VideoReader(info) as reader, av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = SIDE, SIDE, "yuva420p"
        context.colorspace, context.color_primaries = info.colour.matrix, info.colour.primaries
        context.color_trc, context.color_range = info.colour.transfer, info.colour.range
        for frame in reader:
            made = VideoFrame(SIDE, SIDE, "yuva420p")
            for plane, codes in zip(made.planes, (*frame.planes, alpha_of(frame.index)), strict=True):
                view = np.ndarray((plane.height, plane.width), np.uint8, memoryview(plane), 0, (plane.line_size, 1))
                view[...] = codes
            made.pts, made.time_base, made.color_range = frame.index, Fraction(1, 25), info.colour.range
            out.mux(stream.encode(made))
        out.mux(stream.encode(None))
    return path


def frames_of(path: Path) -> tuple[list[np.ndarray | None], list[np.ndarray]]:
    """Alpha channels and luma planes."""
    alphas, lumas = [], []
    with VideoReader(probe(path)) as reader:
        for frame in reader:
            alpha = alpha_plane(frame.handle, frame.layout)
            alphas.append(None if alpha is None else alpha.copy())
            lumas.append(frame.planes[0].copy())
    return alphas, lumas


@pytest.mark.slow(6)
@pytest.mark.parametrize(
    ("suffix", "encoder", "jobs"), [("mkv", "ffv1", 1), ("mkv", "ffv1", 2), ("webm", "libvpx-vp9", 2)]
)
def test_alpha_is_unchanged_by_blending(
    pair: SamplePair, with_alpha: Path, tmp_path: Path, suffix: str, encoder: str, jobs: int
) -> None:
    settings = Settings.model_validate({"encode": {**LOSSLESS["encode"], "encoder": encoder}})
    out = tmp_path / f"out.{suffix}"
    done = composited(with_alpha, pair.synced, out, settings=settings, jobs=jobs)
    assert done.blended == FRAMES
    assert not any("alpha" in note for note in done.notes)
    alphas, lumas = frames_of(out)
    np.testing.assert_array_equal(alphas, [alpha_of(index) for index in range(FRAMES)])
    _, original = frames_of(with_alpha)
    changed = [np.count_nonzero(first != second) for first, second in zip(original, lumas, strict=True)]
    assert min(changed) > 0


@pytest.mark.slow(11)
def test_a_resumed_run_keeps_the_alpha_channel(pair: SamplePair, with_alpha: Path, tmp_path: Path) -> None:
    settings = Settings.model_validate({"encode": {**LOSSLESS["encode"], "encoder": "libvpx-vp9"}})
    out = tmp_path / "out.webm"

    def stop(progress: object) -> None:
        if getattr(progress, "stage", "") == "render" and getattr(progress, "done", 0) == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        composited(with_alpha, pair.synced, out, settings=settings, resume=True, on_progress=stop)
    done = composited(with_alpha, pair.synced, out, settings=settings, resume=True)
    assert any("were taken from an interrupted run" in note for note in done.notes)
    np.testing.assert_array_equal(frames_of(out)[0], [alpha_of(index) for index in range(FRAMES)])


@pytest.mark.slow
def test_alpha_in_a_proxy_and_its_loss_in_mp4(pair: SamplePair, with_alpha: Path, tmp_path: Path) -> None:
    lossless = Settings.model_validate({"encode": {**LOSSLESS["encode"], "encoder": "ffv1"}})
    proxy = ProxySize.parse("0.5")
    composited(with_alpha, pair.synced, tmp_path / "small.mkv", settings=lossless, proxy=proxy)
    alphas, _ = frames_of(tmp_path / "small.mkv")
    for index, alpha in enumerate(alphas):
        assert alpha is not None
        assert np.abs(alpha - alpha_of(index).reshape(SIDE // 2, 2, SIDE // 2, 2).mean((1, 3))).max() <= 1
    done = composited(with_alpha, pair.synced, tmp_path / "out.mp4", settings=Settings.model_validate(LOSSLESS))
    (note,) = [note for note in done.notes if "alpha" in note]
    assert note.startswith("the original's alpha channel is not kept: libx264 cannot encode it")
    assert frames_of(tmp_path / "out.mp4")[0] == [None] * FRAMES


@pytest.mark.slow(16)
def test_every_command_shows_a_picture_with_alpha(pair: SamplePair, with_alpha: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    encode = ["--encoder", "ffv1", "--no-cache", "--debug-dir", tmp_path / "d"]
    commands = (
        ["composite", with_alpha, pair.synced, "-o", out, *encode],
        ["evaluate", with_alpha, pair.synced, out, "--no-cache", "--report", tmp_path / "report"],
        ["preview", with_alpha, pair.synced, "--at", "0.2", "-o", tmp_path / "sheet.png", "--no-cache"],
        ["compare", with_alpha, out, "-o", tmp_path / "both.mp4"],
    )
    for command in commands:
        done = CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    answer = CliRunner().invoke(app, ["probe", str(out), "--no-faces", "--json"], catch_exceptions=False).output
    assert json.loads(answer)["picture"]["alpha"] == "yes"
    text = CliRunner().invoke(app, ["probe", str(pair.original), "--no-faces"], catch_exceptions=False).output
    assert ["alpha", "no"] in [line.split() for line in text.splitlines()]
