"""Hardware encoders, as far as they can be tested without the hardware: options, pixel formats, and errors."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import CodecContext

from lipblend.errors import OutputError, SettingsError
from lipblend.output import encoders, encoding
from lipblend.output.encoder_trial import try_encoder
from lipblend.output.encoding import add_video_stream, check_output, in_encoder_format
from lipblend.output.hardware import HARDWARE_ENCODERS, NEEDS, family_of, hardware_options, has_speed_preset
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from tests.small_videos import LOSSLESS, SILENT, MakeVideo, frames_of, rewrite

BUILT = [name for name in HARDWARE_ENCODERS if name in av.codecs_available]
X264_PRESETS = tuple(encoders.SVT_PRESETS)


@pytest.mark.parametrize(
    ("encoder", "crf", "preset", "depth", "expected"),
    [
        ("h264_nvenc", 14, "medium", 8, {"rc": "vbr", "cq": "14", "b": "0", "tune": "hq", "preset": "p4"}),
        ("hevc_nvenc", 17.5, "veryslow", 10, {"rc": "vbr", "cq": "17.5", "b": "0", "tune": "hq", "preset": "p7"}),
        ("h264_nvenc", 0, "p2", 8, {"rc": "constqp", "qp": "0", "tune": "lossless", "preset": "p2"}),
        ("av1_nvenc", 63, "ultrafast", 8, {"rc": "vbr", "cq": "63", "b": "0", "tune": "hq", "preset": "p1"}),
        ("av1_nvenc", 0, "slow", 8, {"rc": "vbr", "cq": "1", "b": "0", "tune": "hq", "preset": "p5"}),
        ("h264_qsv", 14.4, "superfast", 8, {"global_quality": "14", "preset": "veryfast"}),
        ("hevc_qsv", 0, "placebo", 10, {"global_quality": "1", "preset": "veryslow", "profile": "main10"}),
        ("av1_qsv", 63, "medium", 8, {"global_quality": "51", "preset": "medium"}),
        (
            "h264_amf", 20, "fast", 8,
            {"usage": "transcoding", "rc": "cqp", "qp_i": "20", "qp_p": "20", "qp_b": "20", "preset": "balanced"},
        ),
        (
            "hevc_amf", 51, "slow", 10,
            {"usage": "transcoding", "rc": "cqp", "qp_i": "51", "qp_p": "51", "preset": "quality", "profile": "main10"},
        ),
        (
            "av1_amf", 63, "speed", 8,
            {"usage": "transcoding", "rc": "cqp", "qp_i": "252", "qp_p": "252", "qp_b": "252", "preset": "speed"},
        ),
        ("h264_videotoolbox", 51, "medium", 8, {"flags": "+qscale", "global_quality": "118"}),
        ("hevc_videotoolbox", 0, "x", 10, {"flags": "+qscale", "global_quality": "11800", "profile": "main10"}),
    ],
)  # fmt: skip
def test_crf_and_preset_of_each_encoder(
    encoder: str, crf: float, preset: str, depth: int, expected: dict[str, str]
) -> None:
    found = hardware_options(encoder, crf=crf, preset=preset, depth=depth)
    flags = "+cgop" + expected.get("flags", "")
    assert found.options == {**expected, "g": "250", "flags": flags}
    lossless = family_of(encoder) == "nvenc" and not encoder.startswith("av1")
    assert any("no lossless mode" in note for note in found.notes) == (crf == 0 and not lossless)
    assert has_speed_preset(encoder) == ("videotoolbox" not in encoder)


@pytest.mark.parametrize("encoder", BUILT)
def test_this_ffmpeg_knows_every_option(encoder: str) -> None:
    known = CodecContext.create(encoder, "w").supported_options
    options = {option.name: option for option in (*known.generic, *known.private)}
    max_crf = 63 if encoder.startswith("av1") else 51
    for crf in (0, 0.4, 14, max_crf):
        for preset in X264_PRESETS:
            for depth in (8, 10):
                given = hardware_options(encoder, crf=crf, preset=preset, depth=depth).options
                if depth == 10 and encoder.startswith("h264"):
                    assert "profile" not in given
                for key, value in given.items():
                    option, choices = options[key], [choice.name for choice in options[key].choices]
                    if key == "flags":
                        assert all(flag in choices for flag in value.strip("+").split("+")), value
                    elif value.replace(".", "").isdigit():
                        assert option.min <= float(value) <= option.max, (key, value)
                    else:
                        assert value in choices, (key, value, choices)


@pytest.mark.parametrize("encoder", HARDWARE_ENCODERS)
def test_quality_falls_with_crf(encoder: str) -> None:
    def asked(crf: float) -> float:
        given = hardware_options(encoder, crf=crf, preset="medium", depth=8).options
        value = given.get("cq") or given.get("global_quality") or given.get("qp_p") or given["qp"]
        return -float(value) if "videotoolbox" in encoder else float(value)

    scale = [asked(crf) for crf in range(0, 64 if encoder.startswith("av1") else 52)]
    assert scale == sorted(scale)
    assert len(set(scale)) > 45
    assert family_of(encoder) in NEEDS


def test_unknown_crf_and_presets_are_rejected() -> None:
    with pytest.raises(SettingsError, match="h264_nvenc takes crf 0 to 51, not 52"):
        hardware_options("h264_nvenc", crf=52, preset="medium", depth=8)
    with pytest.raises(SettingsError, match="no preset 'speedy'") as caught:
        hardware_options("hevc_nvenc", crf=14, preset="speedy", depth=8)
    assert "veryslow" in caught.value.hint
    assert "p7" in caught.value.hint
    with pytest.raises(SettingsError, match="no preset 'p4'"):
        hardware_options("h264_qsv", crf=14, preset="p4", depth=8)


@pytest.mark.parametrize("encoder", ["h264_vaapi", "av1_vulkan", "hevc_d3d12va"])
def test_encoders_of_gpu_memory_are_rejected(make_video: MakeVideo, tmp_path: Path, encoder: str) -> None:
    with pytest.raises(OutputError, match="GPU memory") as caught:
        check_output(tmp_path / "out.mp4", probe(make_video()), EncodeSettings(encoder=encoder), [])
    assert "lipblend doctor" in caught.value.hint


def test_an_unknown_encoder_lists_those_of_the_build(make_video: MakeVideo, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="this FFmpeg has no encoder 'h264_nvec'") as caught:
        check_output(tmp_path / "out.mp4", probe(make_video()), EncodeSettings(encoder="h264_nvec"), [])
    for name in ("libx264", *BUILT):
        assert name in caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("encoder", BUILT)
def test_an_encoder_without_its_device(make_video: MakeVideo, tmp_path: Path, encoder: str) -> None:
    level, info = av.logging.get_level(), probe(make_video(size=(320, 240)))
    reason = try_encoder(encoder)
    if not reason:
        pytest.skip(f"{encoder} works here")
    for _ in range(2):  # PyAV suppresses repeated messages
        with pytest.raises(OutputError, match=f"{encoder} does not start on this machine: ") as caught:
            check_output(tmp_path / "out.mp4", info, EncodeSettings(encoder=encoder), [])
        assert caught.value.message.endswith(reason)
        assert "Unknown error occurred" != reason != "Operation not permitted"  # the text of the error code alone
        assert "Leave out --encoder" in caught.value.hint
        assert caught.value.exit_code == 7
    assert av.logging.get_level() == level
    assert list(tmp_path.glob("out*")) == []


def stream_of(info: VideoInfo, encoder: str, suffix: str = ".mp4") -> tuple[av.VideoStream, list[str]]:
    container = av.open(io.BytesIO(), "w", format="mp4" if suffix == ".mp4" else "matroska")
    stream, notes = add_video_stream(container, Path(f"out{suffix}"), info, EncodeSettings(encoder=encoder))
    return stream, notes


@pytest.mark.parametrize(
    ("encoder", "layout", "expected"),
    [
        ("h264_nvenc", "yuv420p", "yuv420p"),
        ("h264_nvenc", "yuvj420p", "yuv420p"),
        ("hevc_nvenc", "yuv420p10le", "p010le"),
        ("hevc_nvenc", "yuv422p10le", "p210le"),
        ("hevc_nvenc", "yuv422p", "nv16"),
        ("hevc_nvenc", "yuv444p10le", "yuv444p10msble"),
        ("h264_qsv", "yuv420p", "nv12"),
        ("hevc_qsv", "yuvj420p", "nv12"),
        ("av1_qsv", "yuv420p10le", "p010le"),
        ("hevc_amf", "yuv420p10le", "p010le"),
        ("h264_qsv", "yuv420p10le", ""),
        ("h264_qsv", "yuv444p", ""),
        ("av1_amf", "yuv422p", ""),
    ],
)
def test_pixel_formats(make_video: MakeVideo, encoder: str, layout: str, expected: str) -> None:
    if encoder not in BUILT:
        pytest.skip(f"{encoder} is not built in")
    info = probe(make_video(colour=(1, 1, 1, 1)))
    shift = 0 if "444" in layout else 1
    info = replace(
        info,
        layout=replace(
            info.layout,
            name=layout,
            depth=10 if "10" in layout else 8,
            chroma_w_shift=shift,
            chroma_h_shift=0 if "422" in layout else shift,
        ),
    )
    if not expected:
        with pytest.raises(OutputError, match=f"{encoder} cannot encode {layout}"):
            stream_of(info, encoder)
        return
    stream, notes = stream_of(info, encoder)
    context = stream.codec_context
    assert (context.pix_fmt, context.bit_rate or 0, notes) == (expected, 0, [])
    assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
    assert (context.codec_tag == "hvc1") == encoder.startswith("hevc")
    with pytest.raises(OutputError, match="even sizes only"):
        stream_of(replace(info, width=info.width + 1) if "444" not in layout else odd_420(info), encoder)


def odd_420(info: VideoInfo) -> VideoInfo:
    layout = replace(info.layout, name="yuv420p", depth=8, chroma_w_shift=1, chroma_h_shift=1)
    return replace(info, layout=layout, height=info.height + 1)


def samples(picture: av.VideoFrame) -> list[np.ndarray]:
    """Rows of codes of each plane, without padding."""
    wide = picture.format.components[0].bits > 8
    found = []
    for plane in picture.planes:
        rows = np.frombuffer(plane, np.uint16 if wide else np.uint8).reshape(plane.height, -1)
        interleaved = len(picture.planes) == 2 and plane is not picture.planes[0]
        found.append(rows[:, : plane.width * (2 if interleaved and rows.shape[1] >= 2 * plane.width else 1)])
    return found


@pytest.mark.parametrize(
    ("planar", "packed"),
    [("yuv420p", "nv12"), ("yuvj420p", "nv12"), ("yuv422p", "nv16"), ("yuv420p10le", "p010le"),
     ("yuv422p10le", "p210le"), ("yuv444p10le", "yuv444p10msble"), ("yuvj420p", "yuv420p")],
)  # fmt: skip
@pytest.mark.parametrize("size", [(320, 240), (322, 242), (1030, 66)])
def test_semi_planar_formats_keep_all_samples(planar: str, packed: str, size: tuple[int, int]) -> None:
    picture = av.VideoFrame(*size, planar)
    picture.color_range = 2 if planar.startswith("yuvj") else 1
    rng = np.random.default_rng(3)
    deep = "10" in planar
    for plane in picture.planes:
        codes = rng.integers(0, 1024 if deep else 256, plane.buffer_size // (2 if deep else 1))
        plane.update(codes.astype(np.uint16 if deep else np.uint8).tobytes())
    found = in_encoder_format(picture, packed)
    assert (found.format.name, found.color_range) == (packed, picture.color_range)
    luma, *chroma = samples(picture)
    width = picture.planes[1].width
    scale = 64 if deep else 1
    converted = samples(found)
    assert np.array_equal(converted[0], luma * scale)
    for number, plane in enumerate(chroma):
        got = converted[1][:, number : 2 * width : 2] if len(converted) == 2 else converted[1 + number]
        assert np.array_equal(got, plane * scale)


@pytest.mark.parametrize("layout", ["yuv420p", "yuvj420p"])
def test_a_video_written_in_a_semi_planar_format_is_the_same(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    # x264 takes both orders, and stands for an encoder that takes only this one.
    monkeypatch.setattr(encoding, "encoder_format", lambda *_: "nv12")
    source = make_video(pix_fmt=layout, colour=(1, 1, 1, 2 if layout == "yuvj420p" else 1))
    target = tmp_path / "out.mkv"
    writer = rewrite(source, target, LOSSLESS, SILENT)
    pairs = list(zip(frames_of(source), frames_of(target), strict=True))
    assert len(pairs) == writer.frames_written == 10
    for first, second in pairs:
        assert first.time_s == pytest.approx(second.time_s, abs=0.001)
        assert all(np.array_equal(a, b) for a, b in zip(first.planes, second.planes, strict=True))
