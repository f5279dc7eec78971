"""What is known about a video file: plain, frozen descriptions without any open handle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

UNSPECIFIED = 2
"""Code of an unspecified matrix, primaries or transfer (ITU-T H.273)."""

RANGE_UNSPECIFIED = 0
RANGE_LIMITED = 1
RANGE_FULL = 2


@dataclass(frozen=True)
class ColourTags:
    """Colour description of a video, as numbers.

    Parameters
    ----------
    matrix, primaries, transfer : int
        Code points of ITU-T H.273 (the same as FFmpeg's); 2 means unspecified.
    range : int
        0 unspecified, 1 limited (16..235 in 8 bits), 2 full (0..255).
    """

    matrix: int
    primaries: int
    transfer: int
    range: int


@dataclass(frozen=True)
class PixelLayout:
    """How the samples of a picture lie in memory.

    Parameters
    ----------
    name : str
        FFmpeg's name, for example ``yuv420p10le``.
    depth : int
        Bits of a sample, 8 to 16. Above 8 the planes are uint16 with the value in the low bits.
    chroma_w_shift, chroma_h_shift : int
        Base-2 logarithm of the chroma subsampling across and down (4:2:0 has 1 and 1).
    planes : int
        1 (grey) or 3 (planar Y, Cb, Cr).
    """

    name: str
    depth: int
    chroma_w_shift: int
    chroma_h_shift: int
    planes: int

    @property
    def code_scale(self) -> int:
        """Codes of this depth for one 8-bit code: 1 for 8 bits, 4 for 10 bits."""
        return 1 << (self.depth - 8)

    @property
    def code_max(self) -> int:
        """Largest code of a sample, ``2**depth - 1``."""
        return (1 << self.depth) - 1

    def chroma_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of a chroma plane under a luma plane of the given size, rounded up."""
        return -(-width >> self.chroma_w_shift), -(-height >> self.chroma_h_shift)


@dataclass(frozen=True)
class AudioInfo:
    """One sound stream; ``index`` counts all streams of the file, ``duration_s`` is in seconds."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    duration_s: float | None
    language: str | None


@dataclass(frozen=True)
class VideoInfo:
    """A video file and its main video stream.

    Parameters
    ----------
    path : Path
        The file.
    codec : str
        Name of the video decoder, for example ``h264``.
    width, height : int
        Size of the decoded picture in pixels, before rotation and sample aspect.
    layout : PixelLayout
        Layout that the reader delivers.
    source_format : str
        Layout that the decoder delivers; it differs from ``layout.name`` where the reader converts.
    time_base : Fraction
        Seconds per unit of ``Frame.pts``.
    frame_rate : Fraction or None
        Average frames per second.
    frame_count : int or None
        What the container claims; the reader may find another number.
    start_s : float
        Time of the first picture in seconds.
    duration_s : float or None
        Length of the video stream in seconds, from the first picture to the end of the last.
    colour : ColourTags
        Colour tags of the pictures that the reader delivers.
    sample_aspect : Fraction or None
        Width over height of a pixel; None when the file does not say.
    rotation : int
        Counter-clockwise turn in degrees that a player applies; 0 to 359.
    bit_rate : int or None
        Bits per second of the video stream.
    audio : tuple of AudioInfo
        All sound streams, in file order.
    subtitle_count, chapter_count : int
        How many there are.
    container : str
        FFmpeg's name of the container format.
    metadata : Mapping
        Tags of the container.
    stream_index : int
        Index of the video stream among all streams of the file.
    origin : Fraction
        Seconds that are subtracted from every time stamp of the file. Not zero only for broadcast formats, whose
        clocks start anywhere, and where the first picture would lie before 0.
    display_matrix : tuple of int
        The nine numbers of the display matrix, or empty.
    interlaced : bool
        The first picture is interlaced.
    hdr_metadata : bool
        The first picture carries HDR side data (mastering display, light levels, dynamic metadata).
    """

    path: Path
    codec: str
    width: int
    height: int
    layout: PixelLayout
    source_format: str
    time_base: Fraction
    frame_rate: Fraction | None
    frame_count: int | None
    start_s: float
    duration_s: float | None
    colour: ColourTags
    sample_aspect: Fraction | None
    rotation: int
    bit_rate: int | None
    audio: tuple[AudioInfo, ...]
    subtitle_count: int
    chapter_count: int
    container: str
    metadata: Mapping[str, str]
    stream_index: int = 0
    origin: Fraction = Fraction(0)
    display_matrix: tuple[int, ...] = ()
    interlaced: bool = False
    hdr_metadata: bool = False
