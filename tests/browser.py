"""A headless Chromium for the tests of pages, driven by Playwright. It loads local files only."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
from patience import HANG_S

LOCAL = ("file:", "data:", "blob:", "about:")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio")
ADVICE = "willReadFrequently"  # a warning about how the tests read canvases


def find_browser() -> str:
    """Return the Chromium named by the variable CHROME; skip the test if there is none, or no Playwright."""
    named = os.environ.get("CHROME")
    if not named:
        pytest.skip("tests of pages need CHROME=chromium, or another Chrome's name")
    pytest.importorskip("playwright.sync_api", reason="tests of pages need Playwright: pip install '.[browser]'")
    found = shutil.which(named)
    if found is None:
        raise FileNotFoundError(f"CHROME names no program: {named}")
    return found


class Browser:
    """One tab, as a context manager; ``screen`` takes the arguments of `Browser.screen`.

    Attributes
    ----------
    page : playwright.sync_api.Page
    errors, requests : list of str
        Errors and warnings of the page opened last, and the addresses that it asked for.
    """

    page: Any

    def __init__(self, program: str, address: str = "", **screen: Any) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._program, self._address, self._screen = program, address, screen

    def __enter__(self) -> Self:
        from playwright.sync_api import sync_playwright

        with ExitStack() as stack:
            self._chromium = stack.enter_context(sync_playwright()).chromium
            self._browser = self._connect()
            stack.callback(self._browser.close)
            self.screen(**self._screen)
            if self._address:
                self.open(self._address)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _connect(self) -> Any:
        return self._chromium.launch(executable_path=self._program, args=FLAGS)

    def screen(self, width: int = 1280, height: int = 900, *, phone: bool = False, dark: bool = False) -> None:
        """Open a fresh tab, without storage, of this size in px; optionally as a phone, and with a dark theme."""
        for context in self._browser.contexts:
            context.close()
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=2 if phone else 1,
            is_mobile=phone,
            has_touch=phone,
            color_scheme="dark" if dark else "light",
        )
        self._watch(context.new_page())

    def _watch(self, page: Any) -> None:
        self.page = page
        page.set_default_timeout(1000 * HANG_S)
        page.route(lambda address: not address.startswith(LOCAL), lambda route: route.abort())
        page.on("request", lambda request: self.requests.append(request.url[:200]))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning", "assert") and ADVICE not in message.text:
            self.errors.append(message.text)

    def open(self, address: str) -> None:
        """Load a page."""
        self._load(lambda: self.page.goto(address))

    def reload(self) -> None:
        """Load the page again."""
        self._load(self.page.reload)

    def _load(self, load: Callable[[], object]) -> None:
        self.errors.clear()
        self.requests.clear()
        load()

    def run(self, script: str) -> Any:
        """Value of an expression; a promise is waited for."""
        return self.page.evaluate(script)

    def until(self, condition: str) -> None:
        """Wait until an expression is true. (Playwright's own wait would need the page to allow ``eval``.)"""
        deadline = time.monotonic() + HANG_S
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"never true: {condition}"
            self.page.wait_for_timeout(20)

    def press(self, key: str) -> None:
        """Press and release a key: a character, or a name such as ``Enter``."""
        self.page.keyboard.press(key)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place of the window, move it to another (px), and release it."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end)
        self.page.mouse.up()

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save the window, or the whole page, as PNG."""
        self.page.screenshot(path=path, full_page=whole)

    def download(self, script: str, folder: Path) -> Path:
        """Run a script that saves a file; return that file, in ``folder``."""
        with self.page.expect_download() as download:
            self.run(script)
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path
