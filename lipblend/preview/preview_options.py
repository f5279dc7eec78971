"""The options of a preview."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lipblend.preview.look import Preview


@dataclass(frozen=True)
class PreviewOptions:
    """How frames are previewed.

    Attributes
    ----------
    models : Path, optional
        Face model bundle, or the folder that holds it.
    cache : Path, optional
        Folder in which analyses are cached. A whole clip's analysis from there is used instead of an excerpt's, and one
        that had to be made is cached.
    keep : Path, optional
        Matte of what stays the original's (`lipblend.video.keep_matte.open_keep`).
    matte : Path, optional
        Alpha of the new mouth, in the place of the computed one; opened as ``keep``.
    crop : Path, optional
        Record of the face crop that the synced video shows (`lipblend.crops.read_places`).
    quick : bool
        Stop at the quick looks; a note says so, or why there are none and the usual way was taken.
    on_frame : callable
        Called with the number of original frames analysed.
    on_quick : callable, optional
        Called with the quick looks, before anything else is done.
    """

    models: Path | None = None
    cache: Path | None = None
    keep: Path | None = None
    matte: Path | None = None
    crop: Path | None = None
    quick: bool = False
    on_frame: Callable[[int], None] = lambda _: None
    on_quick: Callable[[Preview], None] | None = None
