"""What `probe` and `survey` found, in words and seconds, for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED, UNSPECIFIED
from lipblend.picture.ycbcr import BT709, HD_HEIGHT
from lipblend.video.info import VideoInfo
from lipblend.video.names import MATRICES, NOT_TAGGED, PRIMARIES, TRANSFERS, code_name, sampling_name
from lipblend.video.survey import Survey
from lipblend.video.trimming import Trim

_STEADY_UNITS = 1  # time stamps are rounded: distances that differ by no more than this are equal
_PQ, _HLG = 16, 18


@dataclass(frozen=True)
class PictureReport:
    """The chosen video stream's pictures.

    Attributes
    ----------
    codec, profile : str
    width, height : int
        As coded, in pixels.
    shown_width, shown_height : int
        After rotation and sample aspect, rounded.
    rotation : int
        Degrees, counter-clockwise, that a player applies.
    sample_aspect : str or None
        Width to height of a pixel, ``4:3``; None when the file does not say (square).
    pixel_format, read_as : str
        What the decoder delivers, and what the program works in.
    depth : int
        Bits a sample.
    chroma : str
        ``4:2:0`` and so on, or ``none`` (grey).
    alpha : str
        ``yes``, ``opaque in the first picture`` or ``no``.
    range, matrix, primaries, transfer : str
        The file's tags, by name; ``not tagged`` where there is none.
    taken_as : str
        How the program reads pictures whose range or matrix is not tagged; empty when both are.
    hdr : str
        ``PQ``, ``HLG``, ``metadata``, joined by commas; empty for SDR.
    interlaced : bool
    """

    codec: str
    profile: str
    width: int
    height: int
    shown_width: int
    shown_height: int
    rotation: int
    sample_aspect: str | None
    pixel_format: str
    read_as: str
    depth: int
    chroma: str
    alpha: str
    range: str
    matrix: str
    primaries: str
    transfer: str
    taken_as: str
    hdr: str
    interlaced: bool


@dataclass(frozen=True)
class TimingReport:
    """Frame times. `claimed_*` are what the container says; all else is counted over every packet of the stream.

    Attributes
    ----------
    frames : int
        Pictures, counted as packets.
    frame_rate : float or None
        Pictures a second, from the first to the last time stamp.
    constant : bool or None
        Whether all pictures are equally far apart; None when there are not enough to say.
    shortest_s, longest_s : float or None
        Least and largest distance between two pictures.
    first_s : float
        First time stamp.
    duration_s : float or None
        From the first picture to the end of the last.
    missing_stamps, repeated_stamps : int
        Pictures without a time stamp, and with one that another has too.
    claimed_frames, claimed_frame_rate, claimed_duration_s
        None where the container does not say.
    trim : Trim or None
        What the file holds but does not show; None where it shows all.
    """

    frames: int
    frame_rate: float | None
    constant: bool | None
    shortest_s: float | None
    longest_s: float | None
    first_s: float
    duration_s: float | None
    missing_stamps: int
    repeated_stamps: int
    claimed_frames: int | None
    claimed_frame_rate: float | None
    claimed_duration_s: float | None
    trim: Trim | None


def describe_picture(info: VideoInfo, profile: str) -> PictureReport:
    """Put the pictures' format into words."""
    width, height = info.width, info.height
    if info.sample_aspect is not None:
        width = round(width * info.sample_aspect)
    shown = (height, width) if info.rotation in (90, 270) else (width, height)
    colour, layout = info.colour, info.layout
    taken = []
    if colour.matrix in (0, UNSPECIFIED, 3):
        taken.append(MATRICES[BT709] if info.height >= HD_HEIGHT else "BT.601")
    if colour.range not in (RANGE_LIMITED, RANGE_FULL):
        taken.append("limited range")
    ranges = {RANGE_LIMITED: "limited", RANGE_FULL: "full"}
    return PictureReport(
        codec=info.codec,
        profile=profile,
        width=info.width,
        height=info.height,
        shown_width=shown[0],
        shown_height=shown[1],
        rotation=info.rotation,
        sample_aspect=None
        if info.sample_aspect is None
        else f"{info.sample_aspect.numerator}:{info.sample_aspect.denominator}",
        pixel_format=info.source_format,
        read_as=layout.name,
        depth=layout.depth,
        chroma=sampling_name(layout),
        alpha="no" if not layout.alpha else "opaque in the first picture" if info.opaque else "yes",
        range=ranges.get(colour.range, NOT_TAGGED),
        matrix=code_name(colour.matrix, MATRICES),
        primaries=code_name(colour.primaries, PRIMARIES),
        transfer=code_name(colour.transfer, TRANSFERS),
        taken_as=", ".join(taken),
        hdr=", ".join(_hdr(info)),
        interlaced=info.interlaced,
    )


def _hdr(info: VideoInfo) -> Iterable[str]:
    if info.colour.transfer in (_PQ, _HLG):
        yield "PQ" if info.colour.transfer == _PQ else "HLG"
    if info.hdr_metadata:
        yield "metadata"


def describe_timing(info: VideoInfo, found: Survey) -> TimingReport:
    """Judge the time stamps."""
    stamps = sorted(set(found.stamps))
    unit = float(info.time_base)
    steps = [after - before for before, after in pairwise(stamps)]
    length = stamps[-1] - stamps[0] if stamps else 0
    last = found.last_duration or (steps[-1] if steps else 0)
    return TimingReport(
        frames=found.packets,
        frame_rate=len(steps) / (length * unit) if length else None,
        constant=max(steps) - min(steps) <= _STEADY_UNITS if len(steps) > 1 else None,
        shortest_s=min(steps) * unit if steps else None,
        longest_s=max(steps) * unit if steps else None,
        first_s=stamps[0] * unit if stamps else info.start_s,
        duration_s=(length + last) * unit if length or last else None,
        missing_stamps=found.unstamped,
        repeated_stamps=len(found.stamps) - len(stamps),
        claimed_frames=info.frame_count,
        claimed_frame_rate=float(info.frame_rate) if info.frame_rate else None,
        claimed_duration_s=info.duration_s,
        trim=found.trim,
    )
