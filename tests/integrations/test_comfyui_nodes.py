"""The ComfyUI node pack, on a stand-in for ComfyUI's modules: its schemas, and the three nodes on a drawn pair."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import sys
import threading
import tomllib
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import cv2
import numpy as np
import pytest
from comfy_stand_in import PACK, ProgressBar, VideoFromFile, install
from made import Shared

from lipblend.selfcheck.sample import SamplePair

NAMES = ["LipblendCrop", "LipblendComposite", "LipblendEvaluate"]


@pytest.fixture
def pack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    return install(monkeypatch, tmp_path)


@pytest.fixture
def nodes(pack: ModuleType) -> dict[str, Any]:
    extension = asyncio.run(pack.comfy_entrypoint())
    return {node.define_schema().node_id: node for node in asyncio.run(extension.get_node_list())}


@pytest.fixture(scope="module")
def pair(shared_material: Shared) -> SamplePair:
    return shared_material.sample(frames=12, size=256)


def video(path: Path) -> VideoFromFile:
    return VideoFromFile(str(path))


def frame_count(path: str) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def generate(synced: Path, record: str, output: Path) -> VideoFromFile:
    """What a generator returns for a crop: the synced picture, cut as the record says."""
    frames = json.loads(Path(record).read_text(encoding="utf-8"))
    with av.open(str(synced)) as source, av.open(str(output), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height = frames["size"]
        for frame, row in zip(source.decode(video=0), frames["frames"], strict=True):
            matrix = np.array(row["matrix"])[:2]
            cut = cv2.warpAffine(frame.to_ndarray(format="rgb24"), matrix, tuple(frames["size"]))
            target.mux(stream.encode(av.VideoFrame.from_ndarray(cut, format="rgb24")))
        target.mux(stream.encode())
    return video(output)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def defaults(node: Any) -> dict[str, Any]:
    """The widgets' values of a new node."""
    slots = node.define_schema().inputs
    return {slot.id: slot.given["default"] for slot in slots if "default" in slot.given}


def test_the_pack_has_the_three_nodes(nodes: dict[str, Any]) -> None:
    assert list(nodes) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_execute_takes_the_inputs_of_the_schema(nodes: dict[str, Any], name: str) -> None:
    schema = nodes[name].define_schema()
    taken = inspect.signature(nodes[name].execute).parameters
    assert [slot.id for slot in schema.inputs] == list(taken)
    optional = {slot.id for slot in schema.inputs if slot.given.get("optional")}
    assert optional == {key for key, value in taken.items() if value.default is not inspect.Parameter.empty}
    for slot in schema.inputs:
        assert slot.given.get("default") in slot.given.get("options", [slot.given.get("default")])


@pytest.mark.slow(10)
def test_crop_composite_and_evaluate_run(nodes: dict[str, Any], pair: SamplePair, tmp_path: Path) -> None:
    crop = nodes["LipblendCrop"]
    chosen = defaults(crop) | {"profile": "wav2lip", "size": 128}
    made, record = crop.execute(video(pair.original), **chosen).args
    assert made.get_dimensions() == (128, 128)
    cut = generate(pair.synced, record, tmp_path / "generated.mp4")

    composite = nodes["LipblendComposite"]
    made, text, path = composite.execute(video(pair.original), cut, crop=record, **defaults(composite)).args
    assert made.file == path
    assert len(composite.define_schema().outputs) == 3
    assert frame_count(path) == 12
    assert "of 12 frames blended" in text
    assert Path(made.file).is_relative_to(tmp_path / "temp")

    score_text, score, folder = nodes["LipblendEvaluate"].execute(video(pair.original), cut, made, crop=record).args
    assert 0 <= score <= 100
    assert f"{score:.0f}" in score_text
    assert sorted(path.name for path in Path(folder).iterdir()) == ["report.csv", "report.html", "report.json"]
    assert Path(folder).is_relative_to(tmp_path / "output")
    # The record and the matte reach lipblend: it refuses those of other videos.
    others = video(pair.truth), cut
    with pytest.raises(RuntimeError, match="is not the original that the record"):
        composite.execute(*others, crop=record, **defaults(composite))
    with pytest.raises(RuntimeError, match="is not the original that the record"):
        nodes["LipblendEvaluate"].execute(*others, made, crop=record)
    with pytest.raises(RuntimeError, match=r"^lipblend: .*128"):
        composite.execute(video(pair.original), video(pair.synced), keep=cut, **defaults(composite))
    assert ProgressBar.shown
    assert all(0 <= value <= total for value, total in ProgressBar.shown if total is not None)


@pytest.mark.slow(4)
@pytest.mark.apart
def test_a_composite_runs_beside_the_main_thread(nodes: dict[str, Any], pair: SamplePair) -> None:
    """ComfyUI runs nodes in a thread of its own; the first pass runs in its own process, as users have it."""
    composite, done = nodes["LipblendComposite"], []
    files = video(pair.original), video(pair.synced)
    thread = threading.Thread(target=lambda: done.append(composite.execute(*files, **defaults(composite))))
    thread.start()
    thread.join()
    assert frame_count(done[0].args[0].file) == 12


@pytest.mark.slow(4)
def test_a_cancelled_run_leaves_nothing(
    nodes: dict[str, Any], pair: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    composite = nodes["LipblendComposite"]
    monkeypatch.setattr(ProgressBar, "stop_at", 15)  # in the second pass
    with pytest.raises(InterruptedError, match="cancelled"):
        composite.execute(video(pair.original), video(pair.synced), **defaults(composite))
    assert left_in(tmp_path) == []


def test_errors_are_one_clear_message(nodes: dict[str, Any], pair: SamplePair, tmp_path: Path) -> None:
    composite = nodes["LipblendComposite"]
    values = defaults(composite) | {"settings": "# mine\nalpha.fether=1"}
    with pytest.raises(RuntimeError, match=r"^lipblend: .*alpha\.fether") as caught:
        composite.execute(video(pair.original), video(pair.synced), **values)
    assert caught.value.__suppress_context__
    assert left_in(tmp_path) == []


def test_a_wrong_rate_is_named(nodes: dict[str, Any], pair: SamplePair) -> None:
    with pytest.raises(RuntimeError, match="lipblend: the rate 'fast' is not a frame rate"):
        nodes["LipblendCrop"].execute(video(pair.original), **defaults(nodes["LipblendCrop"]) | {"rate": "fast"})


def test_a_video_whose_file_is_gone_is_one_message(nodes: dict[str, Any], pair: SamplePair, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^lipblend: .*gone\.mp4"):
        nodes["LipblendCrop"].execute(video(tmp_path / "gone.mp4"), **defaults(nodes["LipblendCrop"]))


def test_a_sound_given_twice_is_an_error(nodes: dict[str, Any], pair: SamplePair) -> None:
    composite = nodes["LipblendComposite"]
    values = defaults(composite) | {"audio": "none", "settings": "audio.source=synced"}
    with pytest.raises(RuntimeError, match="given twice"):
        composite.execute(video(pair.original), video(pair.synced), **values)


class TestFilesOfVideos:
    """`path_of`."""

    @pytest.fixture
    def files(self, pack: ModuleType) -> ModuleType:
        return sys.modules[f"{pack.__name__}.video_files"]

    def test_a_whole_file_is_taken_as_it_is(self, files: ModuleType, pair: SamplePair, tmp_path: Path) -> None:
        assert files.path_of(video(pair.original), tmp_path, "original") == pair.original

    def test_a_buffer_is_written_byte_for_byte(self, files: ModuleType, pair: SamplePair, tmp_path: Path) -> None:
        content = pair.original.read_bytes()
        path = files.path_of(VideoFromFile(BytesIO(content)), tmp_path, "original")
        assert path == tmp_path / "original.mp4"
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(content).digest()

    def test_a_part_of_a_file_is_not_the_file(self, files: ModuleType, pair: SamplePair, tmp_path: Path) -> None:
        part = VideoFromFile(str(pair.original), duration=video(pair.original).get_duration() / 2)
        path = files.path_of(part, tmp_path, "original")
        assert path != pair.original
        assert frame_count(str(path)) == 6

    def test_nodes_share_the_file_of_one_video(self, files: ModuleType, pair: SamplePair, tmp_path: Path) -> None:
        part = VideoFromFile(str(pair.original), duration=0.2)
        paths = [files.path_of(part, tmp_path, role) for role in ("first", "second")]
        assert paths == [tmp_path / "first.mp4"] * 2

    def test_reports_have_folders_of_their_own(self, files: ModuleType) -> None:
        assert [files.report_folder().name for _ in range(2)] == ["report-00001", "report-00002"]


def test_the_registry_finds_what_it_asks_for() -> None:
    table = tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))
    assert {"name", "version", "description", "license", "dependencies", "urls"} <= set(table["project"])
    assert {"PublisherId", "DisplayName", "Icon"} <= set(table["tool"]["comfy"])
    assert "comfyui" not in table["project"]["name"].lower()


def test_the_example_workflow_fits_the_nodes(nodes: dict[str, Any]) -> None:
    flow = json.loads((PACK / "example-workflow.json").read_text(encoding="utf-8"))
    by_id = {node["id"]: node for node in flow["nodes"]}
    assert set(NAMES) <= {node["type"] for node in flow["nodes"]}
    for node in flow["nodes"]:
        if node["type"] not in nodes:
            continue
        schema = nodes[node["type"]].define_schema()
        sockets = [slot for slot in schema.inputs if "default" not in slot.given]
        assert [(each["name"], each["type"]) for each in node["inputs"]] == [(slot.id, slot.kind) for slot in sockets]
        assert [each["type"] for each in node["outputs"]] == [slot.kind for slot in schema.outputs]
        widgets = [slot for slot in schema.inputs if "default" in slot.given]
        assert len(node["widgets_values"]) == len(widgets)
        for value, slot in zip(node["widgets_values"], widgets, strict=True):
            assert value in slot.given.get("options", [value])
    shown = {(by_id[link[1]]["type"], link[2]) for link in flow["links"] if by_id[link[3]]["type"] == "PreviewAny"}
    assert shown == {("LipblendComposite", 1), ("LipblendEvaluate", 0)}  # warnings and the verdict are to be seen
    for link, source, out, target, into, kind in flow["links"]:
        assert by_id[source]["outputs"][out]["type"] == kind
        assert by_id[target]["inputs"][into]["type"] in (kind, "*")
        assert link in by_id[source]["outputs"][out]["links"]
        assert by_id[target]["inputs"][into]["link"] == link
