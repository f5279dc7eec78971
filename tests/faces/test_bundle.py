"""The face bundle without the network whose answer nobody reads."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mediapipe import tasks

from lipblend.faces import landmarker as face_layer
from lipblend.faces.bundle import UNUSED_ENTRIES, without_entries
from lipblend.faces.landmarker import FaceLandmarker


def entries(bundle: bytes) -> dict[str, tuple[int, bytes]]:
    """Where each entry's content begins, by the entry's own header, and the content."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        out = {}
        for entry in archive.infolist():
            name_bytes, extra_bytes = struct.unpack_from("<HH", bundle, entry.header_offset + 26)
            out[entry.filename] = (entry.header_offset + 30 + name_bytes + extra_bytes, archive.read(entry))
        return out


def packed(contents: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_the_bundle_loses_one_network_and_nothing_else(model_path: Path) -> None:
    whole = model_path.read_bytes()
    before, after = entries(whole), entries(without_entries(whole))
    assert set(before) - set(after) == UNUSED_ENTRIES
    for name, (offset, content) in after.items():
        assert content == before[name][1]
        assert offset % 16 == 0, name


def test_meshes_are_the_same_bit_for_bit(
    model_path: Path, scene: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [
        scene(700, 500, (120, 300, 220)),
        scene(900, 400, (150, 200, 170), (110, 650, 170)),
        scene(320, 320, (60, 100, 120)),
        np.ascontiguousarray(scene(500, 500, (180, 250, 250))[:, ::-1]),
        scene(400, 400),
    ]
    with FaceLandmarker(model_path, max_faces=4, confidence=0.5) as lean:
        found = [lean.detect(picture) for picture in pictures]
    monkeypatch.setattr(face_layer, "without_entries", lambda bundle: bundle)
    with FaceLandmarker(model_path, max_faces=4, confidence=0.5) as whole:
        expected = [whole.detect(picture) for picture in pictures]
    assert [len(meshes) for meshes in expected] == [1, 2, 1, 1, 0]
    for first, second in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.array(first), np.array(second))


def test_the_library_is_given_the_bundle_without_it(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    options = tasks.BaseOptions

    class Spy(options):  # type: ignore[misc, valid-type]
        def __init__(self, **named: Any) -> None:
            given.append(named)
            super().__init__(**named)

    monkeypatch.setattr(tasks, "BaseOptions", Spy)
    with FaceLandmarker(model_path, max_faces=1, confidence=0.5):
        pass
    (named,) = given
    assert "model_asset_path" not in named
    networks = {name for name in entries(named["model_asset_buffer"]) if name.endswith(".tflite")}
    assert networks == {"face_detector.tflite", "face_landmarks_detector.tflite"}


@pytest.mark.parametrize("bundle", [b"", b"no archive" * 50, packed({"face_detector.tflite": b"abc"})])
def test_what_has_nothing_to_leave_out_stays_as_it_is(bundle: bytes) -> None:
    assert without_entries(bundle) is bundle


def test_archives_cut_short_stay_as_they_are(model_path: Path) -> None:
    cut = model_path.read_bytes()[:-30]
    assert without_entries(cut) is cut


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_other_bundles_are_taken_as_they_come(method: int) -> None:
    """Unknown entries, another order, compressed ones, names of any length: all is kept, in order and aligned."""
    contents = {
        "face_blendshapes.tflite": b"x" * 1000,
        "a": b"1",
        "häuser/notes.txt": b"22" * 33,
        "n" * 61: b"",
        "face_detector.tflite": bytes(range(256)),
    }
    found = entries(without_entries(packed(contents, method)))
    assert [(name, content) for name, (_, content) in found.items()] == list(contents.items())[1:]
    assert all(offset % 16 == 0 for offset, _ in found.values())


def test_a_bundle_with_a_damaged_entry_stays_as_it_is() -> None:
    content = np.random.default_rng(1).integers(0, 16, 5000, np.uint8).tobytes()
    whole = packed({"face_blendshapes.tflite": b"x", "face_detector.tflite": content}, zipfile.ZIP_DEFLATED)
    at = whole.index(b"face_detector.tflite") + 20
    damaged = whole[:at] + bytes([255 - each for each in whole[at : at + 40]]) + whole[at + 40 :]
    assert without_entries(damaged) is damaged
