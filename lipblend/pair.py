"""An opened pair of videos, from which every command starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lipblend.analysis.analyse import Analyser
from lipblend.analysis.apart import analyse_apart
from lipblend.analysis.beginning import analyse_beginning, beginning_window
from lipblend.analysis.cache import analyse_cached, cached_analysis
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.parse_parts import check_parser
from lipblend.crops.read_places import read_places
from lipblend.faces.models import resolve_model
from lipblend.runtime.progress import OnProgress, Progress, no_progress
from lipblend.settings import Settings
from lipblend.video.asked_times import check_asked_times
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe_both


@dataclass(frozen=True)
class Pair:
    """The original and the synced video, probed, and the face model to analyse them with.

    Attributes
    ----------
    original, synced : VideoInfo
    model : Path
        Face landmarker bundle, checked.
    cache : Path or None
        Folder of cached analyses (`lipblend.analysis.cache`); None for no cache.
    """

    original: VideoInfo
    synced: VideoInfo
    model: Path
    cache: Path | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the two files, without duplicates."""
        return tuple(dict.fromkeys((*self.original.warnings, *self.synced.warnings)))

    def analyse(
        self,
        settings: Settings,
        *,
        on_progress: OnProgress = no_progress,
        stage: str = "analyse",
        analyser: Analyser | None = None,
    ) -> ClipAnalysis:
        """Analyse both videos as a whole, or load the analysis from the cache.

        Parameters
        ----------
        settings : Settings
            Only those in `lipblend.analysis.analysis_settings.ANALYSIS_KEYS` are used.
        on_progress : callable
        stage : str
            Name of the stage that is reported to `on_progress`.
        analyser : Analyser, optional
            Runs the analysis; by default in this process.

        Raises
        ------
        LipblendError
            See `lipblend.analysis.analyse.analyse`; and the parser that the mask asks for cannot be asked.
        """
        check_parser(settings)
        return analyse_cached(
            self.original,
            self.synced,
            model=self.model,
            settings=settings,
            on_frame=lambda done: on_progress(Progress(stage, done, self.original.frame_count)),
            cache=self.cache,
            analyser=analyser,
        )

    def check_times(self, settings: Settings) -> None:
        """Check ranges and points against the lengths of the files, before anything is decoded.

        Raises
        ------
        SettingsError
            See `lipblend.video.asked_times.check_asked_times`.
        """
        videos = {"original": (self.original,), "synced": (self.synced,), "auto": (self.original, self.synced)}
        check_asked_times(settings.track, videos[settings.pair.timeline])

    def analyse_beginning(
        self, stop_s: float, settings: Settings, *, on_progress: OnProgress = no_progress
    ) -> tuple[ClipAnalysis | None, list[str]]:
        """Analyse no more than the frames before ``stop_s`` need, in a process of its own; with notes for the summary.

        None if the whole clip has to be analysed, or has been before.
        """
        check_parser(settings)
        window = beginning_window(self.original, self.synced, stop_s=stop_s, settings=settings)
        if window is None or self.cached_analysis(settings) is not None:
            return None, []
        analysis, reason = analyse_beginning(
            self.original,
            self.synced,
            window=window,
            stop_s=stop_s,
            model=self.model,
            settings=settings,
            on_frame=lambda done: on_progress(Progress("analyse", done, None)),
            analyser=analyse_apart,
        )
        if analysis is None:
            return None, [f"the whole clip was analysed: {reason}"]
        return analysis, [
            f"only the first {window.stop_s:.1f} s were analysed: frames may differ slightly from those of a whole run"
        ]

    def cached_analysis(self, settings: Settings) -> ClipAnalysis | None:
        """The analysis from the cache; None if it is not there, or damaged."""
        return cached_analysis(self.original, self.synced, model=self.model, settings=settings, cache=self.cache)


def open_pair(
    original: Path | str,
    synced: Path | str,
    *,
    models: Path | str | None = None,
    cache: Path | str | None = None,
    crop: Path | str | None = None,
) -> Pair:
    """Open the original and the synced video.

    Parameters
    ----------
    original, synced : Path
        The real footage, and the same footage processed by a lip-sync generator.
    models : Path, optional
        Face model bundle, or the folder that contains it; by default the installed one.
    cache : Path, optional
        Folder of cached analyses, so that the same pair is analysed once; without it, nothing is cached.
    crop : Path, optional
        Record of a face crop from which the synced video was made, see `lipblend.crops.read_places`.

    Raises
    ------
    InputError
        A file is missing or cannot be read as a video, or as a record.
    InputMismatchError
        The record is that of another original.
    ModelError
        The face model is missing or damaged.
    """
    model = resolve_model("face_landmarker", None if models is None else Path(models))
    first, second = probe_both(original, synced)
    if crop is not None:
        second = replace(second, places=read_places(Path(crop), first, second))
    return Pair(first, second, model, None if cache is None else Path(cache))
