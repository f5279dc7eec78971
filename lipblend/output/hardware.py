"""Encoders on graphics hardware: crf and speed preset translated to their options.

Sources: FFmpeg's documentation and source of its encoders (``libavcodec/nvenc*.c``, ``qsvenc*.c``, ``amfenc*.c``,
``videotoolboxenc.c``). `quality_options` says how each takes the quality.
"""

from __future__ import annotations

from dataclasses import dataclass

from lipblend.errors import OutputError, SettingsError

HARDWARE_ENCODERS = (
    "h264_nvenc", "hevc_nvenc", "av1_nvenc", "h264_qsv", "hevc_qsv", "av1_qsv", "h264_amf", "hevc_amf", "av1_amf",
    "h264_videotoolbox", "hevc_videotoolbox",
)  # fmt: skip
"""FFmpeg's names, ``codec_family``."""

NEEDS = {
    "nvenc": "an NVIDIA GPU with its driver",
    "qsv": "an Intel GPU with its driver and the oneVPL runtime",
    "amf": "an AMD GPU with its driver and the AMF runtime",
    "videotoolbox": "a Mac with Apple silicon",
}
"""Requirements of each family."""

_SURFACES_ONLY = ("vaapi", "vulkan", "d3d12va")
_KEY_FRAME_EVERY = "250"  # as x264
_QP2LAMBDA = 118  # FFmpeg's FF_QP2LAMBDA: the unit of global_quality together with the flag qscale

_SPEEDS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
_FAMILY_SPEEDS = {
    "nvenc": ("p1", "p1", "p2", "p3", "p3", "p4", "p5", "p6", "p7", "p7"),
    "qsv": (
        "veryfast", "veryfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "veryslow",
    ),
    "amf": (
        "speed", "speed", "speed", "speed", "balanced", "balanced", "quality", "quality", "quality", "quality",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class HardwareOptions:
    """FFmpeg options of an encoder, and notes on settings that it cannot follow."""

    options: dict[str, str]
    notes: tuple[str, ...]


def family_of(encoder: str) -> str | None:
    """The family of a hardware encoder, such as ``nvenc`` of ``h264_nvenc``; None for other encoders."""
    return encoder.rpartition("_")[2] if encoder in HARDWARE_ENCODERS else None


def has_speed_preset(encoder: str) -> bool:
    """Whether a hardware encoder has speed presets."""
    return encoder.rpartition("_")[2] in _FAMILY_SPEEDS


def reject_surface_encoders(encoder: str) -> None:
    """Reject encoders that accept pictures in GPU memory only.

    Raises
    ------
    OutputError
    """
    family = encoder.rpartition("_")[2]
    if family in _SURFACES_ONLY:
        raise OutputError(
            f"{encoder} accepts pictures in GPU memory only, which lipblend does not support",
            hint=f"Use {encoder.rpartition('_')[0]}_qsv or another encoder listed by `lipblend doctor`, or leave out "
            "--encoder.",
        )


def hardware_options(encoder: str, *, crf: float, preset: str, depth: int) -> HardwareOptions:
    """Options of a hardware encoder, with closed groups of at most 250 pictures, as x264's.

    Parameters
    ----------
    encoder : str
        One of `HARDWARE_ENCODERS`.
    crf : float
        ``encode.crf``: 0 to 51, or 63 for AV1.
    preset : str
        ``encode.preset``: one of x264's, or the encoder's own.
    depth : int
        Bits per sample.

    Raises
    ------
    SettingsError
        The encoder does not have this crf or preset.
    """
    codec, _, family = encoder.rpartition("_")
    max_crf = 63 if codec == "av1" else 51
    if crf > max_crf:
        raise SettingsError(f"{encoder} takes crf 0 to {max_crf}, not {crf:g}", hint="Choose a smaller --crf.")
    quality, notes = quality_options(encoder, crf)
    options = {"g": _KEY_FRAME_EVERY, **quality}
    options["flags"] = "+cgop" + options.get("flags", "")
    speed = _speed(encoder, preset)
    if speed:
        options["preset"] = speed
    if codec == "hevc" and depth == 10 and family != "nvenc":  # nvenc sets it itself
        options["profile"] = "main10"
    return HardwareOptions(options, notes)


def quality_options(encoder: str, crf: float) -> tuple[dict[str, str], tuple[str, ...]]:
    """Translate a crf to an encoder's options, with notes.

    All scales are like x264's crf, from 0 (best) to 51, or 63 for AV1; the same number does not give the same size.

    ============  =================================================================================================
    nvenc         ``rc=vbr cq=crf b=0``, constant quality: 0 to 51, for AV1 0 to 63, fractions allowed; 0 would
                  mean automatic. crf 0 of H.264 and H.265 is ``tune=lossless``.
    qsv           ``global_quality=crf`` without the flag qscale: ICQ, whole numbers from 1 to 51 (AV1: crf * 51 / 63)
    amf           ``rc=cqp`` with one quantiser for all pictures: 0 to 51, for AV1 0 to 255 (4 crf)
    videotoolbox  the flag qscale and ``global_quality`` in percent: 100 - crf / 51 * 100, at least 1. Apple publishes
                  no scale; this one is linear.
    ============  =================================================================================================
    """
    codec, _, family = encoder.rpartition("_")
    if family == "nvenc":
        if crf == 0 and codec != "av1":
            return {"tune": "lossless", "rc": "constqp", "qp": "0"}, ()
        cq = crf or 1
        return {"tune": "hq", "rc": "vbr", "cq": f"{cq:g}", "b": "0"}, _not_lossless(encoder, crf, "1")
    if family == "qsv":
        scaled = crf * 51 / 63 if codec == "av1" else crf
        return {"global_quality": str(max(1, round(scaled)))}, _not_lossless(encoder, crf, "1")
    if family == "amf":
        quantiser = str(round(crf * (4 if codec == "av1" else 1)))
        options = {"usage": "transcoding", "rc": "cqp", "qp_i": quantiser, "qp_p": quantiser}
        if codec != "hevc":  # it has no B-frames here
            options["qp_b"] = quantiser
        return options, _not_lossless(encoder, crf, "0")
    share = max(1, round(100 - crf / 51 * 100))
    return {"flags": "+qscale", "global_quality": str(share * _QP2LAMBDA)}, _not_lossless(encoder, crf, "its best")


def start_error(encoder: str, reason: str) -> OutputError:
    """The error for an encoder of this FFmpeg that cannot be opened; ``reason`` in FFmpeg's words."""
    family = family_of(encoder)
    needs = f"It needs {NEEDS[family]}. " if family else ""
    return OutputError(
        f"{encoder} does not start on this machine: {reason}",
        hint=f"{needs}Leave out --encoder to use libx264; `lipblend doctor` lists the encoders that start here.",
    )


def _speed(encoder: str, preset: str) -> str:
    """The encoder's own name for a speed preset; empty if it has none."""
    if not has_speed_preset(encoder):
        return ""
    family = encoder.rpartition("_")[2]
    translated = dict(zip(_SPEEDS, _FAMILY_SPEEDS[family], strict=True))
    own = list(dict.fromkeys(_FAMILY_SPEEDS[family]))
    if preset not in translated and preset not in own:
        raise SettingsError(
            f"{encoder} has no preset '{preset}'", hint=f"Use one of {', '.join(dict.fromkeys([*_SPEEDS, *own]))}."
        )
    return translated.get(preset, preset)


def _not_lossless(encoder: str, crf: float, instead: str) -> tuple[str, ...]:
    return (f"{encoder} has no lossless mode: crf 0 is replaced by {instead}",) if crf == 0 else ()
