"""The memory layout of a picture's samples, and the meaning of its colour codes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lipblend.picture.codemap import CodeMap

UNSPECIFIED = 2
"""Code of an unspecified matrix, primaries or transfer (ITU-T H.273)."""

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
        Conversion of the codes to the original's, where the tags do not give it: for a synced video whose light and
        colours were inferred from the pictures (`lipblend.analysis.interpret`).
    """

    matrix: int
    primaries: int
    transfer: int
    range: int
    change: CodeMap | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PixelLayout:
    """The memory layout of a picture's samples.

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
        Luma columns and rows of the first chroma sample that lie outside the picture, left and above. Only a mirrored
        picture of odd size has other values than 0: its chroma grid starts with a partial sample.
    alpha : bool
        An alpha channel follows as another plane, of the luma plane's size and depth. It is not counted in ``planes``
        and never changed.
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
        """The same layout without the alpha channel."""
        return replace(self, name=self.name.replace("yuva", "yuv"), alpha=False)

    @property
    def code_scale(self) -> int:
        """Codes of this depth for one 8-bit code: 1 for 8 bits, 4 for 10 bits."""
        return 1 << (self.depth - 8)

    @property
    def code_max(self) -> int:
        """Largest code of a sample, ``2**depth - 1``."""
        return (1 << self.depth) - 1
