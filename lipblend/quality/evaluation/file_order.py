"""Whether the files were given in their order, as the record in one of them knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from pathlib import Path

from lipblend.errors import InputMismatchError
from lipblend.output.run_record import find_record
from lipblend.video.info import VideoInfo

ROLES = ("original", "synced", "result")


def check_order(files: Mapping[str, VideoInfo], digest_of: Callable[[Path], str]) -> None:
    """Raise if the record in one of three files names the other two, and they were given in other roles.

    Parameters
    ----------
    files : mapping of str to VideoInfo
        By the roles of `ROLES`.
    digest_of : callable
        The SHA-256 of a file, hexadecimal; asked only if a file has a record.

    Raises
    ------
    InputMismatchError
        Says the right order.
    """
    for last in files.values():
        record = find_record(last.metadata).record
        if record is None or not record.original or not record.synced:
            continue
        others = [info.path for info in files.values() if info is not last]
        digests = {path: digest_of(path) for path in others}
        if len(set(digests.values())) < len(others):
            continue
        for first, second in permutations(others):
            order = first, second, last.path
            if not (digests[first].startswith(record.original) and digests[second].startswith(record.synced)):
                continue
            if order != tuple(files[role].path for role in ROLES):
                raise InputMismatchError(
                    f"the files are in another order: the record in {last.path.name} says that it was made from "
                    f"the original {first.name} and the synced video {second.name}",
                    hint="Give them as ORIGINAL SYNCED RESULT: " + " ".join(map(str, order)),
                )
