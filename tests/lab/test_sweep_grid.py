"""The grid of a sweep, and the frames it is tried on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipblend.errors import SettingsError
from lipblend.lab.sweep import grid_analyses
from lipblend.lab.sweep.grid import MAX_COMBINATIONS, make_grid, stage_of
from lipblend.lab.sweep.tried_frames import Block, Run, blocks_of, run_length, sampled_runs, whole_shots
from lipblend.settings import Settings
from lipblend.settings.catalogue import setting_specs
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe
from tests.made import Shared


def refused(*assignments: str, preset: str | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        make_grid(preset, None, assignments)
    return str(caught.value)


def test_the_grid_is_the_product_of_all_values() -> None:
    grid = make_grid("natural", None, ["mask.erosion_frac=0.003, 0.009,0.015", "alpha.gamma=0.5,1"])
    assert grid.axes == {"mask.erosion_frac": ("0.003", "0.009", "0.015"), "alpha.gamma": ("0.5", "1")}
    assert [each.number for each in grid.combinations] == [1, 2, 3, 4, 5, 6]
    found = [(each.settings.mask.erosion_frac, each.settings.alpha.gamma) for each in grid.combinations]
    assert found == [(0.003, 0.5), (0.003, 1), (0.009, 0.5), (0.009, 1), (0.015, 0.5), (0.015, 1)]
    natural = resolve_settings("natural").settings
    for each in grid.combinations:
        assert each.settings.model_copy(update={"mask": natural.mask, "alpha": natural.alpha}) == natural
        assert each.settings.mask.shapes == natural.mask.shapes


def test_presets_are_swept_alone_and_with_settings() -> None:
    grid = make_grid("natural", None, ["alpha.gamma=0.5,1", "preset=natural, max-concealment"])
    assert grid.axes == {"alpha.gamma": ("0.5", "1"), "preset": ("natural", "max-concealment")}
    overrides = [(gamma, name) for gamma in (0.5, 1) for name in ("natural", "max-concealment")]
    expected = [resolve_settings(name, None, {"alpha.gamma": gamma}).settings for gamma, name in overrides]
    assert [each.settings for each in grid.combinations] == expected
    assert [grid.preset_of(each) for each in grid.combinations] == [name for _, name in overrides]
    alone = make_grid(None, None, ["preset=high-motion,natural"])
    assert [each.values for each in alone.combinations] == [{"preset": "high-motion"}, {"preset": "natural"}]
    assert make_grid("natural", None, ["alpha.gamma=0.5,1"]).preset_of(alone.combinations[0]) == "high-motion"


def test_presets_that_lead_to_the_same_settings_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("smooth:\n  sigma_s: 0.06\nfootprint:\n  margin_frac: 0.02\nreuse:\n  tolerance_levels: 3\n")
    with pytest.raises(SettingsError, match="the presets natural and high-motion lead to the same settings here"):
        make_grid("natural", config, ["preset=natural,high-motion"])


def test_what_is_fixed_comes_from_the_file(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("mask:\n  expansion: 1.3\n  erosion_frac: 0.05\nencode:\n  crf: 30\n")
    grid = make_grid(None, config, ["mask.erosion_frac=0.003,0.009"])
    assert [each.settings.mask.expansion for each in grid.combinations] == [1.3, 1.3]
    assert [each.settings.mask.erosion_frac for each in grid.combinations] == [0.003, 0.009]
    assert grid.combinations[0].settings.encode.crf == 30


def test_values_of_lists_words_numbers_and_switches() -> None:
    grid = make_grid(None, None, ["mask.shapes=mouth+ellipse,box", "mask.both_jaws=true,false", "track.face=changed,1"])
    assert [each.settings.mask.shapes for each in grid.combinations[::4]] == [("mouth", "ellipse"), ("box",)]
    assert [each.settings.mask.both_jaws for each in grid.combinations[:4]] == [True, True, False, False]
    assert [each.settings.track.face for each in grid.combinations[:2]] == ["changed", 1]
    assert grid.combinations[0].values["mask.shapes"] == "mouth+ellipse"


@pytest.mark.parametrize(
    ("assignments", "parts"),
    [
        ([], ["needs a setting with several values"]),
        (["mask.erosion_frac"], ["has no values"]),
        (["mask.erosion_frac="], ["has no value", "--config"]),
        (["mask.erosion_frac=0.003"], ["has a single value (0.003)", "--config"]),
        (["mask.shapes=mouth+box"], ["has a single value", "joined with +"]),
        (["mask.erosion=0.003,0.009"], ["unknown setting 'mask.erosion'", "Did you mean"]),
        (["mask=1,2"], ["is a group of settings"]),
        (["encode.crf=10,20"], ["encode.crf cannot be swept", "before they are encoded"]),
        (["audio.source=none,original"], ["audio.source cannot be swept"]),
        (["gate.seam_max=0.1,0.2"], ["gate.seam_max cannot be swept", "pass marks change no picture"]),
        (["encode.nothing=1,2"], ["unknown setting 'encode.nothing'"]),
        (["alpha.gamma=0.5,9"], ["alpha.gamma", "0.3 to 2"]),
        (["alpha.gamma=0.5,0.50"], ["same value twice (0.5)"]),
        (["alpha.gamma=0.5,0.5,1"], ["same value twice (0.5)"]),
        (["alpha.gamma=0.5,1", "alpha.gamma=0.7,2"], ["alpha.gamma is given twice"]),
        (["preset=natural"], ["preset has a single value (natural)", "--preset"]),
        (["preset="], ["preset has no value"]),
        (["preset=natural,naturel"], ["there is no preset 'naturel'", "Did you mean"]),
        (["preset=natural,natural"], ["preset has the same value twice (natural)"]),
        (["preset=natural,high-motion", "preset=natural,high-motion"], ["preset is given twice"]),
        (["blend.ring_min_px=4,20", "blend.ring_max_px=12,30"], ["ring_min_px 20 is above ring_max_px 12"]),
    ],
)
def test_what_makes_no_sense_is_refused(assignments: list[str], parts: list[str]) -> None:
    message = refused(*assignments)
    for part in parts:
        assert part in message


def test_a_preset_cannot_be_both_fixed_and_swept() -> None:
    assert "--preset high-motion and --set preset=... contradict" in refused(
        "preset=natural,max-concealment", preset="high-motion"
    )


def test_two_settings_that_only_go_together_may_be_swept_together() -> None:
    grid = make_grid(None, None, ["blend.ring_min_px=20,24", "blend.ring_max_px=30,40"])
    assert len(grid.combinations) == 4


def test_an_absurd_grid_is_refused_with_its_size() -> None:
    many = ",".join(f"{value / 1000:g}" for value in range(1, 42))
    message = refused(f"mask.erosion_frac={many}", "alpha.gamma=0.5,0.6,0.7,0.8,0.9,1,1.1,1.2,1.3,1.4,1.5,1.6,1.7")
    assert "533 combinations (41 x 13)" in message
    assert str(MAX_COMBINATIONS) in message


class _Recorded:
    """Stands for a group of settings, and notes what is read from it."""

    def __init__(self, group: Any, name: str, seen: set[str]) -> None:
        self._group, self._name, self._seen = group, name, seen

    def __getattr__(self, name: str) -> Any:
        self._seen.add(f"{self._name}.{name}")
        return getattr(self._group, name)


class _RecordedSettings:
    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return _Recorded(getattr(Settings(), name), name, self.seen)


@pytest.fixture(scope="module")
def recorded(shared_material: Shared) -> tuple[set[str], set[str]]:
    """The settings that the analysis and the plan of a short clip with gaps read."""
    from lipblend.analysis.analyse import analyse
    from lipblend.faces.models import resolve_model
    from lipblend.plan.make_plan import make_plan
    from lipblend.video.probe import probe

    pair = shared_material.sample(frames=6, size=320)
    first, second = _RecordedSettings(), _RecordedSettings()
    analysis = analyse(
        probe(pair.original), probe(pair.synced), model=resolve_model("face_landmarker"),
        settings=first, on_frame=lambda _: None,  # type: ignore[arg-type]
    )  # fmt: skip
    make_plan(analysis, second)  # type: ignore[arg-type]
    return first.seen, second.seen


def test_no_setting_is_read_before_its_stage(recorded: tuple[set[str], set[str]]) -> None:
    analysed, planned = recorded
    assert analysed
    assert planned
    assert {stage_of(key) for key in analysed} == {"analysis"}
    assert {stage_of(key) for key in planned} <= {"analysis", "plan"}
    assert "track.confidence" in analysed
    assert "smooth.method" in planned


def test_what_is_not_known_is_taken_for_the_analysis() -> None:
    assert stage_of("newcomer.anything") == stage_of("track.newcomer") == stage_of("colour.space") == "analysis"
    assert (stage_of("colour.gain_max"), stage_of("mask.erode")) == ("plan", "render")
    assert {stage_of(key) for key in setting_specs()} == {"analysis", "plan", "render"}


def marked(count: int, *gaps: tuple[int, int]) -> np.ndarray:
    usable = np.ones(count, bool)
    for start, stop in gaps:
        usable[start:stop] = False
    return usable


def test_runs_stand_in_the_middles_of_equal_parts() -> None:
    assert sampled_runs(marked(60), [0], runs=3, length=5) == (Run(0, 8, 13), Run(0, 28, 33), Run(0, 48, 53))


@pytest.mark.parametrize(("frame_rate", "frames"), [(25.0, 10), (29.97, 12), (60.0, 24), (10.0, 5)])
def test_a_run_is_as_long_as_the_headline_looks_at_once(frame_rate: float, frames: int) -> None:
    assert run_length(frame_rate) == frames


def test_every_shot_gets_a_run_and_long_ones_more() -> None:
    found = sampled_runs(marked(200), [0, 20, 150], runs=6, length=5)
    assert [each.shot for each in found] == [0, 1, 1, 1, 1, 2]
    assert [each.shot for each in sampled_runs(marked(200), [0, 20, 150], runs=2, length=5)] == [1, 2]
    for each in found:
        assert each.stop - each.start == 5


def test_runs_keep_out_of_unusable_rows_and_of_each_other() -> None:
    usable = marked(40, (0, 10), (14, 17), (20, 22))
    found = sampled_runs(usable, [0, 12], runs=20, length=5)
    rows = [row for each in found for row in range(each.start, each.stop)]
    assert rows == sorted(set(rows))
    assert usable[rows].all()
    for each in found:
        assert each.start >= 12 or each.stop <= 12
    assert sampled_runs(marked(3), [0], runs=4, length=5) == (Run(0, 0, 3),)
    assert sampled_runs(marked(5, (0, 5)), [0], runs=4, length=5) == ()


def test_whole_shots_are_runs_if_anything_in_them_is_usable() -> None:
    assert whole_shots(marked(40, (8, 20), (25, 26)), [0, 10, 20]) == (Run(0, 0, 10), Run(2, 20, 40))


def test_all_rows_of_a_run_are_measured_once_each_after_the_row_before() -> None:
    usable = marked(40, (8, 10), (25, 26))
    runs = whole_shots(usable, [0, 20])
    found = blocks_of(runs, usable, length=6)
    measured = [row for each in found for row in range(each.start + each.lead_in, each.stop)]
    assert measured == np.flatnonzero(usable).tolist()
    for each in found:
        first = each.start + each.lead_in
        assert each.run == (first >= 20)
        assert each.lead_in == (first not in (0, 20) and bool(usable[first - 1]))
        assert each.measured <= 6


def test_a_sampled_run_that_does_not_fit_into_memory_is_split() -> None:
    found = blocks_of([Run(0, 8, 18)], marked(40), length=6)
    assert found == (Block(0, 8, 14), Block(0, 13, 18, lead_in=True))


def test_little_is_held_of_large_pictures(monkeypatch: pytest.MonkeyPatch, shared_material: Shared) -> None:
    info = probe(shared_material.sample(frames=6, size=320).original)
    monkeypatch.setattr(grid_analyses, "_HELD_BYTES", 9 * info.width * info.height * 4)
    assert grid_analyses._block_length(info) == 4
    monkeypatch.setattr(grid_analyses, "_HELD_BYTES", 1)
    assert grid_analyses._block_length(info) == 2
