"""Identify the content of a file without reading more of it than necessary."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lipblend.errors import InputError

MAX_WHOLE_BYTES = 256_000_000
"""Files up to this size are hashed whole."""
_BLOCK_BYTES = 1 << 20
_BLOCKS = 64


def content_identity(path: Path) -> str:
    """Size and digest of a file: ``SIZE-DIGEST`` (BLAKE2b, 20 bytes, hexadecimal). Independent of name and folder.

    Up to `MAX_WHOLE_BYTES` the digest covers the whole file (a fraction of a second). For larger files it covers 64
    blocks of 1 MiB, including the first and the last, and the modification time in nanoseconds.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=20)
    try:
        status = path.stat()
        with path.open("rb") as file:
            if status.st_size <= MAX_WHOLE_BYTES:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
            else:
                digest.update(str(status.st_mtime_ns).encode())
                for number in range(_BLOCKS):
                    file.seek(number * (status.st_size - _BLOCK_BYTES) // (_BLOCKS - 1))
                    digest.update(file.read(_BLOCK_BYTES))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="Check the path.") from error
    return f"{status.st_size}-{digest.hexdigest()}"


def sha256_of(path: Path) -> str:
    """SHA-256 of a whole file, hexadecimal.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="Check the path.") from error
