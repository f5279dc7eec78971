"""Options of commands that read and write addresses (``s3://bucket/key``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import path_option
from lipblend.settings.amount_words import storage_bytes

if TYPE_CHECKING:
    from lipblend.batch.remote.remote_files import RemoteOptions

ScratchOption = Annotated[
    Path | None,
    path_option("--scratch", "FOLDER", "Where files at addresses (s3://...) lie meanwhile. Default: the user's cache."),
]
ScratchSizeOption = Annotated[
    str,
    typer.Option(
        "--scratch-size", metavar="SIZE", help="What may stay in --scratch, the least recently used goes first."
    ),
]
StorageOption = Annotated[
    Path | None,
    path_option("--storage-options", "FILE", "YAML or JSON with options of fsspec by protocol, such as endpoint_url."),
]


def remote_options(scratch: Path | None, scratch_size: str, storage: Path | None) -> RemoteOptions:
    """The options as they are passed on.

    Raises
    ------
    SettingsError
        The size is none, or the file cannot be read.
    """
    from lipblend.batch.remote.remote_files import RemoteOptions
    from lipblend.batch.remote.storage_options import read_storage_options

    return RemoteOptions(
        scratch=None if scratch is None else scratch.absolute(),
        scratch_bytes=storage_bytes(scratch_size, "--scratch-size"),
        storage={} if storage is None else read_storage_options(storage),
    )
