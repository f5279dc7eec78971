"""Profiles with values of the user's own."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from lipblend.cropping.crop_profiles import PROFILES, CropProfile, profile_with
from lipblend.errors import SettingsError


def test_without_values_a_profile_is_itself() -> None:
    assert profile_with(None) == CropProfile()
    assert {name: profile_with(name) for name in PROFILES} == dict(PROFILES)


def test_values_of_the_user_win() -> None:
    wanted = replace(PROFILES["musetalk"], size=768, margin=0.0, mode="follow", rate=Fraction(30000, 1001))
    assert profile_with("musetalk", size=768, margin=0.0, mode="follow", rate="30000/1001") == wanted


def test_the_rate_of_the_original_can_be_asked_for() -> None:
    assert PROFILES["latentsync"].rate == 25
    assert profile_with("latentsync", rate=" original ").rate is None


def test_an_unknown_profile_names_those_that_exist() -> None:
    with pytest.raises(SettingsError, match=r"there is no profile 'wav3lip'.*wav2lip, diff2lip"):
        profile_with("wav3lip")


@pytest.mark.parametrize("text", ["fast", "1/0", "1/100", "1001", "-25", ""])
def test_what_is_no_rate_is_an_error(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^the rate "):
        profile_with(None, rate=text)
