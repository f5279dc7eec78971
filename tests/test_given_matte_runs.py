"""Previews and judgements of results whose alpha was given."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made import Shared
from mattes_to_keep import FULL, flat, grey_video
from runs import composited
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.preview.frames import preview
from lipblend.preview.preview_options import PreviewOptions
from lipblend.quality.evaluation.evaluate import Evaluated, EvaluateOptions, evaluate
from lipblend.render.face_patch import BLACK
from lipblend.selfcheck.sample import SamplePair
from lipblend.settings import Settings

FRAMES, SIDE = 12, 320
BLANK = 4
SETTINGS = Settings.model_validate({"encode": {"crf": 12}, "reuse": {"reach_frac": 0}})


@pytest.fixture(scope="module")
def pair(shared_material: Shared) -> SamplePair:
    return shared_material.sample(frames=FRAMES, size=SIDE)


@pytest.fixture(scope="module")
def matte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hard band in the middle of the picture, and one black frame."""
    plane = flat(0, (SIDE, SIDE))
    plane[:, SIDE // 2 - 20 : SIDE // 2 + 20] = 255
    planes = [flat(0, (SIDE, SIDE)) if number == BLANK else plane for number in range(FRAMES)]
    return grey_video(tmp_path_factory.mktemp("matte") / "band.mkv", planes, pix_fmt="gray", tag=FULL)


@pytest.fixture(scope="module")
def made(pair: SamplePair, matte: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("made") / "out.mp4"
    composited(pair.original, pair.synced, output, settings=SETTINGS, matte=matte)
    return output


def judged(pair: SamplePair, result: Path, **options: object) -> Evaluated:
    return evaluate(pair.original, pair.synced, result, options=EvaluateOptions(**options))  # type: ignore[arg-type]


def unfit(found: Evaluated) -> list[str]:
    return [note for note in found.record.notes if "does not fit these files" in note]


@pytest.mark.slow(8)
def test_a_result_is_judged_along_the_alpha_it_was_given(pair: SamplePair, matte: Path, made: Path) -> None:
    found = judged(pair, made, given_matte=matte)
    assert (found.record.matte, unfit(found)) == ("given", [])
    assert [each.name for each in found.record.inputs if each.role == "matte"] == ["band.mkv"]
    assert found.record.passed_through == {BLACK: 1}
    (view,) = next(found.walk.views([6]))[1]
    inside = np.flatnonzero((view.contour > 0.5).any(0)) + view.box.x0
    assert (inside[0], inside[-1]) == (SIDE // 2 - 20, SIDE // 2 + 19)
    without = judged(pair, made)
    assert without.record.matte == "difference"
    assert "the alpha of its new mouth was given, and here it is not (--matte)" in unfit(without)[0]


@pytest.mark.slow(8)
def test_an_alpha_that_the_result_was_not_made_with_is_said_so(
    pair: SamplePair, matte: Path, made: Path, tmp_path: Path
) -> None:
    other = grey_video(tmp_path / "white.mkv", [flat(255, (SIDE, SIDE))] * FRAMES, pix_fmt="gray", tag=FULL)
    found = judged(pair, made, given_matte=other)
    assert found.record.matte == "difference"
    assert "the alpha of its new mouth was given, and here another one is given" in unfit(found)[0]
    plain = tmp_path / "plain.mp4"
    composited(pair.original, pair.synced, plain, settings=SETTINGS)
    assert "its alpha was computed, not given (--matte)" in unfit(judged(pair, plain, given_matte=matte))[0]


@pytest.mark.slow(8)
def test_a_run_with_a_given_alpha_can_be_measured_at_once(
    pair: SamplePair, matte: Path, made: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mp4"
    done = composited(pair.original, pair.synced, output, settings=SETTINGS, matte=matte, measure=True)
    assert output.read_bytes() == made.read_bytes()
    assert done.evaluation is not None
    assert (done.evaluation.record.matte, unfit(done.evaluation)) == ("given", [])
    again = CliRunner().invoke(
        app, ["evaluate", *map(str, (pair.original, pair.synced, made)), "--matte", str(matte), "--json", "--no-cache"]
    )
    found = json.loads(again.stdout)
    assert (again.exit_code, found["matte"]) == (0, "given")
    assert found["headline"]["score"] == pytest.approx(done.evaluation.record.headline.score)  # type: ignore[union-attr]


def test_a_matte_that_cannot_be_read_is_named(pair: SamplePair, tmp_path: Path) -> None:
    files = [str(pair.original), str(pair.synced)]
    for words in (["evaluate", *files, files[0]], ["preview", *files, "-o", str(tmp_path / "a.png")]):
        done = CliRunner().invoke(app, [*words, "--matte", "gone.mkv"])
        assert (done.exit_code, list(tmp_path.iterdir())) == (3, [])
        assert "the matte (--matte): gone.mkv does not exist" in done.stderr


@pytest.mark.slow(4)
@pytest.mark.parametrize("quick", [True, False])
def test_a_preview_shows_the_given_alpha(pair: SamplePair, matte: Path, quick: bool) -> None:
    options = PreviewOptions(matte=matte, quick=quick)
    found = preview(
        pair.original, pair.synced, ["#6", f"#{BLANK}"] if not quick else ["#6"], {"one": SETTINGS}, options=options
    )
    rendered = found.looks[0][0].rendered
    columns = np.flatnonzero(rendered.patches[0].matte.mask.any(0)) + rendered.patches[0].matte.box.x0
    assert (columns[0], columns[-1]) == (SIDE // 2 - 20, SIDE // 2 + 19)
    if not quick:
        assert found.looks[1][0].rendered.reason == BLACK
