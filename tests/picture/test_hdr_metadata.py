"""HDR metadata: read from files, written by encoders, or noted as lost."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.picture.formats import ColourTags
from lipblend.picture.hdr import ContentLight, MasteringDisplay, content_light, encoder_parameters, mastering_display
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

F = Fraction
P3 = MasteringDisplay(
    red=(F(34000, 50000), F(16000, 50000)),
    green=(F(13250, 50000), F(34500, 50000)),
    blue=(F(7500, 50000), F(3000, 50000)),
    white=(F(15635, 50000), F(16450, 50000)),
    min_luminance=F(50, 10000),
    max_luminance=F(1000),
)
TEXT = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
LIGHT = ContentLight(1000, 400)
PQ, HLG = (9, 9, 16, 1), (9, 9, 18, 1)


def make_video(
    path: Path,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = (64, 48),
    frames: int = 3,
    colour: tuple[int, int, int, int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video of noise with colour tags."""
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options or {"qp": "0", "preset": "ultrafast"})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pix_fmt
        if colour:
            context.colorspace, context.color_primaries, context.color_trc, context.color_range = colour
        for index in range(frames):
            frame = av.VideoFrame(*size, pix_fmt)
            deep = frame.format.components[0].bits > 8
            for plane in frame.planes:
                codes = (
                    rng.integers(64, 940, plane.buffer_size // 2) if deep else rng.integers(16, 236, plane.buffer_size)
                )
                plane.update(codes.astype(np.uint16 if deep else np.uint8).tobytes())
            frame.pts = index
            if colour:
                frame.color_range = colour[3]
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def hdr_video(path: Path, *, mastering: bool = True) -> Path:
    parameters = f"log-level=error:master-display={TEXT}:max-cll=1000,400" if mastering else "log-level=error"
    return make_video(
        path,
        codec="libx265",
        pix_fmt="yuv420p10le",
        size=(128, 96),
        frames=4,
        colour=PQ,
        options={"preset": "ultrafast", "x265-params": parameters},
    )


def copy(source: Path, target: Path, encoder: str) -> list[str]:
    info = probe(source)
    encode = EncodeSettings(encoder=encoder, preset="ultrafast", crf=20)
    silent = AudioPlan(None, None, "none", ())
    with VideoReader(info) as reader, VideoWriter(target, info, encode=encode, audio=silent, extras_from=info) as out:
        for frame in reader:
            out.write(frame)
    return [note for note in out.notes if "HDR" in note]


def numbers(display: MasteringDisplay) -> list[float]:
    points = (*display.red, *display.green, *display.blue, *display.white)
    return [float(value) for value in (*points, display.min_luminance, display.max_luminance)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "suffix"),
    [("libx265", "mp4"), ("libx265", "mkv"), ("libx264", "mov"), ("libsvtav1", "mp4"), ("libsvtav1", "webm")],
)
def test_mastering_display_and_light_levels_are_kept(tmp_path: Path, encoder: str, suffix: str) -> None:
    source = hdr_video(tmp_path / "hdr.mp4")
    original = probe(source)
    assert (original.mastering_display, original.content_light, original.hdr_dropped) == (P3, LIGHT, ())
    assert original.hdr_metadata
    assert copy(source, tmp_path / f"out.{suffix}", encoder) == []
    result = probe(tmp_path / f"out.{suffix}")
    assert result.colour == original.colour == ColourTags(*PQ)
    assert result.layout.name == "yuv420p10le"
    assert result.content_light == LIGHT
    assert result.mastering_display is not None
    # AV1 stores chromaticities in 1/65536 and light in 1/256 and 1/16384 cd/m².
    exact = encoder != "libsvtav1"
    assert numbers(result.mastering_display) == pytest.approx(numbers(P3), abs=0 if exact else 4e-5)


def test_without_hdr_metadata_none_is_written(tmp_path: Path) -> None:
    source = hdr_video(tmp_path / "hdr.mp4", mastering=False)
    assert copy(source, tmp_path / "out.mp4", "libx265") == []
    result = probe(tmp_path / "out.mp4")
    assert (result.mastering_display, result.content_light, result.colour) == (None, None, ColourTags(*PQ))
    assert not result.hdr_metadata


@pytest.mark.parametrize("encoder", ["ffv1", "libx264"])
def test_hlg_stays_hlg(tmp_path: Path, encoder: str) -> None:
    source = make_video(tmp_path / "hlg.mp4", pix_fmt="yuv420p10le", colour=HLG)
    copy(source, tmp_path / "out.mkv", encoder)
    result = probe(tmp_path / "out.mkv")
    assert (result.colour, result.layout.depth) == (ColourTags(*HLG), 10)


def test_encoder_that_cannot_store_it_is_noted(tmp_path: Path) -> None:
    (note,) = copy(hdr_video(tmp_path / "hdr.mp4"), tmp_path / "out.mkv", "ffv1")
    assert note == (
        "HDR mastering data of the original is not kept: ffv1 does not support it (libx265, libx264, libsvtav1 do)"
    )


def test_dynamic_metadata_is_noted(tmp_path: Path) -> None:
    info = replace(probe(make_video(tmp_path / "original.mp4")), hdr_dropped=("HDR10+", "Dolby Vision"))
    silent = AudioPlan(None, None, "none", ())
    with (
        VideoReader(info) as reader,
        VideoWriter(tmp_path / "out.mp4", info, encode=EncodeSettings(), audio=silent, extras_from=info) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    assert "HDR metadata of the original is not kept: HDR10+, Dolby Vision" in writer.notes


def test_hdr10_plus_is_recognised(tmp_path: Path) -> None:
    """A user-data SEI message with an (empty) SMPTE ST 2094-40 description, put before the first picture."""
    bits = "00000001" + "01" + format(1000, "027b") + "0"  # version, windows, target luminance, no target table
    bits += "0" * 17 * 3 + "0" * 17 + "0000" + "0" * 10  # maxscl, average, no percentiles, fraction of bright pixels
    bits += "0" + "0" + "0"  # no mastering table, no tone mapping, no saturation weight
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    message = bytes([0xB5, 0x00, 0x3C, 0x00, 0x01, 0x04]) + body
    payload = bytes([4, len(message)]) + message + b"\x80"
    escaped = payload.replace(b"\x00\x00\x00", b"\x00\x00\x03\x00").replace(b"\x00\x00\x01", b"\x00\x00\x03\x01")
    sei = b"\x00\x00\x00\x01\x4e\x01" + escaped
    raw = tmp_path / "plus.h265"
    with av.open(str(hdr_video(tmp_path / "plain.mkv", mastering=False))) as container:
        annex_b = av.BitStreamFilterContext("hevc_mp4toannexb", container.streams.video[0])
        packets = [bytes(out) for p in container.demux(video=0) if p.size for out in annex_b.filter(p)]
    at = packets[0].rfind(b"\x00\x00\x01\x28")  # IDR_N_LP or IDR_W_RADL slice
    at = at if at >= 0 else packets[0].rfind(b"\x00\x00\x01\x26")
    assert at > 0
    at -= packets[0][at - 1] == 0
    raw.write_bytes(packets[0][:at] + sei + b"".join([packets[0][at:], *packets[1:]]))
    assert probe(raw).hdr_dropped == ("HDR10+",)
    assert probe(raw).hdr_metadata


def test_metadata_with_missing_parts_is_ignored() -> None:
    full = struct.pack("=22i", *[1, 2] * 10, 1, 1)
    assert mastering_display(full) is not None
    assert mastering_display(struct.pack("=22i", *[1, 2] * 10, 1, 0)) is None
    assert mastering_display(struct.pack("=22i", *[1, 0] * 10, 1, 1)) is None
    assert mastering_display(full[:40]) is None
    assert content_light(struct.pack("=2I", 0, 0)) is None
    assert content_light(b"") is None


def test_parameters_of_each_encoder() -> None:
    assert encoder_parameters("libx265", P3, LIGHT, transfer=16, depth=10) == [
        f"master-display={TEXT}",
        "max-cll=1000,400",
        "hdr10-opt=1",
    ]
    assert encoder_parameters("libx264", P3, None, transfer=16, depth=10) == [f"mastering-display={TEXT}"]
    assert encoder_parameters("libsvtav1", None, LIGHT, transfer=16, depth=10) == ["content-light=1000,400"]
    assert encoder_parameters("libvpx-vp9", P3, LIGHT, transfer=16, depth=10) == []
