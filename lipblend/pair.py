"""A pair of videos, opened: where every command starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lipblend.analysis.cache import Analyser, analyse_cached, cached_analysis
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.faces.models import resolve_model
from lipblend.runtime.progress import Progress, no_progress
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe_both


@dataclass(frozen=True)
class Pair:
    """The original and the synced video, probed, with the face model to analyse them by.

    Attributes
    ----------
    original, synced : VideoInfo
    model : Path
        Face landmarker bundle, checked.
    cache : Path or None
        Folder of cached analyses (`lipblend.analysis.cache`); None to use none.
    """

    original: VideoInfo
    synced: VideoInfo
    model: Path
    cache: Path | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unusual about the two files, each once."""
        return tuple(dict.fromkeys((*self.original.warnings, *self.synced.warnings)))

    def analyse(
        self,
        settings: Settings,
        *,
        on_progress: Callable[[Progress], None] = no_progress,
        stage: str = "analyse",
        analyser: Analyser | None = None,
    ) -> ClipAnalysis:
        """Analyse both videos as a whole, or take the analysis from the cache.

        Parameters
        ----------
        settings : Settings
            Only those in `lipblend.analysis.settings_read.ANALYSIS_KEYS` count.
        on_progress : callable
        stage : str
            Name of this step in what `on_progress` gets.
        analyser : Analyser, optional
            Where to run it; in this process if not given.

        Raises
        ------
        LipblendError
            See `lipblend.analysis.analyse.analyse`.
        """
        return analyse_cached(
            self.original,
            self.synced,
            model=self.model,
            settings=settings,
            on_frame=lambda done: on_progress(Progress(stage, done, self.original.frame_count)),
            cache=self.cache,
            analyser=analyser,
        )

    def cached_analysis(self, settings: Settings) -> ClipAnalysis | None:
        """The analysis from the cache; None if there is none, or it is damaged."""
        return cached_analysis(self.original, self.synced, model=self.model, settings=settings, cache=self.cache)


def open_pair(original: Path, synced: Path, *, models: Path | None = None, cache: Path | None = None) -> Pair:
    """Open the original and the synced video.

    Parameters
    ----------
    original, synced : Path
        The real footage, and the same footage after a lip-sync generator.
    models : Path, optional
        Face model bundle, or the folder that holds it; the installed one if not given.
    cache : Path, optional
        Folder in which analyses are cached, so that the same pair is analysed once; nothing is cached without it.

    Raises
    ------
    InputError
        A file is missing, or not a video that can be read.
    ModelError
        The face model is missing or damaged.
    """
    return Pair(*probe_both(original, synced), resolve_model("face_landmarker", models), cache)
