"""Mapping files of occluder models: the documented examples, and one clear error for anything else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lipblend.errors import SettingsError
from lipblend.settings.occluder_mapping import OccluderMapping, read_occluder_mapping

PAGE = Path(__file__).resolve().parents[2] / "docs" / "occluder-models.md"


def read(text: str, folder: Path) -> OccluderMapping:
    path = folder / "m.yaml"
    path.write_text(text, encoding="utf-8")
    return read_occluder_mapping(path)


def test_the_documented_examples_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n# (\w+)\.yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    found = {name: read(text, tmp_path) for name, text in blocks}
    assert list(found) == ["xseg", "bisenet", "selfie_multiclass"]
    assert found["xseg"].output.invert
    assert found["xseg"].output.single
    assert found["xseg"].input.order == "bgr"
    assert found["bisenet"].input.size == (512, 512)
    assert found["bisenet"].output.lips == (11, 12, 13)
    assert not found["selfie_multiclass"].output.single


def test_the_documented_keys_and_defaults_are_those_of_the_file(tmp_path: Path) -> None:
    named = set(
        re.findall(r"`((?:input|output)\.\w+|face_crop)`", PAGE.read_text(encoding="utf-8").split("## Examples")[0])
    )
    plain = read("output: {kind: logits}", tmp_path)
    fields = {f"{group}.{name}" for group in ("input", "output") for name in type(getattr(plain, group)).model_fields}
    assert named == fields | {"face_crop"}
    assert (plain.input.scale, plain.input.layout, plain.input.order) == (1 / 255, "nchw", "rgb")
    assert (plain.input.size, plain.face_crop) == (None, 1.6)


def test_numbers_may_be_fractions(tmp_path: Path) -> None:
    mapping = read("input: {scale: 1/127.5, mean: [1, 1/2, 0.25]}\noutput: {kind: logits}", tmp_path)
    assert mapping.input.scale == pytest.approx(2 / 255)
    assert mapping.input.mean == (1, 0.5, 0.25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "output is missing"),
        ("output: {}", "output.kind is missing"),
        ("output: {kind: mask}", r"output.kind must be 'probability', 'logits' or 'classes', got 'mask'"),
        ("output: {kind: logits, faces: [1]}", "unknown key 'output.faces'"),
        ("output: {kind: logits, face: [1], occluder: [2]}", "output: occluder and face exclude each other"),
        ("output: {kind: classes}", "kind classes needs a list of classes"),
        ("output: {kind: logits, lips: [1]}", "skin, lips and nose need a list of classes"),
        ("output: {kind: logits, face: [1], invert: true}", "invert is for one channel"),
        ("output: {kind: logits, face: [-1]}", r"output.face.0: input should be greater than or equal to 0, got '-1'"),
        ("output: {kind: logits, face: [true]}", r"output.face.0: input should be a valid integer"),
        ("input: {size: [512]}\noutput: {kind: logits}", "input.size"),
        (
            "input: {size: [5, 512]}\noutput: {kind: logits}",
            "input.size.0: input should be greater than or equal to 16",
        ),
        ("input: {std: [1, 0, 1]}\noutput: {kind: logits}", "input: std must be above 0"),
        ("input: {scale: 1/0}\noutput: {kind: logits}", r"input.scale: input should be a valid number.*got '1/0'"),
        ("input: {scale: true}\noutput: {kind: logits}", "input.scale: must be a number"),
        ("input: {mean: [.inf, 0, 0]}\noutput: {kind: logits}", "input.mean.0: input should be a finite number"),
        ("face_crop: 9\noutput: {kind: logits}", "face_crop: input should be less than or equal to 4"),
        ("- a", "must hold a mapping"),
        ("output: {kind: logits", "is not valid YAML"),
    ],
)
def test_what_is_not_a_mapping_file(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        read(text, tmp_path)
    assert str(tmp_path / "m.yaml") in str(caught.value)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has 2 values that are not allowed") as caught:
        read("input: {order: grb}\noutput: {kind: x}", tmp_path)
    assert "input.order must be 'rgb' or 'bgr', got 'grb'" in str(caught.value)
    assert "output.kind must be" in str(caught.value)
    assert "docs/occluder-models.md" in caught.value.hint


def test_a_mapping_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        read_occluder_mapping(tmp_path / "none.yaml")
