"""What the page of a fault rating asks, in a real browser. The votes are made up, for tests only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, find_browser
from rating_material import METHODS, ORIGINALS
from rating_pages import enter, play_through

from lipblend.lab.rating.build import BuiltStudy, build_study
from lipblend.lab.rating.clips_to_rate import single_sources
from lipblend.lab.rating.study import DETAILS
from lipblend.lab.rating.votes import read_votes


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(find_browser()) as opened:
        yield opened


@pytest.fixture(scope="module")
def faults(material: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltStudy:
    sources = single_sources([material / METHODS[0]], [material / ORIGINALS], [])
    return build_study(tmp_path_factory.mktemp("fault") / "study", sources, mode="fault", seed=7)


def test_a_fault_rating_asks_where_when_and_what(browser: Browser, faults: BuiltStudy, tmp_path: Path) -> None:
    enter(browser, faults, "finn")
    assert browser.run("$('ask').textContent") == "Does anything about the mouth or around it look wrong?"
    assert browser.run("[...$('answers').children].map((button) => button.textContent)") == ["Yes", "No", "Not sure"]
    assert browser.run("$('where').hidden") is True
    offered = "[...$('where').querySelectorAll('input')].map((box) => [box.name, box.value])"
    assert browser.run(offered) == [[name, each] for name, choices in DETAILS["fault"].items() for each in choices]
    texts = browser.run("[...$('where').querySelectorAll('label, p')].map((each) => each.textContent)")
    assert "undefined" not in texts
    assert all(texts)
    play_through(browser)
    browser.press("y")
    assert browser.run("$('where').hidden") is False
    for chosen in ("where][value=lips", "where][value=neck", "when][value=always", "when][value=moment"):
        browser.run(f"$('where').querySelector('[name={chosen}]').click()")
    browser.press("n")  # clears what was chosen
    browser.press("y")
    assert browser.run("[vote().where, vote().when, vote().what]") == [[], [], []]
    for chosen in ("where][value=chin", "when][value=always", "when][value=moment", "what][value=double"):
        browser.run(f"$('where').querySelector('[name={chosen}]').click()")
    browser.press("Enter")
    browser.run("finish()")
    path = tmp_path / "votes.csv"
    path.write_text(browser.run("$('raw').value"), encoding="utf-8", newline="")
    (vote,) = read_votes([path], faults.study).counted
    assert vote.answer == "yes"
    assert vote.details == {"where": ("chin",), "when": ("moment",), "what": ("double",)}  # one time only


def test_the_longer_question_fits_a_phone(browser: Browser, faults: BuiltStudy) -> None:
    browser.screen(390, 844, phone=True)
    enter(browser, faults, "phone")
    play_through(browser)
    browser.press("y")
    assert browser.run("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    browser.screen()
