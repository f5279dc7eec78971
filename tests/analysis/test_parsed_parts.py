"""What a parser saw, over time: averaged, and carried over rows in which it saw nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipblend.analysis.parse_parts import check_parser
from lipblend.errors import SettingsError
from lipblend.faces.landmarks import Landmarks
from lipblend.plan.parsed_parts import ParsedParts, lacks_parts
from lipblend.settings import MaskSettings, Settings
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.masks.part_outlines import PARTS, PARTS_SHAPE

TIMES_S = np.arange(60) / 25


def saw(columns: int) -> np.ndarray:
    """Lips as a block, this many columns wide."""
    planes = np.zeros(PARTS_SHAPE, np.uint8)
    planes[PARTS.index("lips"), 50:70, 20 : 20 + columns] = 255
    return planes


def width(parts: ParsedParts, row: int, face: Landmarks) -> float:
    """Of the lips, in cells."""
    ((points, _),) = parts.at(row, face)["lips"]
    return float(np.ptp(head_frame(face).to_local(points)[:, 0])) / 0.02


def test_a_frame_alone_does_not_jump(face: Landmarks) -> None:
    found = {row: saw(40 if row == 10 else 20) for row in range(20)}
    assert width(ParsedParts(found, TIMES_S, 1), 10, face) == pytest.approx(20, abs=1)
    lasting = {row: saw(40 if row >= 10 else 20) for row in range(20)}
    widths = [width(ParsedParts(lasting, TIMES_S, 1), row, face) for row in (9, 10)]
    assert widths == pytest.approx([20, 40], abs=1)


def test_rows_that_were_not_parsed_take_what_lies_beside_them(face: Landmarks) -> None:
    parts = ParsedParts({3: saw(20), 9: saw(40)}, TIMES_S, 0)
    assert width(parts, 5, face) == pytest.approx(20, abs=1)
    assert width(parts, 7, face) == pytest.approx(40, abs=1)
    assert width(parts, 0, face) == pytest.approx(20, abs=1)
    assert width(parts, 9 + 12, face) == pytest.approx(40, abs=1)
    assert parts.at(9 + 13, face) == {}  # more than half a second
    assert ParsedParts({}, TIMES_S, 0).at(0, face) == {}


def test_only_parts_that_the_mask_wants_are_missed() -> None:
    region = MaskSettings(shapes=("region",), regions=("lips", "chin"), region_source="model")
    assert lacks_parts(({"lips": []}, {"skin": []}), region)
    assert not lacks_parts(({"lips": []}, {"lips": []}), region)
    assert not lacks_parts(({}, {}), region.model_copy(update={"region_source": "mesh"}))
    assert not lacks_parts(({}, {}), region.model_copy(update={"shapes": ("ellipse",)}))


def test_a_parser_that_cannot_show_a_region_is_an_error(tmp_path: Path) -> None:
    def asked(**mask: object) -> Settings:
        values = {"shapes": ["region"], "regions": ["lips", "nose"], "region_source": "model", **mask}
        return Settings.model_validate({"mask": values, "occlusion": {"model": str(tmp_path / "parser.onnx")}})

    mapping = tmp_path / "parser.yaml"
    mapping.write_text("output: {kind: logits, face: [0, 1], lips: [1]}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"mask\.regions has nose, and .*names no classes output\.nose"):
        check_parser(asked())
    check_parser(asked(regions=["lips", "chin"]))
    for none in ({"shapes": ["ellipse"]}, {"regions": ["chin"]}):
        with pytest.raises(SettingsError, match="none of the regions that a parser draws"):
            check_parser(asked(**none))
    check_parser(asked(region_source="mesh"))
    with pytest.raises(SettingsError, match=r"region_source is model, and occlusion\.model is none"):
        check_parser(Settings.model_validate({"mask": {"region_source": "model"}}))
