"""Edit lists of mp4 and mov files, rewritten: material for tests of trimmed videos."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

EMPTY = -1
"""Media time of an edit that shows nothing."""


def with_edits(source: Path, target: Path, edits: Sequence[tuple[float, float]], *, kind: bytes = b"vide") -> Path:
    """Copy a file, with another edit list in its first track of a kind.

    Parameters
    ----------
    source : Path
        An mp4 or mov whose ``moov`` comes last, as FFmpeg writes it, so that nothing else moves.
    target : Path
    edits : sequence of (float, float)
        Where each edit begins on the track's own clock, and how long it is shown; seconds. `EMPTY` shows nothing.
    kind : bytes
        ``vide`` or ``soun``.
    """
    data = source.read_bytes()
    at, size = next((at, size) for name, at, size in _boxes(data, 0, len(data)) if name == b"moov")
    assert at + size == len(data), "moov does not come last"
    moov = data[at : at + size]
    movie_scale = _scale(_find(moov, b"mvhd"))
    tracks = [body for name, body in _children(moov) if name == b"trak"]
    chosen = next(track for track in tracks if _find(track, b"mdia", b"hdlr")[16:20] == kind)
    track_scale = _scale(_find(chosen, b"mdia", b"mdhd"))
    entries = b"".join(
        struct.pack(">Iihh", round(length * movie_scale), start if start < 0 else round(start * track_scale), 1, 0)
        for start, length in edits
    )
    edts = _box(b"edts", _box(b"elst", struct.pack(">II", 0, len(edits)) + entries))
    kept = [_box(name, body[8:]) for name, body in _children(chosen) if name != b"edts"]
    place = 1 + next(n for n, (name, _) in enumerate(_children(chosen)) if name == b"tkhd")
    changed = _box(b"trak", b"".join([*kept[:place], edts, *kept[place:]]))
    parts = [changed if body is chosen else body for _, body in _children_of(moov, chosen, tracks)]
    target.write_bytes(data[:at] + _box(b"moov", b"".join(parts)))
    return target


def _children_of(moov: bytes, chosen: bytes, tracks: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Children of ``moov``, its tracks being the objects given."""
    left = list(tracks)
    for name, body in _children(moov):
        yield name, left.pop(0) if name == b"trak" else body


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
        yield name, at, size
        at += size


def _children(box: bytes) -> Iterator[tuple[bytes, bytes]]:
    for name, at, size in _boxes(box, 8, len(box)):
        yield name, box[at : at + size]


def _find(box: bytes, *path: bytes) -> bytes:
    for wanted in path:
        box = next(body for name, body in _children(box) if name == wanted)
    return box


def _scale(header: bytes) -> int:
    """Units a second of ``mvhd`` and ``mdhd``."""
    return int(struct.unpack_from(">I", header, 28 if header[8] else 20)[0])


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body
