"""Every setting of lipblend, once: name, type, default, unit, range and one line of help.

Command-line help, ``lipblend config show``, the table in ``docs/settings.md`` and the checks on YAML files are all made
from the models in this file. Nothing else in the package holds a default.

Names end in their unit: ``_px`` pixels, ``_frac`` fraction of the face width (mesh points 234 to 454), ``_s`` seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ShapeName = Literal[
    "lower_face_contour", "mouth", "ellipse", "ultra_wide_ellipse", "superellipse", "box", "upper_face", "region"
]
RegionName = Literal[
    "lips", "mouth_interior", "skin", "nose", "chin", "left_cheek", "right_cheek",
    "left_eye", "right_eye", "left_brow", "right_brow",
]  # fmt: skip


class Group(BaseModel):
    """Base of all setting groups: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


def _number(default: float, low: float, high: float, unit: str, help_text: str) -> Any:
    return Field(default=default, ge=low, le=high, description=help_text, json_schema_extra={"unit": unit})


def _word_or_number(unit: str, help_text: str) -> Any:
    return Field(default="auto", description=help_text, json_schema_extra={"unit": unit})


def _choice(default: Any, help_text: str) -> Any:
    return Field(default=default, description=help_text)


class ReadSettings(Group):
    """Reading the two videos."""

    strict: bool = _choice(False, "Stop with an error when a video is damaged, instead of decoding on.")


class PairSettings(Group):
    """Which synced frame belongs to which original frame, and whose time line the output follows."""

    method: Literal["auto", "time", "index"] = _choice(
        "auto", "auto finds each synced frame's original by the picture; time and index go by the clock or the count."
    )
    timeline: Literal["auto", "original", "synced"] = _choice(
        "auto",
        "Whose frames and times the output has; auto: the synced video's where it was re-timed.",
    )
    offset_s: Literal["auto"] | Annotated[float, Field(ge=-86400, le=86400)] = _word_or_number(
        "s", "Where in the original the synced video starts, counted from its first frame; auto: by the picture."
    )
    tail: Literal["original", "trim", "error"] = _choice(
        "original", "Original frames after the last synced one: keep the original, cut them off, or stop with an error."
    )


class TrackSettings(Group):
    """Finding and following faces."""

    face: Literal["changed", "largest", "all"] | Annotated[int, Field(ge=0, le=99)] = _choice(
        "changed",
        "Which faces of a shot: those the generator changed, the largest, all, or one by its number: in each shot "
        "counted from the left, from 0, as lipblend probe does for a clip of one shot.",
    )
    no_face: Literal["error", "copy"] = _choice(
        "error", "When no face is found in the whole clip: stop with an error, or copy the original."
    )
    min_face_px: int = _number(40, 20, 1000, "px", "Smallest face width searched for.")
    max_faces: int = _number(4, 1, 16, "faces", "At most so many faces are followed in a frame.")
    confidence: float = _number(0.5, 0.1, 0.95, "probability", "Least detector confidence that counts as a face.")
    search_every_s: float = _number(
        0.5, 0.04, 10, "s", "How often the whole frame is searched again while some face is missing."
    )
    max_gap_s: float = _number(0.4, 0, 5, "s", "Gaps in a track up to this long are filled by interpolation.")
    ramp_s: float = _number(0.16, 0, 2, "s", "Time over which the patch fades in and out beside frames without a face.")
    outlier_frac: float = _number(
        0.12, 0.01, 1, "face widths", "A mesh further than this from the median of its neighbours is dropped."
    )
    cuts: bool = _choice(True, "Find cuts, and smooth nothing across them.")
    cut_threshold: float = _number(
        14.0, 1, 100, "grey levels", "Least mean change of the small grey picture that can be a cut."
    )


class SmoothSettings(Group):
    """Steadying the landmarks over time."""

    method: Literal["zero_phase", "ema", "none"] = _choice(
        "zero_phase", "zero_phase looks both ways and does not lag; ema looks back only and lags."
    )
    sigma_s: float = _number(0.06, 0.005, 1, "s", "zero_phase: standard deviation of the Gaussian weights.")
    ema_weight: float = _number(0.6, 0.05, 1, "", "ema: weight of the newest frame (1 = no smoothing).")


class MaskSettings(Group):
    """The hard mask: what may be replaced at all."""

    shapes: tuple[ShapeName, ...] = Field(
        default=("lower_face_contour",), min_length=1, description="One or more mask shapes."
    )
    regions: tuple[RegionName, ...] = Field(
        default=("lips",), min_length=1, description="Mesh regions that the shape 'region' takes."
    )
    combine: Literal["union", "minimum"] = _choice(
        "union", "How several shapes are joined: either, or only where all agree."
    )
    both_jaws: bool = _choice(True, "Cover the original's and the synced face, so that neither chin survives twice.")
    expansion: float = _number(1.15, 1.0, 1.3, "x", "Growth of the shape about the middle of the mouth.")
    pad_left_frac: float = _number(0, -0.3, 0.5, "face widths", "Padding to the picture's left of the face axis.")
    pad_right_frac: float = _number(0, -0.3, 0.5, "face widths", "Padding to the picture's right of the face axis.")
    pad_top_frac: float = _number(0, -0.3, 0.5, "face widths", "Padding above.")
    pad_bottom_frac: float = _number(0, -0.3, 0.5, "face widths", "Padding below.")
    upper_boundary_frac: float = _number(
        0.22,
        0.05,
        0.6,
        "face widths",
        "Nothing further than this above the middle of the mouth (not for upper_face and region).",
    )
    rotation: bool = _choice(True, "Ellipses and boxes turn with the line through the mouth corners.")
    mouth_adaptation: bool = _choice(True, "Mouth-centred shapes grow with the mouth opening.")
    adaptation_base: float = _number(0.8, 0.5, 1.5, "x", "Scale of a mouth-centred shape when the mouth is shut.")
    adaptation_gain: float = _number(0.4, 0, 1.5, "x", "What is added to that scale when the mouth is wide open.")
    superellipse_exponent: float = _number(4.0, 2, 10, "", "Exponent of the superellipse (2 = ellipse, large = box).")
    cover_lips: bool = _choice(True, "The old and the new lips always lie inside the fully replaced part.")
    erode: bool = _choice(True, "Erode, dilate and blur the mask, so that spikes and old lips never show.")
    erosion_frac: float = _number(
        0.006, 0.0, 0.05, "face widths", "Radius of the erosion (published range 0.003 to 0.015)."
    )
    dilation_frac: float = _number(0.003, 0.0, 0.05, "face widths", "Radius of the dilation that follows the erosion.")
    blur_frac: float = _number(
        0.01, 0.0, 0.1, "face widths", "Standard deviation of the blur that rounds the mask's outline."
    )


class AlphaSettings(Group):
    """From the hard mask to the soft alpha."""

    profile: Literal["distance", "gaussian"] = _choice(
        "distance", "distance: (d/feather)^gamma inside the mask; gaussian: blurred mask."
    )
    feather_ratio: float = _number(0.06, 0.02, 0.08, "face widths", "Feather width before floor and cap.")
    feather_floor_px: float = _number(3.0, 0, 64, "px", "The feather is at least this wide.")
    feather_cap_px: float = _number(48.0, 1, 400, "px", "The feather is at most this wide.")
    gamma: float = _number(1.0, 0.3, 2.0, "", "Shape of the distance profile: below 1 fuller, above 1 thinner.")

    @model_validator(mode="after")
    def _floor_below_cap(self) -> Self:
        if self.feather_floor_px > self.feather_cap_px:
            raise ValueError(
                f"feather_floor_px {self.feather_floor_px:g} is above feather_cap_px {self.feather_cap_px:g}"
            )
        return self


class ColourSettings(Group):
    """Bringing the synced colours to the original's."""

    method: Literal["none", "mean_std"] = _choice("mean_std", "none, or per-channel mean and standard deviation.")
    space: Literal["ycbcr", "lab"] = _choice("ycbcr", "Where means and deviations are matched.")
    strength: float = _number(1.0, 0, 1, "", "0 = the synced colours as they are, 1 = fully matched.")
    gain_min: float = _number(0.85, 0.5, 1, "x", "Least gain of a channel.")
    gain_max: float = _number(1.18, 1, 2, "x", "Largest gain of a channel.")
    membrane: bool = _choice(True, "Add the smooth colour difference that is seen where both pictures show the same.")
    offset_max: float = _number(
        24.0,
        0,
        128,
        "8-bit levels; CIE units for lab",
        "Largest shift of a channel's mean, in units of the space.",
    )
    gain_smooth_s: float = _number(0.4, 0, 10, "s", "Standard deviation of the temporal smoothing of the gains.")
    shift_smooth_s: float = _number(
        0.0, 0, 10, "s", "The same for the shifts; 0 follows a pumping cast frame by frame."
    )


class AlignSettings(Group):
    """Laying the synced face on the original's, by what does not speak."""

    method: Literal["none", "shift"] = _choice("shift", "shift: the whole patch is put back by fractions of a pixel.")
    max_frac: float = _number(0.02, 0, 0.1, "face widths", "A larger shift is not believed.")


class ReuseSettings(Group):
    """Keeping the original's own pixels wherever the synced picture says nothing new, or only moves them."""

    method: Literal["none", "still", "motion"] = _choice(
        "motion",
        "still keeps the original where nothing changed; motion also moves its pixels along with the new mouth.",
    )
    tolerance_levels: float = _number(
        3.0, 0.5, 30, "8-bit levels", "Low-passed difference at which the original is trusted by 1/e only."
    )
    still_px: float = _number(0.3, 0, 5, "px", "Motions up to this are none.")
    moving_px: float = _number(1.0, 0.1, 10, "px", "Motions from this on are followed fully.")
    reach_frac: float = _number(
        0.15, 0, 0.4, "face widths", "So far beyond the mask the original's pixels may be moved along."
    )

    @model_validator(mode="after")
    def _still_below_moving(self) -> Self:
        if self.still_px >= self.moving_px:
            raise ValueError(f"still_px {self.still_px:g} is not below moving_px {self.moving_px:g}")
        return self


class DetailSettings(Group):
    """Bringing the sharpness of what is taken from the synced picture to the original's."""

    strength: float = _number(1.0, 0, 2, "x", "Share of the measured lack of fine detail that is made up for.")
    sharpen_max: float = _number(1.5, 0, 4, "x", "Most unsharp masking.")


class BlendSettings(Group):
    """Joining the two pictures at the seam."""

    method: Literal["alpha", "multiband", "poisson"] = _choice(
        "alpha", "alpha: cross-fade; multiband: Laplacian bands; poisson: gradient domain in a ring."
    )
    levels: int = _number(4, 2, 6, "levels", "multiband: frequency bands.")
    ring_frac: float = _number(
        0.04, 0.01, 0.2, "face widths", "poisson: ring width before it is limited to ring_min_px..ring_max_px."
    )
    ring_min_px: float = _number(6.0, 2, 64, "px", "poisson: least ring width.")
    ring_max_px: float = _number(12.0, 4, 200, "px", "poisson: largest ring width.")
    tolerance: float = _number(1e-4, 1e-8, 1e-1, "", "poisson: relative residual at which the solver stops.")
    max_iterations: int = _number(
        400, 10, 10000, "iterations", "poisson: after so many the frame falls back to multiband."
    )

    @model_validator(mode="after")
    def _least_below_largest(self) -> Self:
        if self.ring_min_px > self.ring_max_px:
            raise ValueError(f"ring_min_px {self.ring_min_px:g} is above ring_max_px {self.ring_max_px:g}")
        return self


class EncodeSettings(Group):
    """The output's video stream."""

    encoder: str = _choice(
        "libx264",
        "Video encoder, by its FFmpeg name (libx264, libx265, ffv1; prores_ks needs a 4:2:2 10-bit original).",
    )
    crf: float = _number(14, 0, 63, "", "Constant rate factor; 0 is lossless with libx264.")
    preset: str = _choice("medium", "The encoder's own speed preset (ultrafast ... veryslow).")


class AudioSettings(Group):
    """The output's sound."""

    source: str = _choice(
        "auto", "auto (the sound of the video whose time line is followed), original, synced, none, or a sound file."
    )


Mark = Literal["off"] | Annotated[float, Field(ge=0, le=1000)]


def _mark(default: float | Literal["off"], unit: str, help_text: str) -> Any:
    return Field(default=default, description=help_text, json_schema_extra={"unit": unit})


class GateSettings(Group):
    """Pass marks of the measures; "off" shows a measure without judging it."""

    frame_share: float = _number(
        0.95, 0.5, 1, "share", "So many frames must keep the marks of seam, ring and colour step."
    )
    seam_max: Mark = _mark(0.12, "", "Largest seam discontinuity.")
    ring_ssim_min: Mark = _mark(0.92, "", "Least ring SSIM of luma.")
    colour_step_max: Mark = _mark(1.0, "CIEDE2000", "Largest colour step across the seam.")
    alpha_flicker_max: Mark = _mark(0.08, "", "Largest alpha flicker of a shot.")
    overspill_max: Mark = _mark(0.001, "share", "Largest share of the old lips that shows, in any frame.")
    lip_corr_min: Mark = _mark(0.99, "correlation", "Least correlation of the mouth openings of result and synced.")
    untouched_max: Mark = _mark(0.0, "levels", "Largest change outside the matte, before encoding.")
    colour_drift_max: Mark = _mark(2.3, "CIE76", "Largest drift of the patch's colour over a shot.")
    ring_flicker_max: Mark = _mark("off", "grey levels", "Largest flicker of the ring.")
    cast_max: Mark = _mark("off", "CIE76", "Largest colour cast inside the seam.")
    outside_max: Mark = _mark("off", "grey levels", "Largest mean loss of the finished file outside the matte.")
    faulty_max: Mark = _mark("off", "share", "Largest share of frames whose synced patch is itself broken.")
    passed_through_max: Mark = _mark("off", "share", "Largest share of frames without a patch.")


class Settings(Group):
    """All settings of one run."""

    read: ReadSettings = ReadSettings()
    pair: PairSettings = PairSettings()
    track: TrackSettings = TrackSettings()
    smooth: SmoothSettings = SmoothSettings()
    mask: MaskSettings = MaskSettings()
    alpha: AlphaSettings = AlphaSettings()
    colour: ColourSettings = ColourSettings()
    align: AlignSettings = AlignSettings()
    reuse: ReuseSettings = ReuseSettings()
    detail: DetailSettings = DetailSettings()
    blend: BlendSettings = BlendSettings()
    encode: EncodeSettings = EncodeSettings()
    audio: AudioSettings = AudioSettings()
    gate: GateSettings = GateSettings()
