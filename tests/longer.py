"""A made-up analysis of a long clip, from that of a short one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis, TrackRecord


def longer(analysis: ClipAnalysis, times: int) -> ClipAnalysis:
    """The clip several times over, as one shot, in which both videos go frame by frame; nothing is shared."""
    count = len(analysis.times_s) * times
    period = int(analysis.durations[0])
    stamps, indices = np.arange(count) * period, np.arange(count)
    found, line = analysis.alignment, analysis.alignment.timeline
    return replace(
        analysis,
        times_s=np.arange(count) * float(analysis.times_s[1] - analysis.times_s[0]),
        pts=stamps,
        durations=np.full(count, period),
        original_index=indices,
        synced_index=indices,
        shot_starts=np.zeros(1, np.intp),
        original_pts=stamps,
        synced_pts=stamps,
        tracks={number: _again(record, times, len(analysis.times_s)) for number, record in analysis.tracks.items()},
        alignment=replace(
            found,
            pairing=replace(found.pairing, source=indices),
            timeline=replace(line, original_index=indices, synced_index=indices),
        ),
    )


def _again(record: TrackRecord, times: int, count: int) -> TrackRecord:
    def meshes(each: Sequence[npt.NDArray[np.float32] | None]) -> list[npt.NDArray[np.float32] | None]:
        return [None if mesh is None else mesh.copy() for mesh in chain.from_iterable(repeat(each, times))]

    measured = [
        each
        and replace(
            each,
            **{
                name: getattr(each, name).copy()
                for name in ("footprint", "membrane")
                if getattr(each, name) is not None
            },
        )
        for each in chain.from_iterable(repeat(record.measured, times))
    ]
    return TrackRecord(
        [row + number * count for number in range(times) for row in record.frames],
        meshes(record.original),
        meshes(record.synced),
        measured,
    )
