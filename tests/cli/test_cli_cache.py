"""The cache folder: choosing, showing and clearing it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipblend import compositing
from lipblend.analysis import cache as caching
from lipblend.cli.app import app
from lipblend.cli.shared_options import CACHE_VARIABLE, cache_folder
from lipblend.errors import SettingsError
from lipblend.faces.models import resolve_model
from lipblend.preview.frames import preview
from lipblend.preview.preview_options import PreviewOptions
from lipblend.runtime import folders
from lipblend.selfcheck.sample import make_sample
from lipblend.settings import Settings
from lipblend.video.probe import probe

run = CliRunner()


def test_choosing_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = folders.user_cache_folder() / "analysis"
    monkeypatch.delenv(CACHE_VARIABLE)
    assert cache_folder(None, False) == usual
    assert cache_folder(tmp_path, False) == tmp_path
    assert cache_folder(None, True) is None
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "named"))
    assert cache_folder(None, False) == tmp_path / "named"
    assert cache_folder(tmp_path, False) == tmp_path
    assert cache_folder(None, True) is None
    monkeypatch.setenv(CACHE_VARIABLE, "OFF")
    assert cache_folder(None, False) is None
    assert cache_folder(tmp_path, False) == tmp_path
    with pytest.raises(SettingsError, match="--no-cache"):
        cache_folder(tmp_path, True)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match="is a file"):
        cache_folder(tmp_path / "file", False)


def test_a_folder_that_may_not_be_entered_is_no_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", forbidden)
    assert cache_folder(tmp_path / "closed" / "below", False) == tmp_path / "closed" / "below"


def test_show_and_clear(tmp_path: Path) -> None:
    for name, size in ((f"a{caching.SUFFIX}", 1_500_000), (f"b{caching.SUFFIX}", 500_000), ("mine.txt", 7)):
        (tmp_path / name).write_bytes(b"x" * size)
    words = ["--cache", str(tmp_path)]
    assert run.invoke(app, ["cache", "show", *words]).stdout == f"2 analyses, 2.0 MB  {tmp_path}\n"
    shown = json.loads(run.invoke(app, ["cache", "show", *words, "--json"]).stdout)
    assert (shown["folder"], shown["entries"], shown["bytes"]) == (str(tmp_path), 2, 2_000_000)
    assert run.invoke(app, ["cache", "clear", *words]).stdout == "2 analyses removed, 2.0 MB\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert "0 analyses, 0.0 MB" in run.invoke(app, ["cache", "show", "--cache", str(tmp_path / "none")]).stdout
    assert "off" in run.invoke(app, ["cache", "show"]).stdout  # set by the tests


@pytest.mark.slow(3)
def test_a_run_keeps_its_analysis_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair, folder = make_sample(tmp_path, frames=6, size=320), tmp_path / "cache"
    inputs = [str(pair.original), str(pair.synced)]
    words = ["--set", "encode.preset=ultrafast", "--quiet", "--cache", str(folder)]
    assert run.invoke(app, ["composite", *inputs, "-o", str(tmp_path / "one.mp4"), *words]).exit_code == 0
    assert len(list(folder.iterdir())) == 1
    # From here on nothing is analysed again: not for a different mask, a preview or a sweep.
    monkeypatch.setattr(caching, "analyse", None)
    monkeypatch.setattr(compositing, "analyse_apart", None)
    other = [*words, "--set", "mask.expansion=1.2"]
    assert run.invoke(app, ["composite", *inputs, "-o", str(tmp_path / "two.mp4"), *other]).exit_code == 0
    sweep = ["sweep", *inputs, "-o", str(tmp_path / "sweep"), "--quiet", "--set", "alpha.gamma=0.5,1"]
    swept = run.invoke(app, [*sweep, "--cache", str(folder)])
    assert swept.exit_code == 0, swept.output
    looks = preview(
        pair.original, pair.synced, ["0.1"], {"plain": Settings()}, options=PreviewOptions(cache=folder)
    ).looks
    assert looks[0][0].whole
    assert len(list(folder.iterdir())) == 1
    key = caching.analysis_key(
        probe(pair.original), probe(pair.synced), model=resolve_model("face_landmarker"), settings=Settings()
    )
    assert [path.name for path in folder.iterdir()] == [f"{key}{caching.SUFFIX}"]
