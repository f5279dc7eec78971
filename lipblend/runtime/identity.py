"""Telling whether a file still holds what it held, without reading more of it than needed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lipblend.errors import InputError

WHOLE_BYTES = 256_000_000
"""Files up to this size are hashed whole."""
_BLOCK = 1 << 20
_SAMPLES = 64


def content_identity(path: Path) -> str:
    """What tells the content of a file from any other's: its size, and a digest (BLAKE2b, 20 bytes, hexadecimal).

    The digest is of the whole file up to `WHOLE_BYTES` (a fraction of a second). Of a larger one it is of 64 blocks of
    1 MiB, the first and the last among them, and of the time of the last change (nanoseconds): a program that writes to
    the file changes that too. Neither the name nor the place counts.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=20)
    try:
        status = path.stat()
        with path.open("rb") as file:
            if status.st_size <= WHOLE_BYTES:
                while block := file.read(_BLOCK):
                    digest.update(block)
            else:
                digest.update(str(status.st_mtime_ns).encode())
                for number in range(_SAMPLES):
                    file.seek(number * (status.st_size - _BLOCK) // (_SAMPLES - 1))
                    digest.update(file.read(_BLOCK))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="Check the path.") from error
    return f"{status.st_size}-{digest.hexdigest()}"
