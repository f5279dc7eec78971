"""The set-up scripts, with stand-ins for Python, venv and pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import HANG_S

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX sh")

PYTHON = """#!/bin/sh
echo "python $*" >>"$CALLS"
case "$*" in
*sys.version_info*) exit {old} ;;
*ensurepip*) exit {no_venv} ;;
"-V") echo "Python 3.11.0" ;;
"-m venv "*)
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
    printf '#!/bin/sh\\necho "ran lipblend $*"\\n' >"$3/bin/lipblend" && chmod +x "$3/bin/lipblend" ;;
"-m pip "*) echo "{pip_says}"; exit {pip_fails} ;;
"-m ruff"*|"-m mypy"*|"-m pytest"*) [ "$2" != "$BROKEN" ] ;;
esac
"""


class Checkout:
    """A copy of the scripts, with a PATH that holds only a stand-in for Python and basic tools."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "check out"
        self.bin = folder / "bin"
        self.calls_file = folder / "calls"
        for name in ("scripts", ".ci"):
            shutil.copytree(ROOT / name, self.root / name)
        for name in ("pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.root / name)
        self.bin.mkdir()
        for tool in (
            "sh",
            "cat",
            "cksum",
            "cp",
            "chmod",
            "dirname",
            "grep",
            "head",
            "ls",
            "mkdir",
            "rm",
            "sleep",
            "tail",
        ):
            found = shutil.which(tool)
            assert found is not None
            (self.bin / tool).symlink_to(found)
        self.python()

    def python(self, *, old: int = 0, no_venv: int = 0, pip_fails: int = 0, pip_says: str = "") -> None:
        program = self.bin / "python3.12"
        program.write_text(PYTHON.format(old=old, no_venv=no_venv, pip_fails=pip_fails, pip_says=pip_says))
        program.chmod(0o755)

    def run(
        self, script: str, *arguments: str, user: int | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        self.calls_file.write_text("")
        self.calls_file.chmod(0o666)
        return subprocess.run(
            [self.bin / "sh", self.root / script, *arguments],
            capture_output=True,
            text=True,
            check=False,
            user=user,
            timeout=HANG_S,
            env={"PATH": str(self.bin), "CALLS": str(self.calls_file), **environment},
        )

    @property
    def installs(self) -> list[str]:
        return [line for line in self.calls_file.read_text().splitlines() if "pip install" in line]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_launcher_sets_up_once_and_hands_over(checkout: Checkout) -> None:
    first = checkout.run("scripts/lipblend", "demo", "a folder")
    assert (first.returncode, first.stdout) == (0, "ran lipblend demo a folder\n")
    assert first.stderr.count("\n") == 1
    assert f"-c {checkout.root}/constraints.txt -e {checkout.root}" in checkout.installs[0]
    second = checkout.run("scripts/lipblend", "--help")
    assert (second.stdout, second.stderr, checkout.installs) == ("ran lipblend --help\n", "", [])
    assert not (checkout.root / ".venv.lock").exists()


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_it_sets_up_again_when_requirements_change(checkout: Checkout, name: str) -> None:
    checkout.run("scripts/lipblend")
    with (checkout.root / name).open("a") as file:
        file.write("# changed\n")
    assert checkout.run("scripts/lipblend").returncode == 0
    assert len(checkout.installs) == 1


def test_the_launcher_uses_the_tests_environment_but_not_vice_versa(checkout: Checkout) -> None:
    checkout.run("scripts/lipblend")
    assert checkout.run("scripts/test").returncode == 0
    assert "lipblend[dev]" in checkout.installs[0]
    checkout.run("scripts/lipblend")
    assert checkout.installs == []


def test_the_tests_add_to_an_environment_in_which_a_command_may_run(checkout: Checkout) -> None:
    checkout.run("scripts/lipblend")
    in_use = checkout.root / ".venv" / "bin" / "in use"
    in_use.touch()
    done = checkout.run("scripts/test")
    assert "adding to" in done.stderr
    assert checkout.installs[0].endswith(f"-c {checkout.root}/constraints.txt lipblend[dev]")
    assert in_use.exists()
    with (checkout.root / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert "setting up" in checkout.run("scripts/test").stderr
    assert not in_use.exists()


def test_an_environment_that_cannot_be_added_to_still_runs_the_program(checkout: Checkout) -> None:
    checkout.run("scripts/lipblend")
    fails = PYTHON.format(old=0, no_venv=0, pip_fails=1, pip_says="ERROR: no disk left")
    (checkout.root / ".venv" / "bin" / "python").write_text(fails)
    assert "no disk left" in one_line(checkout.run("scripts/test"))
    assert checkout.run("scripts/lipblend").stdout == "ran lipblend \n"


@pytest.mark.parametrize("broken", ["ruff", "mypy", "pytest"])
def test_every_check_runs_and_any_can_fail(checkout: Checkout, broken: str) -> None:
    assert checkout.run(".ci/run").returncode == 0
    done = checkout.run(".ci/run", BROKEN=broken)
    assert done.returncode == 1
    assert f"error: failed: {broken}" in done.stderr
    calls = checkout.calls_file.read_text()
    for command in ("ruff check .", "ruff format --check .", "mypy", "pytest"):
        assert f"python -m {command}" in calls


def test_the_fast_run_makes_all_checks_but_leaves_out_slow_tests(checkout: Checkout) -> None:
    def tests_of(*arguments: str) -> str:
        assert checkout.run("scripts/test", *arguments).returncode == 0
        calls = checkout.calls_file.read_text()
        assert all(f"python -m {name}" in calls for name in ("ruff check .", "ruff format --check .", "mypy"))
        (call,) = [line for line in calls.splitlines() if line.startswith("python -m pytest")]
        return call

    assert tests_of("--fast", "-k", "name").endswith(" -m not slow and not thorough -k name")
    for arguments in ((), ("-k", "name")):
        assert tests_of(*arguments).endswith(" ".join((" -m not thorough", *arguments)))
        everything = tests_of("--all", *arguments)
        assert "thorough" not in everything
        assert "slow" not in everything


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    return [line for line in done.stderr.splitlines() if not line.startswith("lipblend: setting up")].pop()


def test_no_python_that_is_new_enough(checkout: Checkout) -> None:
    checkout.python(old=1)
    assert one_line(checkout.run("scripts/lipblend")).startswith("error: no Python 3.11 or newer found")
    assert not (checkout.root / ".venv").exists()
    assert "as /nowhere" in one_line(checkout.run("scripts/lipblend", LIPBLEND_PYTHON="/nowhere"))


def test_a_python_without_ensurepip(checkout: Checkout) -> None:
    checkout.python(no_venv=1)
    text = one_line(checkout.run("scripts/lipblend"))
    assert text.startswith("error: python3.12 has no venv or ensurepip module")
    assert "python3-venv" in text


def test_an_index_that_cannot_be_reached_and_any_other_trouble(checkout: Checkout) -> None:
    checkout.python(pip_fails=1, pip_says="WARNING: Retrying: NewConnectionError")
    assert "cannot reach the Python package index" in one_line(checkout.run("scripts/lipblend"))
    checkout.python(pip_fails=1, pip_says="ERROR: no disk left")
    assert "ERROR: no disk left" in one_line(checkout.run("scripts/lipblend"))
    checkout.python()
    assert checkout.run("scripts/lipblend").returncode == 0


def test_an_environment_made_by_the_user_is_not_deleted(checkout: Checkout) -> None:
    mine = checkout.root / ".venv" / "mine"
    mine.parent.mkdir()
    mine.touch()
    assert "was not made by these scripts" in one_line(checkout.run("scripts/lipblend"))
    assert mine.exists()


def test_a_lock_left_by_a_dead_process_is_taken_over(checkout: Checkout) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    lock = checkout.root / ".venv.lock"
    lock.mkdir()
    (lock / "pid").write_text(str(gone.pid))
    assert checkout.run("scripts/lipblend").returncode == 0
    assert not lock.exists()


@pytest.fixture
def shared() -> Iterator[tuple[Checkout, int | None]]:
    """A checkout that every user may enter, and the id of another user (None if the tests do not run as root)."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = Checkout(Path(folder))
        made.root.chmod(0o777)
        yield made, 65534 if os.getuid() == 0 else None
        for path in (made.root / ".venv", made.root / ".venv" / "lib", made.root / ".venv.lock"):
            if path.exists():
                path.chmod(0o755)


def test_an_environment_that_another_user_protects(shared: tuple[Checkout, int | None]) -> None:
    checkout, other = shared
    venv = checkout.root / ".venv"
    venv.mkdir()
    (venv / "stamp").write_text("old")
    owner = venv.owner()
    venv.chmod(0o700 if other is not None else 0)
    done = checkout.run("scripts/lipblend", user=other)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{venv} belongs to {owner} and you may not replace it; delete it as that user" in done.stderr


def test_an_environment_with_files_of_another_user(shared: tuple[Checkout, int | None]) -> None:
    checkout, other = shared
    venv = checkout.root / ".venv"
    (venv / "lib").mkdir(parents=True)
    (venv / "stamp").write_text("old")
    (venv / "lib" / "module").touch()
    venv.chmod(0o777)
    (venv / "lib").chmod(0o555)
    text = one_line(checkout.run("scripts/lipblend", user=other))
    assert f"cannot replace {venv}: some of it belongs to another user" in text


def test_a_lock_of_another_user_is_not_waited_for_forever(shared: tuple[Checkout, int | None]) -> None:
    checkout, other = shared
    gone = subprocess.Popen(["true"])
    gone.wait()
    lock = checkout.root / ".venv.lock"
    lock.mkdir()
    (lock / "pid").write_text(str(gone.pid))
    lock.chmod(0o555)
    assert f"{lock} was made by another user" in one_line(checkout.run("scripts/lipblend", user=other))


@pytest.mark.parametrize("name", ["ablation", "bench"])
def test_a_script_runs_its_program(checkout: Checkout, name: str) -> None:
    assert checkout.run(f"scripts/{name}", "a folder", "--jobs", "1").returncode == 0
    calls = checkout.calls_file.read_text().splitlines()
    assert calls[-1] == f"python {checkout.root}/scripts/{name}.py a folder --jobs 1"


def test_the_documentation_is_built_in_an_environment_of_its_own(checkout: Checkout) -> None:
    assert checkout.run("scripts/docs", "--quiet").returncode == 0
    assert f"-e {checkout.root}[docs]" in checkout.installs[0]
    assert checkout.calls_file.read_text().splitlines()[-1] == "python -m mkdocs build --strict --quiet"
    assert (checkout.root / ".venv-docs" / "stamp").exists()
    assert not (checkout.root / ".venv").exists()
