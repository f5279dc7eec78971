"""No test depends on the speed of the machine or on earlier tests in the same worker; see docs/lab/testing.md."""

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
    """Lines with a literal time limit of a second or more; shorter limits are meant to expire."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        values = [keyword.value for keyword in call.keywords if keyword.arg in LIMITS]
        values += call.args[:1] if name in WAITS else []
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, (int, float)) and value.value >= 1:
                yield call.lineno


def test_time_limits_are_the_common_one() -> None:
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
def test_a_literal_time_limit_is_found(code: str, lines: list[int]) -> None:
    assert list(short_limits(ast.parse(code))) == lines


def test_hypothesis_examples_have_no_deadline() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check


def fixtures_of(tree: ast.AST) -> Iterator[tuple[str, set[str], bool]]:
    """Name and parameters of every fixture, and whether it has session scope."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for decorator in map(ast.unparse, function.decorator_list):
                if decorator.startswith("pytest.fixture"):
                    session = "scope='session'" in decorator
                    yield function.name, {each.arg for each in function.args.args}, session


@pytest.mark.slow
def test_fixtures_used_by_session_fixtures_are_defined_once() -> None:
    """Otherwise the first test to request one decides what later tests in its worker get."""
    defined = [
        (path, *fixture) for path in FILES for fixture in fixtures_of(ast.parse(path.read_text(encoding="utf-8")))
    ]
    several = {}
    for path, name, parameters, session in defined:
        if session and path.name == "conftest.py":
            for needed in parameters:
                places = [place for place, other, *_ in defined if other == needed and path.parent in place.parents]
                if len(places) > 1:
                    several[name, needed] = [str(place.relative_to(TESTS)) for place in places]
    assert several == {}
