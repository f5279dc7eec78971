"""Encoded segments in files, between their encoder and the output.

The file format is lipblend's own, because containers round time stamps: a magic line; a record and the data of every
packet; a JSON summary; and a CRC-32 of everything before it.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lipblend.errors import OutputError
from lipblend.output.coded import CodedPacket
from lipblend.runtime.files import UnfinishedFile
from lipblend.segments.encode import Done
from lipblend.segments.job import Tally

_MAGIC = b"lipblend segment 2\n"
_RECORD = struct.Struct("<Bqqqqq")  # kind, pts, dts, duration, length of the data and of the side data
_PLAIN, _KEY, _SUMMARY = range(3)
_CHECKSUM = struct.Struct("<I")


@dataclass(frozen=True)
class SegmentFile:
    """A finished segment in a file.

    Attributes
    ----------
    path : Path
    done : Done
    file : UnfinishedFile or None
        The same file if it has no name; it is deleted when discarded.
    """

    path: Path
    done: Done
    file: UnfinishedFile | None = None

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """A segment kept by an earlier run; None if the file is missing, cut short or damaged."""
        summary = _read_summary(path)
        if summary is None:
            return None
        return cls(path, Done(Tally.from_dict(summary["tally"]), bytes.fromhex(summary["header"])))

    def packets(self) -> Iterator[CodedPacket]:
        """Yield its packets, reading one at a time."""
        with self.path.open("rb") as source:
            source.seek(len(_MAGIC))
            while (record := _RECORD.unpack(source.read(_RECORD.size)))[0] != _SUMMARY:
                kind, pts, dts, duration, length, side_length = record
                yield CodedPacket(source.read(length), pts, dts, duration, kind == _KEY, source.read(side_length))

    def discard(self) -> None:
        """Delete the file if it has no name; a kept segment stays."""
        if self.file is not None:
            self.file.discard()


class SegmentFileWriter:
    """Write the packets of a segment to a file; a context manager that removes an unfinished file.

    Parameters
    ----------
    output : Path
        The output; the file lies in the same folder.
    path : Path or None
        Name of the finished file; None for a nameless one.

    Raises
    ------
    OutputError
        On entering, adding or finishing: the file cannot be written.
    """

    def __init__(self, output: Path, path: Path | None) -> None:
        self._output, self._path = output, path
        self._checksum = 0

    def __enter__(self) -> Self:
        with self._output_errors():
            self._file = UnfinishedFile(self._path or self._output)
            try:
                self._sink = self._file.path.open("wb")
                self._put(_MAGIC)
            except BaseException:
                self._file.discard()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._sink.close()
        except OSError:
            pass  # already reported when it was written
        finally:
            self._file.discard()

    def add(self, packets: Iterable[CodedPacket]) -> None:
        """Append packets."""
        with self._output_errors():
            for each in packets:
                kind = _KEY if each.keyframe else _PLAIN
                self._put(_RECORD.pack(kind, each.pts, each.dts, each.duration, len(each.data), len(each.side_data)))
                self._put(each.data + each.side_data)

    def finish(self, done: Done) -> SegmentFile:
        """Write the summary and the checksum, and give the file its name."""
        summary = json.dumps({"tally": done.tally.to_dict(), "header": done.header.hex()}).encode()
        with self._output_errors():
            self._put(_RECORD.pack(_SUMMARY, 0, 0, 0, len(summary), 0))
            self._put(summary)
            self._sink.write(_CHECKSUM.pack(self._checksum))
            self._sink.close()
            if self._path is None:
                return SegmentFile(self._file.path, done, self._file)
            self._file.publish(overwrite=True)
            return SegmentFile(self._path, done)

    def _put(self, data: bytes) -> None:
        self._checksum = zlib.crc32(data, self._checksum)
        self._sink.write(data)

    @contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            folder = (self._path or self._output).parent
            raise OutputError(
                f"{self._output.name}: cannot write a finished segment to {folder}: {error.strerror or error}",
                hint="Check the free space.",
            ) from error


def _read_summary(path: Path) -> dict[str, Any] | None:
    """The JSON summary at the end of a segment file; None if the file is missing, cut short or damaged."""
    try:
        with path.open("rb") as source:
            magic = source.read(len(_MAGIC))
            if magic != _MAGIC:
                return None
            checksum = zlib.crc32(magic)
            while len(record := source.read(_RECORD.size)) == _RECORD.size:
                kind, *_, length, side_length = _RECORD.unpack(record)
                if min(length, side_length) < 0 or length + side_length > path.stat().st_size:
                    return None
                data = source.read(length + side_length)
                checksum = zlib.crc32(data, zlib.crc32(record, checksum))
                if kind == _SUMMARY:
                    complete = source.read(_CHECKSUM.size + 1) == _CHECKSUM.pack(checksum)
                    return dict(json.loads(data)) if complete else None
    except FileNotFoundError:
        return None
    return None
