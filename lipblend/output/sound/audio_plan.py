"""Which sound the output gets."""

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
from lipblend.video.opening import clock_origin, open_source, read_only

_LENGTH_SLACK_S = 0.1  # a few packets
_UNFIT = (
    "the output has no sound: the synced video has none, and the original's does not fit the synced video's time line "
    "(--audio original takes it all the same)"
)


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
    from_s : Fraction
        Time of the output, in seconds, before which sound is left out.
    end_s : Fraction or None
        Time of the output at which the sound ends, where it is of another file than the pictures and that is known.
    """

    source: Path | None
    stream_index: int | None
    taken: str
    notes: tuple[str, ...]
    shift_s: Fraction = Fraction(0)
    from_s: Fraction = Fraction(0)
    end_s: Fraction | None = None


def check_audio(synced: VideoInfo, source: str) -> None:
    """Find out, before any work, whether there is the sound that was asked for; see `choose_audio`.

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
    """Choose the output's sound, and where it lies in the output.

    ``auto`` takes the sound that belongs to the time line. On the original's, a video that has none gives way to the
    other one; on the synced video's, the original's sound does not fit and is taken only when asked for. When both
    have sound and it differs, and nobody said which to take, a note says which was taken and how to get the other.

    Parameters
    ----------
    original, synced : VideoInfo
        The two videos.
    source : str
        ``auto``, ``original``, ``synced``, ``none``, or the path of a file with sound. A file's sound starts with the
        picture.
    timeline : str
        Whose time stamps the output's pictures have.
    offset_s : float
        Seconds after the original's first frame at which the synced video's first frame belongs; may be negative.
        Used on the original's time line.

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
        return AudioPlan(None, None, "none", (_UNFIT,))
    wanted = timeline if source == "auto" else source
    if wanted == "original" and original.audio:
        return _from_original(original, synced, timeline, asked_for=source != "auto")
    instead = wanted == "original"
    return _from_synced(original, synced, timeline, offset_s, instead=instead, asked_for=source != "auto")


def _from_original(original: VideoInfo, synced: VideoInfo, timeline: str, *, asked_for: bool) -> AudioPlan:
    notes: list[str] = []
    if not asked_for and synced.audio and not _same_sound(original, synced):
        notes.append("the two videos sound different: the original's sound was taken (--audio synced takes the other)")
    shift, from_s = -original.origin, min(Fraction(0), Fraction(original.start_s))
    if timeline == "synced":
        notes.append("the original's sound may be out of step: the pictures run on the synced video's time line")
        from_s = Fraction(synced.start_s)
        shift += from_s - Fraction(original.start_s)
    return AudioPlan(original.path, original.audio[0].index, "original", tuple(notes), shift, from_s)


def _from_synced(
    original: VideoInfo, synced: VideoInfo, timeline: str, offset_s: float, *, instead: bool, asked_for: bool
) -> AudioPlan:
    notes: tuple[str, ...] = ()
    if not original.audio:
        notes = ("the original has no sound: the synced video's was taken",) if instead else ()
    elif not asked_for and not _same_sound(original, synced):
        other = "takes the other" if timeline == "original" else "takes the other, which may be out of step"
        notes = (f"the two videos sound different: the synced one's sound was taken (--audio original {other})",)
    if timeline == "synced":
        shift, from_s = -synced.origin, min(Fraction(0), Fraction(synced.start_s))
    else:
        from_s = Fraction(original.start_s)
        shift = from_s + Fraction(offset_s) - Fraction(synced.start_s) - synced.origin
    return AudioPlan(synced.path, synced.audio[0].index, "synced", notes, shift, from_s)


def _from_file(path: Path, pictures: VideoInfo) -> AudioPlan:
    # The path may well be a mistyped word.
    hint = "Use auto, original, synced, none, or the path of a file with sound."
    if not os.path.lexists(path):
        if address := address_of(path):
            raise InputError(f"no sound can be taken from '{address}': it is an address", hint="Download it first.")
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
        from_s = Fraction(pictures.start_s)
        sound = container.streams.audio[0]
        shift = from_s - clock_origin(container)
        if container.format.name == "mp3":
            # FFmpeg counts from the encoder's lead-in, which is not to be heard.
            shift -= (sound.start_time or 0) * (sound.time_base or 0)
        return AudioPlan(path, sound.index, "file", (), shift, from_s, _end_s(container, sound.index, path) + shift)


def _end_s(container: InputContainer, index: int, path: Path) -> Fraction:
    """When a sound stream ends, in seconds of its file: by its packets, as headers may guess."""
    stream = container.streams[index]
    read_only(container, [stream])
    end = Fraction(0)
    try:
        for packet in container.demux(stream):
            if packet.pts is not None and packet.size:
                end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path} cannot be read on: {error.strerror or error}") from error
    return end


def length_notes(plan: AudioPlan, picture_end_s: Fraction) -> tuple[str, ...]:
    """What the summary has to say of a sound file that is longer or shorter than the pictures.

    Parameters
    ----------
    plan : AudioPlan
    picture_end_s : Fraction
        Time of the output at which the last picture ends.
    """
    if plan.source is None or plan.end_s is None:
        return ()
    over_s, name = float(plan.end_s - picture_end_s), plan.source.name
    if over_s > _LENGTH_SLACK_S:
        return (f"{name} goes on for {over_s:.2f} s after the last picture: the sound was cut there",)
    if over_s < -_LENGTH_SLACK_S:
        return (f"{name} ends {-over_s:.2f} s before the last picture: the output is silent from there on",)
    return ()


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
