"""Defaults, presets, config files and overrides."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lipblend.errors import SettingsError
from lipblend.settings import Settings, presets
from lipblend.settings.catalogue import setting_specs
from lipblend.settings.presets import DEFAULT_PRESET, list_presets, preset_values
from lipblend.settings.resolve import resolve_settings

NAMES = ("high-motion", "max-concealment", "natural")


@pytest.fixture
def bold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A preset that does not depend on the tuning of the real ones."""
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "bold.yaml").write_text("summary: Bold.\ncolour:\n  gain_min: 0.7\n  gain_max: 1.3\n")
    monkeypatch.setattr(presets, "preset_folder", lambda: folder)
    return "bold"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def message(preset: str | None = None, path: Path | None = None, *overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        resolve_settings(preset, path, overrides)
    return str(caught.value)


def test_every_preset_has_a_summary() -> None:
    found = list_presets()
    assert tuple(item.name for item in found) == NAMES
    assert all(item.summary.endswith(".") for item in found)
    assert DEFAULT_PRESET in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_holds_only_differences(name: str) -> None:
    resolved = resolve_settings(name)
    default, plain = Settings().model_dump(), preset_values(presets.find_preset(DEFAULT_PRESET))
    for key in preset_values(presets.find_preset(name)):
        group, leaf = key.split(".")
        value = getattr(getattr(resolved.settings, group), leaf)
        assert value != default[group][leaf] or value != plain.get(key, value), f"{key} is the default"
        assert resolved.sources[key] == f"preset {name}"


@pytest.mark.parametrize("name", NAMES)
def test_every_difference_from_the_default_preset_is_documented(name: str) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "presets.md").read_text(encoding="utf-8")
    plain, own = preset_values(presets.find_preset(DEFAULT_PRESET)), preset_values(presets.find_preset(name))
    assert plain.keys() <= own.keys(), "used as a config file, a preset overrides the default preset"
    differing = {key for key in own if own[key] != plain.get(key)}
    for key in differing:
        assert f"`{key}" in page, f"docs/presets.md does not explain why {name} sets {key}"
    assert bool(differing) == (name != DEFAULT_PRESET)


def test_no_preset_means_the_defaults() -> None:
    resolved = resolve_settings()
    assert resolved.settings == Settings()
    assert set(resolved.sources) == set(setting_specs())
    assert set(resolved.sources.values()) == {"default"}


def test_each_layer_overrides_the_previous_one(bold: str, config: Path) -> None:
    config.write_text("colour:\n  gain_min: 0.6\n  gain_smooth_s: 1\nalpha:\n  gamma: 0.5\nsmooth:\n")
    resolved = resolve_settings(bold, config, ["alpha.gamma=0.7"], flags={"encode.crf": 20.0})
    assert resolved.settings.colour.gain_max == 1.3
    assert resolved.settings.colour.gain_min == 0.6
    assert resolved.settings.alpha.gamma == 0.7
    assert resolved.settings.encode.crf == 20
    wanted = {
        "colour.gain_max": "preset bold",
        "colour.gain_min": f"config {config}",
        "alpha.gamma": "--set",
        "encode.crf": "--crf",
        "encode.preset": "default",
    }
    assert {key: resolved.sources[key] for key in wanted} == wanted


def test_texts_get_the_type_of_their_setting() -> None:
    settings = resolve_settings(
        overrides=["mask.shapes = mouth, ellipse", "mask.rotation=off", "blend.levels=3", "blend.tolerance=1e-3"]
    ).settings
    assert settings.mask.shapes == ("mouth", "ellipse")
    assert settings.mask.rotation is False
    assert settings.blend.levels == 3
    assert settings.blend.tolerance == 1e-3
    assert resolve_settings(overrides=["mask.shapes=[box]"]).settings.mask.shapes == ("box",)
    assert resolve_settings(overrides={"mask.shapes": ["box"], "blend.levels": 3}).settings.mask.shapes == ("box",)


def test_a_value_may_contain_an_equals_sign_and_the_last_override_wins() -> None:
    settings = resolve_settings(overrides=["audio.source=a=b.wav", "alpha.gamma=0.5", "alpha.gamma=0.6"]).settings
    assert settings.audio.source == "a=b.wav"
    assert settings.alpha.gamma == 0.6


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("mask.expansion=2", ("mask.expansion = '2'", "--set", "1 to 1.3 x")),
        ("blend.levels=2.5", ("blend.levels = '2.5'", "a whole number from 2 to 6")),
        ("encode.crf=abc", ("encode.crf = 'abc'", "0 to 63")),
        ("mask.shapes=box,blob", ("mask.shapes = box,blob", "one or more of lower_face_contour, mouth")),
        ("mask.shapes=", ("mask.shapes", "one or more of")),
        ("pair.tail=cut", ("pair.tail = 'cut'", "original, trim, error")),
        ("mask.rotation=maybe", ("mask.rotation = 'maybe'", "true or false")),
        ("mask.expantion=1.2", ("unknown setting 'mask.expantion'", "Did you mean mask.expansion?")),
        ("expansion=1.2", ("unknown setting 'expansion'", "Did you mean mask.expansion?")),
        ("mask=1", ("'mask'", "group of settings")),
        ("mask.expansion", ("--set mask.expansion has no value", "KEY=VALUE")),
    ],
)
def test_a_wrong_override_names_key_value_and_range(override: str, parts: tuple[str, ...]) -> None:
    text = message(None, None, override)
    assert all(part in text for part in parts), text
    assert "\n" not in text


def test_several_wrong_values_are_all_named() -> None:
    text = message(None, None, "mask.expansion=9", "encode.crf=-1")
    assert "mask.expansion = '9'" in text
    assert "encode.crf = '-1'" in text


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("mask:\n  expantion: 1.2\n", "Did you mean mask.expansion?"),
        ("maks:\n  expansion: 1.2\n", "unknown setting 'maks'"),
        ("mask: 5\n", "'mask'"),
        ("- mask\n", "must hold a mapping"),
        ("mask: [\n", "not valid YAML"),
        ("mask:\n  expansion: 1.2\nmask:\n  rotation: false\n", "'mask' twice (line 3)"),
        ("encode:\n  crf: true\n", "encode.crf = true"),
        ("alpha:\n  gamma:\n", "alpha.gamma"),
        ("mask: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_refused(config: Path, content: str, part: str) -> None:
    config.write_text(content)
    text = message(None, config)
    assert part in text
    assert str(config) in text


def test_a_file_that_cannot_be_read_is_refused(config: Path) -> None:
    assert "No such file" in message(None, config)
    config.write_bytes(b"summary: \xff\xfe\n")
    assert "not UTF-8" in message(None, config)


def test_dotted_keys_a_summary_and_an_empty_file_are_fine(config: Path) -> None:
    config.write_text("summary: mine\nmask.expansion: 1.2\n")
    assert resolve_settings(None, config).settings.mask.expansion == 1.2
    config.write_text("# nothing\n")
    assert resolve_settings(None, config).settings == Settings()


def test_the_json_form_of_the_settings_is_a_valid_file(config: Path) -> None:
    changed = resolve_settings("high-motion").settings
    config.write_text(yaml.safe_dump(changed.model_dump(mode="json")))
    assert resolve_settings(None, config).settings == changed


def test_a_flag_and_set_for_one_key_contradict() -> None:
    with pytest.raises(SettingsError, match=r"encode\.crf is given twice: --crf 20 and --set encode\.crf=18"):
        resolve_settings(overrides=["encode.crf=18"], flags={"encode.crf": 20.0})


def test_an_unknown_preset() -> None:
    text = message("hi-motion")
    assert "Did you mean high-motion?" in text
    assert "natural" in text
    assert "--config mine.yaml" in message("mine.yaml")


def test_a_missing_preset_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert presets.preset_folder().parent == Path(presets.__file__).parent
    monkeypatch.setattr(presets, "__file__", str(tmp_path / "presets.py"))
    with pytest.raises(SettingsError, match="missing from this installation"):
        presets.preset_folder()


def test_yaml_off_is_a_word_where_off_is_allowed(config: Path) -> None:
    config.write_text("gate:\n  seam_max: off\n  ring_ssim_min: 0.9\n")
    gate = resolve_settings(None, config).settings.gate
    assert (gate.seam_max, gate.ring_ssim_min) == ("off", 0.9)
    config.write_text("alpha:\n  gamma: off\n")
    assert "alpha.gamma = false" in message(None, config)
