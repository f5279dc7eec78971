"""Coded packets of one segment in a file, until they are joined.

The layout is our own, as containers round time stamps: a magic line; for every packet its numbers and its bytes; then
a JSON object, and a checksum over everything before it.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lipblend.output.coded import CodedPacket

_MAGIC = b"lipblend segment 2\n"
_RECORD = struct.Struct("<Bqqqqq")  # kind, pts, dts, duration, length of the data, and of what goes beside it
_PLAIN, _KEY, _SUMMARY = range(3)
_CHECK = struct.Struct("<I")


class SpoolWriter:
    """Write a segment's packets.

    Parameters
    ----------
    sink : binary file
        Empty; it is not closed.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._check = 0
        self._put(_MAGIC)

    def add(self, packets: Iterable[CodedPacket]) -> None:
        """Append packets."""
        for each in packets:
            kind = _KEY if each.keyframe else _PLAIN
            self._put(_RECORD.pack(kind, each.pts, each.dts, each.duration, len(each.data), len(each.beside)))
            self._put(each.data + each.beside)

    def finish(self, summary: dict[str, Any]) -> None:
        """Write what is to be known of the segment besides its packets (ready for JSON), and the checksum."""
        text = json.dumps(summary).encode()
        self._put(_RECORD.pack(_SUMMARY, 0, 0, 0, len(text), 0))
        self._put(text)
        self._sink.write(_CHECK.pack(self._check))
        self._sink.flush()

    def _put(self, data: bytes) -> None:
        self._check = zlib.crc32(data, self._check)
        self._sink.write(data)


def spooled_packets(path: Path) -> Iterator[CodedPacket]:
    """The packets of a finished file, one at a time."""
    with path.open("rb") as source:
        source.seek(len(_MAGIC))
        while (head := _RECORD.unpack(source.read(_RECORD.size)))[0] != _SUMMARY:
            kind, pts, dts, duration, length, more = head
            yield CodedPacket(source.read(length), pts, dts, duration, kind == _KEY, source.read(more))


def spool_summary(path: Path) -> dict[str, Any] | None:
    """What `SpoolWriter.finish` was given; None where the file is missing, cut short or damaged."""
    check = 0
    try:
        with path.open("rb") as source:
            magic = source.read(len(_MAGIC))
            if magic != _MAGIC:
                return None
            check = zlib.crc32(magic)
            while len(head := source.read(_RECORD.size)) == _RECORD.size:
                kind, *_, length, more = _RECORD.unpack(head)
                if min(length, more) < 0 or length + more > path.stat().st_size:
                    return None
                data = source.read(length + more)
                check = zlib.crc32(data, zlib.crc32(head, check))
                if kind == _SUMMARY:
                    whole = source.read(_CHECK.size + 1) == _CHECK.pack(check)
                    return dict(json.loads(data)) if whole else None
    except FileNotFoundError:
        return None
    return None
