"""Records of jobs: what makes an output out of date, what is adopted, and what a record survives."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pytest
from runs import composited
from small_videos import QUICK, SILENT, Recipe, write_video

from lipblend.batch import job_record, made_from
from lipblend.batch.job_record import Freshness, JobRecord, read_record, record_path, up_to_date, write_record
from lipblend.batch.job_spec import JobSpec
from lipblend.batch.made_from import running_versions
from lipblend.errors import OutputError, SettingsError
from lipblend.output.recorded_settings import WrittenPart, run_record
from lipblend.output.writer import VideoWriter
from lipblend.runtime.identity import sha256_of
from lipblend.selfcheck.sample import make_sample
from lipblend.settings import Settings
from lipblend.settings.resolve import flat_values, resolve_settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FRAMES = 10
DONE = {"status": "passed", "headline": {"word": "good", "score": 91.5}, "frames": FRAMES}
ADOPTED = Freshness(True, "up to date: the record in the file fits, and it decodes whole", adopted=True)


@pytest.fixture
def spec(tmp_path: Path) -> JobSpec:
    """A job whose output is made: a copy of its original that says it was made of both files."""
    for name, cycle in (("a.mp4", 1000), ("b.mp4", 3)):
        write_video(tmp_path / name, Recipe(frames=FRAMES, cycle=cycle))
    settings = {"blend.method": "poisson", "alpha.gamma": 1.2}
    paths = {role: str(tmp_path / name) for role, name in (("original", "a.mp4"), ("synced", "b.mp4"))}
    made = JobSpec("a", **paths, output=str(tmp_path / "out.mp4"), settings=settings)
    make(made)
    return made


def make(spec: JobSpec, **more: object) -> None:
    """Write the output of a job with the record of its run."""
    info = probe(spec.original)
    part = WrittenPart(range(FRAMES), whole=True, width=64, height=48)
    digests = {"original": sha256_of(Path(spec.original)), "synced": sha256_of(Path(spec.synced))}
    files = {name: path for name, path in (("keep", spec.keep), ("crop", spec.crop), ("matte", spec.matte)) if path}
    digests |= {name: sha256_of(Path(path)) for name, path in files.items()}
    settings = resolve_settings(overrides=dict(spec.settings)).settings
    record = run_record(settings, spec.preset, **{"part": part, **digests, **more}).to_text()
    with (
        VideoReader(info) as reader,
        VideoWriter(Path(spec.output), info, encode=QUICK, audio=SILENT, extras_from=info, record=record) as writer,
    ):
        for frame in reader:
            writer.write(frame)


def touched(path: str, seconds: float = 1.5e9) -> None:
    os.utime(path, (seconds, seconds))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the files that are hashed, once the fixture is used."""
    names: list[str] = []

    def noted(path: Path) -> str:
        names.append(path.name)
        return sha256_of(path)

    for module in (made_from, job_record):
        monkeypatch.setattr(module, "sha256_of", noted)
    return names


def test_a_recorded_output_is_up_to_date(spec: JobSpec, hashed: list[str]) -> None:
    write_record(spec, {**DONE, "details": "anything else"})
    record = read_record(Path(spec.output))
    assert record is not None
    assert (record.status, record.headline, record.frames) == ("passed", DONE["headline"], FRAMES)
    assert [each.role for each in record.inputs] == ["original", "synced video"]
    assert record.settings == {"alpha.gamma": "1.2", "blend.method": "poisson"}
    assert record.versions["lipblend"] == version("lipblend")
    assert "face_landmarker.task" in record.models
    hashed.clear()
    assert up_to_date(spec) == Freshness(True, "up to date")
    assert hashed == ["out.mp4"]  # times and sizes of the inputs are as recorded
    text = record_path(Path(spec.output)).read_text()
    assert not [word for word in (str(Path(spec.output).parent), "a.mp4", "b.mp4") if word in text]
    assert record_path(Path(spec.output)).name == ".out.mp4.lipblend-job.json"


def test_the_same_content_at_another_time_is_hashed_once(spec: JobSpec, hashed: list[str]) -> None:
    write_record(spec, DONE)
    touched(spec.original)
    for store, expected in ((False, ["a.mp4", "out.mp4"]), (True, ["a.mp4", "out.mp4"]), (True, ["out.mp4"])):
        hashed.clear()
        assert up_to_date(spec, store=store).fresh
        assert hashed == expected
    moved = replace(spec, synced=os.rename(spec.synced, f"{spec.synced}.mp4") or f"{spec.synced}.mp4")
    assert up_to_date(moved).fresh
    record = read_record(Path(spec.output))
    assert record is not None
    assert record.headline == DONE["headline"]


def appended(path: str) -> None:
    """Change the content of a file, but not its time."""
    before = os.stat(path)
    with open(path, "ab") as file:
        file.write(b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, tuple[Callable[[JobSpec], JobSpec | None], str]] = {
    "output": (lambda spec: Path(spec.output).unlink(), "no output"),
    "input": (lambda spec: appended(spec.original), "original changed"),
    "setting": (
        lambda spec: replace(spec, settings={**spec.settings, "blend.method": "alpha"}),
        "setting blend.method: alpha, was poisson",
    ),
    "default": (
        lambda spec: replace(spec, settings={"blend.method": "poisson"}),
        "setting alpha.gamma: 1, was 1.2",
    ),
    "crop": (lambda spec: replace(spec, crop=spec.synced), "crop record is new"),
    "bytes": (
        lambda spec: Path(spec.output).write_bytes(Path(spec.output).read_bytes()[:-1] + b"?"),
        "the output is damaged: it is not the file that was written",
    ),
    "both inputs and settings": (
        lambda spec: [appended(spec.original), appended(spec.synced)] and replace(spec, settings={}),
        "original changed; synced video changed; setting alpha.gamma: 1, was 1.2; and 1 more",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_is_said(name: str, spec: JobSpec) -> None:
    write_record(spec, DONE)
    change, reason = CHANGES[name]
    changed = change(spec)
    given = changed if isinstance(changed, JobSpec) else spec
    assert up_to_date(given) == Freshness(False, reason)


def test_a_missing_input_is_a_reason(spec: JobSpec) -> None:
    write_record(spec, DONE)
    Path(spec.synced).unlink()
    assert up_to_date(spec) == Freshness(False, f"synced video is missing: {spec.synced}")


def test_other_versions_code_and_models_are_reasons(spec: JobSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record(spec, DONE)
    plain = running_versions()
    for now, reason in (
        ({**plain, "lipblend": "9.9", "code": "x"}, f"lipblend 9.9 instead of {plain['lipblend']}"),
        ({**plain, "numpy": "9", "code": "x"}, f"numpy 9 instead of {plain['numpy']}"),
        ({**plain, "code": "x"}, "the code of lipblend changed"),
    ):
        monkeypatch.setattr(made_from, "running_versions", lambda now=now: now)
        assert up_to_date(spec) == Freshness(False, reason)
    monkeypatch.undo()
    monkeypatch.setattr(job_record, "model_digests", lambda: {"face_landmarker.task": "x"})
    assert up_to_date(spec) == Freshness(False, "the model face_landmarker.task changed")


def test_pass_marks_count_only_where_something_is_measured(spec: JobSpec) -> None:
    write_record(spec, DONE)
    key = "gate.score_min"
    strict = replace(spec, settings={**spec.settings, key: 70})
    assert up_to_date(strict).fresh
    write_record(strict, DONE)
    assert up_to_date(spec).fresh
    write_record(spec, DONE)
    for measuring in (replace(strict, gate=True), replace(strict, report="reports/a")):
        found = up_to_date(measuring)
        assert found.reason.startswith(f"only the pass marks differ: setting {key}: 70, was ")
        assert found.measure
        differing_too = up_to_date(replace(measuring, settings={**strict.settings, "alpha.gamma": 1.3}))
        assert (differing_too.fresh, differing_too.measure) == (False, False)  # another picture has to be rendered


def test_files_that_settings_name_count_by_content(spec: JobSpec, tmp_path: Path) -> None:
    first, second = tmp_path / "1.onnx", tmp_path / "2.onnx"
    for path in (first, first.with_suffix(".yaml"), second, second.with_suffix(".yaml"), tmp_path / "s.wav"):
        path.write_bytes(b"x")
    files = {"occlusion.model": str(first), "audio.source": str(tmp_path / "s.wav"), "restore.model": str(first)}
    named = replace(spec, settings={**spec.settings, **files})
    write_record(named, DONE)
    assert up_to_date(named).fresh
    moved = replace(named, settings={**named.settings, "occlusion.model": str(second)})
    assert up_to_date(moved).fresh
    (tmp_path / "2.yaml").write_bytes(b"y")
    assert up_to_date(moved) == Freshness(False, "mapping of the occluder model changed")
    silent = replace(named, settings={**named.settings, "audio.source": "none"})
    assert up_to_date(silent).reason == "sound is no longer given; setting audio.source: none, was auto"


def test_an_input_exchanged_during_the_run_makes_it_out_of_date(spec: JobSpec) -> None:
    appended(spec.original)  # after the output was made, and before it is recorded
    write_record(spec, DONE)
    assert up_to_date(spec) == Freshness(False, "original changed while the output was made")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"record": 2}', b"\xff\xfe", b'{"record": 1, "inputs": 3}', b"x" * 2_000_000]
)
def test_a_damaged_record_is_none_and_the_file_s_own_is_used(content: bytes, spec: JobSpec) -> None:
    write_record(spec, DONE)
    record_path(Path(spec.output)).write_bytes(content)
    assert read_record(Path(spec.output)) is None
    assert up_to_date(spec, store=False) == ADOPTED
    assert record_path(Path(spec.output)).read_bytes() == content
    assert up_to_date(spec) == ADOPTED
    assert up_to_date(spec) == Freshness(True, "up to date")
    record = read_record(Path(spec.output))
    assert record is not None
    assert (record.frames, record.headline) == (FRAMES, None)


ADOPTIONS: dict[str, tuple[Callable[[JobSpec], JobSpec | None], str]] = {
    "input": (lambda spec: appended(spec.synced), "synced video changed"),
    "setting": (
        lambda spec: replace(spec, settings={"blend.method": "poisson"}),
        "setting alpha.gamma: 1, was 1.2",
    ),
    "crop": (lambda spec: replace(spec, crop=spec.synced), "crop record is new"),
    "matte": (lambda spec: replace(spec, keep=spec.synced), "matte is new"),
    "gate": (lambda spec: replace(spec, gate=True), "only the verdict is missing"),
    "report": (lambda spec: replace(spec, report="r"), "only the verdict is missing"),
    "sound": (
        lambda spec: replace(spec, settings={**spec.settings, "audio.source": spec.synced}),
        "the record in the file does not tell which sound was used",
    ),
    "part": (
        lambda spec: make(spec, part=WrittenPart(range(2, 12), False, 64, 48)),
        "the output is a part or a proxy",
    ),
    "unnamed": (lambda spec: make(spec, original=""), "the record in the file does not name its original"),
    "kept": (lambda spec: make(spec, keep="0123456789abcdef"), "matte is no longer given"),
    "frames": (
        lambda spec: make(spec, part=WrittenPart(range(FRAMES + 1), whole=True, width=64, height=48)),
        "the output is damaged: 10 of 11 frames can be decoded",
    ),
    "cut": (
        lambda spec: Path(spec.output).write_bytes(Path(spec.output).read_bytes()[:2000]),
        "the output is damaged: {output} is not a readable video",
    ),
    "foreign": (
        lambda spec: Path(spec.output).write_bytes(Path(spec.original).read_bytes()),
        "the output has no record of how it was made",
    ),
}


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("name", ADOPTIONS)
def test_what_is_not_adopted(name: str, recorded: bool, spec: JobSpec) -> None:
    if recorded:  # of a run with other settings, so that the record does not fit, and the file may
        write_record(replace(spec, settings={"alpha.gamma": 2.0}), DONE)
        with open(spec.output, "ab") as file:
            file.write(b"\0\0\0\x08free")
    before = record_path(Path(spec.output)).read_bytes() if recorded else None
    change, reason = ADOPTIONS[name]
    changed = change(spec)
    found = up_to_date(changed if isinstance(changed, JobSpec) else spec)
    assert not found.fresh
    assert found.reason.startswith(reason.format(output=spec.output))
    assert (record_path(Path(spec.output)).read_bytes() if recorded else None) == before


def test_what_was_made_again_by_hand_is_adopted(spec: JobSpec) -> None:
    write_record(replace(spec, settings={"alpha.gamma": 2.0}), DONE)
    with open(spec.output, "ab") as file:
        file.write(b"\0\0\0\x08free")  # other bytes than recorded
    assert up_to_date(spec) == ADOPTED
    assert up_to_date(spec) == Freshness(True, "up to date")


def test_another_version_of_the_program_is_not_adopted(spec: JobSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipblend.batch.file_tag.version", lambda name: "9.9")
    assert up_to_date(spec) == Freshness(False, f"lipblend 9.9 instead of {version('lipblend')}")


def test_a_record_that_cannot_be_written_is_an_error(spec: JobSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record(spec, DONE)
    path = record_path(Path(spec.output))
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lipblend.runtime.files.UnfinishedFile.publish", full)
    with pytest.raises(OutputError, match="No space left"):
        write_record(spec, {**DONE, "status": "gate"})
    assert path.read_bytes() == before
    with pytest.raises(SettingsError):
        up_to_date(replace(spec, settings={"blend.method": "nonsense"}))


def test_records_of_later_versions_may_hold_more(spec: JobSpec) -> None:
    write_record(spec, DONE)
    path = record_path(Path(spec.output))
    path.write_text(json.dumps({**json.loads(path.read_text()), "later": 1}))
    assert isinstance(read_record(Path(spec.output)), JobRecord)


def test_a_folder_of_pictures_counts_by_all_of_them(spec: JobSpec, tmp_path: Path) -> None:
    folder = tmp_path / "matte"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number:03d}.png"), np.full((48, 64), number, np.uint8))
    kept = replace(spec, keep=str(folder))
    write_record(kept, DONE)
    assert up_to_date(replace(kept, keep=None)).reason == "matte is no longer given"
    (folder / "001.png").rename(folder / "x")
    (folder / "002.png").rename(folder / "001.png")
    (folder / "x").rename(folder / "002.png")
    assert up_to_date(kept).reason == "matte changed"


@pytest.mark.slow(3)
def test_a_real_run_is_adopted_and_recorded(tmp_path: Path) -> None:
    pair = make_sample(tmp_path, frames=12, size=320)
    values = {**differing("natural"), "encode.preset": "ultrafast", "alpha.gamma": 1.3}
    spec = JobSpec("a", str(pair.original), str(pair.synced), str(tmp_path / "out.mp4"), "natural", values)
    settings = resolve_settings(overrides=values).settings
    composited(pair.original, pair.synced, Path(spec.output), settings=settings, preset="natural")
    assert up_to_date(spec, store=False) == ADOPTED
    write_record(spec, DONE)
    assert up_to_date(spec) == Freshness(True, "up to date")
    assert up_to_date(replace(spec, settings=differing("natural"))).reason.startswith("setting alpha.gamma: ")


def differing(preset: str) -> dict[str, object]:
    """The values of a preset that differ from the plain defaults."""
    plain, values = (flat_values(each.model_dump()) for each in (Settings(), resolve_settings(preset).settings))
    return {key: value for key, value in values.items() if value != plain[key]}
