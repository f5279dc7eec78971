"""Names of the temporary videos that stand in for image sequences and standard input."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lipblend.errors import InputError
from lipblend.runtime.stand_ins import (
    STDIN,
    GivenFacts,
    as_given,
    check_folders_unnumbered,
    data_as_given,
    facts_of,
    is_stand_in,
    stand_in_folder,
    stand_in_path,
    write_facts,
)
from lipblend.segments.kept_segments import run_key
from lipblend.settings import Settings


@pytest.mark.parametrize("given", ["%06d.png", "my shots/take 2/f_%04d.exr", "/data/x.y/%d.png", "ü/%d.png"])
def test_a_stand_in_is_shown_as_given(given: str) -> None:
    with stand_in_folder() as folder:
        path = stand_in_path(folder, Path(given))
        assert is_stand_in(path)
        assert path.parent.is_dir()
        assert as_given(f"{path} is empty, and {path}: too") == f"{given} is empty, and {given}: too"
        assert as_given(f"{path.resolve()}") == given
        assert as_given(f"{path.name} is damaged") == f"{Path(given).name} is damaged"
        assert as_given(path.stem) == Path(given).name
    assert not folder.exists()


def test_paths_upward_are_shown_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with stand_in_folder() as folder:
        path = stand_in_path(folder, Path("../x/%d.png"))
        assert folder in path.parents
        assert as_given(str(path)) == str(tmp_path.resolve().parent / "x" / "%d.png")


def test_standard_input_and_data() -> None:
    with stand_in_folder() as folder:
        path = stand_in_path(folder, STDIN)
        data = {"path": str(path), "notes": (f"{path.name} is odd", 3), "none": None}
        assert data_as_given(data) == {"path": "standard input", "notes": ["standard input is odd", 3], "none": None}
    assert as_given("plain text") == "plain text"


def test_a_sequence_is_known_again_by_a_run_that_resumes() -> None:
    keys = []
    for _ in range(2):
        with stand_in_folder() as folder:
            path = stand_in_path(folder, Path("in/%d.png"))
            path.write_bytes(b"film")
            os.utime(path, ns=(5, 5))
            keys.append(run_key({"original": path}, Settings()))
    assert keys[0] == keys[1]
    assert keys[0]["original"].startswith("in/%d.png, changed at")


def test_facts() -> None:
    with stand_in_folder() as folder:
        path = stand_in_path(folder, Path("%d.png"))
        assert facts_of(path) == GivenFacts()
        write_facts(path, GivenFacts(1001, 16, ("a note",)))
        assert facts_of(path) == GivenFacts(1001, 16, ("a note",))
    assert facts_of(Path("a.mp4")) is None


def test_a_number_in_the_name_of_a_folder(tmp_path: Path) -> None:
    for name in ("s/%03d/f.png", "%d/%d.png", "a/%04d_b/c/f.mp4"):
        with pytest.raises(InputError, match="in the name of a folder"):
            check_folders_unnumbered(tmp_path / name, InputError)
    (tmp_path / "%03d").mkdir()
    for path in (tmp_path / "%03d" / "%d.png", tmp_path / "s" / "%d.png", Path("https://host/%d0%b0/f.mp4")):
        check_folders_unnumbered(path, InputError)
