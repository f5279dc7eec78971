"""Setting groups of the stages that compute each frame."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from lipblend.settings.base import Group, choice, number

ShapeName = Literal[
    "lower_face_contour", "mouth", "ellipse", "ultra_wide_ellipse", "superellipse", "box", "upper_face", "region",
]  # fmt: skip
RegionName = Literal[
    "lips", "mouth_interior", "skin", "nose", "chin", "left_cheek", "right_cheek",
    "left_eye", "right_eye", "left_brow", "right_brow",
]  # fmt: skip


class MaskSettings(Group):
    """The hard mask: the area that may be replaced."""

    shapes: tuple[ShapeName, ...] = Field(
        default=("lower_face_contour",),
        min_length=1,
        description="One or more mask shapes. Mouth-centred: ellipse, ultra_wide_ellipse, superellipse, box. Hulls of "
        "landmarks: lower_face_contour, mouth, upper_face. Outlines of mesh regions: region.",
    )
    regions: tuple[RegionName, ...] = Field(
        default=("lips",), min_length=1, description="Face mesh regions used by the shape 'region'."
    )
    region_source: Literal["mesh", "model"] = choice(
        "mesh",
        "Where the regions skin, lips and nose come from. mesh: the face mesh; model: the parser of occlusion.model, "
        "asked about every frame of both videos.",
    )
    combine: Literal["union", "minimum"] = choice(
        "union", "How several shapes are combined: union, or minimum (intersection)."
    )
    both_jaws: bool = choice(
        True, "Cover the jaw of the original and of the synced face, so that no second chin remains."
    )
    expansion: float = number(1.15, 1.0, 1.3, "x", "Scale of the shape about the centre of the mouth.")
    pad_left_frac: float = number(0, -0.3, 0.5, "face widths", "Padding left of the face axis, as seen in the picture.")
    pad_right_frac: float = number(
        0, -0.3, 0.5, "face widths", "Padding right of the face axis, as seen in the picture."
    )
    pad_top_frac: float = number(0, -0.3, 0.5, "face widths", "Padding at the top.")
    pad_bottom_frac: float = number(0, -0.3, 0.5, "face widths", "Padding at the bottom.")
    room_expansion: float = number(
        1.0,
        1.0,
        1.3,
        "x",
        "Additional scale where the footprint extends far beyond the mask (see footprint.room_margin_frac).",
    )
    room_pad_bottom_frac: float = number(
        0, 0, 0.5, "face widths", "Additional bottom padding where the footprint extends far beyond the mask."
    )
    upper_boundary_frac: float = number(
        0.22,
        0.05,
        0.6,
        "face widths",
        "Upper limit of the mask, measured from the centre of the mouth (not for upper_face and region).",
    )
    rotation: bool = choice(True, "Rotate mouth-centred shapes with the line through the mouth corners.")
    mouth_adaptation: bool = choice(True, "Scale mouth-centred shapes with the mouth opening.")
    adaptation_base: float = number(0.8, 0.5, 1.5, "x", "Scale of a mouth-centred shape when the mouth is closed.")
    adaptation_gain: float = number(0.4, 0, 1.5, "x", "Added to that scale when the mouth is wide open.")
    superellipse_exponent: float = number(
        4.0, 2, 10, "", "Exponent of the superellipse (2: ellipse; large values: box)."
    )
    cover_lips: bool = choice(True, "Keep the lips of both videos inside the fully replaced area.")
    erode: bool = choice(True, "Erode, dilate and blur the mask to remove spikes and traces of the original's lips.")
    erosion_frac: float = number(
        0.006, 0.0, 0.05, "face widths", "Radius of the erosion (published range: 0.003 to 0.015)."
    )
    dilation_frac: float = number(0.003, 0.0, 0.05, "face widths", "Radius of the dilation after the erosion.")
    blur_frac: float = number(
        0.01, 0.0, 0.1, "face widths", "Standard deviation of the blur that rounds the mask outline."
    )

    @property
    def roomy(self) -> Self | None:
        """The settings of the enlarged mask (``room_*`` applied), or None if it is the same mask."""
        if self.room_expansion == 1 and self.room_pad_bottom_frac == 0:
            return None
        return self.model_copy(
            update={
                "expansion": self.expansion * self.room_expansion,
                "pad_bottom_frac": self.pad_bottom_frac + self.room_pad_bottom_frac,
            }
        )


class FootprintSettings(Group):
    """Restricting the matte to the footprint (the area the generator painted), clear of its edge."""

    method: Literal["auto", "none"] = choice(
        "auto", "auto: detect the footprint from the differences over a shot; none: use the whole mask."
    )
    margin_frac: float = number(0.02, 0, 0.2, "face widths", "Clearance between matte and footprint edge.")
    room_margin_frac: float = number(
        0.12, 0, 0.5, "face widths", "Clearance from the footprint edge when the enlarged mask (mask.room_*) is used."
    )


class AlphaSettings(Group):
    """From the hard mask to the soft alpha."""

    profile: Literal["distance", "gaussian"] = choice(
        "distance", "distance: (d/feather)^gamma inside the mask; gaussian: blurred mask."
    )
    feather_ratio: float = number(
        0.06, 0.02, 0.08, "face widths", "Feather width, limited to feather_floor_px..feather_cap_px."
    )
    feather_floor_px: float = number(3.0, 0, 64, "px", "Minimum feather width.")
    feather_cap_px: float = number(48.0, 1, 400, "px", "Maximum feather width.")
    gamma: float = number(1.0, 0.3, 2.0, "", "Exponent of the distance profile: below 1 fuller, above 1 thinner.")
    edge: Literal["none", "guided", "bilateral"] = choice(
        "none",
        "Edge-aware filter that moves the seam, within the feather, onto edges present in both pictures (not for "
        "poisson).",
    )
    edge_strength: float = number(1.0, 0, 1, "", "Weight of the edge filter's change.")
    motion_gain: float = number(
        0.0,
        0,
        4,
        "px per px",
        "Feather added along the motion, per pixel of motion per frame above the threshold. 0: off.",
    )
    motion_threshold_frac: float = number(0.03, 0, 0.5, "face widths a frame", "Speed above which the feather grows.")
    motion_max: float = number(2.0, 1, 4, "x", "Maximum feather growth factor.")
    average_frames: int = number(
        0, 0, 4, "frames", "Average outlines over this many frames on each side, aligned to the head. 0: off."
    )
    supersample: int = number(1, 1, 2, "x", "Compute mask and alpha at this multiple of the resolution, then average.")

    def check(self) -> None:
        _check_order("feather_floor_px", self.feather_floor_px, "feather_cap_px", self.feather_cap_px)


class ColourSettings(Group):
    """Matching the synced colours to the original."""

    method: Literal["none", "mean_std", "histogram", "white_balance"] = choice(
        "mean_std",
        "mean_std: mean and standard deviation per channel; histogram: quantiles per channel; white_balance: gains in "
        "linear light.",
    )
    space: Literal["ycbcr", "lab"] = choice("ycbcr", "Colour space of mean_std and histogram.")
    interpret: Literal["auto", "tags"] = choice(
        "auto",
        "How to determine the synced video's transfer function, range, matrix and channel order. auto: by comparing "
        "both pictures; tags: from its tags.",
    )
    strength: float = number(
        1.0, 0, 1, "", "Strength of the match. 0: synced colours unchanged (except for the membrane); 1: full match."
    )
    gain_min: float = number(0.85, 0.5, 1, "x", "Minimum gain of a channel.")
    gain_max: float = number(1.18, 1, 2, "x", "Maximum gain of a channel.")
    membrane: bool = choice(
        True,
        "Also add the smooth colour difference that remains after the match, measured where both pictures show the "
        "same content.",
    )
    lips: Literal["off", "auto"] = choice(
        "auto",
        "auto: bring lips and mouth back to the person's own colours, learnt from the original over the shot, where "
        "the synced ones differ by more than right mouths do (another red, darker, violet seam).",
    )
    lips_strength: float = number(1.0, 0, 1, "", "Share of that change.")
    offset_max: float = number(24.0, 0, 128, "8-bit levels; CIE units for lab", "Maximum shift of a channel's mean.")
    gain_smooth_s: float = number(0.4, 0, 10, "s", "Standard deviation of the temporal smoothing of the gains.")
    shift_smooth_s: float = number(
        0.0, 0, 10, "s", "Standard deviation of the temporal smoothing of the shifts. 0: follow every frame."
    )
    hold_levels: float = number(
        0.25,
        0,
        10,
        "8-bit levels; CIE units for lab",
        "Shifts that vary by less than this about their slow trend (gain_smooth_s) follow the trend. 0: off.",
    )
    outlier_levels: float = number(
        4.0,
        0.5,
        128,
        "8-bit levels; CIE units for lab",
        "Shifts that deviate from the local median by more than this, and unusually far for the shot, are replaced by "
        "their neighbours'.",
    )


class AlignSettings(Group):
    """Aligning the synced face to the original by the parts of the face that do not speak."""

    method: Literal["none", "shift"] = choice("shift", "shift: move the whole patch by a sub-pixel shift.")
    max_frac: float = number(0.02, 0, 0.1, "face widths", "Maximum shift; larger shifts are ignored.")
    warp_strength: float = number(
        0.0, 0, 1, "", "Micro-warp: share of the landmark difference around the mouth that is corrected. 0: off."
    )
    warp_regularisation: float = number(
        1e-3,
        0,
        10,
        "face widths squared",
        "Micro-warp: 0 fits every landmark exactly; larger values fit a smoother field.",
    )
    warp_max_frac: float = number(0.02, 0, 0.1, "face widths", "Micro-warp: maximum displacement.")


class ReuseSettings(Group):
    """Reusing original pixels where the synced picture adds nothing new or only moves them."""

    method: Literal["none", "still", "motion"] = choice(
        "motion",
        "still: keep original pixels where nothing changed; motion: also move original pixels with the synced mouth.",
    )
    tolerance_levels: float = number(
        3.0, 0.5, 30, "8-bit levels", "Low-pass difference at which the weight of the original falls to 1/e."
    )
    lips_tolerance_levels: float = number(2.4, 0.5, 30, "8-bit levels", "The same tolerance inside the lips.")
    still_px: float = number(0.3, 0, 5, "px", "Motion up to this counts as none.")
    moving_px: float = number(1.0, 0.1, 10, "px", "Motion from this on is followed fully.")
    reach_frac: float = number(
        0.2, 0, 0.4, "face widths", "Distance beyond the mask over which original pixels may be moved."
    )

    def check(self) -> None:
        if self.still_px >= self.moving_px:
            raise ValueError(f"still_px {self.still_px:g} is not below moving_px {self.moving_px:g}")


class DetailSettings(Group):
    """Matching the sharpness and grain of synced pixels to the original."""

    strength: float = number(2.0, 0, 4, "x", "Share of the measured loss of fine detail that is compensated.")
    sharpen_max: float = number(1.5, 0, 4, "x", "Maximum boost of a detail band, minus 1.")
    fade: float = number(
        1.0, 0, 1, "x", "Share of the detail lost by mixing original and synced pixels that is restored."
    )
    grain: float = number(1.0, 0, 1, "x", "Share of the missing noise that is added.")
    denoise: float = number(0.0, 0, 1, "x", "Edge-preserving smoothing of the synced picture before sharpening.")


class RestoreSettings(Group):
    """Restoring fine detail of the synced mouth with a model that you provide."""

    model: str = choice(
        "none", "none, or an ONNX file: an image-to-image model that sharpens, or upscales by an integer factor."
    )
    strength: float = number(1.0, 0, 1, "", "Share of the model's detail that is added.")
    range: Literal["unit", "byte"] = choice("unit", "Value range of the model. unit: 0 to 1; byte: 0 to 255.")
    order: Literal["rgb", "bgr"] = choice("rgb", "Channel order of the model.")
    margin_frac: float = number(
        0.06, 0.01, 0.5, "face widths", "Margin around the lips in the model's input; the effect fades out over it."
    )
    detail_frac: float = number(
        0.05,
        0.005,
        0.5,
        "face widths",
        "Standard deviation of the low-pass; the low-pass part of the model's change is discarded.",
    )


class BlendSettings(Group):
    """Joining the two pictures at the seam."""

    method: Literal["alpha", "multiband", "poisson"] = choice(
        "alpha", "alpha: cross-fade; multiband: Laplacian pyramid; poisson: gradient domain, in a ring."
    )
    levels: int = number(4, 2, 6, "levels", "multiband: number of frequency bands.")
    ring_frac: float = number(
        0.04, 0.01, 0.2, "face widths", "poisson: ring width, limited to ring_min_px..ring_max_px."
    )
    ring_min_px: float = number(6.0, 2, 64, "px", "poisson: minimum ring width.")
    ring_max_px: float = number(12.0, 4, 200, "px", "poisson: maximum ring width.")
    tolerance: float = number(1e-4, 1e-8, 1e-1, "", "poisson: relative residual at which the solver stops.")
    max_iterations: int = number(
        400, 10, 10000, "iterations", "poisson: maximum iterations; beyond it the frame falls back to multiband."
    )

    def check(self) -> None:
        _check_order("ring_min_px", self.ring_min_px, "ring_max_px", self.ring_max_px)


def _check_order(low_name: str, low: float, high_name: str, high: float) -> None:
    if low > high:
        raise ValueError(f"{low_name} {low:g} is above {high_name} {high:g}")
