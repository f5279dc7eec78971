"""Single frames of the result, without rendering the clip."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from lipblend.analysis.analyse import analyse
from lipblend.analysis.cache import analyse_cached, cached_analysis
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.glance import glance
from lipblend.analysis.settings_read import analysis_values
from lipblend.errors import InputError, NoFaceError
from lipblend.faces.early_landmarker import LandmarkerSoon
from lipblend.faces.models import resolve_model
from lipblend.pairing.excerpt import Window, WindowUnpairedError, reach_s
from lipblend.picture.planes import add_delta
from lipblend.plan.clip_plan import make_plan
from lipblend.preview.look import Look, Preview
from lipblend.preview.times import FrameTimes
from lipblend.render.frame import Picture, render_frame
from lipblend.runtime.prefetch import one_opencv_thread
from lipblend.settings import RestoreSettings, Settings
from lipblend.stages.detail.restore import Restorer, load_restorers
from lipblend.video.info import VideoInfo
from lipblend.video.ordered import frames_at
from lipblend.video.probe import probe_both
from lipblend.video.reader import Frame

_SLACK_S = 1e-6
_QUICK = "a quick look, at each frame by itself: nothing is steadied over time, and the frames are paired by the clock"


def preview(
    original: Path,
    synced: Path,
    times: Sequence[str],
    settings: Mapping[str, Settings],
    *,
    models: Path | None = None,
    cache: Path | None = None,
    on_frame: Callable[[int], None] = lambda _: None,
    on_quick: Callable[[Preview], None] | None = None,
    quick: bool = False,
    finder: LandmarkerSoon | None = None,
) -> Preview:
    """Render single frames.

    First of all each frame can be looked at by itself, see `lipblend.analysis.glance.glance`: that takes a fraction of
    the time, and shows all but what is steadied over time, the pairs that only a search finds, and the footprint of
    more than one frame. Where a frame alone does not do, or an analysis is at hand, there is no such look.

    Only a stretch of time about each frame is decoded and analysed, see `lipblend.pairing.excerpt.reach_s`. Where that
    does not show surely which frames belong together, the whole clip is analysed, and a note says so. The frame is
    nearly that of a whole run, but what lies farther away is missing: the slow smoothing of colours is cut off, the
    faces are chosen by this stretch instead of by the whole shot, and the tracker, whose crop keeps its size until the
    face has changed by some share, begins elsewhere, so that meshes differ. Measured: up to 4.5 px at the worst point
    of a mesh, and 0 to 0.7 levels on average in the blended part of the rendered frame.

    Parameters
    ----------
    original, synced : Path
    times : sequence of str
        See `lipblend.preview.times.FrameTimes.parsed`; the middle of the clip where there is none.
    settings : mapping of str to Settings
        Sets of settings by name, at least one.
    models : Path, optional
        Face model bundle, or the folder it lies in.
    cache : Path, optional
        Folder in which analyses are kept, see `lipblend.compositing.composite`. A whole clip's analysis from there is
        taken instead of a window's, and one that had to be made is kept.
    on_frame : callable
        Called with the number of original frames analysed.
    on_quick : callable, optional
        Called with the quick looks, before anything else is done.
    quick : bool
        Stop at the quick looks; a note says so, or why there are none and the usual way was taken.
    finder : LandmarkerSoon, optional
        A face model made early, with the first settings' number of faces and confidence; made here if not given.

    Raises
    ------
    SettingsError
        A time that cannot be read.
    InputError
        A time beyond the clip.
    NoFaceError
        No face to work on at any of the times.
    LipblendError
        As `lipblend.compositing.composite`.
    """
    ours, theirs = probe_both(original, synced)
    with FrameTimes(ours) as clock:
        wanted = [clock.parsed(text) for text in times] or [clock.middle_s()]
        restorers = load_restorers(each.restore for each in settings.values())
        model = resolve_model("face_landmarker", models)
        if clock.is_short or not quick:
            clock.begin()  # what the frames' numbers take is read while they are looked for
        run = _Run(ours, theirs, model, restorers, on_frame, cache, clock, finder)
        if quick or on_quick is not None:
            first = run.quick_looks(wanted, settings)
            if isinstance(first, Preview):
                if quick:
                    return replace(first, notes=(*first.notes, _QUICK))
                if on_quick is not None:
                    on_quick(first)
            elif quick:
                run.notes.append(f"no quick look: {first}")
        looks = tuple(tuple(run.looks(time_s, settings)) for time_s in wanted)
    if not any(look.rendered.patches for each in looks for look in each):
        raise _nothing_to_show(looks)
    return Preview(looks, tuple(dict.fromkeys(run.notes)))


class _Run:
    """Analyses that several looks share."""

    def __init__(
        self,
        ours: VideoInfo,
        theirs: VideoInfo,
        model: Path,
        restorers: Mapping[RestoreSettings, Restorer | None],
        on_frame: Callable[[int], None],
        cache: Path | None,
        clock: FrameTimes,
        finder: LandmarkerSoon | None = None,
    ) -> None:
        self._ours, self._theirs, self._model, self._on_frame = ours, theirs, model, on_frame
        self._cache, self._clock, self._finder = cache, clock, finder
        self._restorers = restorers
        self._whole: dict[Any, ClipAnalysis] = {}
        self._asked: set[Any] = set()
        self.notes: list[str] = list(ours.warnings + theirs.warnings)

    def looks(self, time_s: float, settings: Mapping[str, Settings]) -> Iterator[Look]:
        """One look for each set of settings; those that are analysed alike share the work."""
        groups: dict[Any, list[Settings]] = {}
        for each in settings.values():
            groups.setdefault(analysis_values(each), []).append(each)
        analyses = {key: self._analysis(time_s, key, group) for key, group in groups.items()}
        for name, each in settings.items():
            analysis, whole = analyses[analysis_values(each)]
            yield self._look(name, time_s, analysis, whole, each)

    def quick_looks(self, times_s: Sequence[float], settings: Mapping[str, Settings]) -> Preview | str:
        """Looks at single frames by themselves, or why there are none."""
        groups = {analysis_values(each): each for each in settings.values()}
        if any(self._cached(key, each) is not None for key, each in groups.items()):
            return "the analysis of the whole clip is at hand"
        try:
            with ExitStack() as stack:
                glances = {key: self._glances(times_s, each, stack) for key, each in groups.items()}
                looks = tuple(
                    tuple(
                        self._look(name, time_s, glances[analysis_values(each)][number], False, each, quick=True)
                        for name, each in settings.items()
                    )
                    for number, time_s in enumerate(times_s)
                )
        except WindowUnpairedError as error:
            return error.message
        if not all(any(look.rendered.patches for look in each) for each in looks):
            return "no face to work on in a frame by itself"
        return Preview(looks, tuple(self.notes))

    def _glances(self, times_s: Sequence[float], settings: Settings, stack: ExitStack) -> list[ClipAnalysis]:
        track, finder = settings.track, self._early(settings)
        if finder is None:
            soon = LandmarkerSoon(self._model, max_faces=track.max_faces, confidence=track.confidence)
            finder = stack.enter_context(soon)
        with one_opencv_thread():
            return [glance(self._ours, self._theirs, each, finder=finder, settings=settings) for each in times_s]

    def _early(self, settings: Settings) -> LandmarkerSoon | None:
        """The face model made early, if it is one for these settings."""
        finder, track = self._finder, settings.track
        fits = finder is not None and (finder.max_faces, finder.confidence) == (track.max_faces, track.confidence)
        return finder if fits else None

    def _cached(self, key: Any, settings: Settings) -> ClipAnalysis | None:
        """The whole clip's analysis from the cache, which is asked once."""
        if key not in self._asked:
            self._asked.add(key)
            known = cached_analysis(self._ours, self._theirs, model=self._model, settings=settings, cache=self._cache)
            if known is not None:
                self._whole[key] = known
        return self._whole.get(key)

    def _analysis(self, time_s: float, key: Any, group: Sequence[Settings]) -> tuple[ClipAnalysis, bool]:
        known = self._cached(key, group[0])
        if known is not None:
            return known, True
        reach = max(reach_s(each) for each in group)
        try:
            return self._analysed(group[0], self._window(time_s, reach)), False
        except WindowUnpairedError as error:
            self.notes.append(f"the whole clip was analysed: {error.message}")
        self._whole[key] = analyse_cached(
            self._ours,
            self._theirs,
            model=self._model,
            settings=group[0],
            on_frame=self._on_frame,
            cache=self._cache,
        )
        return self._whole[key], True

    def _window(self, time_s: float, reach: float) -> Window:
        """The window about a time; one that would reach beyond an end is as long, but lies inside."""
        length_s = math.inf if self._ours.duration_s is None else self._ours.duration_s
        start_s = max(0.0, min(time_s, length_s - reach) - reach)
        return Window(start_s, start_s + 2 * reach)

    def _analysed(self, settings: Settings, window: Window) -> ClipAnalysis:
        with one_opencv_thread():
            return analyse(
                self._ours,
                self._theirs,
                model=self._model,
                settings=settings,
                on_frame=self._on_frame,
                window=window,
                finder=self._early(settings),
            )

    def _look(
        self,
        name: str,
        time_s: float,
        analysis: ClipAnalysis,
        whole: bool,
        settings: Settings,
        *,
        quick: bool = False,
    ) -> Look:
        # A window ends everywhere, and may well be without a face; so may other frames of a clip.
        lenient = settings.model_copy(
            update={
                "pair": settings.pair.model_copy(update={"tail": "original"}),
                "track": settings.track.model_copy(update={"no_face": "copy"}),
            }
        )
        if (analysis.synced_index < 0).all():
            raise InputError(f"no synced picture at {time_s:.2f} s", hint="Choose another time.")
        self.notes += [note for note in analysis.interpretation.notes if note not in self.notes]
        rows = make_plan(analysis, lenient).rows
        row = rows[self._nearest(time_s, analysis)]
        frame = self._frame(0, row.original_index, analysis)
        ours = self._picture(frame, self._ours)
        partner = None
        if row.synced_index >= 0:
            theirs = self._theirs.read_by(analysis.interpretation.change)
            partner = self._picture(self._frame(1, row.synced_index, analysis), theirs)
        restorer = self._restorers[settings.restore]
        rendered = render_frame(ours, partner, row, settings, mapping=analysis.alignment.mapping, restorer=restorer)
        out = frame.copy()
        for patch in rendered.patches:
            add_delta(out.planes, out.layout, patch.matte.box, patch.delta)
        shown_s = frame.time_s - self._ours.start_s
        number = None if quick and not self._clock.is_short else self._clock.number(shown_s)
        result = self._picture(out, self._ours)
        return Look(name, shown_s, number, ours, partner, result, rendered, row, analysis, whole, quick)

    def _nearest(self, time_s: float, analysis: ClipAnalysis) -> int:
        """The output frame that shows the original nearest to a time."""
        stamps = analysis.original_pts[analysis.original_index] * float(self._ours.time_base) - self._ours.start_s
        return int(np.abs(stamps - time_s).argmin())

    def _frame(self, side: int, index: int, analysis: ClipAnalysis) -> Frame:
        if index in analysis.kept[side]:
            return analysis.kept[side][index]
        info = (self._ours, self._theirs)[side]
        pts = (analysis.original_pts, analysis.synced_pts)[side]
        window = bool(pts[0] * info.time_base > info.start_s + _SLACK_S)
        return next(frames_at(info, pts, [index], exact=analysis.exact_times[side], window=window))

    @staticmethod
    def _picture(frame: Frame, info: VideoInfo) -> Picture:
        return Picture(frame.planes, frame.layout, info.colour, info.height)


def _nothing_to_show(looks: Sequence[Sequence[Look]]) -> NoFaceError:
    found = [
        f"{time_s:.2f} s: {', '.join(dict.fromkeys(look.rendered.reason for look in same))}"
        for time_s, same in groupby((look for each in looks for look in each), key=lambda look: look.time_s)
    ]
    return NoFaceError(
        "no face to work on at the time asked for" if len(found) == 1 else "no face to work on at the times asked for",
        details=tuple(found),
        hint="Choose times at which the face shows; `lipblend probe` tells in which frames it is found, and lower "
        "track.min_face_px finds smaller ones.",
    )
