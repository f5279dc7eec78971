"""The options of a composite run, and which of them can be combined."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lipblend.errors import SettingsError
from lipblend.settings.presets import find_preset

if TYPE_CHECKING:  # importing them takes a third of a second, and the process of the first pass starts sooner
    from lipblend.render.debug_export import DebugFormat
    from lipblend.render.layer_mattes import LayersFormat
    from lipblend.segments.proxy_size import ProxySize
    from lipblend.settings.frame_range import FrameRange

MAX_JOBS = 64


@dataclass(frozen=True)
class DebugOptions:
    """Export of mask, alpha, seam ring and overlay of every frame (`lipblend.render.debug_export.DebugExport`).

    Attributes
    ----------
    folder : Path
    run_tag : str, optional
        Subfolder to write into.
    form : {"png", "video"}
        One picture per frame, or videos in sync with the output.
    """

    folder: Path
    run_tag: str | None = None
    form: DebugFormat = "png"


@dataclass(frozen=True)
class LayersOptions:
    """Layers for an editor (`lipblend.render.layers_export.LayersExport`).

    Attributes
    ----------
    folder : Path
    form : {"video", "png"}
        Of the mattes.
    """

    folder: Path
    form: LayersFormat = "video"


@dataclass(frozen=True)
class CompositeOptions:
    """How a composite is run. No option but ``keep``, ``matte`` and ``crop`` changes a pixel of a whole output.

    Attributes
    ----------
    overwrite : bool
        Replace an existing output. If False, it is an error if the output exists at the start or at the end.
    jobs : int
        Processes that render and encode, 1 to 64. The output's pictures do not depend on it.
    threads : int, optional
        Threads that compose frames, if one process renders; by default as many as suit the machine.
    resume : bool
        Keep finished segments in a hidden folder beside the output if the run is interrupted, and reuse those of an
        interrupted run. The folder is removed when the output is complete.
    replace_kept : bool
        With ``resume``: segments kept from other inputs, settings or versions are removed, and a note says so.
        Otherwise they are an error. Segments that another run is using are an error in any case.
    share_kept : bool
        With ``resume``: other processes render other segments of this output at the same time
        (`lipblend.composite_segments`).
    frames : FrameRange, optional
        Render only these frames of the output, with their sound.
    proxy : ProxySize, optional
        Write a smaller picture with a fast encoder preset.
    measure : bool
        Measure the finished output (`lipblend.quality.evaluation`).
    record : bool
        Write into the output which settings made it, from which files (`lipblend.output.run_record`).
    preset : str, optional
        Preset that the settings started from, for the record; None for the plain defaults.
    debug : DebugOptions, optional
    layers : LayersOptions, optional
    matte : Path, optional
        Alpha of the new mouth, in the place of what is computed; opened as ``keep``.
    keep : Path, optional
        Matte of what stays the original's (`lipblend.video.keep_matte.open_keep`).
    crop : Path, optional
        Record of the face crop that the synced video shows (`lipblend.crops.read_places`).
    models : Path, optional
        Face model bundle, or the folder that holds it.
    cache : Path, optional
        Folder in which analyses are cached; nothing is cached without it.
    """

    overwrite: bool = True
    jobs: int = 1
    threads: int | None = None
    resume: bool = False
    replace_kept: bool = False
    share_kept: bool = False
    frames: FrameRange | None = None
    proxy: ProxySize | None = None
    measure: bool = False
    record: bool = True
    preset: str | None = None
    debug: DebugOptions | None = None
    layers: LayersOptions | None = None
    matte: Path | None = None
    keep: Path | None = None
    crop: Path | None = None
    models: Path | None = None
    cache: Path | None = None

    @property
    def is_quick_look(self) -> bool:
        """Whether a part or a proxy is written."""
        return self.frames is not None or self.proxy is not None

    def check(self) -> None:
        """Check the values, and that they can be combined.

        Raises
        ------
        SettingsError
        """
        if not 1 <= self.jobs <= MAX_JOBS:
            raise SettingsError(f"jobs = {self.jobs} is out of range", hint=f"Use 1 to {MAX_JOBS}.")
        if self.preset is not None:
            find_preset(self.preset)
        exports = (("debug pictures", "--debug-dir", self.debug), ("layers", "--layers", self.layers))
        for what, option, given in exports:
            if given is not None and (self.jobs > 1 or self.resume):
                found = "--resume is on" if self.resume else f"--jobs is {self.jobs}"
                raise SettingsError(
                    f"{what} ({option}) need every frame in order, by one process: {found}",
                    hint=f"Leave out {'--resume' if self.resume else '--jobs'}, or {option}.",
                )
        if self.layers is not None and self.proxy is not None:
            raise SettingsError(
                "layers (--layers) lie on the original at its full size, and a proxy is smaller",
                hint="Leave out --proxy or --layers.",
            )
        if self.measure and self.is_quick_look:
            raise SettingsError(
                "only a whole output at full size can be measured",
                hint="Leave out --frames and --proxy, or --report, --gate and --junit.",
            )


def parse_jobs(text: str) -> int:
    """Parse a number of processes, or ``auto``: as many as there are processors that this process may use.

    Raises
    ------
    SettingsError
        The text is neither.
    """
    if text.strip().lower() == "auto":
        return min(usable_processors(), MAX_JOBS)
    if not text.strip().isdecimal() or not 1 <= int(text) <= MAX_JOBS:
        raise SettingsError(f"{text!r} is not a number of processes", hint=f"Use 1 to {MAX_JOBS}, or auto.")
    return int(text)


def usable_processors() -> int:
    """Number of processors that this process may run on."""
    allowed = getattr(os, "sched_getaffinity", None)
    return max(1, len(allowed(0)) if allowed is not None else os.cpu_count() or 1)
