"""The settings of reading, pairing, tracking, writing and judging."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from lipblend.settings.base import Group, choice, number, word_or_number


class ReadSettings(Group):
    """Reading the two videos."""

    strict: bool = choice(False, "Stop with an error when a video is damaged, instead of decoding on.")


class PairSettings(Group):
    """Which synced frame belongs to which original frame, and whose time line the output follows."""

    method: Literal["auto", "time", "index"] = choice(
        "auto", "auto finds each synced frame's original by the picture; time and index go by the clock or the count."
    )
    timeline: Literal["auto", "original", "synced"] = choice(
        "auto",
        "Whose frames and times the output has; auto: the synced video's where it was re-timed.",
    )
    offset_s: Literal["auto"] | Annotated[float, Field(ge=-86400, le=86400)] = word_or_number(
        "s", "Where in the original the synced video starts, counted from its first frame; auto: by the picture."
    )
    tail: Literal["original", "trim", "error"] = choice(
        "original", "Original frames after the last synced one: keep the original, cut them off, or stop with an error."
    )


class TrackSettings(Group):
    """Finding and following faces."""

    face: Literal["changed", "largest", "all"] | Annotated[int, Field(ge=0, le=99)] = choice(
        "changed",
        "Which faces of a shot: those the generator changed, the largest, all, or one by its number: in each shot "
        "counted from the left, from 0, as lipblend probe does for a clip of one shot.",
    )
    no_face: Literal["error", "copy"] = choice(
        "error", "When no face is found in the whole clip: stop with an error, or copy the original."
    )
    min_face_px: int = number(40, 20, 1000, "px", "Smallest face width searched for.")
    max_faces: int = number(4, 1, 16, "faces", "At most so many faces are followed in a frame.")
    confidence: float = number(0.5, 0.1, 0.95, "probability", "Least detector confidence that counts as a face.")
    every_s: float = number(
        0.1,
        0,
        0.5,
        "s",
        "How often a face is looked for; meshes between are interpolated, where it moves little. 0: in every frame.",
    )
    search_every_s: float = number(
        0.5, 0.04, 10, "s", "How often the whole frame is searched again while some face is missing."
    )
    max_gap_s: float = number(0.4, 0, 5, "s", "Gaps in a track up to this long are filled by interpolation.")
    ramp_s: float = number(0.16, 0, 2, "s", "Time over which the patch fades in and out beside frames without a face.")
    outlier_frac: float = number(
        0.12, 0.01, 1, "face widths", "A mesh further than this from the median of its neighbours is dropped."
    )
    cuts: bool = choice(True, "Find cuts, and smooth nothing across them.")
    cut_threshold: float = number(
        14.0, 1, 100, "grey levels", "Least mean change of the small grey picture that can be a cut."
    )


class SmoothSettings(Group):
    """Steadying the landmarks over time."""

    method: Literal["zero_phase", "ema", "none"] = choice(
        "zero_phase", "zero_phase looks both ways and does not lag; ema looks back only and lags."
    )
    sigma_s: float = number(0.06, 0.005, 1, "s", "zero_phase: standard deviation of the Gaussian weights.")
    ema_weight: float = number(0.6, 0.05, 1, "", "ema: weight of the newest frame (1 = no smoothing).")


class EncodeSettings(Group):
    """The output's video stream."""

    encoder: str = choice(
        "libx264",
        "Video encoder, by its FFmpeg name (libx264, libx265, libsvtav1, ffv1; h264_nvenc, hevc_qsv ... on graphics "
        "hardware; prores_ks needs a 4:2:2 10-bit original).",
    )
    crf: float = number(
        14,
        0,
        63,
        "",
        "Constant rate factor, or the quantiser that goes for it on graphics hardware; 0 is lossless with libx264.",
    )
    preset: str = choice("medium", "Speed preset (ultrafast ... veryslow), or a word of the encoder's own.")
    segment_s: float = number(
        10, 0.5, 3600, "s", "Encoded in segments of this length, by themselves, which --jobs and --resume share out."
    )


class AudioSettings(Group):
    """The output's sound."""

    source: str = choice(
        "auto",
        "auto (the sound of the video whose time line is followed), original, synced, none, or a sound file, which "
        "starts with the picture and is cut where that ends.",
    )


Mark = Literal["off"] | Annotated[float, Field(ge=0, le=1000)]


def _mark(default: float | Literal["off"], unit: str, help_text: str) -> Any:
    return Field(default=default, description=help_text, json_schema_extra={"unit": unit})


class GateSettings(Group):
    """Pass marks of the measures; "off" shows a measure without judging it."""

    frame_share: float = number(
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
