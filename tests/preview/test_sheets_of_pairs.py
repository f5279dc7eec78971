"""The sheet of a preview: what it shows and says, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.preview.frames import preview
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FRAMES = 90
NATURAL = resolve_settings("natural").settings
LOSSLESS = NATURAL.model_copy(update={"encode": NATURAL.encode.model_copy(update={"crf": 0, "preset": "ultrafast"})})
run = CliRunner()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=320)


def rgb(path: Path) -> list[np.ndarray]:
    info = probe(path)
    with VideoReader(info) as reader:
        return [frame.picture(info).to_rgb() for frame in reader]


@pytest.mark.slow(4)
def test_the_sheet_of_one_and_of_all_presets(sample: SamplePair, tmp_path: Path) -> None:
    one, every = tmp_path / "one.png", tmp_path / "every.jpg"
    pair = [str(sample.original), str(sample.synced)]
    done = run.invoke(app, ["preview", *pair, "--at", "1.8", "-o", str(one)])
    assert done.exit_code == 0, done.output
    image = cv2.imread(str(one))[:, :, ::-1].astype(int)
    assert image.shape[1] > 960  # three columns
    again = run.invoke(app, ["preview", *pair, "-o", str(one), "--json"])  # without a time: the middle
    assert '"frames": [45]' in again.stdout, again.output
    np.testing.assert_array_equal(cv2.imread(str(one))[:, :, ::-1], image)
    done = run.invoke(app, ["preview", *pair, "--at", "1.8", "--presets", "all", "-o", str(every), "--json"])
    assert done.exit_code == 0, done.output
    assert '"presets": ["natural", "high-motion", "max-concealment"]' in done.stdout
    assert '"frames": [45]' in done.stdout
    assert cv2.imread(str(every)) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["every.jpg", "one.png"]


@pytest.mark.slow(2)
def test_a_face_that_was_not_changed_is_shown_and_not_called_missing(sample: SamplePair, tmp_path: Path) -> None:
    done = run.invoke(app, ["preview", *[str(sample.original)] * 2, "--at", "1.8", "-o", str(tmp_path / "one.png")])
    assert done.exit_code == 0, done.output


@pytest.mark.slow(2)
def test_a_sheet_names_settings_and_files_and_explains_itself(
    sample: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lipblend.preview import sheet

    written: list[str] = []
    real = cv2.putText

    def noted(image: np.ndarray, text: str, *more: Any) -> Any:
        written.append(text)
        return real(image, text, *more)

    monkeypatch.setattr(sheet.cv2, "putText", noted)
    words = ["preview", str(sample.original), str(sample.synced), "-o", str(tmp_path / "one.png"), "--at", "1.8"]
    assert run.invoke(app, [*words, "--preset", "high-motion"]).exit_code == 0
    assert (
        written.count(f"preset high-motion, original {sample.original.name}, synced {sample.synced.name}") == 2
    )  # quick, refined
    assert " ".join(sheet.LEGEND) in " ".join(written)


@pytest.mark.slow(2)
def test_panels_show_what_they_say(sample: SamplePair) -> None:
    from lipblend.preview import sheet

    ((look,),) = preview(sample.original, sample.synced, ["1.8"], {"natural": NATURAL}).looks
    assert not look.whole
    assert sheet._heading(look, "") == "1.800 s, frame #45"
    box = sheet._crop([look], 0)
    crop = slice(box.y0, box.y1), slice(box.x0, box.x1)
    shown = sheet._inputs(look, box) | sheet._results(look, look.rendered.patches[0], box)
    np.testing.assert_array_equal(shown["original"], rgb(sample.original)[45][crop])
    assert np.abs(shown["synced"].astype(int) - rgb(sample.synced)[45][crop]).max() <= 1
    mask, alpha, result = shown["mask"][..., 0] > 0, shown["alpha"][..., 0], shown["result"]
    assert 0 < mask.mean() < 1
    assert not alpha[~mask].any()
    changed = (result != shown["original"]).any(axis=2)
    assert changed.any()
    assert not changed[~cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)].any()
    heat = shown["difference result - original, x4"]
    assert heat[changed].mean() > heat[~changed].mean() + 10
