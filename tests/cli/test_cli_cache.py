"""The cache folder: choosing, showing and clearing it."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipblend import composite_job
from lipblend.analysis import cache as caching
from lipblend.analysis.cache_folder import LIMIT_VARIABLE, SUFFIX
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


def filled(folder: Path) -> list[str]:
    """Three entries, the last one used now, and a foreign file; the words that name the folder."""
    for name, size, age_s in (("a", 1_500_000, 2 * 86400), ("b", 500_000, 86400), ("c", 1_000_000, 0)):
        entry = folder / f"{name}{SUFFIX}"
        entry.write_bytes(b"x" * size)
        used_s = int(time.time()) - age_s
        os.utime(entry, (used_s, used_s))
    (folder / "mine.txt").write_text("mine")
    return ["--cache", str(folder)]


def test_info_and_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "10G")
    words = filled(tmp_path)
    lines = run.invoke(app, ["cache", "info", *words]).stdout.splitlines()
    assert lines[:3] == [f"folder     {tmp_path}", "analyses   3", "size       3.0 MB of 10.0 GB"]
    shown = json.loads(run.invoke(app, ["cache", "info", *words, "--json"]).stdout)
    assert lines[3] == f"last used  {shown['oldest_use']} to {shown['newest_use']}"
    used = [datetime.fromisoformat(shown[key]).timestamp() for key in ("oldest_use", "newest_use")]
    assert used == [int((tmp_path / f"{name}{SUFFIX}").stat().st_mtime) for name in "ac"]
    assert (shown["folder"], shown["entries"], shown["bytes"]) == (str(tmp_path), 3, 3_000_000)
    assert shown["max_bytes"] == 10_000_000_000
    assert run.invoke(app, ["cache", "clear", *words]).stdout == "3 analyses removed, 3.0 MB\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    empty = json.loads(run.invoke(app, ["cache", "info", "--json", "--cache", str(tmp_path / "none")]).stdout)
    assert (empty["entries"], empty["bytes"], empty["oldest_use"]) == (0, 0, None)
    assert "off" in run.invoke(app, ["cache", "info"]).stdout  # set by the tests


@pytest.mark.parametrize(
    ("options", "limit", "left"),
    [
        ([], "", "abc"),
        ([], "2M", "bc"),
        (["--max-size", "2M"], "", "bc"),
        (["--max-size", "1.4 MB"], "", "c"),
        (["--max-size", "0"], "", ""),
        (["--unused", "36h"], "", "bc"),
        (["--unused", "1h", "--max-size", "10G"], "1", "c"),
    ],
)
def test_prune(options: list[str], limit: str, left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, limit)
    words = filled(tmp_path)
    sizes = {path.name[0]: path.stat().st_size for path in tmp_path.glob(f"*{SUFFIX}")}
    done = json.loads(run.invoke(app, ["cache", "prune", *words, *options, "--json"]).stdout)
    assert sorted(path.name[0] for path in tmp_path.glob(f"*{SUFFIX}")) == list(left)
    assert (done["removed"], done["entries_left"]) == (3 - len(left), len(left))
    assert done["bytes_left"] == sum(sizes[name] for name in left)
    assert done["bytes"] == sum(sizes.values()) - done["bytes_left"]
    assert (tmp_path / "mine.txt").exists()
    again = run.invoke(app, ["cache", "prune", *words, *options]).stdout
    assert again.startswith("0 analyses removed, 0 B; ")


@pytest.mark.parametrize(
    "words", [["--max-size", "big"], ["--max-size", "-1"], ["--unused", "30"], ["--max-size", "1iB"]]
)
def test_an_amount_that_is_none_removes_nothing(words: list[str], tmp_path: Path) -> None:
    cache = filled(tmp_path)
    done = run.invoke(app, ["cache", "prune", *cache, *words])
    assert done.exit_code == 2
    assert f"{words[0]} must be a" in done.stderr
    assert words[1] in done.stderr
    assert len(list(tmp_path.glob(f"*{SUFFIX}"))) == 3


def test_a_limit_that_is_none_is_said_before_the_analysis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "plenty")
    done = run.invoke(app, ["cache", "info", "--cache", str(tmp_path)])
    assert (done.exit_code, LIMIT_VARIABLE in done.stderr) == (2, True)
    with pytest.raises(SettingsError, match=LIMIT_VARIABLE):
        caching.AnalysisCache(tmp_path)


@pytest.mark.slow(3)
def test_a_run_keeps_its_analysis_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair, folder = make_sample(tmp_path, frames=6, size=320), tmp_path / "cache"
    inputs = [str(pair.original), str(pair.synced)]
    words = ["--set", "encode.preset=ultrafast", "--quiet", "--cache", str(folder)]
    assert run.invoke(app, ["composite", *inputs, "-o", str(tmp_path / "one.mp4"), *words]).exit_code == 0
    assert len(list(folder.iterdir())) == 1
    # From here on nothing is analysed again: not for a different mask, a preview or a sweep.
    monkeypatch.setattr(caching, "analyse", None)
    monkeypatch.setattr(composite_job, "analyse_apart", None)
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
    assert [path.name for path in folder.iterdir()] == [f"{key}{SUFFIX}"]
