"""Every message quoted in docs/troubleshooting.md must occur in the code, with the exit code of its section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lipblend import errors
from lipblend.runtime.output_lock import LockedError

KINDS = {**vars(errors), "LockedError": LockedError}
ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SOURCES = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "lipblend").rglob("*.py"))]
# Printed by typer or the doctor, not raised as exceptions; or raised as an error of the caller's choice.
NOT_RAISED = (
    "No such option: -l",
    "doctor",
    "standard output cannot be written",
    "No such command",
    "Did you mean: lipblend",
    "comes from packages of different versions",
    "This is a bug in lipblend",
    "in the name of a folder",
)


def quotes() -> list[tuple[int, str]]:
    """Exit code and quoted text of every row, split at "..."."""
    found, code = [], 0
    for line in TEXT.splitlines():
        heading = re.match(r"## (\d)?", line)
        if heading:
            code = int(heading[1] or 0)
        elif line.startswith("| `") and code:
            first = line.split("|")[1]
            found += [(code, part.strip()) for quote in re.findall(r"`([^`]+)`", first) for part in quote.split("...")]
    return [(code, part) for code, part in found if part and not part.startswith("-lead")]


def raised_codes(words: str) -> set[int]:
    """Exit codes of the errors whose message has these words."""
    codes = set()
    for source in SOURCES:
        for match in re.finditer(re.escape(words), source):
            before = re.findall(r"\b(\w+Error)\(\s", source[: match.start()].replace('(f"', "( ").replace('("', "( "))
            kind = KINDS.get(before[-1]) if before else None
            if kind is not None:
                codes.add(kind.exit_code)
    return codes


@pytest.mark.parametrize(("code", "words"), [item for item in quotes() if item[1] not in NOT_RAISED])
def test_every_quoted_message_is_raised(code: int, words: str) -> None:
    if words == "unexpected":
        assert any('f"unexpected {what}' in source for source in SOURCES)
        return
    assert code in raised_codes(words), f"{words!r} is raised with {raised_codes(words)}"


@pytest.mark.parametrize("words", NOT_RAISED[2:])
def test_every_printed_message_is_in_the_code(words: str) -> None:
    assert any(words in source for source in SOURCES)


def test_every_exit_code_has_quotes() -> None:
    assert {code for code, _ in quotes()} == {1, 2, 3, 4, 5, 6, 7, 8, 9}
    assert raised_codes("no such words anywhere") == set()


def test_the_readme_links_to_this_page_and_names_both_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for words in ("docs/troubleshooting.md", "lipblend probe", "lipblend doctor"):
        assert words in readme
