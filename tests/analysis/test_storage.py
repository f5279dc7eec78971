"""An analysis as bytes: what comes back, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from packed import to_bytes
from sameness import same

from lipblend.analysis.archive import DamagedAnalysisError, from_file
from lipblend.analysis.clip_analysis import ClipAnalysis, TrackRecord
from lipblend.video.info import VideoInfo
from lipblend.video.reader import VideoReader


def from_bytes(content: bytes, key: str) -> ClipAnalysis:
    return from_file(io.BytesIO(content), key, *VIDEOS)


def with_gaps(analysis: ClipAnalysis) -> ClipAnalysis:
    """The same with everything missing somewhere that may be missing, and a second track."""
    (record,) = analysis.tracks.values()
    first = record.measured[0]
    assert first is not None
    measured = [first, None, replace(first, stats=None, above=None, membrane=None), *record.measured[3:]]
    synced = [None, *record.synced[1:]]
    holey = TrackRecord(record.frames, record.original, synced, measured)
    return replace(analysis, tracks={3: holey, 1: record.between(1, 3)}, notes=("naïve “ ” note",))


def test_an_analysis_comes_back_as_it_was(analysis: ClipAnalysis) -> None:
    for each in (analysis, with_gaps(analysis), replace(analysis, tracks={})):
        assert same(from_bytes(to_bytes(each, "key"), "key"), each)
    assert not same(analysis, with_gaps(analysis))
    (record,) = analysis.tracks.values()
    assert all(mesh is not None for mesh in record.synced)
    assert any(each is not None and each.footprint is not None for each in record.measured)
    assert any(each is not None and each.membrane is not None for each in record.measured)


def test_an_analysis_of_a_window_is_not_kept(analysis: ClipAnalysis, videos: tuple[VideoInfo, VideoInfo]) -> None:
    with VideoReader(videos[0]) as reader:
        frame = next(iter(reader))
    with pytest.raises(ValueError, match="window"):
        to_bytes(replace(analysis, kept=({0: frame}, {})), "key")


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
        changed(has_measured=np.zeros(6, bool)),
        changed(notes_=np.array([{"an": "object"}], object)),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(analysis: ClipAnalysis, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DamagedAnalysisError):
        from_bytes(damage(to_bytes(analysis, "key")), "key")


def test_an_entry_of_another_key_is_refused(analysis: ClipAnalysis) -> None:
    with pytest.raises(DamagedAnalysisError):
        from_bytes(to_bytes(analysis, "key"), "other")
