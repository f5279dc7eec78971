"""YAML with the line of each value."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipblend.errors import SettingsError
from lipblend.settings.lined_yaml import LinedValue, read_lined_yaml


def read(folder: Path, content: str | bytes) -> LinedValue:
    path = folder / "list.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_lined_yaml(path, what="list", max_bytes=1000)


def test_every_value_has_the_line_of_its_key_or_its_own(tmp_path: Path) -> None:
    content = read(tmp_path, "# a list\njobs:\n  - a: 1\n    b:\n      - x\n      - y\n  - {a: 2,\n     c: 3}\n")
    jobs = content.value["jobs"]
    assert (content.line, jobs.line, [job.line for job in jobs.value]) == (2, 2, [3, 7])
    first, second = jobs.value
    assert (first.value["b"].line, [item.line for item in first.value["b"].value]) == (4, [5, 6])
    assert (second.value["a"].line, second.value["c"].line) == (7, 8)
    assert content.plain() == {"jobs": [{"a": 1, "b": ["x", "y"]}, {"a": 2, "c": 3}]}


def test_scalars_keep_their_text(tmp_path: Path) -> None:
    content = read(tmp_path, "a: 007\nb: 1:30\nc: 'x'\nd: off\ne:\n").value
    assert {key: item.text for key, item in content.items()} == {"a": "007", "b": "1:30", "c": "x", "d": "off", "e": ""}
    assert [item.value for item in content.values()] == [7, 90, "x", False, None]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert list(read(tmp_path, b"\xef\xbb\xbfa: 1\n").value) == ["a"]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("a:\n\t- b\n", ("line 2, column 1", "never with tabs")),
        ('a: 1\nb: "out\\old"\n', ("line 2", "single quotes")),
        ("a: 1\nb: [1\n", ("not valid YAML", "line 3")),
        ("a: 2024-13-45\n", ("not valid YAML", "line 1", "month")),
        ("a: !!set {x}\n", ("not valid YAML", "tag")),
        ("a: 1\n---\nb: 2\n", ("line 2", "another document")),
        ("- {a: 1, a: 2}\n- {b: 1,\n   b: 2}\n", ("2 keys twice", "list.yaml, line 1: 'a'", "list.yaml, line 3: 'b'")),
        ("- {a: 1, a: 2}\n", ("'a' twice (line 1)",)),
        ("#" * 2000, ("too large for a list (more than 1 kB)",)),
        (b"a: \xff\n", ("not UTF-8",)),
    ],
)
def test_faults_have_their_lines_and_the_next_step(
    tmp_path: Path, content: str | bytes, parts: tuple[str, ...]
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, content)
    assert all(part in str(caught.value) for part in parts), caught.value


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing\n").value is None
