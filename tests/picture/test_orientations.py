"""Upright views: patches and changes made through them equal those of the coded picture, turned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from plane_sizes import chroma_size

from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.orientation import UPRIGHT, Orientation, orientation_of
from lipblend.picture.patch import Box
from lipblend.picture.planes import add_delta, extract_patch, to_rgb
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader

ONE, W = 1 << 16, 1 << 30
# What a player shows, in terms of NumPy, for each (a, b, c, d): x' = a x + c y, y' = b x + d y, y downwards.
TURNS: dict[tuple[int, int, int, int], Callable[[np.ndarray], np.ndarray]] = {
    (1, 0, 0, 1): lambda p: p,
    (0, 1, -1, 0): lambda p: np.rot90(p, -1),
    (-1, 0, 0, -1): lambda p: np.rot90(p, 2),
    (0, -1, 1, 0): np.rot90,
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (0, 1, 1, 0): lambda p: np.swapaxes(p, 0, 1),
    (0, -1, -1, 0): lambda p: np.swapaxes(np.rot90(p, 2), 0, 1),
}
BACK = {(0, 1, -1, 0): (0, -1, 1, 0), (0, -1, 1, 0): (0, 1, -1, 0)}
SHIFTS = {"444": (0, 0), "422": (1, 0), "420": (1, 1), "440": (0, 1), "411": (2, 0)}
SIZES = [(32, 24), (33, 24), (32, 23), (31, 23), (30, 21)]
LOSSLESS = EncodeSettings(preset="ultrafast", crf=0)
SILENT = AudioPlan(None, None, "none", ())


def matrix_of(turn: tuple[int, int, int, int], scale: int = ONE) -> tuple[int, ...]:
    a, b, c, d = (scale * number for number in turn)
    return a, b, 0, c, d, 0, 0, 0, W


def info_of(turn: tuple[int, int, int, int], layout: PixelLayout, width: int, height: int) -> VideoInfo:
    return VideoInfo(
        path=Path("none"),
        codec="",
        width=width,
        height=height,
        layout=layout,
        source_format=layout.name,
        time_base=Fraction(1, 25),
        frame_rate=None,
        frame_count=None,
        start_s=0,
        duration_s=None,
        colour=ColourTags(1, 1, 1, 1),
        sample_aspect=None,
        rotation=0,
        bit_rate=None,
        audio=(),
        subtitle_count=0,
        chapter_count=0,
        container="",
        metadata={},
        display_matrix=matrix_of(turn),
    )


def random_planes(layout: PixelLayout, width: int, height: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(5)
    chroma = chroma_size(layout, width, height)
    dtype = np.uint8 if layout.depth == 8 else np.uint16
    sizes = [(width, height), chroma, chroma][: layout.planes]
    return tuple(rng.integers(0, layout.code_max + 1, (h, w + 5), dtype=dtype)[:, :w] for w, h in sizes)


def boxes(info: VideoInfo) -> list[Box]:
    width, height = info.upright_width, info.upright_height
    wanted = [Box(0, 0, width, height), Box(0, 0, 5, 7), Box(9, 6, 18, 17), Box(width - 3, height - 3, width, height)]
    return [box.snapped(info.upright_layout, width, height) for box in wanted]


@pytest.mark.slow
@pytest.mark.parametrize("turn", TURNS, ids=str)
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("sampling", [*SHIFTS, "gray"])
def test_patches_and_changes_equal_those_of_the_coded_picture(
    turn: tuple[int, int, int, int], sampling: str, depth: int
) -> None:
    shown, back = TURNS[turn], TURNS[BACK.get(turn, turn)]
    suffix = "" if depth == 8 else "10le"
    layout = (
        PixelLayout("gray" + suffix, depth, 0, 0, 1)
        if sampling == "gray"
        else PixelLayout(f"yuv{sampling}p{suffix}", depth, *SHIFTS[sampling], 3)
    )
    rng = np.random.default_rng(7)
    for width, height in SIZES:
        coded = random_planes(layout, width, height)
        info = info_of(turn, layout, width, height)
        views = tuple(info.orientation.applied(plane) for plane in coded)
        assert views[0].shape == (info.upright_height, info.upright_width)
        np.testing.assert_array_equal(views[0], shown(coded[0]))
        assert all(np.shares_memory(view, plane) for view, plane in zip(views, coded, strict=True))
        everything = Box(0, 0, width, height)
        whole = shown(extract_patch(coded, layout, everything))
        rgb = shown(to_rgb(coded, layout, info.colour, height=height))
        np.testing.assert_array_equal(to_rgb(views, info.upright_layout, info.colour, height=height), rgb)
        for box in boxes(info):
            part = np.s_[box.y0 : box.y1, box.x0 : box.x1]
            np.testing.assert_array_equal(extract_patch(views, info.upright_layout, box), whole[part])
            # Sixteenths: sums of them are exact in any order.
            delta = np.zeros(whole.shape, np.float32)
            delta[part] = rng.integers(-320, 320, (box.height, box.width, 3)) / 16
            wanted, got = ([plane.copy() for plane in coded] for _ in range(2))
            add_delta(wanted, layout, everything, np.ascontiguousarray(back(delta)))
            turned = [info.orientation.applied(plane) for plane in got]
            add_delta(turned, info.upright_layout, box, np.ascontiguousarray(delta[part]))
            assert not np.array_equal(got[0], coded[0])
            add_delta(turned, info.upright_layout, box, np.zeros((box.height, box.width, 3), np.float32))
            for planes in zip(got, wanted, strict=True):
                np.testing.assert_array_equal(*planes)


def test_the_layout_of_a_quarter_turn() -> None:
    quarter = (0, 1, -1, 0)
    upright = info_of(quarter, PixelLayout("yuv422p", 8, 1, 0, 3), 33, 24).upright_layout
    assert upright == PixelLayout("yuv422p", 8, 0, 1, 3)
    upright = info_of(quarter, PixelLayout("yuv420p", 8, 1, 1, 3), 32, 24).upright_layout
    assert upright == PixelLayout("yuv420p", 8, 1, 1, 3)
    # 23 rows become 23 columns in reverse order: the first chroma sample has only one of its two columns inside.
    upright = info_of(quarter, PixelLayout("yuv420p", 8, 1, 1, 3), 32, 23).upright_layout
    assert (upright.chroma_w_phase, upright.chroma_h_phase) == (1, 0)
    assert Box(2, 3, 4, 5).snapped(upright, 23, 32) == Box(1, 2, 5, 6)


@pytest.mark.parametrize(
    ("matrix", "wanted"),
    [
        ((), UPRIGHT),
        (matrix_of((0, 1, -1, 0), 2 * ONE), Orientation(True, True, False)),
        ((3, ONE, 0, -ONE, -2, 0, 1080 * ONE, 0, W), Orientation(True, True, False)),
        (matrix_of((1, 1, -1, 1), 46341), None),
        (matrix_of((1, 1, 0, 1)), None),
        ((0,) * 9, None),
    ],
)
def test_orientations_of_unusual_matrices(matrix: tuple[int, ...], wanted: Orientation | None) -> None:
    assert orientation_of(matrix) == wanted
    if wanted is not None:
        assert orientation_of(wanted.matrix) == wanted


def turned_clip(path: Path, matrix: tuple[int, ...], size: tuple[int, int] = (48, 32), codec: str = "libx264") -> Path:
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"qp": "0"})
        stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt = *size, "yuv420p"
        stream.set_display_matrix(matrix)
        for index in range(3):
            picture = av.VideoFrame(*size, "yuv420p")
            for plane in picture.planes:
                plane.update(rng.integers(16, 236, plane.buffer_size, dtype=np.uint8).tobytes())
            picture.pts = index
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def coded_planes(path: Path) -> list[list[np.ndarray]]:
    with av.open(str(path)) as container:
        return [
            [
                np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width].copy()
                for plane in frame.planes
            ]
            for frame in container.decode(video=0)
        ]


def shown_planes(path: Path) -> list[list[np.ndarray]]:
    with VideoReader(probe(path)) as reader:
        return [[plane.copy() for plane in frame.planes] for frame in reader]


def copy(source: Path, target: Path, change: Callable[[Frame], Frame] = lambda frame: frame) -> list[str]:
    info = probe(source)
    encode = LOSSLESS if target.suffix != ".webm" else EncodeSettings(encoder="libsvtav1", preset="ultrafast", crf=20)
    with (
        VideoReader(info) as reader,
        VideoWriter(target, info, encode=encode, audio=SILENT, extras_from=info) as writer,
    ):
        for frame in reader:
            writer.write(change(frame))
    return writer.notes


@pytest.mark.slow
@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_frames_are_upright_and_changes_reach_the_coded_picture(
    turn: tuple[int, int, int, int], tmp_path: Path
) -> None:
    source = turned_clip(tmp_path / "in.mp4", matrix_of(turn))
    before = coded_planes(source)
    for got, want in zip(shown_planes(source), before, strict=True):
        for upright, coded in zip(got, want, strict=True):
            np.testing.assert_array_equal(upright, TURNS[turn](coded))

    def brighten_top_left(frame: Frame) -> Frame:
        out = frame.writable()
        assert [plane.shape for plane in out.planes] == [plane.shape for plane in frame.planes]
        add_delta(out.planes, out.layout, Box(0, 0, 8, 8), np.full((8, 8, 3), 9, np.float32))
        return out

    copy(source, tmp_path / "out.mkv", brighten_top_left)
    assert (probe(tmp_path / "out.mkv").width, probe(tmp_path / "out.mkv").height) == (48, 32)
    for got, want in zip(shown_planes(tmp_path / "out.mkv"), before, strict=True):
        for upright, coded, corner in zip(got, want, (8, 4, 4), strict=True):
            expected = TURNS[turn](coded).astype(int)
            expected[:corner, :corner] += 9
            np.testing.assert_array_equal(upright, expected)


@pytest.mark.slow
@pytest.mark.parametrize("turn", TURNS, ids=str)
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_every_container_shows_the_picture_upright(
    turn: tuple[int, int, int, int], suffix: str, tmp_path: Path
) -> None:
    matrix = list(matrix_of(turn))
    if turn == (0, 1, -1, 0):  # as a phone writes it: shifted back into the picture
        matrix[6] = 64 * ONE
    source = turned_clip(tmp_path / "in.mp4", tuple(matrix), (96, 64))
    copy(source, tmp_path / f"out.{suffix}")
    original, result = probe(source), probe(tmp_path / f"out.{suffix}")
    assert result.orientation == original.orientation == orientation_of(matrix)
    assert (result.upright_width, result.upright_height) == (original.upright_width, original.upright_height)
    assert result.rotation == original.rotation
    if suffix in ("mp4", "mov"):
        assert result.display_matrix == original.display_matrix
    for a, b in zip(shown_planes(tmp_path / f"out.{suffix}"), shown_planes(source), strict=True):
        close = np.abs(a[0].astype(int) - b[0]).mean()
        assert close == 0 if suffix != "webm" else close < 25


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_nearly_right_angle_with_a_scale_is_written_as_a_plain_matrix(suffix: str, tmp_path: Path) -> None:
    source = turned_clip(tmp_path / "in.mp4", (200, 2 * ONE, 0, -2 * ONE, 0, 0, 0, 0, W))
    copy(source, tmp_path / f"out.{suffix}")
    after = probe(tmp_path / f"out.{suffix}")
    assert after.display_matrix == matrix_of((0, 1, -1, 0))
    assert after.orientation == Orientation(True, True, False)


@pytest.mark.parametrize("turn", [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)], ids=str)
def test_turns_are_known_without_side_data(
    turn: tuple[int, int, int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = turned_clip(tmp_path / "in.mp4", matrix_of(turn))
    wanted = probe(source)
    monkeypatch.setattr("lipblend.video.probe._side_data", lambda _: {})
    assert probe(source) == wanted


@pytest.mark.parametrize("matrix", [matrix_of((1, 1, -1, 1), 46341), (0,) * 9], ids=["45 degrees", "zero"])
def test_other_angles_give_a_warning_and_are_not_turned(matrix: tuple[int, ...], tmp_path: Path) -> None:
    source = turned_clip(tmp_path / "in.mp4", matrix)
    info = probe(source)
    assert info.orientation == UPRIGHT
    assert info.rotation == 0
    assert info.warnings == ("in.mp4 has a rotation that is not a multiple of 90 degrees: it is blended as stored",)
    assert replace(info, display_matrix=()).upright_layout == info.upright_layout == info.layout
    copy(source, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").display_matrix == matrix
