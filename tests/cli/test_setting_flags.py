"""The command-line flag of a setting sets that setting, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lipblend.cli import composite_cmd
from lipblend.cli.app import app
from lipblend.errors import SettingsError
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
