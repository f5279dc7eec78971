"""Which sound the output gets."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from lipblend.errors import InputError
from lipblend.media.info import VideoInfo
from lipblend.media.source import clock_origin, open_source, read_only


@dataclass(frozen=True)
class AudioPlan:
    """Where the output's sound comes from.

    Parameters
    ----------
    source : Path or None
        The file; None for no sound.
    stream_index : int or None
        Index of the sound stream in it. With ``taken == "original"`` all its sound streams are kept; this is the first.
    taken : str
        ``original``, ``synced``, ``none`` or ``file``.
    notes : tuple of str
        What the summary has to say about the choice.
    shift_s : Fraction
        Seconds added to the stream's time stamps, so that it stays with the picture it belongs to.
    """

    source: Path | None
    stream_index: int | None
    taken: str
    notes: tuple[str, ...]
    shift_s: Fraction = Fraction(0)


def choose_audio(original: VideoInfo, synced: VideoInfo, source: str) -> AudioPlan:
    """Choose the output's sound.

    ``original`` takes all sound streams of the original; when it has none, the synced video's, and a note says so.
    When both have sound and it differs, a note says which was taken and how to get the other.

    Parameters
    ----------
    original, synced : VideoInfo
        The two videos.
    source : str
        ``original``, ``synced``, ``none``, or the path of a file with sound. A file's sound starts with the picture.

    Returns
    -------
    AudioPlan

    Raises
    ------
    InputError
        The synced video or the file named has no sound, or cannot be read.
    """
    if source == "none":
        return AudioPlan(None, None, "none", ())
    if source == "original":
        if original.audio:
            return _from_original(original, synced)
        if synced.audio:
            return _from_synced(original, synced, ("the original has no sound: the synced video's was taken",))
        return AudioPlan(None, None, "none", ("neither video has sound",))
    if source == "synced":
        if not synced.audio:
            raise InputError(f"{synced.path} has no sound", hint="Use --audio original, or --audio none.")
        differs = bool(original.audio) and not _same_sound(original, synced)
        notes = ("the two videos sound different: the synced one's sound was taken",) if differs else ()
        return _from_synced(original, synced, notes)
    return _from_file(original, Path(source))


def _from_original(original: VideoInfo, synced: VideoInfo) -> AudioPlan:
    notes: tuple[str, ...] = ()
    if synced.audio and not _same_sound(original, synced):
        notes = ("the two videos sound different: the original's sound was taken (--audio synced takes the other)",)
    return AudioPlan(original.path, original.audio[0].index, "original", notes, -original.origin)


def _from_synced(original: VideoInfo, synced: VideoInfo, notes: tuple[str, ...]) -> AudioPlan:
    shift = Fraction(original.start_s) - Fraction(synced.start_s) - synced.origin
    return AudioPlan(synced.path, synced.audio[0].index, "synced", notes, shift)


def _from_file(original: VideoInfo, path: Path) -> AudioPlan:
    # The path may well be a mistyped word.
    hint = "Use original, synced, none, or the path of a file with sound."
    if not os.path.lexists(path):
        raise InputError(f"no sound can be taken from '{path}': there is no such file", hint=hint)
    if path.is_dir():
        raise InputError(f"no sound can be taken from '{path}': it is a folder", hint=hint)
    try:
        source = open_source(path)
    except InputError as error:
        cause = error.__cause__  # what FFmpeg or the system says; "not a video" would mislead here
        reason = cause.strerror if isinstance(cause, (av.FFmpegError, OSError)) else None
        raise InputError(f"no sound can be taken from '{path}': {reason or error.message}", hint=hint) from error
    with source as container:
        if not container.streams.audio:
            raise InputError(f"{path} has no sound", hint=hint)
        shift = Fraction(original.start_s) - clock_origin(container)
        return AudioPlan(path, container.streams.audio[0].index, "file", (), shift)


def _same_sound(original: VideoInfo, synced: VideoInfo) -> bool:
    """Whether the first sound streams hold the same coded bytes."""
    ours, theirs = original.audio[0], synced.audio[0]
    if (ours.codec, ours.sample_rate, ours.channels) != (theirs.codec, theirs.sample_rate, theirs.channels):
        return False
    return _digest(original.path, ours.index) == _digest(synced.path, theirs.index)


def _digest(path: Path, index: int) -> bytes:
    digest = hashlib.blake2b()
    with open_source(path) as container:
        stream = container.streams[index]
        read_only(container, [stream])
        try:
            for packet in container.demux(stream):
                digest.update(bytes(packet))
        except (av.FFmpegError, OSError) as error:
            raise InputError(f"{path} cannot be read on: {error.strerror or error}") from error
    return digest.digest()
