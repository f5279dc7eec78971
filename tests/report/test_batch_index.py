"""The index page of a batch: its order, links and pictures, and its controls in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import Browser, find_browser
from html_tags import Tags
from report_stand_ins import PASSED, PortraitWalk, StandIn, evaluation

from lipblend.errors import OutputError
from lipblend.faces.landmarks import Landmarks
from lipblend.quality.report import ClipRow, report_thumbnail, write_batch_index, write_report
from lipblend.quality.report.batch_index import index_bytes
from lipblend.quality.report.clip_row import STATUS_WORDS, worst_first

EVIL = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>"\'&'
ROWS = (
    ClipRow("good-10", "passed", output="/o/good-10.mp4", score=91.2, word="invisible", seconds=12, frames=250),
    ClipRow("good-9", "passed", output="/o/good-9.mp4", score=70.0, word="faint", seconds=30.5, frames=1200),
    ClipRow("old", "skipped", "up to date", output="/o/old.mp4", score=88.0, word="invisible", frames=90),
    ClipRow("unjudged", "passed", output="/o/unjudged.mp4", seconds=3, frames=50),
    ClipRow("seam", "gate", "headline 34 instead of at least 60", score=34.2, word="visible", seconds=9, frames=75),
    ClipRow("worse", "gate", "headline 0 instead of at least 60", score=0.0, word="obvious", seconds=8, frames=75),
    ClipRow("broken", "failed", "the synced video is truncated", output="/o/broken.mp4", seconds=0.4),
    ClipRow("late", "cancelled", "the run was interrupted"),
    ClipRow("twice", "locked", "host b, process 7 writes it"),
)
WORST = ["broken", "worse", "seam", "late", "twice", "good-9", "old", "good-10", "unjudged"]


def jpeg(seed: int, side: int = 120) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    done, data = cv2.imencode(".jpg", cv2.resize(noise, (side, side)))
    assert done
    return data.tobytes()


def tags(page: bytes) -> Tags:
    found = Tags()
    found.feed(page.decode())
    return found


def test_the_worst_come_first() -> None:
    assert [row.name for row in worst_first(ROWS)] == WORST
    text = index_bytes(Path("/o"), ROWS).decode()
    assert re.findall(r'data-name="([^"]*)"', text) == WORST
    assert '5 of 9</strong> <span class="score">need a look' in text
    assert "1 failed, 2 below the gate, 1 not run, 1 in another run, 3 passed, 1 up to date." in text
    fine = index_bytes(Path("/o"), [row for row in ROWS if row.status in ("passed", "skipped")]).decode()
    assert '4 clips</strong> <span class="score">all done' in fine


def test_the_page_is_sound_and_its_names_are_escaped() -> None:
    odd = ClipRow(EVIL, "failed", EVIL, output=f"/o/{EVIL}", log=f"/o/{EVIL}.log", score=1.0, word="obvious")
    content = index_bytes(Path("/o"), [*ROWS, odd, ClipRow("a\udcff", "passed", log="/o/a\udcff.log")])
    found = tags(content)
    assert (found.unbalanced, found.open, found.without_alt) == ([], [], 0)
    assert found.count["script"] == 1
    assert found.count.get("img", 0) == 0
    assert len(found.ids) == len(set(found.ids))
    assert not any(name.startswith("on") for name in found.attributes)
    assert "a%FF.log" in found.addresses
    assert tags(index_bytes(Path("/o"), [])).unbalanced == []


@pytest.mark.parametrize(
    ("target", "link"),
    [
        ("/work/out/reports/a b/report.html", "reports/a%20b/report.html"),
        ("/work/logs/#1?.log", "../logs/%231%3F.log"),
        ("/work/out/javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("https://host/report.html", "https://host/report.html"),
        ("s3://bucket/report.html", None),
        ("javascript://host/%0Aalert(1)", None),
    ],
)
def test_links_are_relative_and_open_in_a_browser(target: str, link: str | None) -> None:
    page = tags(index_bytes(Path("/work/out"), [ClipRow("clip", "passed", report=target)]))
    links = [address for address in page.addresses if address not in ("data:,", "#clips")]
    assert links == ([link, link] if link else [])


def test_addresses_that_a_browser_cannot_open_are_shown() -> None:
    row = ClipRow("clip", "passed", output="s3://bucket/a.mp4", report="s3://bucket/r/report.html")
    page = index_bytes(Path("/work/out"), [row]).decode()
    assert "<bdi>s3://bucket/a.mp4</bdi>" in page
    assert "Report: <bdi>s3://bucket/r/report.html</bdi>" in page
    local = index_bytes(
        Path("/work/out"), [ClipRow("clip", "passed", output="/o/a.mp4", report="/r/report.html")]
    ).decode()
    assert "<bdi>a.mp4</bdi>" in local
    assert "Report: " not in local


def test_the_thumbnail_is_the_result_at_the_reports_worst_moment(
    tmp_path: Path, portrait: np.ndarray, face: Landmarks
) -> None:
    evaluated = StandIn(evaluation(), PortraitWalk(portrait, face, bare=PASSED))
    page = write_report(tmp_path / "report", evaluated, video=False)["report.html"]
    found = report_thumbnail(page)
    assert found is not None
    small = cv2.imdecode(np.frombuffer(found, np.uint8), cv2.IMREAD_COLOR)
    assert max(small.shape[:2]) == 160
    walk = evaluated.walk
    _, _, result = walk.frames(int(re.search(r'class="result"><img [^>]*frame (\d+)"', page.read_text())[1]))
    box = walk.box
    wanted = cv2.resize(
        result[box.y0 : box.y1, box.x0 : box.x1, ::-1], small.shape[1::-1], interpolation=cv2.INTER_AREA
    )
    assert np.abs(small.astype(int) - wanted).mean() < 3
    assert len(found) < 10_000
    assert report_thumbnail(tmp_path / "none.html") is None
    (tmp_path / "bare.html").write_text('<figure class="result"><img src="data:image/jpeg;base64,AAAA"')
    assert report_thumbnail(tmp_path / "bare.html") is None


def test_the_folder_is_created_and_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    page = write_batch_index(tmp_path / "new" / "index", ROWS)
    assert (page.name, page.stat().st_size > 5000) == ("index.html", True)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_batch_index(tmp_path / "file", ROWS)


def many(count: int) -> list[ClipRow]:
    statuses = list(STATUS_WORDS)
    return [
        ClipRow(
            f"clip-{number}", statuses[number % 6], "reason", f"/o/clip-{number}.mp4", f"/o/r/{number}/report.html",
            score=(number * 37) % 100, word="faint", seconds=1 + number % 7, frames=number, thumbnail=jpeg(number),
        )
        for number in range(count)
    ]  # fmt: skip


def test_a_thousand_clips_stay_a_page_that_opens(tmp_path: Path) -> None:
    rows = many(1000)
    started = time.process_time()
    page = write_batch_index(tmp_path, rows)
    assert time.process_time() - started < 5
    assert page.stat().st_size < 1000 * 1200 + 4 / 3 * sum(len(row.thumbnail or b"") for row in rows) + 40_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(find_browser()) as found:
        yield found


def shown(page: Browser) -> list[str]:
    names = page.run("Array.from(document.querySelectorAll('#rows tr:not([hidden])'), (row) => row.dataset.name)")
    return [str(name) for name in names]


def head(page: Browser, key: str) -> None:
    page.run(f"document.querySelector('th[data-key={key}] button').click()")


def test_the_clips_are_filtered_and_sorted(browser: Browser, tmp_path: Path) -> None:
    browser.screen()
    browser.open(write_batch_index(tmp_path, ROWS).as_uri())
    assert shown(browser) == WORST
    browser.page.fill("#filter", "GOOD mp4")
    assert shown(browser) == ["good-9", "good-10"]
    assert browser.run("document.getElementById('count').textContent") == "2 of 9 shown"
    browser.page.select_option("#state", "failed")
    assert shown(browser) == []
    assert browser.run("document.getElementById('nothing').checkVisibility()")
    browser.page.click("#reset")
    assert shown(browser) == WORST
    browser.page.select_option("#state", "gate")
    assert shown(browser) == ["worse", "seam"]
    browser.page.select_option("#state", "")
    head(browser, "score")
    assert shown(browser)[:3] == ["worse", "seam", "good-9"]
    head(browser, "score")
    assert shown(browser)[:2] == ["good-10", "old"]
    assert set(shown(browser)[5:]) == {"broken", "late", "twice", "unjudged"}, "what has no headline stays last"
    assert browser.run("document.querySelector('th[data-key=score]').ariaSort") == "descending"
    head(browser, "name")
    assert shown(browser)[:3] == ["broken", "good-9", "good-10"]
    head(browser, "order")
    assert shown(browser) == WORST
    browser.page.focus("#filter")
    browser.press("Enter")
    assert shown(browser) == WORST, "Enter does not leave the page"
    assert (browser.errors, [each for each in browser.requests if not each.startswith(("file:", "data:"))]) == ([], [])


@pytest.mark.parametrize("phone", [False, True])
def test_nothing_is_wider_than_the_window(browser: Browser, phone: bool, tmp_path: Path) -> None:
    browser.screen(360 if phone else 1280, 800, phone=phone)
    long = ClipRow("x" * 200, "failed", "y" * 400, output="/o/" + "z" * 200, thumbnail=jpeg(1))
    browser.open(write_batch_index(tmp_path, [*ROWS, long]).as_uri())
    width, room = browser.run("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= room
    assert browser.run("document.querySelector('.narrow').checkVisibility()") is phone
    if phone:
        browser.page.select_option("#sort", "name")
        assert shown(browser)[0] == "broken"


def test_a_thousand_clips_are_filtered_at_once(browser: Browser, tmp_path: Path) -> None:
    browser.screen()
    browser.open(write_batch_index(tmp_path, many(1000)).as_uri())
    taken_ms = browser.run("(() => { const at = performance.now(); sortBy('name', true); showMatching(); "
                           "document.body.offsetHeight; return performance.now() - at; })()")  # fmt: skip
    assert taken_ms < 2000
    assert shown(browser)[0] == "clip-999"


def test_no_script_of_a_name_runs(browser: Browser, tmp_path: Path) -> None:
    browser.screen()
    browser.open(write_batch_index(tmp_path, [ClipRow(EVIL, "failed", EVIL, output=EVIL)]).as_uri())
    assert browser.run("document.title") == "1 of 1 clips need a look"
    assert browser.errors == []
