"""An analysis as bytes: what comes back, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from packed import to_bytes
from retracked import retracked
from sameness import same

from lipblend.analysis.archive import DamagedAnalysisError, from_file
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import COLUMNS, FaceTable
from lipblend.stages.masks.part_outlines import PARTS_SHAPE
from lipblend.stages.occlusion.hand_paths import HANDS_SHAPE
from lipblend.stages.occlusion.segmented import SEGMENTED_SHAPE
from lipblend.stages.occlusion.stored import DEPARTURES_SHAPE
from lipblend.stages.registration.bend import ROW_VALUES
from lipblend.stages.registration.left_part import SAMPLE_SHAPE as LEFT_SHAPE
from lipblend.video.info import VideoInfo
from lipblend.video.reader import VideoReader

Videos = tuple[VideoInfo, VideoInfo]


def from_bytes(content: bytes, key: str, videos: Videos) -> ClipAnalysis:
    return from_file(io.BytesIO(content), key, *videos)


def with_gaps(analysis: ClipAnalysis) -> ClipAnalysis:
    """The same with everything missing somewhere that may be missing, and a second track."""
    (track,) = analysis.tracks.values()
    first, _, _, *rest = track.measured
    assert first is not None
    displaced = replace(
        first, left=np.full(LEFT_SHAPE, 2, np.float16), bend=np.full(ROW_VALUES, 0.5, np.float32), strands=0.7
    )
    measured = [displaced, None, replace(first, stats=None, above=None, membrane=None), *rest]
    synced = [None, *list(track.synced)[1:]]
    table = FaceTable()
    part = retracked(track.between(1, 3), table=table)
    holey = retracked(track, synced=synced, measured=measured, table=table)
    one_hand = np.full(HANDS_SHAPE, np.nan, np.float32)
    one_hand[0] = 50
    table.replace("departures", {holey.rows[1]: np.full(DEPARTURES_SHAPE, 40, np.uint8)})
    table.replace("hands", {holey.rows[2]: one_hand})
    for name in ("segmented", "person"):
        table.replace(name, {holey.rows[0]: np.full(SEGMENTED_SHAPE, 90, np.uint8)})
    for name in ("original_parts", "synced_parts"):
        table.replace(name, {holey.rows[1]: np.full(PARTS_SHAPE, 90, np.uint8)})
    return replace(analysis, tracks={3: holey, 1: part}, notes=("naïve “ ” note",))


def test_an_analysis_comes_back_as_it_was(analysis: ClipAnalysis, videos: Videos) -> None:
    for each in (analysis, with_gaps(analysis), replace(analysis, tracks={})):
        assert same(from_bytes(to_bytes(each, "key"), "key", videos), each)
    assert not same(analysis, with_gaps(analysis))
    (track,) = analysis.tracks.values()
    for column in COLUMNS:
        # It is found in every frame; looks are not kept.
        assert with_gaps(analysis).tracks[3].has(column).any() or column in ("carried", "looks")
    assert track.has("synced").all()


def test_tracks_of_several_tables_are_not_kept(analysis: ClipAnalysis) -> None:
    (track,) = analysis.tracks.values()
    with pytest.raises(ValueError, match="several tables"):
        to_bytes(replace(analysis, tracks={0: track, 1: retracked(track, table=FaceTable())}), "key")


@pytest.mark.parametrize("name", ["original", "synced"])
def test_an_analysis_of_a_window_is_not_kept(analysis: ClipAnalysis, videos: Videos, name: str) -> None:
    with VideoReader(videos[0]) as reader:
        frame = next(iter(reader))
    video = replace(getattr(analysis, name), cached={0: frame})
    with pytest.raises(ValueError, match="excerpt"):
        to_bytes(replace(analysis, **{name: video}), "key")


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def changed(**arrays: Any) -> Callable[[bytes], bytes]:
    def apply(content: bytes) -> bytes:
        with np.load(io.BytesIO(content)) as file:
            held = {name: file[name] for name in file.files} | arrays
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=True, **held)
        return packed.getvalue()

    return apply


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:2000] + bytes([content[2000] ^ 1]) + content[2001:],
        lambda content: b"PK\x03\x04 something else",
        lambda content: _flipped(content, content.index(b"PK\x01\x02") + 8),  # one entry counts as encrypted
        changed(header=np.frombuffer(b"[]", np.uint8)),
        changed(header=np.frombuffer(b'{"kind": "lipblend analysis", "key": "key"}', np.uint8)),
        changed(original=np.zeros((2, 478, 2), np.float32)),
        changed(pts=np.zeros(2, np.int64)),
        changed(frames=np.array([99] * 6)),
        changed(has_painted=np.zeros(6, bool)),
        changed(has_synced=np.ones(6, np.int64)),
        changed(track_rows=np.array([0, 1, 2, 3, 4, 6])),
        changed(track_lengths=np.array([5])),
        changed(track_ids=np.array([0, 1])),
        changed(notes_=np.array([{"an": "object"}], object)),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(
    analysis: ClipAnalysis, videos: Videos, damage: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(DamagedAnalysisError):
        from_bytes(damage(to_bytes(analysis, "key")), "key", videos)


def test_an_entry_of_another_key_is_refused(analysis: ClipAnalysis, videos: Videos) -> None:
    with pytest.raises(DamagedAnalysisError):
        from_bytes(to_bytes(analysis, "key"), "other", videos)
