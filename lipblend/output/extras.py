"""What a source holds beside picture and sound: chapters on the output's clock, and streams that are dropped."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.stream import Discard

from lipblend.video.info import VideoInfo


def moved_chapters(chapters: Iterable[Any], *, origin: Fraction, end_s: Fraction | None) -> list[Any]:
    """Chapters as PyAV gives them, moved back, without those that end before the output or begin after it.

    Parameters
    ----------
    chapters : iterable of dict
    origin : Fraction
        Seconds that are subtracted from their times.
    end_s : Fraction or None
        Where the output ends; None keeps what lies after it.
    """
    kept = []
    for chapter in chapters:
        base = chapter["time_base"]
        if not base:
            continue
        shift = round(origin / base)
        start, end = chapter["start"] - shift, chapter["end"] - shift
        if (end <= 0 and start < 0) or (end_s is not None and start * base >= end_s):
            continue
        if end_s is not None:
            end = min(end, int(end_s / base))
        kept.append({**chapter, "start": max(0, start) if end > 0 else start, "end": end})
    return kept


def dropped_streams(source: InputContainer, info: VideoInfo) -> list[str]:
    """What the summary says of streams that no output keeps: further pictures, data, attachments."""
    notes = []
    videos = [stream for stream in source.streams.video if stream.index != info.stream_index]
    if videos:
        notes.append(f"{len(videos)} further video or cover picture stream(s) dropped")
    tags = (*source.metadata, *source.streams[info.stream_index].metadata)
    if any(tag.lower() == "timecode" for tag in tags):
        notes.append("the original's start timecode is not kept")
    others = [
        stream
        for stream in (*source.streams.data, *source.streams.attachments)
        # The demuxer itself turns off the track that only holds chapter titles.
        if stream.discard != Discard.all
    ]
    if others:
        notes.append(f"{len(others)} data or attachment stream(s) dropped")
    return notes
