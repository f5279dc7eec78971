"""Alpha channels are kept bit for bit, or a note says that they are not."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from alpha_films import SILENT, SIZE, alphas, film, noise, picture, reencoded

from lipblend.errors import OutputError
from lipblend.output.coded import SegmentEncoder
from lipblend.output.encoding import check_output
from lipblend.output.scaling import scaled_info, scaled_picture
from lipblend.output.writer import VideoWriter
from lipblend.picture.alpha_channel import alpha_plane, convert_depth
from lipblend.picture.formats import ColourTags
from lipblend.picture.layouts import nearest_layout, to_layout
from lipblend.segments.encode import Done
from lipblend.segments.job import Tally
from lipblend.segments.segment_files import SegmentFile, SegmentFileWriter
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader
from lipblend.video.seeking import WindowReader

LOSSY_VP9 = {"crf": "20", "b": "0"}


SOURCES = {  # file name, codec, pixel format, pixel format of the decoded pictures
    "prores": ("in.mov", "prores_ks", "yuva444p10le", "yuva444p12le"),
    "vp9": ("in.webm", "libvpx-vp9", "yuva420p", "yuva420p"),
    "png": ("in.mov", "png", "rgba", "yuva444p"),
    "grey png": ("in.mov", "png", "ya8", "yuva444p"),
    "deep png": ("in.mov", "png", "rgba64be", "yuva444p16le"),
    "qtrle": ("in.mov", "qtrle", "argb", "yuva444p"),
    "ffv1 4:2:0": ("in.mkv", "ffv1", "yuva420p", "yuva420p"),
    "ffv1 4:2:2, 10 bits": ("in.mkv", "ffv1", "yuva422p10le", "yuva422p10le"),
    "ffv1 4:4:4, 12 bits": ("in.mkv", "ffv1", "yuva444p12le", "yuva444p12le"),
    "ffv1 RGB": ("in.mkv", "ffv1", "gbrap10le", "yuva444p10le"),
}


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "read_as"), SOURCES.values(), ids=SOURCES)
def test_every_alpha_channel_is_read_and_kept_by_ffv1(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, read_as: str
) -> None:
    source = noise(tmp_path / name, codec, pix_fmt, options=LOSSY_VP9 if codec == "libvpx-vp9" else None)
    info = probe(source)
    assert (info.layout.name, info.layout.alpha, info.opaque) == (read_as, True, False)
    notes = reencoded(source, tmp_path / "out.mkv", "ffv1")
    assert not any("alpha" in note for note in notes)
    result = alphas(tmp_path / "out.mkv")
    assert len(result) == 6
    np.testing.assert_array_equal(result, alphas(source))


@pytest.mark.parametrize(
    ("pix_fmt", "channel", "count"), [("rgba", 3, 4), ("argb", 0, 4), ("bgra", 3, 4), ("ya8", 1, 2), ("rgba64be", 3, 4)]
)
def test_alpha_of_packed_pictures_is_exact(pix_fmt: str, channel: int, count: int) -> None:
    """swscale is off by one in some pixels when it converts packed RGB directly."""
    frame, layout = picture(pix_fmt, 1), nearest_layout(pix_fmt)
    dtype = np.dtype(">u2" if pix_fmt.endswith("be") else np.uint8)
    packed = np.frombuffer(frame.planes[0], dtype).reshape(SIZE[1], -1)[:, : SIZE[0] * count]
    alpha = alpha_plane(to_layout(frame, layout, ColourTags(1, 1, 1, 1)), layout)
    assert alpha is not None
    np.testing.assert_array_equal(alpha, packed.reshape(SIZE[1], SIZE[0], count)[..., channel])


def test_grey_with_alpha_keeps_its_grey() -> None:
    frame, layout = picture("ya8", 1), nearest_layout("ya8")
    for value_range in (0, 1, 2):
        made = to_layout(frame, layout, ColourTags(2, 2, 2, value_range))
        grey = np.frombuffer(made.planes[0], np.uint8).reshape(SIZE[1], -1)[:, : SIZE[0]]
        packed = np.frombuffer(frame.planes[0], np.uint8).reshape(SIZE[1], -1)[:, : 2 * SIZE[0]]
        np.testing.assert_array_equal(grey, packed[:, ::2])


def test_deep_planar_rgb_is_converted_the_same_every_time(tmp_path: Path) -> None:
    """On several threads swscale gave different pictures in one of twelve frames."""
    source = noise(tmp_path / "in.mkv", "ffv1", "gbrp10le", 8)
    seen: set[bytes] = set()
    for _ in range(12):
        with VideoReader(probe(source)) as reader:
            seen.add(b"".join(plane.tobytes() for frame in reader for plane in frame.planes))
    assert len(seen) == 1


@pytest.mark.parametrize("encoder", ["png", "qtrle"])
@pytest.mark.parametrize("source", ["png", "qtrle"])
def test_rgb_is_written_as_rgb(tmp_path: Path, source: str, encoder: str) -> None:
    name, codec, pix_fmt, _ = SOURCES[source]
    path = noise(tmp_path / name, codec, pix_fmt)
    notes = reencoded(path, tmp_path / "out.mov", encoder)
    assert not any("alpha" in note for note in notes)
    assert probe(tmp_path / "out.mov").source_format == {"png": "rgba", "qtrle": "argb"}[encoder]
    np.testing.assert_array_equal(alphas(path), alphas(tmp_path / "out.mov"))
    # Colours pass through 8-bit limited YCbCr, as in every output of an RGB original.
    with av.open(str(path)) as original, av.open(str(tmp_path / "out.mov")) as result:
        for a, b in zip(original.decode(video=0), result.decode(video=0), strict=True):
            difference = a.to_ndarray(format="rgb24").astype(int) - b.to_ndarray(format="rgb24")
            assert np.abs(difference).max() <= 3


@pytest.mark.parametrize("name", ["out.mov", "out.mkv"])
def test_prores_keeps_ten_bits_of_alpha(tmp_path: Path, name: str) -> None:
    """FFmpeg decodes ProRes 4444 in 12 bits and encodes it in 10: its own files are reproduced exactly."""
    source = noise(tmp_path / "in.mov", "prores_ks", "yuva444p10le")
    notes = reencoded(source, tmp_path / name, "prores_ks")
    assert "pictures converted from 12 to 10 bits (with the alpha channel) for prores_ks" in notes
    np.testing.assert_array_equal(alphas(source), alphas(tmp_path / name))
    coded = [alpha_plane(picture("yuva444p10le", n), nearest_layout("yuva444p10le")) for n in range(6)]
    np.testing.assert_array_equal([alpha >> 2 for alpha in alphas(tmp_path / name)], coded)


def test_eight_bits_become_ten_and_come_back() -> None:
    layout = nearest_layout("yuva444p")
    frame = picture("yuva444p", 1)
    alpha = alpha_plane(frame, layout, writable=True)
    assert alpha is not None
    alpha[0, :2] = 0, 255
    made = convert_depth(frame, layout, "yuva444p10le")
    deep = alpha_plane(made, nearest_layout("yuva444p10le"))
    assert deep is not None
    assert deep[0, :2].tolist() == [0, 1023]
    np.testing.assert_array_equal(deep >> 2, alpha)
    wide = np.frombuffer(made.planes[0], np.uint16).reshape(SIZE[1], -1)[:, : SIZE[0]]
    np.testing.assert_array_equal(
        wide, np.frombuffer(frame.planes[0], np.uint8).reshape(SIZE[1], -1)[:, : SIZE[0]] * 4.0
    )


def test_prores_without_alpha_is_written_as_prores_reencoded(tmp_path: Path) -> None:
    source = noise(tmp_path / "in.mov", "prores_ks", "yuv444p10le")
    assert probe(source).layout.name == "yuv444p12le"
    notes = reencoded(source, tmp_path / "out.mov", "prores_ks")
    assert "pictures converted from 12 to 10 bits for prores_ks" in notes


@pytest.mark.slow(2)
@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_vp9_keeps_alpha_as_well_as_its_colours(tmp_path: Path, suffix: str) -> None:
    source = noise(tmp_path / "in.mkv", "ffv1", "yuva420p", 30)
    lossy = reencoded(source, tmp_path / f"out{suffix}", "libvpx-vp9", 20)
    (note,) = [note for note in lossy if "alpha" in note]
    assert note == "libvpx-vp9 compresses the alpha channel with losses, as the colours; --crf 0 keeps it exactly"
    original, result = np.array(alphas(source)), np.array(alphas(tmp_path / f"out{suffix}"))
    assert 0 < np.abs(original.astype(int) - result).max() < 64
    exact = reencoded(source, tmp_path / f"exact{suffix}", "libvpx-vp9", 0)
    assert not any("alpha" in note for note in exact)
    np.testing.assert_array_equal(original, alphas(tmp_path / f"exact{suffix}"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "name", "encoder", "keepers"),
    [
        ("vp9", "out.mp4", "libx264", "ffv1 in .mkv, libvpx-vp9 in .mkv"),
        ("vp9", "out.mp4", "libvpx-vp9", "ffv1 in .mkv, libvpx-vp9 in .mkv"),
        ("vp9", "out.webm", "libsvtav1", "libvpx-vp9 in .webm, ffv1 in .mkv"),
        ("png", "out.mov", "libx264", "prores_ks in .mov, png in .mov, qtrle in .mov, ffv1 in .mkv"),
        ("prores", "out.mp4", "libx265", "prores_ks in .mov, ffv1 in .mkv"),
    ],
)
def test_note_says_that_alpha_is_not_kept(tmp_path: Path, source: str, name: str, encoder: str, keepers: str) -> None:
    path, codec, pix_fmt, read_as = SOURCES[source]
    path = noise(tmp_path / path, codec, pix_fmt, options=LOSSY_VP9 if codec == "libvpx-vp9" else None)
    out = tmp_path / name
    notes = [note for note in reencoded(path, out, encoder) if "alpha" in note]
    why = f"{encoder} cannot encode it in this container; these keep it: {keepers}"
    assert notes == [f"the original's alpha channel is not kept: {why}"]
    assert probe(out).layout.name == read_as.replace("yuva", "yuv")


def test_error_names_encoders_that_keep_the_alpha_channel(tmp_path: Path) -> None:
    source = noise(tmp_path / "in.mov", "prores_ks", "yuva444p10le", 1)
    encode = EncodeSettings(encoder="libx264")
    with pytest.raises(
        OutputError, match=r"cannot encode yuva444p12le.*With its alpha channel: prores_ks in \.mov, ffv1"
    ):
        check_output(tmp_path / "out.mov", probe(source), encode, [source])


def test_colours_do_not_change_without_the_alpha_channel(tmp_path: Path) -> None:
    source = noise(tmp_path / "in.mkv", "ffv1", "yuva420p")
    reencoded(source, tmp_path / "out.mp4", "libx264", 0)
    with VideoReader(probe(source)) as original, VideoReader(probe(tmp_path / "out.mp4")) as result:
        for frames in zip(original, result, strict=True):
            for planes in zip(*(frame.planes for frame in frames), strict=True):
                np.testing.assert_array_equal(*planes)


def test_note_mentions_an_opaque_channel(tmp_path: Path) -> None:
    frames = [picture("rgba", index) for index in range(2)]
    for frame in frames:
        packed = np.frombuffer(frame.planes[0], np.uint8).copy()
        packed[3::4] = 255
        frame.planes[0].update(packed.tobytes())
    source = film(tmp_path / "in.mov", "png", frames)
    assert probe(source).opaque
    notes = reencoded(source, tmp_path / "out.mp4", "libx264")
    (note,) = [note for note in notes if "alpha" in note]
    assert note.startswith("the original's alpha channel (opaque in the first picture) is not kept: ")
    assert "pictures converted from rgba to yuv444p" in notes


def test_copies_and_writable_frames_have_the_alpha_channel(tmp_path: Path) -> None:
    source = noise(tmp_path / "in.mkv", "ffv1", "yuva422p10le", 2)
    with VideoReader(probe(source)) as reader:
        frame = next(iter(reader))
        assert len(frame.planes) == 3
        for other in (frame.copy(), frame.writable()):
            np.testing.assert_array_equal(
                alpha_plane(other.handle, other.layout), alpha_plane(picture("yuva422p10le", 0), frame.layout)
            )


@pytest.mark.slow
def test_windows_of_vp9_have_the_alpha_channel(tmp_path: Path) -> None:
    source = noise(tmp_path / "in.webm", "libvpx-vp9", "yuva420p", 40, {**LOSSY_VP9, "g": "10"})
    info, whole = probe(source), alphas(source)
    with VideoReader(info) as reader:
        pts = [frame.pts for frame in reader]
    with WindowReader(info, pts[25], pts[28]) as reader:
        got = [alpha_plane(frame.handle, frame.layout).copy() for frame in reader]  # type: ignore[union-attr]
    np.testing.assert_array_equal(got, whole[25:29])


def test_a_smaller_picture_has_a_smaller_alpha(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", "ffv1", [picture("yuva420p", 0, (64, 48))])
    info = probe(source)
    small = scaled_info(info, Fraction(1, 2))
    with VideoReader(info) as reader:
        frame = next(iter(reader))
        alpha, half = alpha_plane(frame.handle, info.layout), scaled_picture(frame.handle, small)
        scaled = alpha_plane(half, small.layout)
    assert alpha is not None
    assert scaled is not None
    mean = alpha.reshape(24, 2, 32, 2).mean((1, 3))
    assert np.abs(scaled - mean).max() <= 1


def encode_segments(info_path: Path, out: Path, encode: EncodeSettings) -> None:
    """Encode a file in two segments that are stored on disk."""
    info = probe(info_path)
    with VideoReader(info) as reader:
        frames: list[Frame] = [replace(frame) for frame in reader]
    parts = frames[:7], frames[7:]
    files = []
    for number, part in enumerate(parts):
        name = out.with_suffix(f".{number}")
        with SegmentEncoder(out, info, encode) as encoder, SegmentFileWriter(out, name) as writer:
            for frame in part:
                writer.add(encoder.encode(frame))
            writer.add(encoder.finish())
            files.append(writer.finish(Done(Tally(), encoder.header)))
        assert SegmentFile.load(name) == files[-1]
    with VideoWriter(out, info, encode=encode, audio=SILENT, extras_from=info) as joined:
        for file, part in zip(files, parts, strict=True):
            joined.begin_segment([frame.pts for frame in part])
            joined.add_coded(file.packets())
            joined.end_segment(file.done.header, frames=len(part), end=part[-1].pts + part[-1].duration)


def test_segments_keep_the_side_data_of_packets(tmp_path: Path) -> None:
    source = noise(tmp_path / "in.mkv", "ffv1", "yuva420p", 12)
    encode_segments(source, tmp_path / "out.webm", EncodeSettings(encoder="libvpx-vp9", crf=0))
    np.testing.assert_array_equal(alphas(source), alphas(tmp_path / "out.webm"))
