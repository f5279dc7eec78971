"""Every picture format end to end: made here, composed, and compared with the original as a player would show it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from films import (
    BT601,
    BT709,
    FULL_601,
    FULL_709,
    HDR10,
    HLG,
    ONE,
    PQ,
    TURNS,
    UNTAGGED,
    X264,
    X265,
    Decoded,
    Film,
    W,
    areas,
    decode,
    plain,
    shown_picture,
    untagged,
    write,
)

from lipblend import composite
from lipblend.composite_result import CompositeResult
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import ColourTags
from lipblend.picture.layouts import nearest_layout
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import plane_views

FRAMES = 5
SCALE = 0.5  # of the portrait: a face about 110 px wide


@dataclass(frozen=True)
class Case:
    """A pair of videos and an output; ``size`` is that of the pictures as shown."""

    original: Film
    synced: Film
    out: str
    encoder: str
    size: tuple[int, int] = (320, 240)
    exact: bool = True


PORTRAIT = (240, 320)
CASES = {
    "h264 mp4, cover first, two sounds": Case(
        Film("in.mp4", "libx264", options=X264, cover=True, sounds=2), plain(), "out.mp4", "libx264"
    ),
    "telephone portrait, synced upright": Case(
        Film("in.mov", "libx264", options=X264, turn="cw"), plain(), "out.mp4", "libx264", PORTRAIT
    ),
    "telephone portrait into mkv, synced turned the other way": Case(
        Film("in.mp4", "libx265", options=X265, turn="ccw"), plain(turn="cw"), "out.mkv", "libx264", PORTRAIT
    ),
    "hevc 10 bit PQ with mastering data, upside down": Case(
        Film("in.mp4", "libx265", "yuv420p10le", PQ, options=HDR10, turn="half"),
        untagged(PQ),
        "out.mov",
        "libx264",
    ),
    "av1 10 bit HLG": Case(
        Film("in.mkv", "libsvtav1", "yuv420p10le", HLG, options={"crf": "10", "preset": "12"}),
        untagged(HLG),
        "out.mp4",
        "libx265",
        exact=False,
    ),
    "prores 4:2:2 10 bit": Case(
        Film("in.mov", "prores_ks", "yuv422p10le"), plain(), "out.mov", "prores_ks", exact=False
    ),
    "prores 4:2:2 on its side": Case(
        Film("in.mov", "prores_ks", "yuv422p10le", turn="ccw"), plain(), "out.mkv", "ffv1", PORTRAIT
    ),
    "vp9 BT.601 webm, synced BT.709": Case(
        Film("in.webm", "libvpx-vp9", tags=BT601, options={"crf": "10", "b": "0", "cpu-used": "8"}),
        plain(),
        "out.webm",
        "libvpx-vp9",
        exact=False,
    ),
    "vp9 webm on its side to av1": Case(
        Film("in.webm", "libvpx-vp9", options={"crf": "10", "b": "0", "cpu-used": "8"}, turn="cw"),
        plain(),
        "out.webm",
        "libsvtav1",
        PORTRAIT,
        exact=False,
    ),
    "ffv1 4:4:4 full range, odd, mirrored": Case(
        Film("in.mkv", "ffv1", "yuv444p", FULL_709, turn="mirror"),
        Film("synced.mkv", "ffv1", "yuv444p"),
        "out.mkv",
        "ffv1",
        (321, 241),
    ),
    "ffv1 4:2:0, odd, mirrored and turned": Case(
        Film("in.mkv", "ffv1", turn="mirror-ccw"), Film("synced.mkv", "ffv1"), "out.mkv", "ffv1", (241, 319)
    ),
    "ffv1 4:2:2 10 bit, odd, mirrored and turned": Case(
        Film("in.mkv", "ffv1", "yuv422p10le", BT601, turn="mirror-cw"),
        Film("synced.mkv", "ffv1", tags=BT601),
        "out.mkv",
        "ffv1",
        (241, 319),
    ),
    "mpeg-4 avi, untagged": Case(
        Film("in.avi", "mpeg4", tags=UNTAGGED, codes=BT601, options={"qmin": "1", "qmax": "2"}),
        untagged(BT601),
        "out.mp4",
        "libx264",
    ),
    "mjpeg full range, wide pixels, upside down mirror": Case(
        Film("in.mov", "mjpeg", "yuvj422p", FULL_601, turn="upside", aspect=Fraction(4, 3), options={"q": "2"}),
        plain(BT601),
        "out.mp4",
        "libx264",
    ),
    "mjpeg full range into ffv1": Case(
        Film("in.mov", "mjpeg", "yuvj420p", FULL_601, options={"q": "2"}), plain(BT601), "out.mkv", "ffv1"
    ),
    "h264 4:4:4 10 bit BT.2020": Case(
        Film("in.mp4", "libx264", "yuv444p10le", (9, 9, 14, 1), options=X264), plain(), "out.mov", "libx264"
    ),
    "h264 interlaced": Case(
        Film("in.mkv", "libx264", options=X264, interlaced=True), plain(), "out.mkv", "libx264"
    ),
    "grey, upside down": Case(
        Film("in.mkv", "ffv1", "gray", turn="half"), plain(), "out.mkv", "ffv1"
    ),
    "rgb": Case(
        Film("in.mkv", "ffv1", "bgr0", UNTAGGED), plain(BT601), "out.mkv", "ffv1"
    ),
}  # fmt: skip


PLAIN = {"colour": {"method": "none", "membrane": False}, "reuse": {"method": "none"}, "detail": {"strength": 0}}
"""Without colour match and reuse, which would hide a shift."""


@pytest.fixture(scope="module")
def head(portrait: np.ndarray, face: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """The portrait at half size and its mesh there."""
    return cv2.resize(portrait, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA), face.points * SCALE


def run(case: Case, head: tuple[np.ndarray, np.ndarray], folder: Path) -> tuple[CompositeResult, VideoInfo, VideoInfo]:
    pictures = {
        synced: [shown_picture(head, case.size, index, synced=synced) for index in range(FRAMES)]
        for synced in (False, True)
    }
    original, synced = write(folder, case.original, pictures[False]), write(folder, case.synced, pictures[True])
    encode = {"encoder": case.encoder, "crf": 0 if case.exact else 8, "preset": "ultrafast"}
    settings = Settings.model_validate({"encode": encode, **PLAIN})
    result = composite(original, synced, folder / case.out, settings=settings)
    return result, probe(original), probe(result.output)


QUICK = ("telephone portrait, synced upright", "prores 4:2:2 10 bit", "ffv1 4:4:4 full range, odd, mirrored")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name, marks=[pytest.mark.slow] * (name not in QUICK)) for name, case in CASES.items()],
)
def test_every_format(case: Case, head: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    result, before, after = run(case, head, tmp_path)
    assert (result.frames, result.blended) == (FRAMES, FRAMES)
    assert (result.width, result.height) == case.size

    # What is said of the pictures.
    assert (after.width, after.height) == (before.width, before.height)
    assert after.layout.name.replace("yuvj", "yuv") == before.layout.name.replace("yuvj", "yuv")
    assert after.colour == before.colour
    if case.original.pix_fmt != "bgr0":
        assert before.colour == ColourTags(*case.original.tags)
    assert (after.sample_aspect or 1) == (before.sample_aspect or 1) == (case.original.aspect or 1)
    assert (after.mastering_display, after.content_light) == (before.mastering_display, before.content_light)
    assert (before.mastering_display is not None) == (case.original.options == HDR10)
    assert len(after.audio) == case.original.sounds
    assert after.interlaced == case.original.interlaced
    assert any("interlaced" in note for note in result.notes) == case.original.interlaced

    # What a player shows.
    ours, out = decode(before, case.original.turn), decode(after, case.original.turn)
    plain_turn = [ONE * number for number in TURNS[case.original.turn][0]]
    if case.original.turn != "none":
        assert [out.matrix[i] for i in (0, 1, 3, 4)] == plain_turn
    else:
        assert out.matrix == ()
    assert len(out.patches) == FRAMES
    shifts, painted = [], []
    for index, (original, composed) in enumerate(zip(ours.patches, out.patches, strict=True)):
        away, about, mouth = areas(head[1], case.size, index)
        assert original.shape == composed.shape == (*case.size[::-1], 3)
        difference = composed - original
        if case.exact and case.original.pix_fmt != "bgr0":
            np.testing.assert_array_equal(difference[away], 0)
        else:
            assert np.abs(difference[away]).mean() < 1.5
        shifts.append(difference[about].mean(0))
        painted.append(difference[mouth].mean(0))
        # Upright: the luma as shown is that of the scene.
        grey = shown_picture(head, case.size, index, synced=False) @ np.array([0.299, 0.587, 0.114], np.float32)
        assert np.corrcoef(composed[..., 0][~mouth], grey[~mouth])[0, 1] > 0.98
    assert np.abs(np.mean(shifts, 0)).max() < 0.25
    assert np.mean(painted, 0)[0] < -8


@pytest.fixture(scope="module")
def unturned(head: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Decoded]:
    """The synced video of a lossless pair, and the result with an original that is not turned."""
    case = Case(Film("in.mkv", "ffv1"), Film("synced.mkv", "ffv1"), "out.mkv", "ffv1")
    folder = tmp_path_factory.mktemp("unturned")
    result, _, after = run(case, head, folder)
    assert result.blended == FRAMES
    return folder, decode(after, "none")


@pytest.mark.slow
@pytest.mark.parametrize("turn", [turn for turn in TURNS if turn != "none"])
def test_a_turned_original_gives_the_same_result_to_the_last_bit(
    turn: str, unturned: tuple[Path, Decoded], tmp_path: Path
) -> None:
    folder, wanted = unturned
    # The very samples of the other original, turned plane by plane.
    path = tmp_path / "turned.mov"
    a, b, c, d = (ONE * number for number in TURNS[turn][0])
    with av.open(str(folder / "in.mkv")) as container, av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"qp": "0", "preset": "ultrafast"})
        stream.set_display_matrix((a, b, 0, c, d, 0, 0, 0, W))
        for index, frame in enumerate(container.decode(video=0)):
            layout = nearest_layout(frame.format.name)
            planes = [TURNS[turn][2](plane) for plane in plane_views(frame, layout, writable=False)]
            height, width = planes[0].shape
            picture = av.VideoFrame(width, height, layout.name)
            for target, source in zip(plane_views(picture, layout, writable=True), planes, strict=True):
                target[...] = source
            context = stream.codec_context
            if not context.is_open:
                context.width, context.height, context.pix_fmt = width, height, layout.name
                context.colorspace, context.color_primaries, context.color_trc, context.color_range = BT709
            picture.pts = index
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    settings = Settings.model_validate({"encode": {"crf": 0, "preset": "ultrafast"}, **PLAIN})
    result = composite(path, folder / "synced.mkv", tmp_path / "out.mp4", settings=settings)
    assert result.blended == FRAMES
    got = decode(probe(result.output), turn)
    for ours, theirs in zip(got.patches, wanted.patches, strict=True):
        np.testing.assert_array_equal(ours, theirs)
