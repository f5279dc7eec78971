"""The record of a run in the output's tag ``comment``: which settings made the picture, from which files.

It is one line of the comment, after what the original's own comment says: ``lipblend: {"record":1, ...}``. mp4, mov,
mkv and webm all keep this tag. The record holds no name, no path and no time, so the same run writes the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RECORD_VERSION = 1
PREFIX = "lipblend: "
DIGEST_DIGITS = 16
"""Digits of the SHA-256 of an input that are kept."""
PLAIN = re.compile(r"[A-Za-z0-9_.,+@-]{0,240}")
"""What a name or value in a record consists of: nothing that a terminal, a page or a file system could act on."""

_TAG = "comment"
_MAX_CHARS = 16_000
_MAX_SETTINGS = 300
_MAX_FRAMES, _MAX_SIDE_PX = 1_000_000_000, 1_000_000
_MAX_COMMENT_BYTES = 60_000  # mov stores the length in 16 bits
_KEY = re.compile(r"[a-z0-9_]{1,40}\.[a-z0-9_]{1,40}")
_DIGEST = re.compile(rf"[0-9a-f]{{{DIGEST_DIGITS}}}|")
_KNOWN = (
    "record", "version", "original", "synced", "preset", "set", "restored", "occluder",
    "occluder_mapping", "keep", "matte", "crop", "part", "proxy", "frames", "size", "root",
)  # fmt: skip


@dataclass(frozen=True)
class RunRecord:
    """How an output was made.

    Attributes
    ----------
    version : str
        Of the program.
    original, synced : str
        First 16 hexadecimal digits of the SHA-256 of the inputs; empty if they were not computed.
    preset : str
        Name of the preset; empty for the plain defaults.
    settings : mapping of str to str
        The settings that differ from the preset, by dotted key.
    restored : bool
        A restoration model was used. Its file is not named.
    part : (int, int) or None
        First frame and end (exclusive) in the whole output, if only a part was written.
    proxy : str
        Size of the proxy as it was requested; empty for full size.
    frames : int
        Frames in the file.
    width, height : int
        Size of the picture as shown.
    keep : str
        First 16 hexadecimal digits of the SHA-256 of the matte of what stayed the original's; empty without one.
    occluder : str
        The same of the model that told what lay in front of the faces. Its file is not named.
    crop : str
        The same of the record of the synced face crop.
    occluder_mapping : str
        The same of that model's mapping file.
    root : str
        The same of the video that a chain of runs began with, if the original was itself such an output.
    matte : str
        The same of the alpha of the new mouth that was given (``--matte``); empty if it was computed.
    """

    version: str
    original: str
    synced: str
    preset: str
    settings: Mapping[str, str]
    frames: int
    width: int
    height: int
    restored: bool = False
    part: tuple[int, int] | None = None
    proxy: str = ""
    keep: str = ""
    occluder: str = ""
    crop: str = ""
    occluder_mapping: str = ""
    root: str = ""
    matte: str = ""

    def to_text(self) -> str:
        """The record as one line of ASCII, with its prefix."""
        content: dict[str, Any] = {"record": RECORD_VERSION, "version": self.version}
        content |= {"original": self.original, "synced": self.synced, "preset": self.preset}
        content |= {"set": dict(sorted(self.settings.items()))} if self.settings else {}
        content |= {"restored": True} if self.restored else {}
        content |= {"occluder": self.occluder} if self.occluder else {}
        content |= {"occluder_mapping": self.occluder_mapping} if self.occluder_mapping else {}
        content |= {"keep": self.keep} if self.keep else {}
        content |= {"matte": self.matte} if self.matte else {}
        content |= {"crop": self.crop} if self.crop else {}
        content |= {"root": self.root} if self.root else {}
        content |= {"part": list(self.part)} if self.part is not None else {}
        content |= {"proxy": self.proxy} if self.proxy else {}
        content |= {"frames": self.frames, "size": [self.width, self.height]}
        return PREFIX + json.dumps(content, separators=(",", ":"))


@dataclass(frozen=True)
class FoundRecord:
    """What the tags of a file say about its run, and what is to be said about that; ``note`` may be empty."""

    record: RunRecord | None
    note: str = ""


def first_original(tags: Mapping[str, str]) -> str:
    """First digits of the SHA-256 of what a chain of runs began with; empty for a file that no run wrote as a whole."""
    record = find_record(tags).record
    if record is None or record.part is not None or record.proxy:
        return ""
    return record.root or record.original


def find_record(tags: Mapping[str, str]) -> FoundRecord:
    """The record in the tags of a file. A damaged or foreign one counts as absent, and the note says why."""
    for name, text in tags.items():
        if _is_comment(name) and (found := parse(text)) != FoundRecord(None):
            return found
    return FoundRecord(None)


def parse(comment: str) -> FoundRecord:
    """Read the record in a comment, whatever the comment holds; the last one counts."""
    lines = [line for line in comment.split("\n") if _is_record(line)]
    if not lines:
        return FoundRecord(None)
    if len(lines[-1]) > _MAX_CHARS:
        return _refused(f"it has {len(lines[-1])} characters")
    try:
        content = json.loads(lines[-1].removeprefix(PREFIX))
    except (ValueError, RecursionError):
        return _refused("it is not valid JSON")
    try:
        return FoundRecord(_record(content), _foreign(content))
    except _WrongValueError as error:
        return _refused(f"'{error}' has a value that it cannot have")


def tags_with_record(tags: Mapping[str, str], record: str) -> tuple[dict[str, str], list[str]]:
    """The tags of an output, and notes: those of its source, and the record after its comment.

    An earlier record of the source is dropped: it does not describe this output.

    Parameters
    ----------
    tags : mapping of str to str
    record : str
        From `RunRecord.to_text`; empty for none.
    """
    made: dict[str, str] = {}
    for name, text in tags.items():
        kept = _without_records(text) if _is_comment(name) else text
        if kept or not text:
            made[name] = kept
    if not record:
        return made, []
    name = next((name for name in made if name.lower() == _TAG), _TAG)
    comment = "\n".join(filter(None, [made.get(name), record]))
    if len(comment.encode("utf-8", "replace")) > _MAX_COMMENT_BYTES:
        return made, ["the output has no record of this run: the comment of the original leaves no room for it"]
    return {**made, name: comment}, []


class _WrongValueError(Exception):
    """A value of another type or range than the record of a run has; the text is its key."""


def _refused(reason: str) -> FoundRecord:
    return FoundRecord(None, f"the record in the file is not read: {reason}")


def _is_comment(name: str) -> bool:
    name = name.lower()  # Matroska has capitals, and may add the language
    return name == _TAG or name.startswith(f"{_TAG}-")


def _is_record(line: str) -> bool:
    return line.startswith(PREFIX + "{")


def _without_records(text: str) -> str:
    lines = text.split("\n")
    if not any(map(_is_record, lines)):
        return text
    return "\n".join(line for line in lines if not _is_record(line))


def _record(content: Mapping[str, Any]) -> RunRecord:
    _number(content, "record", 1_000_000)
    values = content.get("set", {})
    if (
        not isinstance(values, dict)
        or len(values) > _MAX_SETTINGS
        or not all(
            _KEY.fullmatch(key) and isinstance(text, str) and PLAIN.fullmatch(text) for key, text in values.items()
        )
    ):
        raise _WrongValueError("set")
    restored = content.get("restored", False)
    if not isinstance(restored, bool):
        raise _WrongValueError("restored")
    width, height = _pair(content, "size", _MAX_SIDE_PX)
    return RunRecord(
        version=_text(content, "version"),
        original=_text(content, "original", _DIGEST),
        synced=_text(content, "synced", _DIGEST),
        preset=_text(content, "preset"),
        settings=values,
        frames=_number(content, "frames", _MAX_FRAMES),
        width=width,
        height=height,
        restored=restored,
        part=_pair(content, "part", _MAX_FRAMES) if "part" in content else None,
        proxy=_text(content, "proxy"),
        keep=_text(content, "keep", _DIGEST),
        occluder=_text(content, "occluder", _DIGEST),
        crop=_text(content, "crop", _DIGEST),
        occluder_mapping=_text(content, "occluder_mapping", _DIGEST),
        root=_text(content, "root", _DIGEST),
        matte=_text(content, "matte", _DIGEST),
    )


def _foreign(content: Mapping[str, Any]) -> str:
    """What is to be said about a record of another version."""
    parts = []
    if content["record"] != RECORD_VERSION:
        parts.append(f"has version {content['record']}, and this program knows version {RECORD_VERSION}")
    if unknown := len(set(content).difference(_KNOWN)):
        parts.append(f"has {unknown} entr{'ies' if unknown > 1 else 'y'} that this program does not know")
    return f"the record in the file {' and '.join(parts)}: the rest is used" if parts else ""


def _text(content: Mapping[str, Any], key: str, form: re.Pattern[str] = PLAIN) -> str:
    value = content.get(key, "")
    if not isinstance(value, str) or not form.fullmatch(value):
        raise _WrongValueError(key)
    return value


def _number(content: Mapping[str, Any], key: str, most: int) -> int:
    value = content.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _WrongValueError(key)
    return value


def _pair(content: Mapping[str, Any], key: str, most: int) -> tuple[int, int]:
    value = content.get(key)
    if not isinstance(value, list) or len(value) != 2:
        raise _WrongValueError(key)
    first, second = (_number({key: each}, key, most) for each in value)
    return first, second
