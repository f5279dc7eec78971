"""The command-line flag of a setting sets that setting, and no other."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from lipblend.cli import composite_cmd
from lipblend.cli.app import app
from lipblend.errors import SettingsError
from lipblend.output.synth import write_clip
from lipblend.settings.catalogue import SettingSpec, setting_specs

FLAGS = {key: spec for key, spec in setting_specs().items() if spec.flag}
GIVEN = {"pair.offset_s": "1", "encode.encoder": "libx265", "audio.source": "none"}


def _another(spec: SettingSpec) -> str:
    """A valid value that is not the default; "True" for a switch, which takes none."""
    if spec.kind == "bool":
        return "True"
    if spec.key in GIVEN:
        return GIVEN[spec.key]
    if spec.choices:
        return next(word for word in spec.choices if word != spec.default)
    return "1"


@pytest.mark.parametrize("key", FLAGS)
def test_a_flag_sets_its_own_setting(key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    def resolved(*_words: object, flags: dict[str, Any]) -> None:
        seen.update(flags)
        raise SettingsError("that is all")

    monkeypatch.setattr(composite_cmd, "resolve_settings", resolved)
    value = _another(FLAGS[key])
    pair = tmp_path / "a.mp4", tmp_path / "b.mp4"
    for path in pair:
        path.touch()
    words = [
        "composite",
        *map(str, pair),
        "-o",
        str(tmp_path / "c.mp4"),
        FLAGS[key].flag,
        *([] if FLAGS[key].kind == "bool" else [value]),
    ]
    assert "that is all" in CliRunner().invoke(app, words).output
    assert list(seen) == [key]
    assert str(seen[key]) in (value, f"{value}.0")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_clip(path, [np.zeros((48, 64, 3), np.uint8)] * 25, frame_rate=Fraction(25), crf=30)
    return str(path)


@pytest.mark.parametrize(
    "words", [["preview", "-o", "a.png"], ["sweep", "-o", "folder", "--set", "alpha.gamma=1,2"], ["evaluate", "CLIP"]]
)
def test_commands_that_try_and_judge_take_a_face_and_ranges(
    words: list[str], clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, *rest = [clip if word == "CLIP" else word for word in words]
    for given, code, says in (
        (["--ranges", "5-6"], 2, "the range 5-6 (track.ranges) reaches beyond the clip"),
        (["--face", "5,5@0.1;6,6@7"], 2, "the point 6,6@7 (track.face) lies beyond the clip"),
        (["--ranges", "6-5"], 2, "the range 6-5 runs backwards"),
    ):
        done = CliRunner().invoke(app, [name, clip, clip, *rest, *given, "--no-cache"])
        assert (done.exit_code, done.stdout) == (code, ""), done.output
        assert says in done.stderr
    both = CliRunner().invoke(app, [name, clip, clip, *rest, "--face", "largest", "--set", "track.face=all,0"])
    assert both.exit_code == 2
    assert "track.face is given twice: --face largest and --set track.face=" in both.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
