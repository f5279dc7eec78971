"""The profile of composing: every stage is there, and adds up."""

from __future__ import annotations

import pytest
from script_loading import load_script


@pytest.mark.slow(3)
def test_every_stage_of_both_presets_is_listed_and_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    script = load_script("profile_compose")
    before = [getattr(module, name) for module, name in script.STAGES]
    assert script.main(["--face-width", "120", "--frames", "3", "--rounds", "1"]) == 0
    assert [getattr(module, name) for module, name in script.STAGES] == before
    blocks = capsys.readouterr().out.split("ms per frame\n")
    assert blocks[0].startswith("natural: face ")
    assert "max-concealment: face " in blocks[1]
    for block in blocks[1:]:
        lines = [line.split() for line in block.splitlines() if line.startswith("  ")]
        spent = {name: float(value) for name, value in lines}
        wanted = [name.lstrip("_") for _, name in script.STAGES]
        assert [*spent] == [*(name for name in spent if name in wanted), "rest", "add_delta", "all"]
        assert {"face_matte", "register", "warped_patch", "with_detail", "reused", "blend"} <= set(spent)
        assert spent["rest"] >= 0
        parts = sum(value for name, value in spent.items() if name != "all")
        assert parts == pytest.approx(spent["all"], abs=0.1)
