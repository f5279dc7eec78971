"""Model bundles without the networks whose output is not used.

A bundle (``.task``) is a zip archive of uncompressed entries, each starting at a multiple of four bytes, because the
networks are read in place. MediaPipe runs every network in the face bundle. The blendshape network (52 numbers for
animated characters) takes a finished mesh and does not change it, so a bundle without it gives the same meshes.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Collection

UNUSED_ENTRIES = frozenset({"face_blendshapes.tflite"})
"""Entries of the face bundle whose output lipblend does not use."""
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, OSError, RuntimeError)
"""Raised for damaged archives; RuntimeError for a password or an unknown compression method."""
_ALIGNMENT_BYTES = 16
_LOCAL_HEADER_BYTES = 30
_PADDING_ID = b"\x35\xd9"  # an extra field that zip readers skip; Android's zipalign uses it
_MIN_PADDING_BYTES = 4


def without_entries(bundle: bytes, names: Collection[str] = UNUSED_ENTRIES) -> bytes:
    """Remove entries from a bundle; the others keep their order and their bytes.

    Parameters
    ----------
    bundle : bytes
        The whole file.
    names : collection of str
        Entries to remove.

    Returns
    -------
    bytes
        An archive of uncompressed entries that start at multiples of 16 bytes. `bundle` itself if it has none of
        `names` or cannot be read as an archive; loading it will then report the problem.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            entries = archive.infolist()
            if not any(entry.filename in names for entry in entries):
                return bundle
            kept = [(entry, archive.read(entry)) for entry in entries if entry.filename not in names]
    except _READ_ERRORS:
        return bundle
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for entry, content in kept:
            header = zipfile.ZipInfo(entry.filename, entry.date_time)
            header.extra = _padding(out.tell() + _LOCAL_HEADER_BYTES + len(entry.filename.encode()))
            archive.writestr(header, content)
    return out.getvalue()


def _padding(offset: int) -> bytes:
    """An extra field that moves the content to a multiple of `_ALIGNMENT_BYTES`; empty if it is at one already."""
    missing = -offset % _ALIGNMENT_BYTES
    if not missing:
        return b""
    if missing < _MIN_PADDING_BYTES:
        missing += _ALIGNMENT_BYTES
    fill = missing - _MIN_PADDING_BYTES
    return _PADDING_ID + fill.to_bytes(2, "little") + bytes(fill)
