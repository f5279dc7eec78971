"""Killed runs leave the old output, the complete new one, or none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

import kills
import pytest
from kills import OLD

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="POSIX signals, and nameless files")

ROUNDS, SEED = 12, 20
SHORT = 4

# Sends itself a signal at a call of os: "link:after:9" is right after the file got its name.
STRUCK = """
import os, sys
from lipblend.cli.app import main
name, moment, number = sys.argv.pop(1).split(":")
real = getattr(os, name)
def struck(*arguments, **options):
    if moment == "before":
        os.kill(os.getpid(), int(number))
    result = real(*arguments, **options)
    if moment == "after":
        os.kill(os.getpid(), int(number))
    return result
setattr(os, name, struck)
main()
"""
NAMED = "import lipblend.runtime.files as t\nt._open_nameless = lambda folder, *_: None\n"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kills.make_clip(tmp_path_factory.mktemp("clip"), SHORT)


@pytest.mark.slow(36)
def test_runs_killed_at_random_moments(tmp_path: Path) -> None:
    done = kills.kill_many(tmp_path, ROUNDS, SEED)
    assert len(done) == ROUNDS
    assert [kill for kill in done if kill.faults] == []
    assert {(kill.number, kill.moment.split()[0]) for kill in done} == set(product(kills.SIGNALS, kills.STAGES))
    assert all(kill.code == -signal.SIGKILL for kill in done if kill.number == signal.SIGKILL)
    # An exception raised by a signal may be swallowed in a destructor or hook.
    assert sum(kill.code != 0 for kill in done) > 0.9 * ROUNDS


def strike(clip: Path, output: Path, program: str, where: str, number: signal.Signals) -> subprocess.CompletedProcess:
    words = kills.command(clip, output, "-c", program, f"{where}:{number.value}")
    return subprocess.run(words, env=kills.environment(), capture_output=True, text=True, timeout=kills.HANG_S)


def needs_nameless(folder: Path) -> None:
    from lipblend.runtime.files import _open_nameless

    descriptor = _open_nameless(folder)
    if descriptor is None:
        pytest.skip("no nameless files on this file system")
    os.close(descriptor)


@pytest.mark.slow(2)
@pytest.mark.parametrize(
    ("where", "replaces", "wanted", "number"),
    [
        ("fsync:before", False, "absent", signal.SIGKILL),
        ("fsync:after", True, "old", signal.SIGKILL),
        ("fsync:after", True, "old", signal.SIGTERM),
        ("link:before", False, "absent", signal.SIGKILL),
        ("link:after", False, "whole", signal.SIGKILL),
        ("link:after", False, "whole", signal.SIGINT),
        ("replace:after", True, "whole", signal.SIGKILL),
    ],
)
def test_killed_at_each_step_of_publishing(
    clip: Path, tmp_path: Path, where: str, replaces: bool, wanted: str, number: signal.Signals
) -> None:
    needs_nameless(tmp_path)
    output = tmp_path / "out.mp4"
    if replaces:
        output.write_bytes(OLD)
    done = strike(clip, output, STRUCK, where, number)
    assert done.returncode in kills.ENDED_BY[number]
    assert kills.look(output, replaces, SHORT) == (wanted, [])
    assert "Traceback" not in done.stderr


@pytest.mark.slow(2)
@pytest.mark.parametrize(
    ("program", "number"), [(STRUCK, signal.SIGTERM), (NAMED + STRUCK, signal.SIGTERM), (NAMED + STRUCK, signal.SIGINT)]
)
def test_before_replacing_the_old_file_is_kept_and_nothing_else(
    clip: Path, tmp_path: Path, program: str, number: signal.Signals
) -> None:
    output = tmp_path / "out.mp4"
    output.write_bytes(OLD)
    assert strike(clip, output, program, "replace:before", number).returncode in kills.ENDED_BY[number]
    assert kills.look(output, True, SHORT) == ("old", [])


@pytest.mark.slow(2)
def test_the_hidden_file_that_sigkill_may_leave_is_complete(clip: Path, tmp_path: Path) -> None:
    """Only between creating a hidden name and replacing the old output: a few microseconds."""
    needs_nameless(tmp_path)
    output = tmp_path / "out.mp4"
    output.write_bytes(OLD)
    strike(clip, output, STRUCK, "replace:before", signal.SIGKILL)
    assert output.read_bytes() == OLD
    (hidden,) = [path for path in tmp_path.iterdir() if path != output]
    assert hidden.name.startswith(".lipblend-")
    assert kills.look(hidden, False, SHORT) == ("whole", ["left behind: out.mp4"])
