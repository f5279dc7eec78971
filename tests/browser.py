"""A headless Chromium, spoken to through two pipes: no port, no other package.

Source: the Chrome DevTools Protocol, https://chromedevtools.github.io/devtools-protocol/; with
``--remote-debugging-pipe`` messages are JSON with a zero byte behind each, read from descriptor 3, written to 4.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from patience import HANG_S

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-default-apps", "--disable-dev-shm-usage", "--mute-audio", "--remote-debugging-pipe",
)  # fmt: skip
KEYS = {"Backspace": 8, "Enter": 13, " ": 32, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39, ",": 188, ".": 190}
GRACE_S = 20.0  # for ending by itself, which it need not
LAUNCH = """
import fcntl, os, sys
given = [int(end) for end in sys.argv[1:3]]
ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in given]  # out of the way of 3 and 4
for end in given:
    os.close(end)
for end, wanted in zip(ends, (3, 4)):
    os.dup2(end, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_browser() -> str | None:
    """The one named in the variable CHROME; None without it, or without such pipes (Windows).

    Only where it is asked for: a browser takes what a machine has, and one that hangs must not hold up all other tests.
    """
    named = os.environ.get("CHROME")
    if os.name == "nt" or not named:
        return None
    if found := shutil.which(named):
        return found
    raise FileNotFoundError(f"CHROME names no program: {named}")


class Browser:
    """One tab, as a context manager; ``screen`` as for the method of that name.

    ``errors`` and ``requests`` hold what the scripts of the page opened last complained of, and which addresses it
    asked for, as far as they were heard of when the last call was answered.
    """

    def __init__(self, program: str, address: str = "", **screen: Any) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._program, self._address, self._screen = program, address, screen
        self._number, self._buffer, self._session = 0, b"", ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = tempfile.TemporaryDirectory(prefix="lipblend-browser-", ignore_cleanup_errors=True)
            profile = stack.enter_context(folder)
            read_by_it, self._to = os.pipe()
            self._from, written_by_it = os.pipe()
            stack.callback(os.close, self._from)
            try:
                self._process = subprocess.Popen(
                    [
                        *(sys.executable, "-c", LAUNCH, str(read_by_it), str(written_by_it)),
                        *(self._program, *FLAGS, f"--user-data-dir={profile}", "about:blank"),
                    ],
                    pass_fds=(read_by_it, written_by_it),
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                stack.callback(self._wait)
            finally:
                stack.callback(os.close, self._to)  # done first: the browser ends with its pipe
                os.close(read_by_it)
                os.close(written_by_it)
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                self.call(f"{domain}.enable")
            self.screen(**self._screen)
            if self._address:
                self.open(self._address)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _wait(self) -> None:
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def open(self, address: str) -> None:
        """Load a page, and wait until it is there."""
        self._load("Page.navigate", url=address)

    def reload(self) -> None:
        """Load the page once more."""
        self._load("Page.reload")

    def _load(self, method: str, **parameters: Any) -> None:
        self.run("window.stale = true")
        self.errors.clear()
        self.requests.clear()
        answer = self.call(method, **parameters)
        assert "errorText" not in answer, answer
        self.until("!window.stale && location.href !== 'about:blank' && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Value of a script; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + HANG_S
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"never true: {condition}"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and let go of a key: a letter, a digit, or one of ``KEYS``."""
        about = {"key": key, "windowsVirtualKeyCode": KEYS[key] if key in KEYS else ord(key.upper())}
        text = "\r" if key == "Enter" else key if len(key) == 1 else ""
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """The mouse pressed at one place of the window (in px), moved to another, let go."""
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def screen(self, width: int = 1280, height: int = 900, *, phone: bool = False, dark: bool = False) -> None:
        """Set the window's size in px, whether it is a phone's, and its theme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save the window, or the whole page, as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def downloads_to(self, folder: Path) -> None:
        """Let files be saved in a folder."""
        self.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol, and wait for its answer."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + HANG_S
        while (found := self._next(method, deadline)).get("id") != self._number:
            self._note(found)
        assert "error" not in found, (method, found["error"])
        return found["result"]

    def _next(self, method: str, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self._from], [], [], left)[0]
            assert ready, f"the browser does not answer {method}"
            chunk = os.read(self._from, 1 << 20)
            assert chunk, f"the browser has ended before it answered {method}"
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        kind, about = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.errors.append(str(about["exceptionDetails"]))
        elif kind == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.errors.append(str([each.get("value", each.get("description")) for each in about["args"]]))
        elif kind == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            if "willReadFrequently" not in about["entry"]["text"]:  # advice about the test's own reading
                self.errors.append(about["entry"]["text"])
        elif kind == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"][:200])
