"""What is known about a video file: plain, frozen descriptions without any open handle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from av.video.format import VideoFormat

from lipblend.picture.codemap import CodeMap
from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.hdr import ContentLight, MasteringDisplay
from lipblend.picture.orientation import UPRIGHT, Orientation, orientation_of


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
        Size of the coded picture in pixels, before rotation and sample aspect.
    layout : PixelLayout
        Layout of the coded pictures, once the reader has converted what it must.
    source_format : str
        Layout that the decoder delivers; it differs from ``layout.name`` where the reader converts.
    time_base : Fraction
        Seconds per unit of ``Frame.pts``.
    frame_rate : Fraction or None
        Average frames per second; None where the file does not say, or says nonsense.
    frame_count : int or None
        Pictures to be shown, as the container says: without those that its edit list cuts off, and without
        ``leading_frames``. None where it does not say; the reader may find another number.
    start_s : float
        Time of the first picture in seconds.
    duration_s : float or None
        Length of the video stream in seconds, from the first picture to the end of the last.
    colour : ColourTags
        Colour tags of the pictures that the reader delivers.
    sample_aspect : Fraction or None
        Width over height of a pixel of the coded picture; None when the file does not say.
    rotation : int
        Counter-clockwise turn in degrees that a player applies; 0 to 359. For mirrored pictures see `orientation`.
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
        The first picture, or the stream's header, says so.
    interlaced_pictures : bool
        The first picture itself says so.
    field_order : int
        What the header says, as FFmpeg's AVFieldOrder: 0 unknown, 1 progressive, 2 to 5 interlaced.
    mastering_display : MasteringDisplay or None
        What the first picture carries of it.
    content_light : ContentLight or None
        The same.
    hdr_dropped : tuple of str
        Kinds of HDR metadata in the first picture that no output can keep.
    warnings : tuple of str
        What the user should know of this file, ready for the summary.
    size_bytes : int
        Length of the file when it was probed; what is written to it later is not read. 0 unknown.
    coded_frames : int or None
        Pictures in the file, shown or not, as the container says.
    leading_frames : int
        Pictures at the start that cannot be decoded, as what they refer to was cut off before them.
    opaque : bool
        The first picture has no alpha channel, or one that lets nothing through.
    captions : bool
        The first picture carries closed captions (ATSC A/53).
    data_dropped : tuple of str
        Kinds of other data beside the first picture that no output keeps.
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
    interlaced_pictures: bool = False
    field_order: int = 0
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    hdr_dropped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    size_bytes: int = 0
    coded_frames: int | None = None
    leading_frames: int = 0
    opaque: bool = True
    captions: bool = False
    data_dropped: tuple[str, ...] = ()

    @property
    def trimmed(self) -> bool:
        """Pictures of the file are cut off by an edit list."""
        shown = self.frame_count
        return shown is not None and self.coded_frames is not None and shown + self.leading_frames != self.coded_frames

    @property
    def from_rgb(self) -> bool:
        """The file's pictures are RGB."""
        return VideoFormat(self.source_format).is_rgb

    def read_by(self, change: CodeMap | None) -> VideoInfo:
        """The same video, its codes brought to another one's by a change that its tags do not say; None for none."""
        return self if change is None else replace(self, colour=replace(self.colour, change=change))

    @property
    def hdr_metadata(self) -> bool:
        """The first picture carries HDR metadata of some kind."""
        return self.mastering_display is not None or self.content_light is not None or bool(self.hdr_dropped)

    @property
    def orientation(self) -> Orientation:
        """How coded pictures are turned to be upright; not at all for a matrix that is no multiple of a right angle."""
        return orientation_of(self.display_matrix) or UPRIGHT

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the picture as it is shown, before sample aspect; pixels."""
        return self.upright_width, self.upright_height

    @property
    def upright_width(self) -> int:
        """Width of the picture as shown, in coded pixels; that of ``Frame.planes[0]``."""
        return self.orientation.size(self.width, self.height)[0]

    @property
    def upright_height(self) -> int:
        """Height of the picture as shown, in coded pixels; that of ``Frame.planes[0]``."""
        return self.orientation.size(self.width, self.height)[1]

    @property
    def upright_layout(self) -> PixelLayout:
        """Layout of ``Frame.planes``: chroma sampling as it is once upright. The name stays that of the coded layout.

        A quarter turn of 4:2:2 has ``chroma_w_shift`` 0 and ``chroma_h_shift`` 1.
        """
        turn, layout = self.orientation, self.layout
        w_shift, h_shift = layout.chroma_w_shift, layout.chroma_h_shift
        if turn.transposed:
            w_shift, h_shift = h_shift, w_shift
        return replace(
            layout,
            chroma_w_shift=w_shift,
            chroma_h_shift=h_shift,
            chroma_w_phase=-self.upright_width % (1 << w_shift) if turn.flip_x else 0,
            chroma_h_phase=-self.upright_height % (1 << h_shift) if turn.flip_y else 0,
        )
