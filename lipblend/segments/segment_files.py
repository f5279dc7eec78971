"""Segments on the disk, between their encoder and the output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lipblend.errors import OutputError
from lipblend.output.coded import CodedPacket
from lipblend.output.spool import SpoolWriter, spooled_packets
from lipblend.runtime.temporary import UnfinishedFile
from lipblend.segments.encode import Done
from lipblend.segments.job import Tally


@dataclass(frozen=True)
class Stored:
    """A finished segment in a file.

    Attributes
    ----------
    path : Path
    done : Done
    file : UnfinishedFile or None
        The same file, where it has no name and goes once it is joined.
    """

    path: Path
    done: Done
    file: UnfinishedFile | None = None

    @classmethod
    def kept(cls, path: Path, summary: dict[str, Any]) -> Self:
        """A segment of an earlier run, by what `Spool.finish` wrote."""
        return cls(path, Done(Tally.from_dict(summary["tally"]), bytes.fromhex(summary["header"])))

    def packets(self) -> Iterator[CodedPacket]:
        """Its packets, one at a time."""
        return spooled_packets(self.path)

    def discard(self) -> None:
        """Let go of it: a file without a name is gone then, a kept one stays."""
        if self.file is not None:
            self.file.discard()


class Spool:
    """A file that a segment's packets are written to; a context manager that leaves nothing of an unfinished one.

    Parameters
    ----------
    output : Path
        The file goes into its folder.
    name : Path or None
        Name that it gets once finished; None for none.

    Raises
    ------
    OutputError
        On entering, adding or finishing: it cannot be written.
    """

    def __init__(self, output: Path, name: Path | None) -> None:
        self._output, self._name = output, name

    def __enter__(self) -> Self:
        with self._output_errors():
            self._file = UnfinishedFile(self._name or self._output)
            try:
                self._sink = self._file.path.open("wb")
                self._writer = SpoolWriter(self._sink)
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
            pass  # it could not be written, which has been said
        finally:
            self._file.discard()

    def add(self, packets: list[CodedPacket]) -> None:
        """Append packets."""
        with self._output_errors():
            self._writer.add(packets)

    def finish(self, done: Done) -> Stored:
        """Write what is to be known besides, and give the file its name."""
        with self._output_errors():
            self._writer.finish({"tally": done.tally.to_dict(), "header": done.header.hex()})
            self._sink.close()
            if self._name is None:
                return Stored(self._file.path, done, self._file)
            self._file.publish(overwrite=True)
            return Stored(self._name, done)

    @contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{self._output.name}: a finished part cannot be kept in {(self._name or self._output).parent}: "
                f"{error.strerror or error}",
                hint="Check the free space.",
            ) from error
