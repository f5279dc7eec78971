"""Model bundles without the networks whose answers nobody reads.

A bundle (``.task``) is a zip archive whose entries are stored as they are, each beginning at a multiple of four bytes,
as the networks are read where they lie. MediaPipe runs every network that it finds in the face bundle. The one for
blendshapes (52 numbers for animated characters) works on a finished mesh and changes nothing about it, so a bundle
without it gives the same meshes.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Collection

UNREAD = frozenset({"face_blendshapes.tflite"})
"""Entries of the face bundle whose answers lipblend never reads."""
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, OSError, RuntimeError)
"""What reading an archive raises: damage of all kinds; RuntimeError for a password or an unknown method."""
_ALIGNED_BYTES = 16
_LOCAL_HEADER_BYTES = 30
_PADDING_ID = b"\x35\xd9"  # an extra field that programs who do not know it pass over; Android's zipalign uses it
_PADDING_LEAST_BYTES = 4


def without_entries(bundle: bytes, names: Collection[str] = UNREAD) -> bytes:
    """Return a bundle without some of its entries; the others keep their order and their bytes.

    Parameters
    ----------
    bundle : bytes
        The whole file.
    names : collection of str
        Entries to leave out.

    Returns
    -------
    bytes
        An archive whose entries are stored and begin at multiples of 16 bytes; `bundle` itself where it has none of
        `names`, or is no archive that can be read: who uses it then says what is wrong with it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            entries = archive.infolist()
            if not any(entry.filename in names for entry in entries):
                return bundle
            kept = [(entry, archive.read(entry)) for entry in entries if entry.filename not in names]
    except _UNREADABLE:
        return bundle
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for entry, content in kept:
            name = zipfile.ZipInfo(entry.filename, entry.date_time)
            name.extra = _padding(out.tell() + _LOCAL_HEADER_BYTES + len(entry.filename.encode()))
            archive.writestr(name, content)
    return out.getvalue()


def _padding(offset: int) -> bytes:
    """An extra field after which the content begins at a multiple of `_ALIGNED_BYTES`; empty where it does anyway."""
    lacking = -offset % _ALIGNED_BYTES
    if not lacking:
        return b""
    if lacking < _PADDING_LEAST_BYTES:
        lacking += _ALIGNED_BYTES
    filling = lacking - _PADDING_LEAST_BYTES
    return _PADDING_ID + filling.to_bytes(2, "little") + bytes(filling)
