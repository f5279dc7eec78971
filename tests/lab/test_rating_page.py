"""The page in a real browser, opened as a file: order, keys, step, reload, votes, and what it looks like."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import Browser, find_browser
from rating_material import METHODS, ORIGINALS
from rating_pages import enter, play_through, ready, shown

from lipblend.lab.rating.build import BuiltStudy, build_study
from lipblend.lab.rating.clips_to_rate import pair_sources, single_sources
from lipblend.lab.rating.order import presentation
from lipblend.lab.rating.scoring import score_pairs, score_single
from lipblend.lab.rating.study import COLUMNS
from lipblend.lab.rating.votes import read_votes

HOSTILE = '</script><img src=x onerror="document.title=1"><script>document.title=2</script>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(find_browser()) as opened:
        yield opened


@pytest.fixture(scope="module")
def pairs(material: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltStudy:
    folders = [material / name for name in METHODS]
    folder = tmp_path_factory.mktemp("ab") / "with space & ü#1"
    return build_study(folder, pair_sources(folders, [], []), mode="ab", seed=7, title=HOSTILE)


@pytest.fixture(scope="module")
def seams(material: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltStudy:
    sources = single_sources([material / METHODS[0]], [material / ORIGINALS], [])
    return build_study(tmp_path_factory.mktemp("seam") / "study", sources, mode="seam", seed=7)


@pytest.mark.parametrize("which", ["pairs", "seams"])
def test_the_page_shows_the_order_that_python_computes(
    browser: Browser, which: str, request: pytest.FixtureRequest
) -> None:
    built: BuiltStudy = request.getfixturevalue(which)
    study = built.study
    for rater in ("anna", "ben", "p07", "x.y-z_9"):
        enter(browser, built, rater)
        expected = []
        for item in presentation(study.study, study.seed, rater, len(study.trials)):
            trial = study.trials[item.index]
            expected.append([trial.trial, *(clip.file for clip in trial.clips[:: -1 if item.swapped else 1])])
        assert shown(browser) == expected


def test_an_ab_test_from_start_to_score(browser: Browser, pairs: BuiltStudy, tmp_path: Path) -> None:
    """One who always prefers the second method, wherever it is shown; the pictures tell which one that is."""
    enter(browser, pairs, " Ben-5 ")
    labels = {clip.file: clip.label for trial in pairs.study.trials for clip in trial.clips}
    for number, (_, *files) in enumerate(shown(browser), 1):
        ready(browser)
        assert browser.run("$('progress').textContent") == f"ben-5: clip {number} of 5"
        assert browser.run("player.videos.map((video) => video.getAttribute('src').split('/').pop())") == files
        browser.press("a")
        assert browser.run("vote().answer") == ""  # nothing played yet
        play_through(browser)
        browser.press("a" if labels[files[0]] == METHODS[1] else "b")
        browser.press("Enter")
    browser.until("!$('end').hidden")
    assert browser.run("$('end-head').textContent") == "Thank you. That was the last clip."
    path = browser.download("$('save').click()", tmp_path)
    assert path.name == f"votes-{pairs.study.study}-ben-5.csv"
    votes = read_votes([path], pairs.study)
    assert all(vote.rater == "ben-5" and vote.plays >= 1 and vote.seconds > 0 for vote in votes.counted)
    score = score_pairs(pairs.study, votes, min_raters=1)
    assert (score.preferred[METHODS[1]].count, score.preferred[METHODS[1]].of) == (5, 5)
    assert path.read_bytes().startswith(",".join(COLUMNS).encode() + b"\r\n")
    assert browser.run("$('raw').value") == path.read_bytes().decode().replace("\r\n", "\n")


def test_a_hostile_title_is_text(browser: Browser, pairs: BuiltStudy) -> None:
    enter(browser, pairs, "title")
    assert browser.run("document.title") == HOSTILE
    assert browser.run("document.querySelector('h1').textContent") == HOSTILE
    assert browser.run("document.querySelectorAll('img').length") == 0


def test_the_page_may_load_nothing_else(browser: Browser, pairs: BuiltStudy) -> None:
    enter(browser, pairs, "net")
    assert browser.run("fetch('index.html').then(() => 'loaded', () => 'refused')") == "refused"
    assert browser.run("(() => { try { return eval('1') } catch { return 'refused' } })()") in (1, "refused")
    browser.run(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.bad = 1'}))"
    )
    assert browser.run("window.bad ?? 0") == 0


def test_a_reload_loses_no_votes(browser: Browser, seams: BuiltStudy) -> None:
    enter(browser, seams, "reload")
    play_through(browser)
    browser.press("y")
    browser.run("$('where').querySelector('input[value=chin]').click()")
    browser.press("Enter")
    browser.until("state.at === 1")
    ready(browser)
    session = browser.run("state.session")
    browser.reload()
    ready(browser)
    assert browser.run("[state.rater, state.at, state.session, answered()]") == ["reload", 1, session, 1]
    browser.press("Backspace")
    browser.until("state.at === 0")
    assert browser.run("[vote().answer, vote().where.join()]") == ["yes", "chin"]
    assert browser.run("$('where').querySelector('input[value=chin]').checked") is True
    # Another rater on the same device starts anew, and the first one can go on.
    enter(browser, seams, "second")
    assert browser.run("[state.at, answered()]") == [0, 0]
    enter(browser, seams, "reload")
    assert browser.run("answered()") == 1


def test_a_seam_rating_is_scored(browser: Browser, seams: BuiltStudy, tmp_path: Path) -> None:
    enter(browser, seams, "eve")
    controls = {trial.trial for trial in seams.study.trials if trial.control}
    for trial, _ in shown(browser):
        ready(browser)
        play_through(browser)
        if trial not in controls:
            browser.press("y")
            browser.run("$('where').querySelector('input[value=mouth]').click()")
            browser.run("$('where').querySelector('input[value=flicker]').click()")
        else:
            browser.press("n")
        browser.press("Enter")
    browser.until("!$('end').hidden")
    path = tmp_path / "votes.csv"
    path.write_text(browser.run("$('raw').value"), encoding="utf-8", newline="")
    score = score_single(seams.study, read_votes([path], seams.study), min_raters=1)
    assert (score.methods[0].unnoticeable.count, score.methods[0].unnoticeable.of) == (0, 5)
    assert score.false_alarms is not None
    assert (score.false_alarms.count, score.false_alarms.of) == (0, 5)
    assert score.clips[0].where == {"mouth": 1, "flicker": 1}


def test_both_clips_show_the_same_frame(browser: Browser, pairs: BuiltStudy, tmp_path: Path) -> None:
    browser.screen(1000, 800)
    enter(browser, pairs, "step")
    for key, count, frame in ((".", 5, 5), (",", 2, 3), (".", 30, 11)):
        for _ in range(count):
            browser.press(key)
            browser.until("player.videos.every((video) => !video.seeking)")
        times = browser.run("player.videos.map((video) => video.currentTime)")
        assert times == pytest.approx([(frame + 0.5) / 25] * 2, abs=1e-3)
    # The bar of frame n lies at 4n of 64 px, in both.
    for _ in range(5):
        browser.press(",")
        browser.until("player.videos.every((video) => !video.seeking)")
    boxes = browser.run(
        "player.videos.map((v) => { const r = v.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })"
    )
    browser.picture(tmp_path / "page.png")
    page = cv2.imread(str(tmp_path / "page.png")).astype(np.float32)
    for x, y, width, height in boxes:
        row = page[round(y + height / 2), round(x) : round(x + width)].mean(axis=1)
        assert np.argmax(row) / len(row) * 64 == pytest.approx(4 * 6 + 2, abs=2.5)


def test_playing_keeps_step_and_counts_passes(browser: Browser, pairs: BuiltStudy) -> None:
    enter(browser, pairs, "loop")
    browser.press(" ")
    browser.until("player.plays >= 4")  # three times round
    browser.press(" ")
    assert browser.run("player.playing") is False
    browser.until("player.videos.every((video) => video.paused && !video.seeking)")
    first, second = browser.run("player.videos.map((video) => video.currentTime)")
    assert first == pytest.approx(second, abs=1e-3)
    browser.press("l")
    browser.press("r")
    browser.until("player.playing")
    browser.until("!player.playing && player.atEnd()")
    assert browser.run("player.videos.every((video) => video.paused)") is True


@pytest.mark.parametrize(
    ("behind", "speed", "rate", "jumps"),
    [(0.0, 1, 1, False), (0.01, 1, 1, False), (0.05, 1, 1.2, False), (-0.05, 1, 0.8, False), (0.2, 1, 1.25, False),
     (0.05, 0.5, 0.6, False), (0.4, 1, 1, True), (-0.4, 1, 1, True)],
)  # fmt: skip
def test_the_second_clip_catches_up(
    browser: Browser, pairs: BuiltStudy, behind: float, speed: float, rate: float, jumps: bool
) -> None:
    browser.open((pairs.page / "index.html").resolve().as_uri())
    made = f"Object.assign(Object.create(Player.prototype), {{videos: [{{currentTime: 3}}], speed: {speed}}})"
    other = f"{{currentTime: 3 - {behind}, playbackRate: {speed}, seeking: false}}"
    found = browser.run(f"(() => {{ const other = {other}; {made}.follow(other); return other; }})()")
    assert found["playbackRate"] == pytest.approx(rate)
    assert (found["currentTime"] == 3) is (jumps or behind == 0)


def test_one_at_a_time_and_sound(browser: Browser, pairs: BuiltStudy) -> None:
    enter(browser, pairs, "flip")
    assert browser.run("player.videos.map((video) => video.muted)") == [False, True]
    browser.press("m")
    assert browser.run("player.videos.map((video) => video.muted)") == [True, False]
    browser.press("m")
    assert browser.run("player.videos.map((video) => video.muted)") == [True, True]
    browser.press("v")
    seen = "[...$('stage').children].map((figure) => getComputedStyle(figure).opacity)"
    assert browser.run(seen) == ["1", "0"]
    browser.press("x")
    assert browser.run(seen) == ["0", "1"]
    browser.press("s")
    assert browser.run("player.videos.map((video) => video.playbackRate)") == [0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("Anna", "anna"), (" p07 ", "p07"), ("=1+1", None), ("-x", None), ("@x", None), ("a b", None), ("", None),
     ("a,b", None), ("<b>", None), ("x" * 41, None)],
)  # fmt: skip
def test_raters_names_are_no_formulas(browser: Browser, seams: BuiltStudy, name: str, kept: str | None) -> None:
    browser.open((seams.page / "index.html").resolve().as_uri())
    assert browser.run(f"cleanRater({json.dumps(name)})") == kept


def test_fields_are_safe_in_a_spreadsheet(browser: Browser, seams: BuiltStudy) -> None:
    browser.open((seams.page / "index.html").resolve().as_uri())
    fields = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", 'say "a", b', "plain", "4.2", "a;b"]
    line = browser.run(f"{json.dumps(fields)}.map(csvField).join(',')")
    assert next(csv.reader([line])) == [*(f"'{field}" for field in fields[:6]), *fields[6:]]


def test_a_clip_that_cannot_be_played_is_said(browser: Browser, material: Path, tmp_path: Path) -> None:
    built = build_study(tmp_path / "x", single_sources([material / METHODS[0]], [], []), mode="seam", seed=1)
    for clip in (built.page / "clips").iterdir():
        clip.write_bytes(b"broken")
    browser.open((built.page / "index.html").resolve().as_uri())
    browser.run("begin('anna')")
    browser.until("!$('notice').hidden")
    assert "cannot play this clip" in browser.run("$('notice').textContent")
    browser.press("y")
    assert browser.run("vote().answer") == ""
    browser.press("Enter")
    assert browser.run("state.at") == 1


def test_without_storage_the_page_works_and_says_so(browser: Browser, seams: BuiltStudy) -> None:
    browser.screen()
    browser.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } });"
    )
    browser.open((seams.page / "index.html").resolve().as_uri())
    assert "keeps nothing" in browser.run("$('notice').textContent")
    browser.run("begin('anna')")
    ready(browser)
    play_through(browser)
    browser.press("u")
    browser.press("Enter")
    browser.run("finish()")
    assert browser.run("$('raw').value.trim().split('\\n').length") == 2
    assert "keeps nothing" in browser.run("$('notice').textContent")
    browser.screen()


@pytest.mark.parametrize("which", ["pairs", "seams"])
@pytest.mark.parametrize(("width", "height", "phone"), [(1280, 800, False), (390, 844, True), (844, 390, True)])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_follows_the_theme(
    browser: Browser, which: str, width: int, height: int, phone: bool, dark: bool, request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:  # fmt: skip
    browser.screen(width, height, phone=phone, dark=dark)
    enter(browser, request.getfixturevalue(which), f"look{width}{dark}")
    play_through(browser)
    browser.press("y")
    # A phone makes innerWidth as wide as what lies in it, so both are held against the screen.
    assert browser.run("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    small = browser.run(
        "[...document.querySelectorAll('#trial button')].filter((b) => b.offsetParent && b.offsetHeight < 40).length"
    )
    assert small == 0
    browser.picture(tmp_path / "page.png")
    page = cv2.imread(str(tmp_path / "page.png"))
    corner = page[-5:, :5].mean()
    assert (corner < 60) if dark else (corner > 200)
    assert page.std() > 10
