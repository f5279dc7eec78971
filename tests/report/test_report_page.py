"""The page in a real browser, and its HTML."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import Browser, find_browser
from html_tags import Tags
from report_stand_ins import CUT, FAILING, PASSED, PortraitWalk, StandIn, evaluation

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.faults import FAULTS
from lipblend.quality.record import FrameRow, InputFile
from lipblend.quality.report import write_report

EVIL = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>"\'&'
MIDDLE = (FAILING.start + FAILING.stop - 1) // 2
OWN = ("file:", "data:", "blob:")


@pytest.fixture(scope="module")
def program() -> str:
    found = find_browser()
    if found is None:
        pytest.skip("tests of pages need CHROME=chromium, or another Chrome's name")
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, portrait: np.ndarray, face: Landmarks) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_report(folder, StandIn(evaluation(), PortraitWalk(portrait, face, bare=PASSED)), gated=True)
    return folder / "report.html"


def settled(page: Browser) -> None:
    page.until("!document.querySelector('#player video').seeking && document.getElementById('player').dataset.seconds")
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def brightness(page: Browser, canvas: int) -> float:
    """Mean of all samples of one of the player's canvases."""
    script = """(() => {{
      const canvas = document.querySelectorAll("#player canvas")[{0}];
      const {{ data }} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let sum = 0;
      for (let at = 0; at < data.length; at += 4) sum += data[at] + data[at + 1] + data[at + 2];
      return sum / (data.length / 4 * 3);
    }})()"""
    return float(page.run(script.format(canvas)))


def text(page: Browser, selector: str) -> str:
    return str(page.run(f"document.querySelector({selector!r}).textContent"))


def choose(page: Browser, name: str, value: object, kind: str) -> None:
    page.run(
        f"(() => {{ const part = document.getElementById({name!r}); part.value = {value!r};"
        f"part.dispatchEvent(new Event({kind!r})); }})()"
    )


def place(page: Browser, selector: str, x: float, y: float) -> tuple[float, float]:
    """Position in the window of a point of an element, in shares of its size."""
    left, top, width, height = page.run(
        f"(() => {{ const part = document.querySelector({selector!r}); "
        "part.scrollIntoView({block: 'center', behavior: 'instant'}); const box = part.getBoundingClientRect(); "
        "return [box.left, box.top, box.width, box.height]; })()"
    )
    return left + x * width, top + y * height


def test_a_link_a_key_and_the_pointer_choose_a_frame(program: str, written: Path) -> None:
    with Browser(program, written.as_uri()) as page:
        settled(page)
        page.run("document.querySelector('td.where a[data-frame]').click()")
        settled(page)
        assert page.run("location.hash") == "#plot-seam"
        assert text(page, "#plot-seam .readout") == f"frame {MIDDLE}, 0:01.800: 0.36"
        assert text(page, "#plot-ssim_y .readout").startswith(f"frame {MIDDLE}, 0:01.800: 0.9")
        assert text(page, "#frame-text") == f"frame {MIDDLE}, 0:01.800"
        page.run("document.querySelector('#plot-seam .chart').focus()")
        page.press("ArrowRight")
        assert text(page, "#plot-seam .readout").startswith(f"frame {MIDDLE + 1},")
        page.press("Home")
        assert text(page, "#plot-seam .readout") == "frame 0, 0:00.000: 0.06"
        assert page.run("document.querySelector('#plot-seam .chart').ariaValueText") == "frame 0, 0:00.000: 0.06"
        there = place(page, "#plot-seam svg", 0.71, 0.5)
        page.drag(there, there)
        assert text(page, "#plot-seam .readout") == "frame 85, 0:03.400: not measured, passed through: no face"
        at = page.run("document.querySelector('#plot-seam .cursor').getBoundingClientRect().left")
        assert at == pytest.approx(there[0], abs=5)
        assert (page.errors, [each for each in page.requests if not each.startswith(OWN)]) == ([], [])


def test_the_video_plays_steps_and_splits(program: str, written: Path) -> None:
    with Browser(program, written.as_uri()) as page:
        settled(page)
        assert page.run("document.querySelector('#player video').duration") == pytest.approx(120 / 25, abs=0.05)
        choose(page, "scrub", MIDDLE, "input")
        settled(page)
        original, synced, result = (brightness(page, canvas) for canvas in range(3))
        assert original + 0.5 < result < synced - 0.5  # the tint of the failing frames, in a part and in the whole
        choose(page, "mode", "split", "change")
        assert page.run("document.querySelector('.panels').offsetWidth") == 0
        assert original < brightness(page, 3) < result
        choose(page, "split-at", 100, "input")
        assert brightness(page, 3) == pytest.approx(original, abs=0.01)
        choose(page, "split-at", 0, "input")
        assert brightness(page, 3) == pytest.approx(result, abs=0.01)
        page.run("document.getElementById('forward').click()")
        settled(page)
        assert text(page, "#frame-text") == f"frame {MIDDLE + 1}, 0:01.840"
        page.run("document.getElementById('scrub').focus()")
        page.press("ArrowLeft")
        settled(page)
        assert text(page, "#frame-text") == f"frame {MIDDLE}, 0:01.800"
        choose(page, "speed", "2", "change")
        page.run("document.getElementById('play').click()")
        page.until(f"document.getElementById('scrub').value > {MIDDLE + 5}")
        assert text(page, "#play") == "Pause"
        assert page.run("document.querySelector('#player video').playbackRate") == 2
        page.until(f"document.getElementById('scrub').value < {MIDDLE}")  # it came round
        page.run("document.getElementById('play').click()")
        page.until("document.getElementById('play').textContent === 'Play'")
        assert page.errors == []


class Numbered(PortraitWalk):
    """Frames that show their index as seven black or white bars."""

    def pictures(self, indices: Sequence[int], box: Box, /) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        for index, *pictures in super().pictures(indices, box):
            bars = [255 * (index >> bit & 1) for bit in range(7)]
            wide = np.repeat(bars, -(-box.width // 7))[: box.width].astype(np.uint8)
            yield index, *(np.ascontiguousarray(np.broadcast_to(wide[None, :, None], p.shape)) for p in pictures)


def test_the_requested_frame_is_shown(program: str, tmp_path: Path, portrait: np.ndarray, face: Landmarks) -> None:
    walk = Numbered(portrait, face, bare=PASSED)
    page_file = write_report(tmp_path, StandIn(evaluation(), walk), gated=True)["report.html"]
    read = """(() => {
      const canvas = document.querySelectorAll("#player canvas")[1], panel = canvas.getContext("2d");
      const bar = (at) => panel.getImageData(canvas.width * (at + 0.5) / 7, canvas.height / 2, 1, 1).data[0] > 128;
      return [0, 1, 2, 3, 4, 5, 6].reduce((sum, at) => sum + (bar(at) << at), 0);
    })()"""
    with Browser(program, page_file.as_uri()) as page:
        settled(page)
        assert page.run(read) == 0
        for frame in (1, 2, 57, 56, 119, 64):
            choose(page, "scrub", frame, "input")
            settled(page)
            assert (page.run(read), text(page, "#frame-text").split(",")[0]) == (frame, f"frame {frame}")
        page.run("document.getElementById('play').click()")
        page.until("document.getElementById('scrub').value > 80")
        shown, said = page.run(f"[{read}, document.getElementById('scrub').value]")
        assert shown == int(said)


def test_before_and_after_slide(program: str, written: Path) -> None:
    with Browser(program, written.as_uri()) as page:
        last = page.run("document.getElementById('slider-frame').options.length") - 1
        frame = page.run(f"document.getElementById('slider-frame').options[{last}].value")
        choose(page, "slider-frame", frame, "change")
        choose(page, "slider-left", "1", "change")
        assert page.run(
            f"""(() => {{
              const [, synced, result] = document.querySelectorAll('.frame[data-frame="{frame}"] img');
              const slider = document.getElementById("slider");
              return slider.querySelector(".over").src === synced.src
                && slider.querySelector(".under").src === result.src;
            }})()"""
        )
        assert text(page, "#slider .tag.left") == "Synced"
        page.drag(place(page, "#slider", 0.5, 0.5), place(page, "#slider", 0.25, 0.5))
        shown = page.run("getComputedStyle(document.querySelector('#slider .over')).clipPath")
        hidden = re.fullmatch(r"inset\(0px ([\d.]+)% 0px 0px\)", shown)
        assert hidden
        assert float(hidden[1]) == pytest.approx(75, abs=2)
        page.run("document.querySelector('#slider input').focus()")
        page.press("ArrowRight")
        moved = page.run("document.querySelector('#slider').style.getPropertyValue('--at')")
        assert float(moved.rstrip("%")) == pytest.approx(100 - float(hidden[1]) + 0.5, abs=0.01)


@pytest.mark.parametrize(("width", "phone"), [(320, True), (390, True), (800, False), (1280, False)])
def test_nothing_is_wider_than_the_screen(program: str, written: Path, width: int, phone: bool) -> None:
    with Browser(program, written.as_uri(), width=width, phone=phone) as page:
        page.run("for (const fold of document.querySelectorAll('details')) fold.open = true")
        assert page.run("[document.documentElement.scrollWidth, innerWidth]") == [width, width]


@pytest.mark.parametrize("dark", [False, True])
def test_a_screenshot_shows_the_verdict(program: str, written: Path, tmp_path: Path, dark: bool) -> None:
    with Browser(program, written.as_uri(), dark=dark) as page:
        page.picture(tmp_path / "shot.png")
    picture = cv2.imread(str(tmp_path / "shot.png"))
    assert picture.shape == (900, 1280, 3)
    assert picture.std() > 10  # not blank
    assert (np.median(picture) < 128) == dark
    blue, green, red = (picture[:200, :, channel].astype(int) for channel in range(3))
    assert ((red > green + 100) & (red > blue + 100)).sum() > 300  # "Failed" stands there, in red


def test_no_script_but_its_own_runs(program: str, written: Path, tmp_path: Path) -> None:
    page_text = written.read_text(encoding="utf-8")
    injected = "<script>document.title = 'owned'</script><img src='http://127.0.0.1:9/x.png' alt=''></body>"
    (tmp_path / "injected.html").write_text(page_text.replace("</body>", injected), encoding="utf-8")
    with Browser(program, (tmp_path / "injected.html").as_uri()) as page:
        assert page.run("document.title") == "Failed: Visible, 34 of 100: result.mp4"
        assert sum("Content Security Policy" in error for error in page.errors) == 2


def test_user_text_is_escaped(program: str, tmp_path: Path, portrait: np.ndarray, face: Landmarks) -> None:
    record = evaluation(60)
    rows = (*record.rows[:-1], dataclasses.replace(record.rows[-1], blended=False, reason=EVIL, faults=(EVIL,)))
    record = dataclasses.replace(
        record,
        rows=rows,
        inputs=(InputFile("original", "a.mp4", "0", 1), InputFile("result", EVIL, "0", 1)),
        notes=(EVIL,),
        versions={"lipblend": EVIL, EVIL: "1"},
        settings={"mask": {"shapes": [EVIL], EVIL: EVIL}},
        matte=EVIL,
    )
    paths = write_report(tmp_path, StandIn(record, PortraitWalk(portrait, face)), gated=True)
    tags = Tags()
    tags.feed(paths["report.html"].read_text(encoding="utf-8"))
    assert tags.count["script"] == 3
    assert "onerror" not in tags.attributes
    with Browser(program, paths["report.html"].as_uri()) as page:
        settled(page)
        assert page.run("document.title") == f"Failed: Visible, 34 of 100: {EVIL}"
        assert page.errors == []


def test_the_page_is_one_file_with_valid_links(written: Path) -> None:
    tags = Tags()
    tags.feed(written.read_text(encoding="utf-8"))
    assert all(address.startswith(("#", "data:")) for address in tags.addresses)
    assert len(tags.ids) == len(set(tags.ids))
    assert {address[1:] for address in tags.addresses if address.startswith("#")} <= set(tags.ids)
    assert tags.without_alt == 0
    assert tags.count["h1"] == 1


def test_broken_and_passed_frames_are_listed(written: Path) -> None:
    page = written.read_text(encoding="utf-8")
    assert re.search(rf"<dt>blurred .*2 frames.*\n.*{re.escape(FAULTS['blurred'])}.*>20 to 21</a>", page)
    assert re.search(r"<dt>no face .*10 frames.*\n.*>80 to 89</a>", page)


def test_changed_settings_come_first(written: Path) -> None:
    page = written.read_text(encoding="utf-8")
    changed, folded = page.index(">mask.shapes<"), page.index("Settings at their defaults")
    assert changed < folded < page.index(">mask.expansion<")


def test_the_video_is_left_out_when_it_is_not_wanted(tmp_path: Path, portrait: np.ndarray, face: Landmarks) -> None:
    walk = PortraitWalk(portrait, face, bare=PASSED)
    page = write_report(tmp_path, StandIn(evaluation(), walk), video=False)["report.html"].read_text(encoding="utf-8")
    assert 'id="player"' not in page
    assert sum(map(len, walk.requested)) <= 4  # the pictures only


@pytest.mark.slow(2)
def test_a_clip_without_faces_has_a_page(tmp_path: Path, portrait: np.ndarray, face: Landmarks) -> None:
    rows = tuple(FrameRow(i, i / 25, 0, i, -1, False, "no face", {}, ()) for i in range(CUT))
    record = dataclasses.replace(evaluation(), rows=rows, shots=(), headline=None)
    walk = PortraitWalk(portrait, face, bare=range(CUT))
    page = write_report(tmp_path, StandIn(record, walk))["report.html"].read_text(encoding="utf-8")
    assert "No frame with a patch can be shown" in page
    assert "No frame has a value to plot" in page
    assert 'id="player"' in page
