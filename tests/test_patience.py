"""No test depends on how fast the machine is: what waits, waits long enough; see docs/testing.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).resolve().parent
FILES = sorted(TESTS.rglob("*.py"))
LIMITS = {"timeout", "timeout_s", "limit_s"}
WAITS = {"wait", "join", "communicate"}


def short_limits(tree: ast.AST) -> Iterator[int]:
    """Lines with a limit of time that is a number of its own. Less than a second is meant to pass."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        values = [keyword.value for keyword in call.keywords if keyword.arg in LIMITS]
        values += call.args[:1] if name in WAITS else []
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, (int, float)) and value.value >= 1:
                yield call.lineno


def test_limits_of_time_are_the_common_one() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in FILES
        for line in short_limits(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == [], "use patience.HANG_S"


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("run(words, timeout=60)", [1]),
        ("started.wait(30)", [1]),
        ("process.communicate(timeout=5.0)", [1]),
        ("run(words, timeout=HANG_S)\nstarted.wait(HANG_S)\nthread.join()\n' '.join(names)", []),
        ("run_python(code, limit_s=0.5)", []),
    ],
)
def test_a_limit_of_its_own_is_seen(code: str, lines: list[int]) -> None:
    assert list(short_limits(ast.parse(code))) == lines


def test_examples_are_not_timed() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
