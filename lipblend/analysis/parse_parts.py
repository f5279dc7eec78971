"""What a parser sees of the faces of both videos: skin, lips and nose, for the regions of the mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import COLUMNS, FaceTrack
from lipblend.analysis.near_faces import Faces, faces_in_question
from lipblend.analysis.segment_near import upright_crop
from lipblend.errors import SettingsError
from lipblend.faces.landmarks import Landmarks
from lipblend.pairing.alignment import Alignment
from lipblend.pairing.scan import Scan
from lipblend.picture.picture import Picture
from lipblend.runtime.spill import NumberedRows
from lipblend.settings import OcclusionSettings, Settings
from lipblend.settings.occluder_mapping import read_occluder_mapping
from lipblend.stages.masks.part_outlines import PARTS, parts_on_grid
from lipblend.stages.occlusion.occluder_model import OccluderModel
from lipblend.stages.occlusion.segmented import stored_cells

_HINT = "See docs/occluder-models.md, or set mask.region_source to mesh."


def check_parser(settings: Settings) -> None:
    """Check that regions of the mask that are to come from a parser can.

    Raises
    ------
    SettingsError
        There is no parser, or its mapping file does not name the classes of a region that the mask uses.
    """
    if settings.mask.region_source != "model":
        return
    if settings.occlusion.model == "none":
        raise SettingsError("mask.region_source is model, and occlusion.model is none", hint=_HINT)
    mapping = Path(settings.occlusion.model).with_suffix(".yaml")
    if not mapping.is_file():
        return  # that is said with what else is missing
    output = read_occluder_mapping(mapping).output
    wanted = [name for name in settings.mask.regions if name in PARTS] if "region" in settings.mask.shapes else []
    if not wanted:
        raise SettingsError(
            "mask.region_source is model, and the mask has none of the regions that a parser draws",
            hint=f"Use region in mask.shapes and {' or '.join(PARTS)} in mask.regions, or mask.region_source = mesh.",
        )
    missing = [name for name in wanted if not getattr(output, name)]
    if missing:
        keys = ", ".join(f"output.{name}" for name in missing)
        raise SettingsError(f"mask.regions has {', '.join(missing)}, and {mapping} names no classes {keys}", hint=_HINT)


def parse_parts(
    original: Scan,
    synced: Scan,
    alignment: Alignment,
    tracks: Mapping[int, FaceTrack],
    settings: OcclusionSettings,
) -> None:
    """Fill the columns ``original_parts`` and ``synced_parts`` of the tracks' table: one pass over each video.

    Every face with a mesh of its own is looked at, in its own picture.

    Raises
    ------
    ModelError
        The parser cannot be used.
    """
    model, line = OccluderModel(Path(settings.model)), alignment.timeline
    faces = faces_in_question(tracks, always=True)
    for column, scan, index in (
        ("original", original, line.original_index),
        ("synced", synced, line.synced_index),
    ):
        found = NumberedRows(*COLUMNS[f"{column}_parts"])
        for frame, picture in _pictures(scan, index, faces):
            for table, row in faces[frame]:
                points = table.columns[column][row]
                if points is None:
                    continue
                if column == "synced":
                    points = alignment.mapping.at(int(index[frame])).to_synced(points)
                planes = _parts(model, picture, Landmarks(points))
                if planes is not None:
                    found[row] = planes
        for table in {id(track.table): track.table for track in tracks.values()}.values():
            table.replace(f"{column}_parts", found)


def _pictures(scan: Scan, index: npt.NDArray[np.int64], faces: Faces) -> Iterator[tuple[int, Picture]]:
    """Output frames with faces, with their pictures in one video."""
    frames = [frame for frame in sorted(faces) if index[frame] >= 0]
    for frame, decoded in zip(frames, scan.frames([int(index[frame]) for frame in frames]), strict=True):
        yield frame, decoded.picture(scan.info)


def _parts(model: OccluderModel, picture: Picture, face: Landmarks) -> npt.NDArray[np.uint8] | None:
    """The parts of one face, stored; None if it lies outside the picture."""
    seen = upright_crop(picture, face, model.face_crop)
    if seen is None:
        return None
    rgb, box = seen
    said = model.predict(rgb)
    return stored_cells(parts_on_grid([getattr(said, name) for name in PARTS], box, face))
