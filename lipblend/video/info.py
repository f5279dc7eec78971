"""Description of a video file, without an open handle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from av.video.format import VideoFormat

from lipblend.picture.codemap import CodeMap
from lipblend.picture.crop_places import CropPlaces
from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.hdr import ContentLight, MasteringDisplay
from lipblend.picture.orientation import UPRIGHT, Orientation, orientation_of


@dataclass(frozen=True)
class AudioInfo:
    """One sound stream; ``index`` counts all streams of the file."""

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
    codec : str
        Name of the video decoder, such as ``h264``.
    width, height : int
        Size of the coded picture in pixels, before rotation and sample aspect.
    layout : PixelLayout
        Layout of the coded pictures as the reader delivers them.
    source_format : str
        Pixel format of the decoder; it differs from ``layout.name`` if the reader converts.
    time_base : Fraction
        Unit of ``Frame.pts`` in seconds.
    frame_rate : Fraction or None
        Average frames per second; None if the file does not say or the value is implausible.
    frame_count : int or None
        Number of frames shown, according to the container: without those that its edit list hides, and without
        ``leading_frames``. None if it does not say; the reader may find a different number.
    start_s : float
        Time of the first frame in seconds.
    duration_s : float or None
        From the start of the first frame to the end of the last, in seconds.
    colour : ColourTags
        Colour tags of the pictures as the reader delivers them.
    sample_aspect : Fraction or None
        Width over height of a pixel of the coded picture; None if the file does not say.
    rotation : int
        Counter-clockwise rotation applied by a player, 0 to 359 degrees. For mirrored pictures see `orientation`.
    bit_rate : int or None
        Bits per second of the video stream.
    audio : tuple of AudioInfo
        All sound streams, in file order.
    subtitle_count, chapter_count : int
    container : str
        FFmpeg's name of the container format.
    metadata : Mapping
        Tags of the container.
    stream_index : int
        Index of the video stream among all streams of the file.
    origin : Fraction
        Seconds that are subtracted from every time stamp of the file. Non-zero only for broadcast formats, whose
        clocks start anywhere, and if the first frame would lie before time 0.
    display_matrix : tuple of int
        The nine numbers of the display matrix, or empty.
    interlaced : bool
        According to the first picture or the stream's header.
    interlaced_pictures : bool
        According to the first picture.
    field_order : int
        According to the header, as FFmpeg's AVFieldOrder: 0 unknown, 1 progressive, 2 to 5 interlaced.
    mastering_display : MasteringDisplay or None
    content_light : ContentLight or None
        HDR metadata of the first picture.
    hdr_dropped : tuple of str
        Kinds of HDR metadata of the first picture that no output can keep.
    warnings : tuple of str
        Notes on this file for the summary.
    size_bytes : int
        File size when it was probed; anything appended later is not read. 0 if unknown.
    coded_frames : int or None
        Number of frames in the file, shown or not, according to the container.
    leading_frames : int
        Frames at the start that cannot be decoded because their references were cut off.
    opaque : bool
        The first picture has no alpha channel, or a fully opaque one.
    captions : bool
        The first picture carries closed captions (ATSC A/53).
    data_dropped : tuple of str
        Kinds of other side data of the first picture that no output keeps.
    places : CropPlaces or None
        For a synced face crop with a record: where its frames were cut out of the original.
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
    places: CropPlaces | None = None

    @property
    def trimmed(self) -> bool:
        """Whether an edit list hides frames of the file."""
        shown = self.frame_count
        return shown is not None and self.coded_frames is not None and shown + self.leading_frames != self.coded_frames

    @property
    def from_rgb(self) -> bool:
        """Whether the file's pictures are RGB."""
        return VideoFormat(self.source_format).is_rgb

    def read_by(self, change: CodeMap | None) -> VideoInfo:
        """The same video with a change of its sample values that the tags do not describe; None for no change."""
        return self if change is None else replace(self, colour=replace(self.colour, change=change))

    @property
    def hdr_metadata(self) -> bool:
        """Whether the first picture carries HDR metadata."""
        return self.mastering_display is not None or self.content_light is not None or bool(self.hdr_dropped)

    @property
    def orientation(self) -> Orientation:
        """How coded pictures are turned upright; unchanged if the display matrix is not a multiple of a right angle."""
        return orientation_of(self.display_matrix) or UPRIGHT

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the upright picture in coded pixels; the size of ``Frame.planes[0]``."""
        return self.upright_width, self.upright_height

    @property
    def upright_width(self) -> int:
        """Width of the upright picture in coded pixels."""
        return self.orientation.size(self.width, self.height)[0]

    @property
    def upright_height(self) -> int:
        """Height of the upright picture in coded pixels."""
        return self.orientation.size(self.width, self.height)[1]

    @property
    def upright_layout(self) -> PixelLayout:
        """Layout of ``Frame.planes``: chroma sampling of the upright picture, under the name of the coded layout.

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
