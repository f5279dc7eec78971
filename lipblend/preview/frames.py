"""Single frames of the result, without rendering the clip."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lipblend.analysis.analyse import analyse
from lipblend.analysis.analysis_settings import analysis_values
from lipblend.analysis.cache import storage_notes
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.frame_analysis import analyse_frame
from lipblend.errors import InputError
from lipblend.faces.landmarker import BackgroundLandmarker
from lipblend.pair import Pair, open_pair
from lipblend.pairing.excerpt import Window, WindowUnpairedError, reach_s
from lipblend.plan.make_plan import make_plan
from lipblend.preview.front_note import front_note
from lipblend.preview.look import Look, Preview
from lipblend.preview.nothing_shown import nothing_to_show
from lipblend.preview.preview_options import PreviewOptions
from lipblend.preview.times import FrameTimes
from lipblend.render.frame import compose, render_frame
from lipblend.runtime.prefetch import one_opencv_thread
from lipblend.settings import RestoreSettings, Settings
from lipblend.settings.face_points import names_points
from lipblend.settings.work_ranges import ALL, ClipTimes
from lipblend.stages.detail.restore import Restorer, load_restorers
from lipblend.video.keep_matte import KeepMatte, open_keep
from lipblend.video.survey import frame_times_s

_QUICK = (
    "a quick look at each frame by itself: nothing is smoothed over time, frames are paired by the clock, and neither "
    "broken synced frames nor what lies in front of a face are found"
)
_POINTS = "track.face names faces by points anywhere in it"


def preview(
    original_path: Path,
    synced_path: Path,
    times: Sequence[str],
    settings: Mapping[str, Settings],
    *,
    options: PreviewOptions | None = None,
    finder: BackgroundLandmarker | None = None,
) -> Preview:
    """Render single frames.

    Each frame can first be looked at by itself (`lipblend.analysis.frame_analysis`). That takes a fraction of the time
    and shows all but smoothing over time, frame pairs that only a search finds, a footprint from several frames, and
    whether a synced frame is broken. There is no such quick look if a frame alone is not enough, or an analysis cached.

    Otherwise an excerpt around each frame is decoded and analysed (`lipblend.pairing.excerpt.reach_s`). If it does not
    show surely which frames belong together, the whole clip is analysed, and a note says so. The frame is nearly that
    of a whole run; it differs as the slow smoothing of colours is cut off, faces are chosen and broken frames found by
    this excerpt instead of by the whole shot, and tracking begins elsewhere. Measured: up to 4.5 px at the worst point
    of a mesh, and 0 to 0.7 levels on average in the blended part of the frame.

    Parameters
    ----------
    original_path, synced_path : Path
    times : sequence of str
        See `lipblend.preview.times.FrameTimes.parse`; the middle of the clip if empty.
    settings : mapping of str to Settings
        Sets of settings by name, at least one.
    options : PreviewOptions, optional
    finder : BackgroundLandmarker, optional
        A face model created early, with the first settings' number of faces and confidence; created here if not given.

    Raises
    ------
    SettingsError
        A time cannot be read.
    InputError
        A time is beyond the clip.
    NoFaceError
        There is no face to work on at any of the times.
    LipblendError
        See `lipblend.compositing.composite`.
    """
    options = options or PreviewOptions()
    pair = open_pair(original_path, synced_path, models=options.models, cache=options.cache, crop=options.crop)
    for each in settings.values():
        pair.check_times(each)
    keep = None if options.keep is None else open_keep(options.keep, pair.original)
    matte = None if options.matte is None else open_keep(options.matte, pair.original, option="--matte")
    with FrameTimes(pair.original) as clock:
        wanted = [clock.parse(text) for text in times] or [clock.middle_s()]
        restorers = load_restorers(each.restore for each in settings.values())
        if clock.is_short or not options.quick:
            clock.begin()  # the frames' numbers are read while the frames are looked for
        run = _Run(pair, restorers, options, clock, finder, keep, matte)
        if options.quick or options.on_quick is not None:
            first = run.quick_looks(wanted, settings)
            if isinstance(first, Preview):
                if options.quick:
                    return replace(first, notes=(*first.notes, _QUICK))
                if options.on_quick is not None:
                    options.on_quick(first)
            elif options.quick:
                run.notes.append(f"no quick look: {first}")
        looks = tuple(tuple(run.looks(time_s, settings)) for time_s in wanted)
    if not any(look.rendered.patches for each in looks for look in each):
        raise nothing_to_show(looks, next(iter(settings.values())).track)
    return Preview(looks, tuple(dict.fromkeys(run.notes)))


class _Run:
    """Analyses that several looks share."""

    def __init__(
        self,
        pair: Pair,
        restorers: Mapping[RestoreSettings, Restorer | None],
        options: PreviewOptions,
        clock: FrameTimes,
        finder: BackgroundLandmarker | None = None,
        keep: KeepMatte | None = None,
        matte: KeepMatte | None = None,
    ) -> None:
        self._pair, self._options, self._keep, self._matte = pair, options, keep, matte
        self._clock, self._finder = clock, finder
        self._restorers = restorers
        self._whole: dict[Any, ClipAnalysis] = {}
        self._asked: set[Any] = set()
        self.notes: list[str] = list(pair.original.warnings + pair.synced.warnings)

    def looks(self, time_s: float, settings: Mapping[str, Settings]) -> Iterator[Look]:
        """One look per set of settings; sets with the same analysis share it."""
        groups: dict[Any, list[Settings]] = {}
        for each in settings.values():
            groups.setdefault(analysis_values(each), []).append(each)
        analyses = {key: self._analysis(time_s, key, group) for key, group in groups.items()}
        for name, each in settings.items():
            analysis, whole = analyses[analysis_values(each)]
            yield self._look(name, time_s, analysis, whole, each)

    def quick_looks(self, times_s: Sequence[float], settings: Mapping[str, Settings]) -> Preview | str:
        """Looks at frames by themselves, or the reason why there are none."""
        groups = {analysis_values(each): each for each in settings.values()}
        if any(names_points(each.track.face) for each in settings.values()):
            return _POINTS
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
            soon = BackgroundLandmarker(self._pair.model, max_faces=track.max_faces, confidence=track.confidence)
            finder = stack.enter_context(soon)
        with one_opencv_thread():
            pair = self._pair
            return [
                analyse_frame(pair.original, pair.synced, each, finder=finder, settings=settings) for each in times_s
            ]

    def _early(self, settings: Settings) -> BackgroundLandmarker | None:
        """The face model created early, if it fits these settings."""
        finder, track = self._finder, settings.track
        fits = finder is not None and (finder.max_faces, finder.confidence) == (track.max_faces, track.confidence)
        return finder if fits else None

    def _cached(self, key: Any, settings: Settings) -> ClipAnalysis | None:
        """The whole clip's analysis from the cache, which is read once."""
        if key not in self._asked:
            self._asked.add(key)
            known = self._pair.cached_analysis(settings)
            if known is not None:
                self._whole[key] = known
        return self._whole.get(key)

    def _analysis(self, time_s: float, key: Any, group: Sequence[Settings]) -> tuple[ClipAnalysis, bool]:
        known = self._cached(key, group[0])
        if known is not None:
            return known, True
        reach = max(reach_s(each) for each in group)
        try:
            if any(names_points(each.track.face) for each in group):
                raise WindowUnpairedError(_POINTS)
            return self._analysed(group[0], self._window(time_s, reach)), False
        except WindowUnpairedError as error:
            self.notes.append(f"the whole clip was analysed: {error.message}")
        on_frame = self._options.on_frame
        self._whole[key] = self._pair.analyse(group[0], on_progress=lambda progress: on_frame(progress.done))
        self.notes += storage_notes(self._whole[key])
        return self._whole[key], True

    def _window(self, time_s: float, reach: float) -> Window:
        """The excerpt around a time; near an end of the clip it is moved inside, not shortened."""
        length_s = math.inf if (duration_s := self._pair.original.duration_s) is None else duration_s
        start_s = max(0.0, min(time_s, length_s - reach) - reach)
        return Window(start_s, start_s + 2 * reach)

    def _analysed(self, settings: Settings, window: Window) -> ClipAnalysis:
        with one_opencv_thread():
            return analyse(
                self._pair.original,
                self._pair.synced,
                model=self._pair.model,
                settings=settings,
                on_frame=self._options.on_frame,
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
        # An excerpt may end anywhere and contain no face; so may other frames of a clip.
        lenient = settings.model_copy(
            update={
                "pair": settings.pair.model_copy(update={"tail": "original"}),
                "track": settings.track.model_copy(update={"no_face": "copy"}),
            }
        )
        if (analysis.synced_index < 0).all():
            raise InputError(f"no synced picture at {time_s:.2f} s", hint="Choose another time.")
        self.notes += [note for note in analysis.interpretation.notes if note not in self.notes]
        clip = None
        if not whole and settings.track.ranges != (ALL,):
            clip = ClipTimes.of(frame_times_s(self._pair.original))
        rows = make_plan(analysis, lenient, clip=clip).rows
        row = rows[self._nearest(time_s, analysis)]
        frame = analysis.original.frame(row.original_index)
        original, synced, partners = analysis.original.picture(frame), None, analysis.synced
        if row.synced_index >= 0:
            synced = partners.picture(partners.frame(row.synced_index))
        if fault := row.worst_fault:
            done = "bridged" if row.is_bridged else "left to the original"
            self.notes.append(f"the synced frame at {time_s:.2f} s is broken ({fault.kind}): {done}")
        if note := front_note(row, time_s, whole=whole):
            self.notes.append(note)
        restorer = self._restorers[settings.restore]
        bridging = {index: partners.picture(partners.frame(index)) for index in row.bridging_indices}
        keep, alpha = (
            None if matte is None else matte.plane(analysis.original, row.original_index)
            for matte in (self._keep, self._matte)
        )
        rendered = render_frame(
            original,
            synced,
            row,
            settings,
            mapping=analysis.mapping,
            restorer=restorer,
            bridging=bridging,
            keep=keep,
            alpha=alpha,
        )
        if rendered.beyond and self._matte is not None:
            name = self._matte.path.resolve().name
            self.notes.append(f"{name} shows something of the new mouth at {time_s:.2f} s where none could be rendered")
        result = compose(original, rendered)
        shown_s = frame.time_s - self._pair.original.start_s
        number = None if quick and not self._clock.is_short else self._clock.number(shown_s)
        return Look(name, shown_s, number, original, synced, result, rendered, row, analysis, whole, quick)

    def _nearest(self, time_s: float, analysis: ClipAnalysis) -> int:
        """The output frame whose original frame is nearest to a time."""
        info = self._pair.original
        stamps = analysis.original.pts[analysis.original_index] * float(info.time_base) - info.start_s
        return int(np.abs(stamps - time_s).argmin())
