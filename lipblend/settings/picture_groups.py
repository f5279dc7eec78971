"""The settings of the stages that make the picture."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from lipblend.settings.base import Group, choice, number

ShapeName = Literal[
    "lower_face_contour", "mouth", "ellipse", "ultra_wide_ellipse", "superellipse", "box", "upper_face", "region"
]
RegionName = Literal[
    "lips", "mouth_interior", "skin", "nose", "chin", "left_cheek", "right_cheek",
    "left_eye", "right_eye", "left_brow", "right_brow",
]  # fmt: skip


class MaskSettings(Group):
    """The hard mask: what may be replaced at all."""

    shapes: tuple[ShapeName, ...] = Field(
        default=("lower_face_contour",), min_length=1, description="One or more mask shapes."
    )
    regions: tuple[RegionName, ...] = Field(
        default=("lips",), min_length=1, description="Mesh regions that the shape 'region' takes."
    )
    combine: Literal["union", "minimum"] = choice(
        "union", "How several shapes are joined: either, or only where all agree."
    )
    both_jaws: bool = choice(True, "Cover the original's and the synced face, so that neither chin survives twice.")
    expansion: float = number(1.15, 1.0, 1.3, "x", "Growth of the shape about the middle of the mouth.")
    pad_left_frac: float = number(0, -0.3, 0.5, "face widths", "Padding to the picture's left of the face axis.")
    pad_right_frac: float = number(0, -0.3, 0.5, "face widths", "Padding to the picture's right of the face axis.")
    pad_top_frac: float = number(0, -0.3, 0.5, "face widths", "Padding above.")
    pad_bottom_frac: float = number(0, -0.3, 0.5, "face widths", "Padding below.")
    room_expansion: float = number(
        1.0, 1.0, 1.3, "x", "Further growth where the generator painted far beyond (`footprint.room_margin_frac`)."
    )
    room_pad_bottom_frac: float = number(0, 0, 0.5, "face widths", "Further padding below, where it did.")
    upper_boundary_frac: float = number(
        0.22,
        0.05,
        0.6,
        "face widths",
        "Nothing further than this above the middle of the mouth (not for upper_face and region).",
    )
    rotation: bool = choice(True, "Ellipses and boxes turn with the line through the mouth corners.")
    mouth_adaptation: bool = choice(True, "Mouth-centred shapes grow with the mouth opening.")
    adaptation_base: float = number(0.8, 0.5, 1.5, "x", "Scale of a mouth-centred shape when the mouth is shut.")
    adaptation_gain: float = number(0.4, 0, 1.5, "x", "What is added to that scale when the mouth is wide open.")
    superellipse_exponent: float = number(4.0, 2, 10, "", "Exponent of the superellipse (2 = ellipse, large = box).")
    cover_lips: bool = choice(True, "The old and the new lips always lie inside the fully replaced part.")
    erode: bool = choice(True, "Erode, dilate and blur the mask, so that spikes and old lips never show.")
    erosion_frac: float = number(
        0.006, 0.0, 0.05, "face widths", "Radius of the erosion (published range 0.003 to 0.015)."
    )
    dilation_frac: float = number(0.003, 0.0, 0.05, "face widths", "Radius of the dilation that follows the erosion.")
    blur_frac: float = number(
        0.01, 0.0, 0.1, "face widths", "Standard deviation of the blur that rounds the mask's outline."
    )

    @property
    def roomy(self) -> Self | None:
        """The larger shape for where there is room, None where it would be the same."""
        if self.room_expansion == 1 and self.room_pad_bottom_frac == 0:
            return None
        return self.model_copy(
            update={
                "expansion": self.expansion * self.room_expansion,
                "pad_bottom_frac": self.pad_bottom_frac + self.room_pad_bottom_frac,
            }
        )


class FootprintSettings(Group):
    """Keeping to what the generator painted, and away from the edge that it left there."""

    method: Literal["auto", "none"] = choice(
        "auto", "auto finds what was painted from the differences over the shot; none takes all of the mask."
    )
    margin_frac: float = number(0.02, 0, 0.2, "face widths", "The matte keeps so far away from the footprint's edge.")
    room_margin_frac: float = number(
        0.12, 0, 0.5, "face widths", "And so far where it is as large as mask.room_expansion and its like make it."
    )


class AlphaSettings(Group):
    """From the hard mask to the soft alpha."""

    profile: Literal["distance", "gaussian"] = choice(
        "distance", "distance: (d/feather)^gamma inside the mask; gaussian: blurred mask."
    )
    feather_ratio: float = number(0.06, 0.02, 0.08, "face widths", "Feather width before floor and cap.")
    feather_floor_px: float = number(3.0, 0, 64, "px", "The feather is at least this wide.")
    feather_cap_px: float = number(48.0, 1, 400, "px", "The feather is at most this wide.")
    gamma: float = number(1.0, 0.3, 2.0, "", "Shape of the distance profile: below 1 fuller, above 1 thinner.")
    edge: Literal["none", "guided", "bilateral"] = choice(
        "none", "Filter that moves the seam, within the feather, onto edges that both pictures show (not for poisson)."
    )
    edge_strength: float = number(1.0, 0, 1, "", "Share of the edge filter's change that is made.")
    motion_gain: float = number(
        0.0, 0, 4, "px per px", "Feather added along the motion for each pixel a frame beyond the threshold; 0 is off."
    )
    motion_threshold_frac: float = number(
        0.03, 0, 0.5, "face widths a frame", "Speed up to which the feather stays as it is."
    )
    motion_max: float = number(2.0, 1, 4, "x", "The feather grows to so many times itself at most.")
    average_frames: int = number(
        0,
        0,
        4,
        "frames",
        "Outlines are averaged over so many frames to each side, carried along with the head; 0 is off.",
    )
    supersample: int = number(1, 1, 2, "x", "Mask and alpha are worked out so many times finer each way, and averaged.")

    def check(self) -> None:
        if self.feather_floor_px > self.feather_cap_px:
            raise ValueError(
                f"feather_floor_px {self.feather_floor_px:g} is above feather_cap_px {self.feather_cap_px:g}"
            )


class ColourSettings(Group):
    """Bringing the synced colours to the original's."""

    method: Literal["none", "mean_std", "histogram", "white_balance"] = choice(
        "mean_std",
        "mean_std: mean and deviation of each channel; histogram: its quantiles; white_balance: gains in linear light.",
    )
    space: Literal["ycbcr", "lab"] = choice("ycbcr", "Where mean_std and histogram match.")
    interpret: Literal["auto", "tags"] = choice(
        "auto",
        "auto: what both pictures show decides how the synced video's light, range, matrix and order of channels are "
        "read; tags: its tags do.",
    )
    strength: float = number(
        1.0, 0, 1, "", "0 = the synced colours as they are (but for the membrane), 1 = fully matched."
    )
    gain_min: float = number(0.85, 0.5, 1, "x", "Least gain of a channel.")
    gain_max: float = number(1.18, 1, 2, "x", "Largest gain of a channel.")
    membrane: bool = choice(
        True,
        "Add the smooth colour difference that is seen where both pictures show the same: all that method and strength "
        "leave of it.",
    )
    offset_max: float = number(
        24.0,
        0,
        128,
        "8-bit levels; CIE units for lab",
        "Largest shift of a channel's mean, in units of the space.",
    )
    gain_smooth_s: float = number(0.4, 0, 10, "s", "Standard deviation of the temporal smoothing of the gains.")
    shift_smooth_s: float = number(0.0, 0, 10, "s", "The same for the shifts; 0 follows a pumping cast frame by frame.")
    hold_levels: float = number(
        0.25,
        0,
        10,
        "8-bit levels; CIE units for lab",
        "A shift that only trembles by less about its slow course (gain_smooth_s) is held there; 0 never holds.",
    )
    outlier_levels: float = number(
        4.0,
        0.5,
        128,
        "8-bit levels; CIE units for lab",
        "A frame whose shift stands further apart from its neighbours' median, and from what is usual, takes theirs.",
    )


class AlignSettings(Group):
    """Laying the synced face on the original's, by what does not speak."""

    method: Literal["none", "shift"] = choice("shift", "shift: the whole patch is put back by fractions of a pixel.")
    max_frac: float = number(0.02, 0, 0.1, "face widths", "A larger shift is not believed.")
    warp_strength: float = number(
        0.0, 0, 1, "", "Micro-warp: so much of the meshes' difference beside the mouth is taken out; 0 = none."
    )
    warp_regularisation: float = number(
        1e-3, 0, 10, "face widths squared", "Micro-warp: 0 follows every point, large values only what they share."
    )
    warp_max_frac: float = number(0.02, 0, 0.1, "face widths", "Micro-warp: longest displacement.")


class ReuseSettings(Group):
    """Keeping the original's own pixels wherever the synced picture says nothing new, or only moves them."""

    method: Literal["none", "still", "motion"] = choice(
        "motion",
        "still keeps the original where nothing changed; motion also moves its pixels along with the new mouth.",
    )
    tolerance_levels: float = number(
        3.0, 0.5, 30, "8-bit levels", "Low-passed difference at which the original is trusted by 1/e only."
    )
    lips_tolerance_levels: float = number(2.4, 0.5, 30, "8-bit levels", "The same within the lips.")
    still_px: float = number(0.3, 0, 5, "px", "Motions up to this are none.")
    moving_px: float = number(1.0, 0.1, 10, "px", "Motions from this on are followed fully.")
    reach_frac: float = number(
        0.15, 0, 0.4, "face widths", "So far beyond the mask the original's pixels may be moved along."
    )

    def check(self) -> None:
        if self.still_px >= self.moving_px:
            raise ValueError(f"still_px {self.still_px:g} is not below moving_px {self.moving_px:g}")


class DetailSettings(Group):
    """Bringing the sharpness of what is taken from the synced picture to the original's."""

    strength: float = number(2.0, 0, 4, "x", "Share of the measured lack of fine detail that is made up for.")
    sharpen_max: float = number(1.5, 0, 4, "x", "Most that a band of detail is raised by, less 1.")
    fade: float = number(
        1.0, 0, 1, "x", "Share of the detail lost where original and synced pixels mix that is given back."
    )
    grain: float = number(1.0, 0, 1, "x", "Share of the missing noise that is added.")
    denoise: float = number(0.0, 0, 1, "x", "Edge-preserving smoothing of the synced picture before it is sharpened.")


class RestoreSettings(Group):
    """Restoring the synced mouth's fine detail with a model of your own; none is shipped."""

    model: str = choice(
        "none", "none, or an ONNX file: a picture-to-picture model that sharpens, or enlarges by a whole number."
    )
    strength: float = number(1.0, 0, 1, "", "Share of the detail that the model adds.")
    range: Literal["unit", "byte"] = choice("unit", "What the model takes for white: unit 1, byte 255.")
    order: Literal["rgb", "bgr"] = choice("rgb", "Order of the model's channels.")
    margin_frac: float = number(
        0.06, 0.01, 0.5, "face widths", "The model is shown so much around the lips; its effect fades out over it."
    )
    detail_frac: float = number(
        0.05, 0.005, 0.5, "face widths", "Standard deviation of the low-pass whose part of the change is left out."
    )


class BlendSettings(Group):
    """Joining the two pictures at the seam."""

    method: Literal["alpha", "multiband", "poisson"] = choice(
        "alpha", "alpha: cross-fade; multiband: Laplacian bands; poisson: gradient domain in a ring."
    )
    levels: int = number(4, 2, 6, "levels", "multiband: frequency bands.")
    ring_frac: float = number(
        0.04, 0.01, 0.2, "face widths", "poisson: ring width before it is limited to ring_min_px..ring_max_px."
    )
    ring_min_px: float = number(6.0, 2, 64, "px", "poisson: least ring width.")
    ring_max_px: float = number(12.0, 4, 200, "px", "poisson: largest ring width.")
    tolerance: float = number(1e-4, 1e-8, 1e-1, "", "poisson: relative residual at which the solver stops.")
    max_iterations: int = number(
        400, 10, 10000, "iterations", "poisson: after so many the frame falls back to multiband."
    )

    def check(self) -> None:
        if self.ring_min_px > self.ring_max_px:
            raise ValueError(f"ring_min_px {self.ring_min_px:g} is above ring_max_px {self.ring_max_px:g}")
