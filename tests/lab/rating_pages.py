"""The page of a study, used as a rater does."""

from __future__ import annotations

import json

from browser import Browser

from lipblend.lab.rating.build import BuiltStudy


def enter(browser: Browser, built: BuiltStudy, rater: str) -> None:
    """Open the page as someone who has not been there."""
    browser.open((built.page / "index.html").resolve().as_uri())
    if browser.run("document.getElementById('start').hidden"):
        browser.run("run('other')")
    browser.run(f"document.getElementById('rater').value = {json.dumps(rater)}")
    browser.run("document.getElementById('begin').requestSubmit()")
    ready(browser)


def ready(browser: Browser) -> None:
    browser.until("player.ready && player.duration > 0")


def play_through(browser: Browser) -> None:
    browser.press("r")
    browser.until("player.plays > 0 && !$('answers').firstChild.disabled")


def shown(browser: Browser) -> list[list[str]]:
    return browser.run("order.map((trial) => [trial.id, ...trial.clips.map((clip) => clip.file)])")
