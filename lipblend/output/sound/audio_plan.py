"""Choosing the sound of the output."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer

from lipblend.errors import InputError
from lipblend.runtime.addresses import address_of
from lipblend.video.info import VideoInfo
from lipblend.video.opening import clock_origin, open_source, select_streams

_MIN_DIFFERENCE_S = 0.1  # a few packets
_NO_FITTING_SOUND = (
    "the output has no sound: the synced video has none, and the original's does not fit the synced video's timeline "
    "(--audio original uses it anyway)"
)


@dataclass(frozen=True)
class AudioPlan:
    """Where the output's sound comes from.

    Parameters
    ----------
    source : Path or None
        The file; None for no sound.
    stream_index : int or None
        Index of its sound stream. With ``taken == "original"`` all its sound streams are kept; this is the first.
    taken : str
        ``original``, ``synced``, ``none`` or ``file``.
    notes : tuple of str
        Notes on the choice for the summary.
    shift_s : Fraction
        Seconds added to the stream's time stamps, so that it stays in sync with its picture.
    from_s : Fraction
        Start of the sound, in seconds of the output; earlier sound is left out.
    end_s : Fraction or None
        End of the sound, in seconds of the output; None if unknown or if the sound belongs to one of the videos.
    """

    source: Path | None
    stream_index: int | None
    taken: str
    notes: tuple[str, ...]
    shift_s: Fraction = Fraction(0)
    from_s: Fraction = Fraction(0)
    end_s: Fraction | None = None


def check_audio(synced: VideoInfo, source: str) -> None:
    """Check, before any work, that the requested sound exists; see `choose_audio`.

    Raises
    ------
    InputError
        The synced video or the file named has no sound, or cannot be read.
    """
    if source == "synced" and not synced.audio:
        raise InputError(f"{synced.path} has no sound", hint="Use --audio original, or --audio none.")
    if source not in ("auto", "original", "synced", "none"):
        _from_file(Path(source), synced)


def choose_audio(
    original: VideoInfo,
    synced: VideoInfo,
    source: str,
    *,
    timeline: Literal["original", "synced"] = "original",
    offset_s: float = 0.0,
) -> AudioPlan:
    """Choose the output's sound and its position in the output.

    ``auto`` chooses the sound of the video that gives the timeline. On the original's timeline, the synced video's
    sound replaces a missing one. On the synced video's timeline, the original's sound does not fit and is used only on
    request. If both videos have sound, it differs, and none was requested, a note names the one used.

    Parameters
    ----------
    original, synced : VideoInfo
        The two videos.
    source : str
        ``auto``, ``original``, ``synced``, ``none``, or the path of a file with sound. A file's sound starts with the
        first picture.
    timeline : str
        The video whose time stamps the output's pictures have.
    offset_s : float
        Start of the synced video relative to the original, in seconds. Used on the original's timeline.

    Returns
    -------
    AudioPlan

    Raises
    ------
    InputError
        The synced video or the file named has no sound, or cannot be read.
    """
    check_audio(synced, source)
    if source == "none":
        return AudioPlan(None, None, "none", ())
    if source not in ("auto", "original", "synced"):
        return _from_file(Path(source), original if timeline == "original" else synced)
    if not original.audio and not synced.audio:
        return AudioPlan(None, None, "none", ("neither video has sound",))
    if source == "auto" and timeline == "synced" and not synced.audio:
        return AudioPlan(None, None, "none", (_NO_FITTING_SOUND,))
    wanted = timeline if source == "auto" else source
    if wanted == "original" and original.audio:
        return _from_original(original, synced, timeline, requested=source != "auto")
    instead = wanted == "original"
    return _from_synced(original, synced, timeline, offset_s, instead=instead, requested=source != "auto")


def _from_original(original: VideoInfo, synced: VideoInfo, timeline: str, *, requested: bool) -> AudioPlan:
    notes: list[str] = []
    if not requested and synced.audio and not _same_sound(original, synced):
        notes.append("the two videos have different sound: the original's is used (--audio synced for the other)")
    shift, from_s = -original.origin, min(Fraction(0), Fraction(original.start_s))
    if timeline == "synced":
        notes.append("the original's sound may be out of sync: the pictures follow the synced video's timeline")
        from_s = Fraction(synced.start_s)
        shift += from_s - Fraction(original.start_s)
    return AudioPlan(original.path, original.audio[0].index, "original", tuple(notes), shift, from_s)


def _from_synced(
    original: VideoInfo, synced: VideoInfo, timeline: str, offset_s: float, *, instead: bool, requested: bool
) -> AudioPlan:
    notes: tuple[str, ...] = ()
    if not original.audio:
        notes = ("the original has no sound: the synced video's is used",) if instead else ()
    elif not requested and not _same_sound(original, synced):
        other = "for the other" if timeline == "original" else "for the other, which may be out of sync"
        notes = (f"the two videos have different sound: the synced video's is used (--audio original {other})",)
    if timeline == "synced":
        shift, from_s = -synced.origin, min(Fraction(0), Fraction(synced.start_s))
    else:
        from_s = Fraction(original.start_s)
        shift = from_s + Fraction(offset_s) - Fraction(synced.start_s) - synced.origin
    return AudioPlan(synced.path, synced.audio[0].index, "synced", notes, shift, from_s)


def _from_file(path: Path, pictures: VideoInfo) -> AudioPlan:
    # The path may be a mistyped keyword.
    hint = "Use auto, original, synced, none, or the path of a file with sound."
    if not os.path.lexists(path):
        if address := address_of(path):
            raise InputError(f"cannot use the sound of '{address}': it is an address", hint="Download it first.")
        raise InputError(f"cannot use the sound of '{path}': there is no such file", hint=hint)
    if path.is_dir():
        raise InputError(f"cannot use the sound of '{path}': it is a folder", hint=hint)
    try:
        source = open_source(path)
    except InputError as error:
        cause = error.__cause__  # the error of FFmpeg or the system; "not a readable video" would mislead here
        reason = cause.strerror if isinstance(cause, (av.FFmpegError, OSError)) else None
        raise InputError(f"cannot use the sound of '{path}': {reason or error.message}", hint=hint) from error
    with source as container:
        if not container.streams.audio:
            raise InputError(f"{path} has no sound", hint=hint)
        from_s = Fraction(pictures.start_s)
        sound = container.streams.audio[0]
        shift = from_s - clock_origin(container)
        if container.format.name == "mp3":
            # FFmpeg counts from the encoder's priming samples, which players skip.
            shift -= (sound.start_time or 0) * (sound.time_base or 0)
        return AudioPlan(path, sound.index, "file", (), shift, from_s, _end_s(container, sound.index, path) + shift)


def _end_s(container: InputContainer, index: int, path: Path) -> Fraction:
    """End of a sound stream in seconds of its file, from its packets: headers may hold an estimate."""
    stream = container.streams[index]
    select_streams(container, [stream])
    end = Fraction(0)
    try:
        for packet in container.demux(stream):
            if packet.pts is not None and packet.size:
                end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path}: cannot read further: {error.strerror or error}") from error
    return end


def length_notes(plan: AudioPlan, picture_end_s: Fraction) -> tuple[str, ...]:
    """Notes for the summary on a sound file that is longer or shorter than the pictures.

    Parameters
    ----------
    plan : AudioPlan
    picture_end_s : Fraction
        End of the last picture, in seconds of the output.
    """
    if plan.source is None or plan.end_s is None:
        return ()
    over_s, name = float(plan.end_s - picture_end_s), plan.source.name
    if over_s > _MIN_DIFFERENCE_S:
        return (f"{name} is {over_s:.2f} s longer than the video: the sound was cut",)
    if over_s < -_MIN_DIFFERENCE_S:
        return (f"{name} ends {-over_s:.2f} s before the video: the output is silent from there on",)
    return ()


def _same_sound(original: VideoInfo, synced: VideoInfo) -> bool:
    """Whether the first sound streams of both videos have the same coded bytes."""
    first, second = original.audio[0], synced.audio[0]
    if (first.codec, first.sample_rate, first.channels) != (second.codec, second.sample_rate, second.channels):
        return False
    return _digest(original.path, first.index) == _digest(synced.path, second.index)


def _digest(path: Path, index: int) -> bytes:
    digest = hashlib.blake2b()
    with open_source(path) as container:
        stream = container.streams[index]
        select_streams(container, [stream])
        try:
            for packet in container.demux(stream):
                digest.update(bytes(packet))
        except (av.FFmpegError, OSError) as error:
            raise InputError(f"{path}: cannot read further: {error.strerror or error}") from error
    return digest.digest()
