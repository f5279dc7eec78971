"""What the page shows first, without a browser."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from html_tags import Tags
from report_stand_ins import FAILING, PASSED, PortraitWalk, StandIn, evaluation

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.record import Headline
from lipblend.quality.report.report_page import page_bytes


def body(page: bytes) -> str:
    return page.decode().partition("<body>")[2].partition("<script")[0]


@pytest.fixture(scope="module")
def page(portrait: np.ndarray, face: Landmarks) -> bytes:
    evaluated = StandIn(evaluation(), PortraitWalk(portrait, face, bare=PASSED), reference=True)
    return page_bytes(evaluated, video=False, gated=True)


def section(page: bytes, name: str) -> str:
    return re.search(rf'<section id="{name}">.*?</section>', body(page), re.DOTALL)[0]


def test_the_headline_comes_first_then_pictures_then_numbers(page: bytes) -> None:
    shown = body(page)
    order = [
        '<h1 class="visible"><strong>Visible</strong>', "<b>34</b> of 100", "A viewer would notice: an edge",
        "Failed: visible, 34 of 100", 'id="moments"', "data:image/jpeg", 'id="judged"', 'id="measures"', 'id="plots"',
        '<figure class="plot"', 'id="details"',
    ]  # fmt: skip
    places = [shown.index(text) for text in order]
    assert places == sorted(places)
    assert "<table" not in shown[: shown.index('id="judged"')]


def test_a_moment_has_four_pictures_and_the_reference(page: bytes) -> None:
    first = section(page, "moments").split("</article>")[0]
    pictures, more = first.split("<details>")
    assert re.findall("<figcaption>(.*?)</figcaption>", pictures) == [
        "Original", "Synced", "Result", "Result, what is wrong outlined", "Reference",
    ]  # fmt: skip
    assert pictures.count('src="data:image/jpeg;base64,') == 5
    assert more.count('src="data:image/jpeg;base64,') == 2
    assert "<h3>An edge shows around the new mouth</h3>" in pictures
    assert "1.7 x just visible" in pictures
    assert f'data-frame="{FAILING.stop - 1}">0:02.0, frame {FAILING.stop - 1}</a>' in pictures
    assert "hidden" not in first
    assert "<h2>The three worst moments</h2>" in section(page, "moments")


def test_an_invisible_result_shows_its_weakest_moments(portrait: np.ndarray, face: Landmarks) -> None:
    record = evaluation()
    weak = tuple(
        dataclasses.replace(each, visibility=0.4 - 0.1 * n, seen=()) for n, each in enumerate(record.headline.parts)
    )
    record = dataclasses.replace(record, headline=Headline(92.0, weak))
    page = page_bytes(StandIn(record, PortraitWalk(portrait, face, bare=PASSED)), video=False)
    moments = section(page, "moments")
    assert "<h2>The three weakest moments; none of them would be noticed</h2>" in moments
    assert moments.count("<article") == 3
    assert "<h3>Edge around the mouth: would not be noticed</h3>" in moments
    assert "what is wrong" not in moments
    assert moments.count("<figcaption>Result, where it was measured</figcaption>") == 3
    assert "Nothing that a viewer would notice was found." in body(page)
    assert "<figcaption>Reference" not in moments


def test_plots_are_folded_and_those_of_the_headline_come_first(page: bytes) -> None:
    shown = body(page)
    before = shown[: shown.index('<figure class="plot"')]
    assert before.count("<details>") > before.count("</details>")
    assert not re.search(r"<details[^>]*\bopen\b", shown)
    keys = re.findall(r'id="plot-(\w+)"', shown)
    assert keys[:3] == ["seam_step", "softness", "glow"]
    assert "seam" in keys[3:]
    edge = shown[shown.index('id="plot-seam_step"') :].split("</figure>")[0]
    assert 'class="mark-line"' in edge
    assert 'class="band-fail"' in edge


def test_classic_numbers_stand_beside_their_published_marks(portrait: np.ndarray, face: Landmarks) -> None:
    record = evaluation()
    unmarked = tuple(dataclasses.replace(each, mark=None, passed=None, failing=()) for each in record.verdicts)
    record = dataclasses.replace(record, verdicts=unmarked)
    page = page_bytes(StandIn(record, PortraitWalk(portrait, face, bare=PASSED)), video=False)
    table, folded = section(page, "measures").split("<details>")
    heads = re.findall('<th scope="col" role="columnheader">(.*?)</th>', table)
    assert heads == ["Measure", "Value", "Published mark", "Worst"]
    seam = table[table.index('href="#plot-seam"') :].split("</tr>")[0]
    assert re.findall(r'class="number">(.*?)</td>', seam) == ["0.36", "≤ 0.12", "0.42"]
    assert "Colour cast inside" in folded
    assert "Colour cast inside" not in table
    assert "Edge around the mouth" not in table + folded  # it has a table of its own


def test_judged_marks_have_columns_of_their_own(page: bytes) -> None:
    table = section(page, "measures").split("<details>")[0]
    assert (re.findall('<th scope="col" role="columnheader">(.*?)</th>', table)) == [
        "Measure",
        "Value",
        "Published mark",
        "Pass mark",
        "Verdict",
        "Median",
        "Worst",
        "Within",
        "Where it fails",
    ]
    assert '<span class="state fail">fails</span>' in table


def test_every_element_is_closed(page: bytes, tmp_path: Path) -> None:
    tags = Tags()
    tags.feed(page.decode())
    assert (tags.unbalanced, tags.open) == ([], [])
    assert tags.without_alt == 0
    assert len(tags.ids) == len(set(tags.ids))
    assert {address[1:] for address in tags.addresses if address.startswith("#")} <= set(tags.ids)
    assert all(address.startswith(("#", "data:")) for address in tags.addresses)


def test_the_policy_allows_no_other_script(page: bytes) -> None:
    (policy,) = re.findall('http-equiv="Content-Security-Policy" content="(.*?)"', page.decode())
    assert "default-src &#39;none&#39;" in policy
    assert "script-src &#39;sha256-" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2]
    assert not re.search(r"\son\w+=", body(page))
