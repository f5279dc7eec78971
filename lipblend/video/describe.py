"""Descriptions of what `probe` and `survey` found, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED, UNSPECIFIED, PixelLayout
from lipblend.picture.ycbcr import BT709, HD_HEIGHT
from lipblend.video.info import VideoInfo
from lipblend.video.survey import Survey
from lipblend.video.trimming import Trim

_MAX_JITTER = 1  # time base units; time stamps are rounded
_PQ, _HLG = 16, 18  # transfer characteristics, H.273 table 3

# Colour code points, H.273 tables 2 to 4.
_NOT_TAGGED = "not tagged"

_MATRICES = {
    0: "RGB", 1: "BT.709", 4: "FCC", 5: "BT.470BG (BT.601)", 6: "SMPTE 170M (BT.601)", 7: "SMPTE 240M", 8: "YCgCo",
    9: "BT.2020", 10: "BT.2020 constant luminance", 14: "ICtCp",
}  # fmt: skip
_PRIMARIES = {
    1: "BT.709", 4: "BT.470M", 5: "BT.470BG", 6: "SMPTE 170M", 7: "SMPTE 240M", 8: "film", 9: "BT.2020",
    10: "SMPTE 428", 11: "DCI-P3", 12: "Display P3", 22: "EBU 3213",
}  # fmt: skip
_TRANSFERS = {
    1: "BT.709", 4: "gamma 2.2", 5: "gamma 2.8", 6: "SMPTE 170M", 7: "SMPTE 240M", 8: "linear", 9: "log 100:1",
    10: "log 316:1", 11: "IEC 61966-2-4", 12: "BT.1361", 13: "sRGB", 14: "BT.2020 10-bit", 15: "BT.2020 12-bit",
    16: "PQ (SMPTE 2084)", 17: "SMPTE 428", 18: "HLG",
}  # fmt: skip
_SAMPLINGS = {(0, 0): "4:4:4", (1, 0): "4:2:2", (1, 1): "4:2:0", (0, 1): "4:4:0", (2, 0): "4:1:1", (2, 2): "4:1:0"}


@dataclass(frozen=True)
class PictureReport:
    """Format of the main video stream's pictures.

    Attributes
    ----------
    codec, profile : str
    width, height : int
        As coded, in pixels.
    shown_width, shown_height : int
        After rotation and sample aspect, rounded.
    rotation : int
        Counter-clockwise rotation applied by a player, in degrees.
    sample_aspect : str or None
        Pixel aspect ratio, such as ``4:3``; None if the file does not say (square).
    pixel_format, read_as : str
        Pixel format of the decoder, and the one that lipblend converts it to.
    depth : int
        Bits per sample.
    chroma : str
        ``4:2:0`` and so on; ``none`` for grey.
    alpha : str
        ``yes``, ``opaque in the first picture`` or ``no``.
    range, matrix, primaries, transfer : str
        The file's colour tags by name; ``not tagged`` if missing.
    taken_as : str
        Values assumed for a missing range or matrix; empty if both are tagged.
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
    """Frame times, counted over all packets of the stream. The `claimed_*` values come from the container instead.

    Attributes
    ----------
    frames : int
        Number of frames.
    frame_rate : float or None
        Frames per second from the first to the last time stamp.
    constant : bool or None
        Whether all frames are equally far apart; None with fewer than three frames.
    shortest_s, longest_s : float or None
        Smallest and largest distance between two frames.
    first_s : float
        First time stamp.
    duration_s : float or None
        From the start of the first frame to the end of the last.
    missing_stamps, repeated_stamps : int
        Frames without a time stamp, and frames whose time stamp occurs before.
    claimed_frames, claimed_frame_rate, claimed_duration_s
        None if the container does not say.
    trim : Trim or None
        Frames that the file holds but does not show; None if it shows all.
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
    """Describe the format of a video's pictures."""
    width, height = info.width, info.height
    if info.sample_aspect is not None:
        width = round(width * info.sample_aspect)
    shown = (height, width) if info.rotation in (90, 270) else (width, height)
    colour, layout = info.colour, info.layout
    assumed = []
    if colour.matrix in (0, UNSPECIFIED, 3):
        assumed.append(_MATRICES[BT709] if info.height >= HD_HEIGHT else "BT.601")
    if colour.range not in (RANGE_LIMITED, RANGE_FULL):
        assumed.append("limited range")
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
        chroma=_sampling_name(layout),
        alpha="no" if not layout.alpha else "opaque in the first picture" if info.opaque else "yes",
        range=ranges.get(colour.range, _NOT_TAGGED),
        matrix=_code_name(colour.matrix, _MATRICES),
        primaries=_code_name(colour.primaries, _PRIMARIES),
        transfer=_code_name(colour.transfer, _TRANSFERS),
        taken_as=", ".join(assumed),
        hdr=", ".join(_hdr(info)),
        interlaced=info.interlaced,
    )


def _hdr(info: VideoInfo) -> Iterable[str]:
    if info.colour.transfer in (_PQ, _HLG):
        yield "PQ" if info.colour.transfer == _PQ else "HLG"
    if info.hdr_metadata:
        yield "metadata"


def describe_timing(info: VideoInfo, found: Survey) -> TimingReport:
    """Describe a video's frame times."""
    stamps = sorted(set(found.stamps))
    unit = float(info.time_base)
    steps = [second - first for first, second in pairwise(stamps)]
    length = stamps[-1] - stamps[0] if stamps else 0
    last = found.last_duration or (steps[-1] if steps else 0)
    return TimingReport(
        frames=found.packets,
        frame_rate=len(steps) / (length * unit) if length else None,
        constant=max(steps) - min(steps) <= _MAX_JITTER if len(steps) > 1 else None,
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


def _code_name(code: int, names: Mapping[int, str]) -> str:
    return _NOT_TAGGED if code == UNSPECIFIED else names.get(code, f"code {code}")


def _sampling_name(layout: PixelLayout) -> str:
    return _SAMPLINGS[layout.chroma_w_shift, layout.chroma_h_shift] if layout.planes == 3 else "none"
