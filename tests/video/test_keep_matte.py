"""The user's matte of what stays the original's: how it is read, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.errors import InputError, InputMismatchError
from lipblend.video import keep_matte
from lipblend.video.keep_matte import open_keep
from lipblend.video.probe import probe
from lipblend.video.video import Video
from tests.mattes_to_keep import FULL, LIMITED, UNTAGGED, flat, grey_video, pictures
from tests.small_videos import MakeVideo


def opened(original: Path, matte: Path):
    info = probe(original)
    return open_keep(matte, info), Video.read(info)


@pytest.mark.parametrize(
    ("pix_fmt", "tag", "codes", "want"),
    [
        ("yuv420p", LIMITED, (16, 235, 16 + 73, 100), (0, 1, 73 / 219, 84 / 219)),
        ("yuv420p", UNTAGGED, (16, 235, 16 + 73, 0), (0, 1, 73 / 219, 0)),
        ("yuv420p", FULL, (0, 255, 51, 235), (0, 1, 0.2, 235 / 255)),
        ("gray", FULL, (0, 255, 51, 235), (0, 1, 0.2, 235 / 255)),
        ("yuv420p10le", LIMITED, (64, 940, 64 + 292, 1023), (0, 1, 1 / 3, 1)),
        ("yuv420p10le", FULL, (0, 1023, 341, 940), (0, 1, 1 / 3, 940 / 1023)),
    ],
)
def test_a_video_is_read_from_black_to_white_by_its_range(
    make_video: MakeVideo, tmp_path: Path, pix_fmt: str, tag: int, codes: tuple[int, ...], want: tuple[float, ...]
) -> None:
    dtype = np.uint16 if "10" in pix_fmt else np.uint8
    matte = grey_video(tmp_path / "m.mkv", [flat(code, dtype=dtype) for code in codes], pix_fmt=pix_fmt, tag=tag)
    keep, video = opened(make_video(frames=4), matte)
    planes = list(keep.planes(video, range(4)))
    assert {(plane.shape, plane.dtype) for plane in planes} == {((48, 64), np.dtype(np.float32))}
    for plane, value in zip(planes, want, strict=True):
        np.testing.assert_allclose(plane, value, atol=1e-6)


def test_coding_noise_at_the_ends_is_black_or_white(make_video: MakeVideo, tmp_path: Path) -> None:
    keep, video = opened(
        make_video(frames=4), grey_video(tmp_path / "m.mkv", [flat(code) for code in (18, 233, 20, 231)])
    )
    found = [float(plane[0, 0]) for plane in keep.planes(video, range(4))]
    assert found[:2] == [0, 1]
    assert found[2:] == pytest.approx([4 / 219, 215 / 219])


WHITE16, GREY16 = flat(65535, dtype=np.uint16), flat(13107, dtype=np.uint16)


@pytest.mark.parametrize(
    ("planes", "want"),
    [
        ((flat(255), flat(51)), (1, 0.2)),
        ((WHITE16, GREY16), (1, 0.2)),
        ((np.dstack([flat(255)] * 3), np.dstack([flat(51)] * 3)), (1, 0.2)),
        ((np.dstack([WHITE16] * 3), np.dstack([GREY16] * 3)), (1, 0.2)),
        ((np.dstack([flat(255)] * 3 + [flat(0)]), np.dstack([flat(51)] * 3 + [flat(255)])), (1, 0.2)),
    ],
    ids=["grey", "grey 16", "rgb", "rgb 16", "rgba"],
)
def test_pictures_of_every_kind_are_read_as_luma(
    make_video: MakeVideo, tmp_path: Path, planes: tuple[np.ndarray, ...], want: tuple[float, ...]
) -> None:
    keep, video = opened(make_video(frames=2), pictures(tmp_path / "matte", planes, first=1001))
    for plane, value in zip(keep.planes(video, [0, 1]), want, strict=True):
        np.testing.assert_allclose(plane, value, atol=1e-6)
        assert plane.dtype == np.float32
        assert plane.shape == (48, 64)


@pytest.mark.parametrize("kind", ["video", "pictures"])
def test_frames_come_in_any_order_by_the_originals_numbers(make_video: MakeVideo, tmp_path: Path, kind: str) -> None:
    codes = [16 + 7 * number for number in range(1, 13)]
    planes = [flat(code) for code in codes]
    if kind == "video":
        matte, white, black = grey_video(tmp_path / "m.mkv", planes, codec="libx264"), 219, 16
    else:  # without leading zeros: 9 comes before 10
        matte, white, black = pictures(tmp_path / "m", planes, first=3, name="{}.png"), 255, 0
    keep, video = opened(make_video(frames=12), matte)
    wanted = [7, 8, 8, 11, 2, 1, 0, 5]
    for each in (keep, pickle.loads(pickle.dumps(keep))):
        found = [float(plane[0, 0]) for plane in each.planes(video, wanted)]
        assert found == pytest.approx([(codes[index] - black) / white for index in wanted], abs=1e-6)


def test_a_turned_original_takes_a_matte_of_the_picture_as_it_is_shown(make_video: MakeVideo, tmp_path: Path) -> None:
    original = make_video("turned.mp4", frames=2, rotation=90)
    keep, video = opened(original, pictures(tmp_path / "upright", [flat(255, (48, 64))] * 2))
    assert keep.plane(video, 1).shape == next(iter(video.frames([0]))).planes[0].shape == (64, 48)
    with pytest.raises(InputMismatchError, match="is 64x48, and the original is 48x64"):
        opened(original, pictures(tmp_path / "stored", [flat(255)] * 2))


def test_an_excerpt_of_the_original_has_its_own_frames_of_the_matte(make_video: MakeVideo, tmp_path: Path) -> None:
    info = probe(make_video(frames=8, durations=(512, 700, 300)))
    keep = open_keep(pictures(tmp_path / "m", [flat(30 * number) for number in range(8)]), info)
    whole = Video.read(info)
    excerpt = Video(info, whole.pts[3:6], True)
    assert [round(255 * float(keep.plane(excerpt, index)[0, 0])) for index in range(3)] == [90, 120, 150]
    elsewhere = Video(info, whole.pts[3:6] + 1, True)
    with pytest.raises(InputMismatchError, match=r"has 8 frame\(s\), and the original has 3"):
        keep.plane(elsewhere, 0)


@pytest.mark.parametrize("kind", ["video", "pictures"])
@pytest.mark.parametrize(("count", "hint"), [(3, "Export the rest of it"), (6, "Cut it to 5 frames")])
def test_another_number_of_frames_is_refused_without_decoding(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, count: int, hint: str
) -> None:
    planes = [flat(16)] * count
    matte = grey_video(tmp_path / "m.mkv", planes) if kind == "video" else pictures(tmp_path / "m", planes)
    info = probe(make_video(frames=5))
    monkeypatch.setattr(keep_matte.Video, "read", lambda _: pytest.fail("it was decoded"))
    with pytest.raises(
        InputMismatchError, match=rf"the matte .* has {count} frame\(s\), and the original has 5"
    ) as error:
        open_keep(matte, info)
    assert hint in error.value.hint


@pytest.mark.parametrize("kind", ["video", "pictures"])
def test_another_size_is_refused(make_video: MakeVideo, tmp_path: Path, kind: str) -> None:
    planes = [flat(16, (80, 48))] * 2
    matte = grey_video(tmp_path / "m.mkv", planes) if kind == "video" else pictures(tmp_path / "m", planes)
    with pytest.raises(InputMismatchError, match="is 80x48, and the original is 64x48"):
        opened(make_video(frames=2), matte)


def test_what_is_not_a_video_or_missing_is_refused(make_video: MakeVideo, tmp_path: Path) -> None:
    original, text = make_video(frames=2), tmp_path / "matte.mp4"
    text.write_text("not a video")
    for path, words in ((text, "is not a readable video"), (tmp_path / "gone", "does not exist")):
        with pytest.raises(InputError, match=rf"^the matte \(--keep\): .*{words}"):
            opened(original, path)


def test_a_folder_of_debug_pictures_is_answered_with_the_mattes_in_it(make_video: MakeVideo, tmp_path: Path) -> None:
    original, debug = make_video(frames=2), tmp_path / "debug"
    for part in ("alpha", "mask"):
        pictures(debug, [flat(0)] * 2, name=f"{{:06d}}_{part}.png")
    with pytest.raises(InputError, match=r"the matte \(--keep\): the number 0, 1 occurs more than once") as plain:
        opened(original, debug)
    assert "Did you mean" not in plain.value.hint
    (debug / "in_front.mkv").touch()
    with pytest.raises(InputError) as film:
        opened(original, debug)
    assert film.value.hint == f"Did you mean {debug / 'in_front.mkv'}?"
    inner = pictures(debug / "in_front", [flat(0)] * 2, name="{:06d}.png")
    with pytest.raises(InputError) as caught:
        opened(original, debug)
    assert caught.value.hint == f"Did you mean {inner}?"
    assert len(opened(original, inner)[0]) == 2


def coloured(values: tuple[int, int, int], part: tuple[slice, slice], dtype: type = np.uint8) -> np.ndarray:
    """Black with a part in a colour (BGR); (h, w, 3)."""
    plane = np.zeros((48, 64, 3), dtype)
    plane[part] = values
    return plane


RED = (0, 0, 255)


def test_a_coloured_picture_is_refused_with_what_was_found(make_video: MakeVideo, tmp_path: Path) -> None:
    original, part = make_video(frames=12), np.s_[10:22, 8:24]
    red = [coloured(RED, part) if 4 <= number < 8 else coloured((0, 0, 0), part) for number in range(12)]
    with pytest.raises(
        InputError, match=r"red is coloured: 6\.2 % of frame 6 differ from grey, by up to 12\d of 128"
    ) as one:
        opened(original, pictures(tmp_path / "red", red))
    assert "white on black" in one.value.hint
    deep = [coloured((0, 65535, 0), part, np.uint16)] * 12
    with pytest.raises(InputError, match="is coloured"):
        opened(original, pictures(tmp_path / "deep", deep))
    tinted = [coloured((240, 255, 250), part)] * 12  # a warm white
    assert len(opened(original, pictures(tmp_path / "tinted", tinted))[0]) == 12


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p10le", "gbrp10le"])
@pytest.mark.parametrize("colour", [True, False])
def test_a_coloured_video_is_refused_with_what_was_found(
    make_video: MakeVideo, tmp_path: Path, pix_fmt: str, colour: bool
) -> None:
    original, path = make_video(frames=10), tmp_path / "m.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for _ in range(10):
            picture = coloured(RED if colour else (255, 255, 255), np.s_[8:24, 8:24])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=pix_fmt)))
        out.mux(stream.encode(None))
    if not colour:
        assert len(opened(original, path)[0]) == 10
        return
    with pytest.raises(
        InputError, match=r"m\.mkv is coloured: [89]\.\d % of frame 1 differ from grey, by up to 11\d of 128"
    ):
        opened(original, path)


def test_a_video_that_is_damaged_within_names_the_frame(make_video: MakeVideo, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    matte = grey_video(tmp_path / "m.mkv", [rng.integers(16, 235, (48, 64), np.uint8) for _ in range(6)])
    keep, video = opened(make_video(frames=6), matte)
    data = bytearray(matte.read_bytes())
    del data[len(data) // 2 :]
    matte.write_bytes(data)
    with pytest.raises(InputError, match=r"frame \d of the matte .*m\.mkv cannot be read"):
        list(keep.planes(video, range(6)))


def test_the_digest_is_that_of_the_content(make_video: MakeVideo, tmp_path: Path) -> None:
    original = make_video(frames=2)
    one, _ = opened(original, pictures(tmp_path / "one", [flat(0), flat(9)]))
    same, _ = opened(original, pictures(tmp_path / "two", [flat(0), flat(9)], first=7, name="x{}.png"))
    swapped, _ = opened(original, pictures(tmp_path / "three", [flat(9), flat(0)]))
    assert one.sha256 == same.sha256 != swapped.sha256
    assert len(one.sha256) == 64
    film, _ = opened(original, grey_video(tmp_path / "m.mkv", [flat(16), flat(99)]))
    other, _ = opened(original, grey_video(tmp_path / "n.mkv", [flat(16), flat(98)]))
    assert film.sha256 != other.sha256
