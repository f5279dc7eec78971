"""Setting groups for reading, pairing, tracking, encoding, sound and quality gates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from lipblend.settings import face_points, work_ranges
from lipblend.settings.base import Group, choice, choice_or_number, number


class ReadSettings(Group):
    """Reading the two videos."""

    strict: bool = choice(False, "Stop with an error on a damaged video instead of concealing the damage.", "--strict")


class PairSettings(Group):
    """Matching synced frames to original frames, and the timeline of the output."""

    method: Literal["auto", "time", "index"] = choice(
        "auto",
        "How synced frames are matched to original frames. auto: by picture content; time: by time stamp; index: by "
        "frame number.",
        "--pair",
    )
    timeline: Literal["auto", "original", "synced"] = choice(
        "auto",
        "Which video's frames and times the output follows. auto: the synced video if it was re-timed, else the "
        "original.",
        "--timeline",
    )
    offset_s: Literal["auto"] | Annotated[float, Field(ge=-86400, le=86400)] = choice_or_number(
        "s",
        "Start of the synced video, relative to the first frame of the original. auto: found by picture content.",
        "--offset",
    )
    locate: bool = choice(
        False,
        "Find where the synced picture lies in each frame by itself: for a face crop without a record that follows the "
        "face or jitters.",
        "--locate",
    )
    tail: Literal["original", "trim", "error"] = choice(
        "original",
        "What to do with original frames after the last synced frame. original: keep them; trim: cut them off; error: "
        "stop.",
        "--tail",
    )


class TrackSettings(Group):
    """Face detection and tracking."""

    face: (
        Literal["changed", "largest", "all"]
        | Annotated[int, Field(ge=0, le=99)]
        | Annotated[str, AfterValidator(face_points.canonical_points)]
    ) = choice(
        "changed",
        "Which faces to process. changed: those the generator changed; largest; all; a number: faces are numbered "
        "from the left in each shot, starting at 0 (`lipblend probe` shows the numbers of a single-shot clip); or "
        "points X,Y@TIME in the original's picture, each of which names the face there in its shot.",
        "--face",
        form=face_points.FORM,
    )
    ranges: Annotated[
        tuple[str, ...],
        BeforeValidator(work_ranges.range_words),
        AfterValidator(work_ranges.canonical_ranges),
    ] = choice(
        (work_ranges.ALL,),
        "Ranges of time to work in, since the first frame, such as 2.5-8,1m30s-2m,120f-300f,200-end (f: frame "
        "numbers); the rest is the original's own. The patch fades within a range (track.ramp_s).",
        "--ranges",
        form=work_ranges.FORM,
    )
    no_face: Literal["error", "copy"] = choice(
        "error", "What to do if the whole clip has no face. error: stop; copy: copy the original.", "--no-face"
    )
    min_face_px: int = number(40, 20, 1000, "px", "Minimum face width.")
    max_faces: int = number(4, 1, 16, "faces", "Maximum number of faces tracked per frame.")
    confidence: float = number(0.5, 0.1, 0.95, "probability", "Minimum detector confidence.")
    every_s: float = number(
        0.1,
        0,
        0.5,
        "s",
        "Interval between face detections. Landmarks in between are interpolated where the face moves little. 0: "
        "detect in every frame.",
    )
    search_every_s: float = number(0.5, 0.04, 10, "s", "Interval between full-frame searches while a face is missing.")
    max_gap_s: float = number(0.4, 0, 5, "s", "Maximum gap in a track that is filled by interpolation.")
    ramp_s: float = number(
        0.16, 0, 2, "s", "Fade time of the patch next to frames without a face; the mouth is morphed meanwhile."
    )
    min_run_s: float = number(
        0.5,
        0,
        5,
        "s",
        "Blended runs shorter than this are left to the original, if the unblended ones before and after are not.",
    )
    outlier_frac: float = number(
        0.12, 0.01, 1, "face widths", "Landmarks further than this from the median of their neighbours are dropped."
    )
    carry_s: float = number(
        5.0,
        0,
        30,
        "s",
        "Maximum time over which a face that is not found any more, or not yet, is followed by the motion of its "
        "texture. 0: not at all.",
    )
    stand_in: bool = choice(
        True,
        "Where no face is found but the generator changed one compact part of the picture (a profile, a mask, a "
        "drawing), lay a neutral mesh over that part and follow it by its texture.",
    )
    cuts: bool = choice(True, "Detect cuts and do not smooth across them.")
    cut_threshold: float = number(
        14.0, 1, 100, "grey levels", "Minimum mean difference between downscaled grey frames that counts as a cut."
    )


class FaultSettings(Group):
    """Synced frames that the generator broke: noise, holes, mush, a patch that froze or lies beside the face."""

    action: Literal["bridge", "original", "blend"] = choice(
        "bridge",
        "What to do with broken synced frames. bridge: short runs are replaced by the good patches before and after, "
        "long ones are left to the original; original: all are left to the original; blend: they are blended like "
        "others.",
        "--faults",
    )
    bridge_s: float = number(0.3, 0, 1, "s", "Longest run of broken frames that is bridged.")


class SmoothSettings(Group):
    """Temporal smoothing of the landmarks."""

    method: Literal["zero_phase", "ema", "none"] = choice(
        "zero_phase",
        "zero_phase: Gaussian over past and future frames, no lag; ema: exponential average of past frames, lags.",
    )
    sigma_s: float = number(0.06, 0.005, 1, "s", "zero_phase: standard deviation of the Gaussian.")
    ema_weight: float = number(0.6, 0.05, 1, "", "ema: weight of the newest frame (1: no smoothing).")


class EncodeSettings(Group):
    """Video stream of the output."""

    encoder: str = choice(
        "libx264",
        "FFmpeg name of the video encoder: libx264, libx265, libsvtav1, ffv1, prores_ks (needs a 4:2:2 10-bit "
        "original), or a hardware encoder such as h264_nvenc or hevc_qsv.",
        "--encoder",
    )
    crf: float = number(
        14,
        0,
        63,
        "",
        "Constant rate factor, or the equivalent quantiser of a hardware encoder. 0 is lossless with libx264.",
        "--crf",
    )
    preset: str = choice(
        "medium", "Speed preset: ultrafast ... veryslow, or a name that only this encoder knows.", "--encoder-preset"
    )
    segment_s: float = number(
        10,
        0.5,
        3600,
        "s",
        "Length of the independently encoded segments, the unit of parallel encoding and of resuming.",
    )
    threads: int = number(
        0,
        0,
        64,
        "threads",
        "Threads of the encoder, 0: as many as suit the machine. The bytes of the output depend on their number, the "
        "quality hardly does; `batch` fixes it, so that machines agree.",
    )


class AudioSettings(Group):
    """Sound of the output."""

    source: str = choice(
        "auto",
        "auto (the sound of the video whose timeline the output follows), original, synced, none, or the path of a "
        "sound file, which starts with the first frame and is cut at the end of the video.",
        "--audio",
    )


Against = Literal["expected", "original"]
Mark = Literal["off"] | Annotated[float, Field(ge=0, le=1000)]


def _mark(default: float | Literal["off"], unit: str, help_text: str) -> Any:
    return Field(default=default, description=help_text, json_schema_extra={"unit": unit})


class GateSettings(Group):
    """Pass marks of the quality measures; "off" reports a measure without judging it."""

    frame_share: float = number(
        0.95, 0.5, 1, "share", "Minimum share of frames within the marks of seam, ring and colour step."
    )
    against: Against = choice(
        "expected",
        "What seam, ring SSIM and overspill are held against: the picture that a right result would show, or the "
        "original, as they were published.",
    )
    score_min: Literal["off"] | Annotated[float, Field(ge=0, le=100)] = _mark(
        60.0, "of 100", "Minimum headline: 60 is just visible, 85 invisible."
    )
    seam_max: Mark = _mark("off", "", "Maximum seam discontinuity; 0.12 as published.")
    ring_ssim_min: Mark = _mark("off", "", "Minimum luma SSIM in the ring; 0.92 as published.")
    colour_step_max: Mark = _mark("off", "CIEDE2000", "Maximum colour step across the seam.")
    alpha_flicker_max: Mark = _mark("off", "", "Maximum alpha flicker in a shot; 0.08 as published.")
    overspill_max: Mark = _mark(
        "off", "share", "Maximum visible share of the original's lips in any frame; 0.001 as published."
    )
    lip_corr_min: Mark = _mark(
        "off", "correlation", "Minimum correlation of mouth opening between result and synced video."
    )
    untouched_max: Mark = _mark("off", "levels", "Maximum mean change of 16 x 16 pixels outside the matte.")
    colour_drift_max: Mark = _mark("off", "CIE76", "Maximum drift of the patch colour over a shot.")
    ring_flicker_max: Mark = _mark("off", "grey levels", "Maximum flicker in the ring.")
    cast_max: Mark = _mark("off", "CIE76", "Maximum colour cast inside the seam.")
    outside_max: Mark = _mark("off", "grey levels", "Maximum mean encoding loss outside the matte.")
    faulty_max: Mark = _mark("off", "share", "Maximum share of frames whose synced patch is itself faulty.")
    passed_through_max: Mark = _mark("off", "share", "Maximum share of frames without a patch.")
