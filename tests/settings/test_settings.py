"""The settings, their catalogue, and the documents generated from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lipblend.errors import SettingsError
from lipblend.settings import MaskSettings, Settings
from lipblend.settings.catalogue import SettingSpec, setting_groups, setting_specs, settings_markdown, value_text

ROOT = Path(__file__).resolve().parents[2]
SPECS = list(setting_specs().values())
PARTNERS = {
    "alpha.feather_floor_px": {"feather_cap_px": 400},
    "alpha.feather_cap_px": {"feather_floor_px": 0},
    "blend.ring_min_px": {"ring_max_px": 200},
    "blend.ring_max_px": {"ring_min_px": 2},
    "reuse.still_px": {"moving_px": 10},
    "reuse.moving_px": {"still_px": 0},
}
"""The value of the other end of a range that allows both bounds of a setting."""


def test_every_setting_has_a_help_text_and_a_valid_default() -> None:
    for spec in SPECS:
        assert spec.help.endswith("."), spec
        assert "\n" not in spec.help, spec
        if spec.kind in ("int", "float"):
            assert spec.low is not None, spec
            assert spec.high is not None, spec
            assert spec.default in spec.choices or spec.low <= spec.default <= spec.high, spec
        elif spec.choices:
            assert set(spec.default if spec.kind == "list" else [spec.default]) <= set(spec.choices), spec


def test_the_catalogue_holds_every_setting() -> None:
    dumped = Settings().model_dump()
    assert list(setting_specs()) == [f"{group}.{name}" for group, values in dumped.items() for name in values]
    assert list(setting_groups()) == list(dumped)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.low is not None], ids=lambda spec: spec.key)
def test_the_bounds_in_the_catalogue_are_enforced(spec: SettingSpec) -> None:
    group, name = spec.key.split(".")
    assert spec.low is not None
    assert spec.high is not None
    partner = PARTNERS.get(spec.key, {})
    for number in (spec.low, spec.high):
        assert getattr(getattr(Settings.model_validate({group: {name: number, **partner}}), group), name) == number
    for number in (spec.low - 1, spec.high + 1):
        with pytest.raises(SettingsError):
            Settings.model_validate({group: {name: number}})


def test_settings_are_frozen_and_reject_unknown_keys() -> None:
    with pytest.raises(ValidationError):
        Settings().mask.expansion = 1.2
    with pytest.raises(SettingsError, match="unknown setting 'expantion' in this group"):
        MaskSettings.model_validate({"expantion": 1.2})
    with pytest.raises(SettingsError, match="expansion must be finite, got nan"):
        MaskSettings.model_validate({"expansion": float("nan")})


@pytest.mark.parametrize(
    ("group", "values", "text"),
    [
        ("track", {"max_faces": 0}, "max_faces must be at least 1, got 0"),
        ("encode", {"crf": 99}, "crf must be at most 63, got 99"),
        (
            "track",
            {"face": "both"},
            "face must be 'changed', 'largest' or 'all' or a whole number or points X,Y@TIME (812,340@12.5 or "
            "812,340@300f, several joined with ;), got 'both'",
        ),
        ("track", {"ranges": "8-2.5"}, "ranges: the range 8-2.5 runs backwards"),
        ("track", {"ranges": 3}, "ranges must be a list of words, got 3"),
        ("track", {"ranges": ["soon"]}, "ranges must be all, or ranges such as 2.5-8,"),
        ("mask", {"shapes": ["blob"]}, "shapes must be 'lower_face_contour', "),
        ("track", {"cuts": "perhaps"}, "cuts must be true or false, got 'perhaps'"),
        ("reuse", {"still_px": 3, "moving_px": 1}, "still_px 3 is not below moving_px 1"),
        ("alpha", {"feather_floor_px": 9, "feather_cap_px": 8}, "feather_floor_px 9 is above feather_cap_px 8"),
        ("blend", {"ring_min_px": 9, "ring_max_px": 8}, "ring_min_px 9 is above ring_max_px 8"),
    ],
)
def test_values_that_are_not_allowed(group: str, values: dict[str, Any], text: str) -> None:
    for make in (type(getattr(Settings(), group)), lambda **given: Settings(**{group: given})):
        with pytest.raises(SettingsError) as caught:
            make(**values)
        assert str(caught.value).startswith(text)
        assert not any(raw in str(caught.value) for raw in ("Input should", "Value error", "pydantic"))


def test_several_values_that_are_not_allowed() -> None:
    with pytest.raises(SettingsError, match="2 settings have values that are not allowed") as several:
        Settings.model_validate({"encode": {"crf": -1, "segment_s": 0}})
    assert several.value.details == ("crf must be at least 0, got -1", "segment_s must be at least 0.5, got 0")


def test_values_are_written_as_set_reads_them() -> None:
    assert [value_text(value) for value in (True, 0.25, 16.0, 3, ("box", "mouth"), "medium")] == [
        "true", "0.25", "16", "3", "box,mouth", "medium",
    ]  # fmt: skip


def test_the_settings_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_markdown(), "run scripts/settings-table"
