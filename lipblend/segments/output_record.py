"""What an output records about its run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lipblend.analysis.keyed_models import occluder_files
from lipblend.output.recorded_settings import WrittenPart, run_record
from lipblend.output.run_record import first_original
from lipblend.pair import Pair
from lipblend.runtime.identity import MAX_WHOLE_BYTES, sha256_of
from lipblend.segments.output_part import OutputPart
from lipblend.segments.proxy_size import ProxySize
from lipblend.settings import Settings
from lipblend.video.keep_matte import KeepMatte


def input_digests(pair: Pair, *, quick: bool) -> dict[Path, str]:
    """SHA-256 of both inputs by path. A ``quick`` look does not wait for those of large files.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    inputs = (pair.original, pair.synced)
    return {info.path: sha256_of(info.path) for info in inputs if not quick or info.size_bytes <= MAX_WHOLE_BYTES}


def output_record(
    pair: Pair,
    part: OutputPart,
    settings: Settings,
    preset: str | None,
    *,
    size: tuple[int, int],
    proxy: ProxySize | None,
    digests: Mapping[Path, str],
    keep: KeepMatte | None = None,
    matte: KeepMatte | None = None,
) -> str:
    """The record of a run, for the writer.

    Parameters
    ----------
    pair : Pair
    part : OutputPart
    settings : Settings
    preset : str or None
        The one that the settings started from; None for the plain defaults.
    size : (int, int)
        Width and height of the output as shown.
    proxy : ProxySize or None
    digests : mapping of Path to str
        From `input_digests`.
    keep, matte : KeepMatte, optional
        What stayed the original's, and the alpha of the new mouth.
    """
    original, synced = (digests.get(info.path, "") for info in (pair.original, pair.synced))
    written = WrittenPart(part.frames, part.is_whole, *size, proxy="" if proxy is None else str(proxy))
    kept = "" if keep is None else keep.sha256
    occluder = [sha256_of(path) for path in occluder_files(settings.occlusion)]
    places = pair.synced.places
    record = run_record(
        settings, preset, original=original, synced=synced, part=written, keep=kept, occluder=occluder,
        matte="" if matte is None else matte.sha256, crop="" if places is None else places.digest,
        root=first_original(pair.original.metadata),
    )  # fmt: skip
    return record.to_text()
