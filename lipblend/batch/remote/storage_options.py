"""The file of options of fsspec, by protocol: where a server is, and perhaps who may use it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lipblend.errors import SettingsError
from lipblend.settings.lined_yaml import read_lined_yaml

_MAX_BYTES = 100_000
_EXAMPLE = "Write it as `s3: {endpoint_url: https://...}`, protocol by protocol (docs/batch.md)."


def read_storage_options(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Options of fsspec by protocol. Values are never part of a message: they may be credentials.

    Raises
    ------
    SettingsError
        The file cannot be read, or is no mapping of mappings.
    """
    content = read_lined_yaml(path, what="file of storage options", max_bytes=_MAX_BYTES)
    if not isinstance(content.value, dict):
        raise SettingsError(f"{path} has no options by protocol", hint=_EXAMPLE)
    for protocol, options in content.value.items():
        if not isinstance(options.value, dict):
            raise SettingsError(f"{path}, line {options.line}: {protocol} has no mapping of options", hint=_EXAMPLE)
    return {protocol.lower(): options.plain() for protocol, options in content.value.items()}
