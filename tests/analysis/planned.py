"""Analyses to plan, made without videos."""

from __future__ import annotations

import numpy as np

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.pairing.alignment import Alignment
from lipblend.pairing.timeline import Clock, describe, lay_out
from lipblend.picture.formats import ColourTags
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.stages.colour.statistics import QUANTILES, ColourStats
from lipblend.video.video import Video

COUNT = 40


def even_stats(original: float, synced: float, *, original_std: float = 10.0, synced_std: float = 10.0) -> ColourStats:
    """Of grey pixels spread evenly."""
    shares = np.sqrt(12) * (np.array(QUANTILES)[:, None] - 0.5) * np.ones(3)
    return ColourStats(
        np.full(3, original), np.full(3, original_std), np.full(3, synced), np.full(3, synced_std),
        original + original_std * shares, synced + synced_std * shares,
        np.full(3, (original / 255) ** 2.2), np.full(3, (synced / 255) ** 2.2), 500,
    )  # fmt: skip


def analysis_of(
    tracks: dict[int, FaceTrack], *, paired: int = COUNT, cuts: tuple[int, ...] = (0,), notes: tuple[str, ...] = ()
) -> ClipAnalysis:
    ours, theirs = Clock(np.arange(COUNT) / 25), Clock(np.arange(paired) / 25)
    pairing = describe(np.arange(paired), ours, theirs)
    line = lay_out(pairing, ours, theirs, "auto")
    stamps = np.arange(COUNT)
    return ClipAnalysis(
        original=Video(None, stamps, exact=True),  # type: ignore[arg-type]
        synced=Video(None, stamps[:paired], exact=True),  # type: ignore[arg-type]
        times_s=ours.times_s,
        pts=stamps,
        durations=np.ones(COUNT, np.int64),
        original_index=line.original_index,
        synced_index=line.synced_index,
        shot_starts=np.array(cuts),
        tracks=tracks,
        alignment=Alignment(UNMOVED, pairing, line, 1.0),
        matrix=ycbcr_matrix(ColourTags(1, 1, 1, 1), 1080),
        notes=notes,
        changed=line.synced_index >= 0,
    )
