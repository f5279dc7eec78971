"""What is worth trying where a visible part misses the gate: part by part, in the order in which it should be tried.

First what may have been switched off, then what goes further than the defaults. What was tried, and how little of it
changes a good result, is in docs/lab/verdict.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Value = bool | float | str | tuple[str, ...]


@dataclass(frozen=True)
class Try:
    """A setting or a preset that may help.

    Attributes
    ----------
    name : str
        Dotted key of a setting; of a preset its name.
    why : str
        What it does, after "it".
    values : tuple
        To try one after another; empty for a preset.
    way : {"set", "raise", "lower"}
        Which current values it improves on: "set" any other, "raise" smaller and "lower" larger ones.
    instead_of : tuple of str
        Only these current values; empty for any.
    seen : {"any", "short", "lasting"}
        Whether it helps where the part is seen in a short stretch, or in most of the clip.
    """

    name: str
    why: str
    values: tuple[Value, ...] = ()
    way: Literal["set", "raise", "lower"] = "set"
    instead_of: tuple[str, ...] = ()
    seen: Literal["any", "short", "lasting"] = "any"


@dataclass(frozen=True)
class Hint:
    """What to try against a part.

    Attributes
    ----------
    tries : tuple of Try
    otherwise : str
        Why nothing else helps.
    faults : tuple of str
        Faults of the synced frames (`lipblend.quality.faults.FAULTS`) that look like this.
    """

    tries: tuple[Try, ...]
    otherwise: str
    faults: tuple[str, ...] = ()


_COLOUR = Try("colour.method", "matches the synced colours to the original", ("mean_std",), instead_of=("none",))
_MEMBRANE = Try("colour.membrane", "also takes out the smooth colour difference that remains", (True,))
_STRENGTH = Try("colour.strength", "matches the colours fully", (1.0,), "raise")
_INTERPRET = Try("colour.interpret", "finds out how the synced colours are to be read", ("auto",))
_FOOTPRINT = Try("footprint.method", "keeps the patch inside what the generator painted", ("auto",))
_MARGIN = Try(
    "footprint.margin_frac", "keeps the seam further from the edge of what the generator painted", (0.035, 0.05),
    "raise",
)  # fmt: skip
_REUSE = Try("reuse.method", "keeps the original's own pixels where they show the same", ("motion",))
_MORE_ORIGINAL = Try("reuse.tolerance_levels", "keeps more of the original's own pixels", (5.0,), "raise")
_HOLD = Try("colour.hold_levels", "holds colours that vary little", (0.25, 1.0), "raise")
_ALIGN = Try("align.method", "lays the synced face onto the original's", ("shift",))
_NO_WARP = Try("align.warp_strength", "leaves the synced mouth in its shape", (0.0,), "lower")
_FULL = Try("alpha.gamma", "makes the patch less transparent beside the seam", (1.0,), "lower")
_COVER = Try("mask.cover_lips", "replaces the lips of both videos completely", (True,))
_PADDING = Try("mask.pad_bottom_frac", "moves the seam further below the mouth", (0.0,), "raise")
_FEATHER = Try("alpha.feather_ratio", "makes the transition wider", (0.06, 0.08), "raise")
_NO_MODEL = Try("restore.model", "leaves out the restoration model", ("none",))
_NO_DENOISE = Try("detail.denoise", "leaves the synced picture unsmoothed", (0.0,), "lower")
_SHARPER = Try("detail.strength", "restores the detail that the generator lost", (2.0,), "raise")
_LESS_SHARP = Try("detail.strength", "sharpens less", (2.0,), "lower")
_CRF = Try("encode.crf", "loses less in encoding", (14.0,), "lower")
_NEW_LIPS = Try("reuse.lips_tolerance_levels", "takes the synced lips sooner", (2.4, 1.8), "lower")
_PAIRING = Try("pair.method", "pairs the frames by what they show", ("auto",))
_OFFSET = Try("pair.offset_s", "finds by the picture where the synced video starts", ("auto",))
_FAST = Try("high-motion", "follows fast heads more closely and stays further from the generator's edge", seen="short")
_HIDE = Try("max-concealment", "replaces less and stays further from the generator's edge", seen="lasting")

HINTS: dict[str, Hint] = {
    "seam_step": Hint(
        (
            _COLOUR, _MEMBRANE, _STRENGTH, _FOOTPRINT, _REUSE, _FAST,
            Try("mask.shapes", "puts the seam on skin that moves little", (("superellipse",),)),
            _MARGIN, _FEATHER,
        ),
        "both pictures differ too much along the seam",
    ),
    "box_trace": Hint((_FOOTPRINT, _REUSE, _PADDING, _FAST, _HIDE, _MARGIN), "the box ends too close to the mouth"),
    "uneven": Hint((_COLOUR, _MEMBRANE, _FOOTPRINT, _REUSE, _MARGIN), "the light or shadow is the generator's own"),
    "doubled": Hint(
        (
            Try("mask.both_jaws", "covers the jaws of both videos", (True,)),
            _ALIGN, _REUSE, _FOOTPRINT, _NO_WARP, _FAST, _MARGIN,
            Try("reuse.reach_frac", "moves the original's own jaw along further below the mask", (0.25,), "raise"),
        ),
        "the lines of both faces lie too far apart",
        ("ghosted",),
    ),
    "displaced": Hint(
        (_NO_WARP, _ALIGN, _PAIRING, _OFFSET, _FAST), "the face is already aligned by the parts that do not speak",
        ("misplaced",),
    ),
    "old_lips": Hint(
        (_FULL, _COVER, _NEW_LIPS), "it already takes the synced lips as they are",
        ("ghosted", "frozen"),
    ),
    "skin_cast": Hint(
        (_COLOUR, _MEMBRANE, _STRENGTH, _INTERPRET, _REUSE, _MORE_ORIGINAL, _HOLD),
        "the colours already follow the original",
    ),
    "glow": Hint(
        (_COLOUR, _MEMBRANE, _STRENGTH, _INTERPRET, _FOOTPRINT, _REUSE, _MARGIN, _MORE_ORIGINAL, _HOLD),
        "the stain is the generator's own"
    ),
    "mouth_colour": Hint(
        (_INTERPRET, _COLOUR, _STRENGTH, _NO_MODEL), "the colours of the mouth already follow the original's skin"
    ),
    "mouth_dark": Hint((_NO_MODEL, _LESS_SHARP), "the inside of the mouth is the generator's own"),
    "mouth_unlike": Hint((_NO_WARP, _NO_MODEL, _LESS_SHARP), "the mouth is the generator's own"),
    "softness": Hint(
        (
            _SHARPER, _NO_DENOISE, _REUSE,
            Try("detail.fade", "restores the detail that mixing loses", (1.0,), "raise"),
            Try("detail.grain", "adds the grain that is missing", (1.0,), "raise"),
            _FOOTPRINT, _PADDING, _CRF, _FAST, _MORE_ORIGINAL, _MARGIN, _FEATHER,
        ),
        "the skin is the generator's own",
        ("blurred",),
    ),
    "lip_softness": Hint(
        (
            _SHARPER, _NO_DENOISE,
            Try("reuse.lips_tolerance_levels", "keeps more of the original's sharp lips", (2.4,), "raise"),
            _CRF,
            Try("detail.strength", "sharpens the synced lips further", (3.0,), "raise"),
        ),
        "the generator's lips are that soft; a model of your own may sharpen them (restore.model)",
        ("blurred",),
    ),
    "lip_ragged": Hint(
        (_NO_MODEL, _NEW_LIPS, _LESS_SHARP, _CRF), "the lip lines are torn in the generator's own picture",
        ("blocky",),
    ),
    "lip_halo": Hint(
        (_NO_MODEL, _LESS_SHARP, Try("detail.strength", "sharpens less", (1.0,), "lower")),
        "the halos are the generator's own",
    ),
    "foreign_texture": Hint(
        (_NO_MODEL, _LESS_SHARP, _FOOTPRINT, _CRF, Try("detail.strength", "sharpens less", (1.0,), "lower")),
        "the noise or the blocks are the generator's own", ("blocky",)
    ),
    "flicker": Hint(
        (
            _COLOUR, _MEMBRANE, _REUSE,
            Try("colour.gain_smooth_s", "smooths the colour match over a longer time", (0.4,), "raise"),
            _HOLD,
        ),
        "the light in the generator's frames flickers in places",
    ),
    "painted_over": Hint(
        (Try("mask.expansion", "replaces less of the face", (1.15, 1.0), "lower", seen="lasting"),),
        "it does not know what is in front of a face. In these frames the original may be the better choice",
    ),
    "out_of_step": Hint(
        (
            _FULL, _COVER, _PAIRING, _OFFSET,
            Try("reuse.tolerance_levels", "takes the synced picture sooner", (3.0,), "lower"),
            _NEW_LIPS,
        ),
        "it already takes the synced lips as they are",
        ("frozen",),
    ),
    "touched_area": Hint(
        (_CRF, _FOOTPRINT, Try("encode.crf", "loses less in encoding", (10.0,), "lower")),
        "away from the mouth it leaves the picture as it is. Another program or encoder changed it",
    ),
}  # fmt: skip
"""By the key of the part."""
