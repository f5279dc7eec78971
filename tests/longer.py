"""A made-up analysis of a long clip, from that of a short one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTable, FaceTrack


def longer(analysis: ClipAnalysis, times: int) -> ClipAnalysis:
    """The clip several times over, as one shot, in which both videos go frame by frame; nothing is shared."""
    count = len(analysis.times_s) * times
    period = int(analysis.durations[0])
    stamps, indices = np.arange(count) * period, np.arange(count)
    found, line = analysis.alignment, analysis.alignment.timeline
    table = FaceTable()
    return replace(
        analysis,
        original=replace(analysis.original, pts=stamps),
        synced=replace(analysis.synced, pts=stamps),
        times_s=np.arange(count) * float(analysis.times_s[1] - analysis.times_s[0]),
        pts=stamps,
        durations=np.full(count, period),
        original_index=indices,
        synced_index=indices,
        changed=np.ones(len(indices), bool),
        shot_starts=np.zeros(1, np.intp),
        tracks={
            number: _again(track, times, len(analysis.times_s), table) for number, track in analysis.tracks.items()
        },
        alignment=replace(
            found,
            pairing=replace(found.pairing, source=indices),
            timeline=replace(line, original_index=indices, synced_index=indices),
        ),
    )


def _again(track: FaceTrack, times: int, count: int, table: FaceTable) -> FaceTrack:
    return FaceTrack.of(
        [frame + number * count for number in range(times) for frame in track.frames],
        list(track.original) * times,
        list(track.synced) * times,
        list(track.measured) * times,
        table=table,
    )
