"""How the samples of a picture lie in memory, and what their colour codes mean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lipblend.picture.codemap import CodeMap

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
    change : CodeMap or None
        What brings the codes to the original's, where that is not what the tags say: of a synced video whose light and
        colours were found by the picture (`lipblend.analysis.interpret`).
    """

    matrix: int
    primaries: int
    transfer: int
    range: int
    change: CodeMap | None = field(default=None, repr=False)


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
    chroma_w_phase, chroma_h_phase : int
        Luma columns and rows of the first chroma sample that lie outside the picture, left and above. Not 0 only
        where a picture of odd size is shown mirrored: its chroma grid then begins with a part of a sample.
    alpha : bool
        An alpha channel follows as one more plane, of the luma plane's size and depth. It is not counted in ``planes``,
        and nothing is ever done to it.
    """

    name: str
    depth: int
    chroma_w_shift: int
    chroma_h_shift: int
    planes: int
    chroma_w_phase: int = 0
    chroma_h_phase: int = 0
    alpha: bool = False

    @property
    def opaque(self) -> PixelLayout:
        """The same without the alpha channel."""
        return replace(self, name=self.name.replace("yuva", "yuv"), alpha=False)

    @property
    def code_scale(self) -> int:
        """Codes of this depth for one 8-bit code: 1 for 8 bits, 4 for 10 bits."""
        return 1 << (self.depth - 8)

    @property
    def code_max(self) -> int:
        """Largest code of a sample, ``2**depth - 1``."""
        return (1 << self.depth) - 1

    def chroma_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the chroma planes of a picture of the given size, rounded up."""
        return (
            -(-(width + self.chroma_w_phase) >> self.chroma_w_shift),
            -(-(height + self.chroma_h_phase) >> self.chroma_h_shift),
        )
