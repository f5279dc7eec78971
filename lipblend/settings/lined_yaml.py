"""Small YAML files with the line of each value, so that every message can name it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lipblend.errors import SettingsError
from lipblend.runtime.addresses import address_of

_MAX_DEPTH = 10
_NAMES = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml: a list of 10,000 jobs in half a second
_TAB_HINT = "YAML is indented with spaces, never with tabs."
_ESCAPE_HINT = "In double quotes a backslash begins an escape: write paths with / or in single quotes."


@dataclass(frozen=True, slots=True)
class LinedValue:
    """A value of a file.

    Attributes
    ----------
    value : object
        A scalar, a list of `LinedValue`, or a dict of `LinedValue` by str.
    line : int
        Where it begins, counted from 1; of an entry of a mapping the line of its key.
    text : str
        A scalar as it was written, without quotes: ``007`` where the value is 7.
    """

    value: Any
    line: int
    text: str = ""

    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


def read_lined_yaml(path: Path, *, what: str, max_bytes: int) -> LinedValue:
    """Read a YAML file without aliases and duplicate keys.

    Parameters
    ----------
    path : Path
    what : str
        What the file is, for messages: ``settings file``.
    max_bytes : int
        Larger files are refused.

    Raises
    ------
    SettingsError
        The file cannot be read, is too large or nested too deeply, or is not such YAML; with line and column.
    """
    text = read_text(path, what=what, max_bytes=max_bytes)
    try:
        _reject_aliases_and_depth(text, path, what)
        node = yaml.compose(text, Loader=_LOADER)
        if node is None:
            return LinedValue(None, 1)
        _reject_duplicates(node, path)
        return _lined(node, node.start_mark.line + 1, yaml.SafeLoader(""))
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML: {_fault(error)}", hint=_hint(error, text)) from error


def read_text(path: Path, *, what: str, max_bytes: int) -> str:
    """The text of a small UTF-8 file; a byte order mark is left out.

    Raises
    ------
    SettingsError
        The file cannot be read, is too large, or is not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise SettingsError(f"{path} is too large for a {what} (more than {max_bytes // 1000} kB)")
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        if address := address_of(path):
            reason = "it is an address, not a file"
        raise SettingsError(f"cannot read the {what} {address or path}: {reason}") from error


def _reject_aliases_and_depth(text: str, path: Path, what: str) -> None:
    """Reject what makes a small file endless or exponentially large, before any object is built from it."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise SettingsError(f"{path} uses a YAML alias (*{event.anchor})", hint="Write the value out.")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise SettingsError(f"{path} is nested too deeply for a {what} (more than {_MAX_DEPTH} levels)")


def _reject_duplicates(node: yaml.Node, path: Path) -> None:
    """Reject duplicate keys: YAML readers silently keep the last one, which would drop a whole group of settings."""
    found = list(_duplicates(node, path))
    if len(found) == 1:
        raise SettingsError(f"{path} has '{found[0][0]}' twice (line {found[0][1]})")
    if found:
        lines = tuple(f"{path.name}, line {line}: '{key}' for the second time" for key, line in found)
        raise SettingsError(f"{path} has {len(found)} keys twice", details=lines)


def _duplicates(node: yaml.Node, path: Path) -> Iterator[tuple[str, int]]:
    """Key and line of each key that its mapping has already."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicates(item, path)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise SettingsError(f"{path} has a list or a mapping as a key (line {key.start_mark.line + 1})")
        if key.value in seen:
            yield key.value, key.start_mark.line + 1
        seen.add(key.value)
        yield from _duplicates(value, path)


def _lined(node: yaml.Node, line: int, scalars: yaml.SafeLoader) -> LinedValue:
    if not isinstance(node, yaml.ScalarNode) and node.tag not in _NAMES:
        problem = f"could not determine a constructor for the tag '{node.tag}'"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    if isinstance(node, yaml.MappingNode):
        entries = {key.value: _lined(value, key.start_mark.line + 1, scalars) for key, value in node.value}
        return LinedValue(entries, line)
    if isinstance(node, yaml.SequenceNode):
        return LinedValue([_lined(item, item.start_mark.line + 1, scalars) for item in node.value], line)
    try:
        return LinedValue(scalars.construct_object(node), line, node.value)
    except ValueError as error:  # a date such as 2024-13-01, a number of thousands of digits
        raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error


def _fault(error: yaml.YAMLError) -> str:
    """Position and problem, on one line."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).replace('in "<unicode string>"', "in the file").split())
    mark = error.problem_mark
    return " ".join(f"line {mark.line + 1}, column {mark.column + 1}: {error.problem or error.context}".split())


def _hint(error: yaml.YAMLError, text: str) -> str:
    """The usual cause of a fault; empty if unknown."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ""
    if "escape" in (error.problem or ""):
        return _ESCAPE_HINT
    lines = text.splitlines()
    number = error.problem_mark.line
    line = lines[number] if number < len(lines) else ""
    return _TAB_HINT if "\t" in line[: len(line) - len(line.lstrip())] else ""
