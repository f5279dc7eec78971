"""What a comparison says about its videos: file names, and the settings that made them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lipblend.output.recorded_settings import MOST_SHOWN, describe
from lipblend.output.run_record import find_record
from lipblend.video.info import VideoInfo

_MOST_SETTINGS = 2  # in a label; the letters get smaller with each


def default_labels(infos: Sequence[VideoInfo]) -> list[str]:
    """File stems, with their folders if two are alike, and the recorded settings if a file has any."""
    stems = [info.path.stem for info in infos]
    return [
        _name(info.path, alone=stems.count(info.path.stem) == 1) + _settings_text(info, most=_MOST_SETTINGS)
        for info in infos
    ]


def record_notes(infos: Sequence[VideoInfo]) -> list[str]:
    """Which settings made each video, as far as the files say."""
    notes = []
    for info in infos:
        found = find_record(info.metadata)
        if found.record is not None:
            notes.append(f"{info.path.name} was made with {describe(found.record, MOST_SHOWN)}")
        if found.note:
            notes.append(f"{info.path.name}: {found.note}")
    return notes


def _name(path: Path, *, alone: bool) -> str:
    return path.stem if alone else f"{path.absolute().parent.name}/{path.stem}"


def _settings_text(info: VideoInfo, most: int) -> str:
    record = find_record(info.metadata).record
    return "" if record is None else f" ({describe(record, most).removeprefix('preset ')})"
