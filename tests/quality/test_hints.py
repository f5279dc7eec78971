"""The table of what is worth trying: every part, only settings and values that exist."""

from __future__ import annotations

import itertools

import pytest

from lipblend.quality.faults import FAULTS
from lipblend.quality.hints import HINTS, Try
from lipblend.quality.visible.visible_parts import PARTS
from lipblend.settings.catalogue import setting_specs
from lipblend.settings.presets import find_preset
from lipblend.settings.resolve import flat_values, resolve_settings

TRIES = [(key, each) for key, hint in HINTS.items() for each in hint.tries]


def test_every_visible_part_has_a_hint_and_says_what_is_left_in_the_end() -> None:
    assert [part.key for part in PARTS] == list(HINTS)
    for hint in HINTS.values():
        assert hint.otherwise
        assert not hint.otherwise.endswith(".")
        assert set(hint.faults) <= set(FAULTS)


@pytest.mark.parametrize(("part", "each"), TRIES, ids=[f"{part}-{each.name}" for part, each in TRIES])
def test_every_hint_names_what_exists(part: str, each: Try) -> None:
    assert each.why
    assert not each.why.endswith(".")
    if not each.values:
        assert find_preset(each.name).name == each.name
        return
    spec = setting_specs()[each.name]
    for value in each.values:
        set_to = flat_values(resolve_settings(overrides={each.name: value}).settings.model_dump())[each.name]
        assert set_to == value
        assert type(set_to) is type(value)
    assert set(each.instead_of) <= set(spec.choices)
    if each.way == "set":
        assert len(each.values) == 1
        assert each.values[0] != each.instead_of
    else:
        assert spec.kind == "float"
        steps = [later - sooner for sooner, later in itertools.pairwise(each.values)]
        assert all(step > 0 if each.way == "raise" else step < 0 for step in steps)


def test_no_part_raises_and_lowers_a_setting_to_values_that_call_for_each_other() -> None:
    for hint in HINTS.values():
        raised, lowered = (
            {each.name: each.values for each in hint.tries if each.way == way} for way in ("raise", "lower")
        )
        assert not raised.keys() & lowered.keys()
