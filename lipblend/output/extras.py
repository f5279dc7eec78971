"""What an output takes over from a source besides pictures and sound: tags, chapters and subtitles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.stream import Discard

from lipblend.video.info import VideoInfo
from lipblend.video.opening import open_source

_CONTAINER_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder", "timecode", "duration")
_KEPT_VIDEO_TAGS = ("language", "title", "handler_name", "creation_time")


@dataclass(frozen=True)
class Extras:
    """What a source holds besides pictures and sound.

    Attributes
    ----------
    tags : dict of str to str
        Of the file, without those that describe the container itself.
    video_tags : dict of str to str
    video_disposition
        Of its video stream.
    chapters : list of dict
        As PyAV gives them.
    sound_indices, subtitle_indices : list of int
        Indices of its sound and subtitle streams.
    notes : list of str
        Notes for the summary on streams that no output keeps.
    """

    tags: dict[str, str]
    video_tags: dict[str, str]
    video_disposition: Any
    chapters: list[Any]
    sound_indices: list[int]
    subtitle_indices: list[int]
    notes: list[str]


def read_extras(info: VideoInfo) -> Extras:
    """Read what a file holds besides pictures and sound.

    Raises
    ------
    InputError
        The file cannot be opened.
    """
    with open_source(info.path) as source:
        video = source.streams[info.stream_index]
        return Extras(
            tags={tag: text for tag, text in source.metadata.items() if tag.lower() not in _CONTAINER_TAGS},
            video_tags={tag: video.metadata[tag] for tag in _KEPT_VIDEO_TAGS if tag in video.metadata},
            video_disposition=video.disposition,
            chapters=source.chapters(),
            sound_indices=[stream.index for stream in source.streams.audio],
            subtitle_indices=[stream.index for stream in source.streams.subtitles if stream.discard != Discard.all],
            notes=_dropped_streams(source, info),
        )


def moved_chapters(chapters: Iterable[Any], *, origin: Fraction, end_s: Fraction | None) -> list[Any]:
    """Shift chapters back, and drop those that end before the output starts or begin after it ends.

    Parameters
    ----------
    chapters : iterable of dict
        As PyAV gives them.
    origin : Fraction
        Seconds that are subtracted from their times.
    end_s : Fraction or None
        End of the output; None keeps later chapters.
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


def _dropped_streams(source: InputContainer, info: VideoInfo) -> list[str]:
    """Notes on further video, data and attachments, which no output keeps."""
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
        # The demuxer itself discards a track that only holds chapter titles.
        if stream.discard != Discard.all
    ]
    if others:
        notes.append(f"{len(others)} data or attachment stream(s) dropped")
    return notes
