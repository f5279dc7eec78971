"""Single frames of the result, without rendering the clip."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from lipblend.analysis.analyse import analyse
from lipblend.analysis.cache import analyse_cached, cached_analysis
from lipblend.analysis.clip import ClipAnalysis
from lipblend.analysis.plan import PlanRow, make_plan
from lipblend.analysis.reads import analysis_values
from lipblend.analysis.window import Window, WindowUnpairedError, reach_s
from lipblend.errors import InputError, NoFaceError
from lipblend.faces.models import resolve_model
from lipblend.media.info import VideoInfo
from lipblend.media.ordered import frames_at
from lipblend.media.planes import add_delta
from lipblend.media.prefetch import one_opencv_thread
from lipblend.media.probe import probe
from lipblend.media.reader import Frame
from lipblend.preview.times import FrameTimes
from lipblend.render import FrameResult, Picture, render_frame
from lipblend.settings import RestoreSettings, Settings
from lipblend.stages.restore import Restorer, load_restorers

_SLACK_S = 1e-6


@dataclass(frozen=True)
class Look:
    """One frame of the original, of the synced video and of the result, for one set of settings.

    Attributes
    ----------
    name : str
        Of the settings.
    time_s : float
        Since the original's first frame.
    number : int or None
        The original frame's number, which `FrameTimes.parsed` takes after ``#``; None in files without time stamps.
    original : Picture
    synced : Picture or None
        None where no synced frame goes with it.
    result : Picture
    rendered : FrameResult
    row : PlanRow
    analysis : ClipAnalysis
    whole : bool
        The whole clip was analysed.
    """

    name: str
    time_s: float
    number: int | None
    original: Picture
    synced: Picture | None
    result: Picture
    rendered: FrameResult
    row: PlanRow
    analysis: ClipAnalysis
    whole: bool


@dataclass(frozen=True)
class Preview:
    """What `preview` found.

    Attributes
    ----------
    looks : tuple of tuple of Look
        For every time, one look for each set of settings, in the order asked for.
    notes : tuple of str
        What the user should know.
    """

    looks: tuple[tuple[Look, ...], ...]
    notes: tuple[str, ...]


def preview(
    original: Path,
    synced: Path,
    times: Sequence[str],
    settings: Mapping[str, Settings],
    *,
    models: Path | None = None,
    cache: Path | None = None,
    on_frame: Callable[[int], None] = lambda _: None,
) -> Preview:
    """Render single frames.

    Only a stretch of time about each frame is decoded and analysed, see `lipblend.analysis.window.reach_s`. Where that
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
    ours, theirs = probe(original), probe(synced)
    with FrameTimes(ours) as clock:
        wanted = [clock.parsed(text) for text in times] or [clock.middle_s()]
        restorers = load_restorers(each.restore for each in settings.values())
        model = resolve_model("face_landmarker", models)
        clock.begin()  # what the frames' numbers take is read while they are looked for
        run = _Run(ours, theirs, model, restorers, on_frame, cache, clock)
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
    ) -> None:
        self._ours, self._theirs, self._model, self._on_frame = ours, theirs, model, on_frame
        self._cache, self._clock = cache, clock
        self._restorers = restorers
        self._whole: dict[Any, ClipAnalysis] = {}
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

    def _analysis(self, time_s: float, key: Any, group: Sequence[Settings]) -> tuple[ClipAnalysis, bool]:
        if key in self._whole:
            return self._whole[key], True
        known = cached_analysis(self._ours, self._theirs, model=self._model, settings=group[0], cache=self._cache)
        if known is not None:
            self._whole[key] = known
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
            )

    def _look(self, name: str, time_s: float, analysis: ClipAnalysis, whole: bool, settings: Settings) -> Look:
        # A window ends everywhere, and may well be without a face; so may other frames of a clip.
        lenient = settings.model_copy(
            update={
                "pair": settings.pair.model_copy(update={"tail": "original"}),
                "track": settings.track.model_copy(update={"no_face": "copy"}),
            }
        )
        if (analysis.synced_index < 0).all():
            raise InputError(f"no synced picture at {time_s:.2f} s", hint="Choose another time.")
        rows = make_plan(analysis, lenient).rows
        row = rows[self._nearest(time_s, analysis)]
        frame = self._frame(0, row.original_index, analysis)
        ours = self._picture(frame, self._ours)
        partner = None
        if row.synced_index >= 0:
            partner = self._picture(self._frame(1, row.synced_index, analysis), self._theirs)
        restorer = self._restorers[settings.restore]
        rendered = render_frame(ours, partner, row, settings, mapping=analysis.alignment.mapping, restorer=restorer)
        out = frame.copy()
        for patch in rendered.patches:
            add_delta(out.planes, out.layout, patch.matte.box, patch.delta)
        shown_s = frame.time_s - self._ours.start_s
        result, number = self._picture(out, self._ours), self._clock.number(shown_s)
        return Look(name, shown_s, number, ours, partner, result, rendered, row, analysis, whole)

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
