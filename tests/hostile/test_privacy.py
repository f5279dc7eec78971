"""No command opens a socket, as observed from outside over the whole run."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

import kills
import pytest
import syscalls
from syscalls import Call

DEAD_PROXY = "127.0.0.1:9"
INTERNET = {socket.AF_INET, socket.AF_INET6}
# Switches the filter off in the child process that runs the face models.
UNFILTERED = """
from lipblend.analysis import early
from lipblend.cli.app import main
start, work = early.PROGRAM.strip().rsplit(chr(10), 1)
switch = (
    "import lipblend.faces.vision_task as module; from lipblend.faces.offline import NetworkStatus; "
    "module.refuse_network_on_this_thread = lambda: NetworkStatus(False, 'switched off for this test')"
)
early.PROGRAM = f"{start}; {switch}; {work}"
main()
"""
KNOCK = """
import socket
try:
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
except OSError as error:
    print(error.errno)
here, there = socket.socketpair()
here.send(b"x")
unix = socket.socket(socket.AF_UNIX)
try:
    unix.connect("/nowhere")
except OSError as error:
    print(error.errno)
"""


def watched(arguments: list[str], *, let_sockets: bool = False, **environment: str) -> tuple[list[Call], str]:
    try:
        calls, done = syscalls.watch(
            arguments, kills.environment() | environment, kills.HANG_S, let_sockets=let_sockets
        )
    except syscalls.CannotWatchError as error:
        pytest.skip(f"system calls cannot be watched here: {error}")
    assert done.returncode == 0, done.stderr
    return calls, done.stdout


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kills.make_clip(tmp_path_factory.mktemp("clip"))


def test_the_watcher_sees_sockets_and_blocks_them() -> None:
    calls, said = watched([sys.executable, "-c", KNOCK])
    assert [call.family for call in calls if call.name == "socket"] == [socket.AF_INET6, socket.AF_UNIX]
    assert "connect" in [call.name for call in calls]
    assert said.split() == [str(errno.ENETUNREACH), str(errno.ENOENT)]


@pytest.mark.slow(3)
def test_composite_opens_no_socket(clip: Path, tmp_path: Path) -> None:
    calls, _ = watched(kills.command(clip, tmp_path / "out.mp4"))
    assert (tmp_path / "out.mp4").exists()
    assert calls == []


@pytest.mark.slow(3)
def test_without_the_filter_the_library_uses_the_network(clip: Path, tmp_path: Path) -> None:
    """Control: if this fails, the library has changed, and the test above proves less."""
    calls, _ = watched(kills.command(clip, tmp_path / "out.mp4", "-c", UNFILTERED))
    assert {call.family for call in calls} & INTERNET


@pytest.mark.slow(5)
def test_a_dead_proxy_stops_the_library(clip: Path, tmp_path: Path) -> None:
    """The advice of docs/privacy.md for systems without the filter."""
    if os.environ.get("NO_PROXY") or os.environ.get("no_proxy"):
        pytest.skip("NO_PROXY is set here")
    words = kills.command(clip, tmp_path / "out.mp4", "-c", UNFILTERED)
    free = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), "")
    asked, _ = watched(words, let_sockets=True, **free)
    assert [call for call in asked if call.name == "connect" and call.address != DEAD_PROXY]
    calls, _ = watched(words, let_sockets=True, **(free | {"HTTPS_PROXY": f"http://{DEAD_PROXY}"}))
    assert {call.address for call in calls if call.name == "connect"} == {DEAD_PROXY}


@pytest.mark.slow
@pytest.mark.parametrize("words", [["models", "list"], ["presets", "list"], ["config", "show"]])
def test_small_commands_open_no_socket(words: list[str]) -> None:
    calls, _ = watched([sys.executable, "-m", "lipblend", *words])
    assert calls == []


def test_the_watcher_leaves_this_process_unfiltered() -> None:
    watched([sys.executable, "-c", "pass"])
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
