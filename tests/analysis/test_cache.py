"""Analyses kept on the disk: what they are found by, what comes back, and what becomes of bad files."""

from __future__ import annotations

import os
import shutil
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packed import to_bytes
from runs import composited
from sameness import same

from lipblend import composite_job
from lipblend.analysis import cache as caching
from lipblend.analysis.analysis_settings import ANALYSIS_KEYS, analysis_settings, analysis_values
from lipblend.analysis.cache import AnalysisCache, analyse_cached, analysis_key, cached_analysis, code_fingerprint
from lipblend.analysis.cache_folder import SUFFIX
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.errors import LipblendError, ModelError, SettingsError
from lipblend.faces.models import resolve_model
from lipblend.lab.sweep.grid import stage_of
from lipblend.runtime import files
from lipblend.runtime.folders import user_cache_folder
from lipblend.runtime.identity import MAX_WHOLE_BYTES, content_identity
from lipblend.selfcheck.sample import SamplePair
from lipblend.settings import Settings
from lipblend.settings.catalogue import SettingSpec, setting_specs
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

MODEL = resolve_model("face_landmarker")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, analysis: ClipAnalysis) -> list[Settings]:
    """Stands for the analysis; the settings that it was called with."""
    calls: list[Settings] = []

    def stand_in(*_: Any, settings: Settings, **__: Any) -> ClipAnalysis:
        calls.append(settings)
        return analysis

    monkeypatch.setattr(caching, "analyse", stand_in)
    return calls


def run(videos: tuple[VideoInfo, VideoInfo], folder: Path | None, settings: Settings | None = None) -> ClipAnalysis:
    return analyse_cached(*videos, model=MODEL, settings=settings or Settings(), on_frame=lambda _: None, cache=folder)


def test_the_second_run_takes_what_the_first_one_kept(
    counted: list[Settings], videos: tuple[VideoInfo, VideoInfo], analysis: ClipAnalysis, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "cache"
    assert cached_analysis(*videos, model=MODEL, settings=Settings(), cache=folder) is None
    first, second = run(videos, folder), run(videos, folder)
    assert len(counted) == 1
    assert same(first, second)
    assert same(first, analysis)
    assert folder.stat().st_mode & 0o077 == 0 or os.name == "nt"
    assert AnalysisCache(folder).state().entries == 1
    assert AnalysisCache(folder).state().size_bytes == sum(path.stat().st_size for path in folder.iterdir())
    found = cached_analysis(*videos, model=MODEL, settings=Settings(), cache=folder)
    assert found is not None
    assert run(videos, None) is analysis
    assert len(counted) == 2


def test_a_damaged_entry_is_replaced_and_said(
    counted: list[Settings], videos: tuple[VideoInfo, VideoInfo], tmp_path: Path
) -> None:
    run(videos, tmp_path)
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(b"foreign")
    assert cached_analysis(*videos, model=MODEL, settings=Settings(), cache=tmp_path) is None
    assert any("was damaged" in note for note in run(videos, tmp_path).notes)
    assert not any("was damaged" in note for note in run(videos, tmp_path).notes)
    assert len(counted) == 2


def test_a_cache_that_cannot_be_written_is_done_without_and_said(
    counted: list[Settings], videos: tuple[VideoInfo, VideoInfo], tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    made = run(videos, blocked / "below")
    (note,) = [note for note in made.notes if note.startswith("the analysis could not be stored")]
    assert str(blocked) in note
    assert caching.storage_notes(made) == [note]
    assert len(counted) == 1


def test_files_that_change_under_the_analysis_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, pair: SamplePair, analysis: ClipAnalysis, tmp_path: Path
) -> None:
    copy = shutil.copy(pair.original, tmp_path / "copy.mp4")
    videos = probe(copy), probe(pair.synced)

    def writes(*_: Any, **__: Any) -> ClipAnalysis:
        with copy.open("ab") as file:
            file.write(b"more")
        return analysis

    monkeypatch.setattr(caching, "analyse", writes)
    run(videos, tmp_path / "cache")
    assert AnalysisCache(tmp_path / "cache").state().entries == 0


def another(spec: SettingSpec) -> object:
    """An allowed value that is not the default."""
    if spec.kind == "list":
        return (spec.choices[-1],) if spec.choices else ("0-1",)
    if spec.low is not None:
        return spec.low if spec.default != spec.low else spec.high
    if isinstance(spec.default, bool):
        return not spec.default
    return next((choice for choice in spec.choices if choice != spec.default), "other")


def with_value(spec: SettingSpec) -> Settings | None:
    group, _, name = spec.key.partition(".")
    try:
        return Settings.model_validate({group: {name: another(spec)}})
    except SettingsError:
        return None  # it cannot stand alone


def test_an_occluder_model_counts_by_its_content_and_its_mapping_wherever_it_lies(
    videos: tuple[VideoInfo, VideoInfo], tmp_path: Path
) -> None:
    def key(folder: str, content: bytes, mapping: str = "output: {kind: logits}") -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        model = tmp_path / folder / f"{folder}.onnx"
        model.write_bytes(content)
        model.with_suffix(".yaml").write_text(mapping, encoding="utf-8")
        chosen = Settings.model_validate({"occlusion": {"model": str(model)}})
        return analysis_key(*videos, model=MODEL, settings=chosen)

    first = key("a", b"one")
    assert key("b", b"one") == first
    others = {key("a", b"two"), key("a", b"one", "output: {kind: probability}")}
    assert len(others | {first, analysis_key(*videos, model=MODEL, settings=Settings())}) == 4
    with pytest.raises(SettingsError, match="kind must be"):
        key("a", b"one", "output: {kind: other}")
    (tmp_path / "a" / "a.yaml").unlink()
    with pytest.raises(ModelError, match=r"mapping file of the occluder model, .*a\.yaml, is missing"):
        run(videos, None, Settings.model_validate({"occlusion": {"model": str(tmp_path / "a" / "a.onnx")}}))


@pytest.mark.slow
def test_the_settings_that_the_analysis_reads_change_the_key_and_no_others(
    videos: tuple[VideoInfo, VideoInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "content_identity", lambda path: path.name)
    monkeypatch.setattr(caching, "model_identity", lambda occlusion: [occlusion.model])  # there is no such file
    plain = analysis_key(*videos, model=MODEL, settings=Settings())
    changing = {
        key
        for key, spec in setting_specs().items()
        if (settings := with_value(spec)) is not None and analysis_key(*videos, model=MODEL, settings=settings) != plain
    }
    assert changing == set(ANALYSIS_KEYS)
    assert {key for key in setting_specs() if stage_of(key) == "analysis"} == set(ANALYSIS_KEYS)


def test_the_analysis_is_given_no_other_settings(counted: list[Settings], videos: tuple[VideoInfo, VideoInfo]) -> None:
    given = Settings.model_validate(
        {"track": {"max_faces": 2, "max_gap_s": 1.0}, "mask": {"expansion": 1.3}, "colour": {"space": "lab"}}
    )
    run(videos, None, given)
    assert analysis_values(counted[0]) == analysis_values(given)
    assert counted[0].mask == Settings().mask
    assert counted[0].track.max_gap_s == Settings().track.max_gap_s
    assert analysis_settings(counted[0]) == counted[0]


def test_content_model_and_code_change_the_key(
    pair: SamplePair, videos: tuple[VideoInfo, VideoInfo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = videos
    plain = analysis_key(ours, theirs, model=MODEL, settings=Settings())
    copy = replace(ours, path=Path(shutil.copy(pair.original, tmp_path / pair.original.name)))
    assert analysis_key(copy, theirs, model=MODEL, settings=Settings()) == plain
    content = bytearray(copy.path.read_bytes())
    content[len(content) // 2] ^= 1
    copy.path.write_bytes(content)
    other_model = tmp_path / "model.task"
    other_model.write_bytes(b"another model")
    keys = {
        plain,
        analysis_key(copy, theirs, model=MODEL, settings=Settings()),
        analysis_key(theirs, ours, model=MODEL, settings=Settings()),
        analysis_key(ours, theirs, model=other_model, settings=Settings()),
    }
    monkeypatch.setattr(caching, "code_fingerprint", lambda: "other code")
    keys.add(analysis_key(ours, theirs, model=MODEL, settings=Settings()))
    assert len(keys) == 5


def test_the_fingerprint_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = code_fingerprint()
    package = tmp_path / "lipblend"
    for name in caching._CODE:
        shutil.copytree(caching._PACKAGE / name, package / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(caching, "_PACKAGE", package)
    assert code_fingerprint() == plain
    with (package / "stages" / "masks" / "mask.py").open("a") as file:
        file.write("# changed\n")
    assert code_fingerprint() != plain


@pytest.mark.slow
def test_large_files_are_told_apart_by_samples_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(MAX_WHOLE_BYTES + 5_000_000)
    found = {content_identity(path)}
    for change in (
        lambda: os.utime(path, ns=(1, 1)),
        lambda: (_overwritten(path, 0), os.utime(path, ns=(1, 1))),
        lambda: (_overwritten(path, MAX_WHOLE_BYTES + 4_999_990), os.utime(path, ns=(1, 1))),
        lambda: (os.truncate(path, MAX_WHOLE_BYTES + 4_999_999), os.utime(path, ns=(1, 1))),
    ):
        change()
        found.add(content_identity(path))
    assert len(found) == 5


def _overwritten(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"xyz")


def test_the_folder_stays_within_its_bounds(
    analysis: ClipAnalysis, videos: tuple[VideoInfo, VideoInfo], tmp_path: Path
) -> None:
    size, now = len(to_bytes(analysis, "0" * 40)), time.time()
    foreign = tmp_path / "notes.txt"
    foreign.write_text("mine")
    keys = [f"{number:040x}" for number in range(4)]
    room = AnalysisCache(tmp_path, max_bytes=3 * size + 100)
    for key in keys[:3]:
        room.store(key, analysis)
    for key, age_s in zip(keys[:3], (30.0, 20.0, 10.0), strict=True):
        os.utime(tmp_path / f"{key}{SUFFIX}", (now - age_s, now - age_s))
    room.load(keys[0], *videos)  # used: now the second one has waited longest
    room.store(keys[3], analysis)
    assert [room.load(key, *videos) is not None for key in keys] == [True, False, True, True]
    os.utime(tmp_path / f"{keys[2]}{SUFFIX}", (now - 100, now - 100))
    AnalysisCache(tmp_path, max_unused_s=60).store(keys[3], analysis)
    assert [room.load(key, *videos) is not None for key in keys] == [True, False, False, True]
    AnalysisCache(tmp_path, max_bytes=10).store(keys[1], analysis)  # the one just made stays
    assert [room.load(key, *videos) is not None for key in keys] == [False, True, False, False]
    assert room.clear().entries == 1
    assert room.state().entries == 0
    assert foreign.read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="no modes there")
@pytest.mark.parametrize("nameless", [True, False])
def test_entries_are_for_their_owner_whatever_the_folder_allows(
    analysis: ClipAnalysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    if not nameless:
        monkeypatch.setattr(files, "_open_nameless", lambda folder, *_: None)
    tmp_path.chmod(0o755)
    cache = AnalysisCache(tmp_path)
    for _ in range(2):  # the second one replaces the first
        cache.store("key", analysis)
        (entry,) = tmp_path.iterdir()
        assert stat.S_IMODE(entry.stat().st_mode) == 0o600


def test_without_a_home_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", classmethod(_homeless))
    with pytest.raises(SettingsError, match="home directory") as caught:
        user_cache_folder()
    assert "--cache" in caught.value.hint


def _homeless(_: type[Path]) -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_an_entry_that_cannot_be_read_is_made_again(
    counted: list[Settings], videos: tuple[VideoInfo, VideoInfo], tmp_path: Path
) -> None:
    key = analysis_key(*videos, model=MODEL, settings=Settings())
    (tmp_path / f"{key}{SUFFIX}").mkdir()
    made = run(videos, tmp_path)
    assert len(counted) == 1
    assert len(caching.storage_notes(made)) == 1
    assert not any("has been replaced" in note for note in made.notes)
    with pytest.raises(LipblendError, match="cannot remove"):
        AnalysisCache(tmp_path).clear()


def decoded(path: Path) -> list[tuple[int, list[bytes]]]:
    with VideoReader(probe(path)) as reader:
        return [(frame.pts, [plane.tobytes() for plane in frame.planes]) for frame in reader]


@pytest.mark.slow
def test_a_cached_run_gives_the_same_pixels(pair: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.model_validate({"encode": {"crf": 0, "preset": "ultrafast"}})
    outputs = [tmp_path / f"{name}.mp4" for name in ("without", "first", "second")]
    for output, folder in zip(outputs, (None, tmp_path / "cache", tmp_path / "cache"), strict=True):
        if output.stem == "second":
            monkeypatch.setattr(composite_job, "analyse_apart", None)
        result = composited(pair.original, pair.synced, output, settings=settings, cache=folder)
        assert result.blended == pair.frames
    without, first, second = map(decoded, outputs)
    assert without == first == second
