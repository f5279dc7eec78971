"""Single frames of the result, and the sheet that shows them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from patience import HANG_S
from typer.testing import CliRunner

from lipblend.analysis import analyse, first_reading
from lipblend.analysis.first_reading import FaceSearch
from lipblend.cli.app import app
from lipblend.errors import NoFaceError, SettingsError
from lipblend.output.synth import write_clip
from lipblend.pairing.scan import Scan
from lipblend.picture.planes import to_rgb
from lipblend.preview.frames import preview
from lipblend.preview.preview_options import PreviewOptions
from lipblend.preview.times import FrameTimes
from lipblend.runtime.prefetch import prefetch
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import FootprintSettings, Settings
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FRAMES = 90
NATURAL = resolve_settings("natural").settings
LOSSLESS = NATURAL.model_copy(update={"encode": NATURAL.encode.model_copy(update={"crf": 0, "preset": "ultrafast"})})
run = CliRunner()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=320)


@pytest.fixture(scope="module")
def ninety(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of as many frames, where it does not matter what they show."""
    path = tmp_path_factory.mktemp("ninety") / "ninety.mp4"
    write_clip(path, [np.full((64, 64, 3), 90, np.uint8)] * FRAMES, frame_rate=Fraction(25), crf=20)
    return path


def luma(path: Path) -> list[np.ndarray]:
    with VideoReader(probe(path)) as reader:
        return [frame.planes[0].astype(np.int16) for frame in reader]


def rgb(path: Path) -> list[np.ndarray]:
    info = probe(path)
    with VideoReader(info) as reader:
        return [to_rgb(frame.planes, frame.layout, info.colour) for frame in reader]


@pytest.mark.slow(12)
def test_a_frame_equals_that_of_a_whole_run_but_for_the_far_smoothing(sample: SamplePair, tmp_path: Path) -> None:
    from lipblend import composite

    # The footprint is of the whole clip, and a window's is another one: see docs/lab/preview.md.
    settings, lossless = (
        each.model_copy(update={"footprint": FootprintSettings(method="none")}) for each in (NATURAL, LOSSLESS)
    )
    whole = luma(composite(sample.original, sample.synced, tmp_path / "out.mp4", settings=lossless).output)
    originals = luma(sample.original)
    found = preview(sample.original, sample.synced, ["0", "1.8", "#88"], {"natural": settings})
    assert found.notes == ()
    for (look,), index in zip(found.looks, (0, 45, 88), strict=True):
        assert not look.whole
        assert look.time_s == pytest.approx(index / 25)
        assert look.number == index
        mine = look.result.planes[0].astype(np.int16)
        blended = np.abs(whole[index] - originals[index]) > 0
        assert blended.sum() > 1000
        difference = np.abs(mine - whole[index])
        # Measured 0.03, 0.3 and 1.5 levels (frames beside it: 6 to 10): meshes differ by 0.5 px, and so what is reused.
        assert difference[blended].mean() < 2.0
        assert np.median(difference[blended]) <= 1
        assert difference.max() <= 60  # at the edge of a mask that lies a fraction of a pixel elsewhere
        # The frames beside it are another matter.
        other = whole[index + (1 if index < FRAMES - 1 else -1)]
        assert np.abs(mine - other)[blended].mean() > 3 * difference[blended].mean()


@pytest.mark.thorough
def test_where_the_window_does_not_show_the_pairs_the_whole_clip_is_analysed(
    sample: SamplePair, tmp_path: Path
) -> None:
    late = tmp_path / "late.mp4"  # starts 0.8 s into the original
    write_clip(late, rgb(sample.synced)[20:], frame_rate=Fraction(25), crf=12)
    blocked = PreviewOptions(cache=Path(__file__) / "below")
    found = preview(sample.original, late, ["1.8"], {"natural": NATURAL}, options=blocked)
    ((look,),) = found.looks
    assert look.whole
    assert (look.row.original_index, look.row.synced_index) == (45, 25)
    assert look.number == 45
    assert "the whole clip was analysed" in found.notes[0]
    assert "the analysis could not be stored" in found.notes[1]


@pytest.mark.slow(5)
def test_still_footage_is_not_taken_for_confirmed(sample: SamplePair, tmp_path: Path) -> None:
    stills = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path, source in zip(stills, (sample.original, sample.synced), strict=True):
        write_clip(path, [rgb(source)[30]] * 40, frame_rate=Fraction(25), crf=12)
    found = preview(*stills, ["0.8"], {"natural": NATURAL})
    assert found.looks[0][0].whole
    assert "too little moves" in found.notes[0]


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For every time that two videos are read, whether both were searched thoroughly."""
    seen: list[bool] = []
    read = analyse.read_both

    def spy(original: Scan, synced: Scan, search: FaceSearch, **named: object) -> object:
        seen.append(search.thorough)
        return read(original, synced, search, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(analyse, "read_both", spy)
    return seen


@pytest.mark.slow(4)
def test_a_small_face_beside_a_large_one_is_found_in_both_videos(
    sample: SamplePair, tmp_path: Path, searches: list[bool]
) -> None:
    both = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path, source in zip(both, (sample.original, sample.synced), strict=True):
        pictures = []
        for large in rgb(source)[20:40]:
            canvas = np.full((320, 640, 3), 90, np.uint8)
            canvas[:, :320] = large
            canvas[90:230, 470:610] = cv2.resize(large, (140, 140), interpolation=cv2.INTER_AREA)
            pictures.append(canvas)
        write_clip(path, pictures, frame_rate=Fraction(25), crf=8)
    every = NATURAL.model_copy(update={"track": NATURAL.track.model_copy(update={"face": "all"})})
    ((look,),) = preview(*both, ["0.4"], {"natural": every}).looks
    widths = sorted(patch.plan.original.face_width_px for patch in look.rendered.patches)
    assert len(widths) == 2
    assert widths[1] > 2 * widths[0]
    # The quick search of the synced video shows the large face only; so it is searched once more.
    assert searches == [False, True]


@pytest.mark.slow(2)
def test_one_face_is_found_without_searching_the_synced_video_to_the_end(
    sample: SamplePair, searches: list[bool]
) -> None:
    preview(sample.original, sample.synced, ["1.8"], {"natural": NATURAL})
    assert searches == [False]


@pytest.mark.slow(4)
def test_no_work_is_done_twice(sample: SamplePair, monkeypatch: pytest.MonkeyPatch) -> None:
    from lipblend.preview import times

    surveyed, fetched, threads = [], [], []
    survey, read = times.survey, analyse.read_both

    def reading(*given: object, **named: object) -> object:
        threads.append(cv2.getNumThreads())
        return read(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(times, "survey", lambda info: (surveyed.append(info), survey(info))[1])
    monkeypatch.setattr("lipblend.video.video.frames_at", lambda *given, **named: fetched.append(given))
    monkeypatch.setattr(analyse, "read_both", reading)
    looks = preview(sample.original, sample.synced, ["#45", "0.4"], {"natural": NATURAL}).looks
    assert [look.number for (look,) in looks] == [45, 10]
    assert len(surveyed) == 1  # the packets of the whole file
    assert fetched == []  # the analysis has decoded the frames that are shown
    assert threads == [1, 1]  # OpenCV's own would only wait, spinning, beside ours


@pytest.mark.slow(2)
def test_decoding_begins_before_the_face_models_are_made(sample: SamplePair, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = threading.Event()
    frame, landmarker = VideoReader._frame, first_reading.FaceLandmarker

    def decoding(self: VideoReader, *given: object) -> object:
        decoded.set()
        return frame(self, *given)  # type: ignore[arg-type]

    def making(*given: object, **named: object) -> object:
        made_after.append(decoded.wait(HANG_S))
        return landmarker(*given, **named)  # type: ignore[arg-type]

    made_after: list[bool] = []
    monkeypatch.setattr(VideoReader, "_frame", decoding)
    monkeypatch.setattr(first_reading, "FaceLandmarker", making)
    preview(sample.original, sample.synced, ["1.8"], {"natural": NATURAL})
    assert made_after == [True, True]


def test_the_synced_video_need_not_wait_for_the_original_in_a_window(ninety: Path) -> None:
    info = probe(ninety)
    assert Scan(info).queue_length(4) == 4
    assert Scan(info, window_pts=(0, 1)).queue_length(4) >= 40  # a window of 1.6 s at 25 frames a second
    large = replace(info, width=16384, height=6000)
    assert Scan(large, window_pts=(0, 1)).queue_length(4) == 4


@pytest.mark.slow(2)
def test_both_videos_of_a_window_may_be_looked_at_ahead_of_the_other(
    sample: SamplePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    depths: list[int] = []

    def noted(items: Iterable[object], depth: int) -> object:
        depths.append(depth)
        return prefetch(items, depth)

    monkeypatch.setattr("lipblend.analysis.first_reading.prefetch", noted)
    preview(sample.original, sample.synced, ["1.8"], {"natural": NATURAL})
    assert min(depths) <= 2  # what is decoded waits for the looks
    assert sorted(depths)[-2] >= 40


@pytest.mark.slow(3)
def test_settings_that_count_from_the_start_need_the_whole_clip(sample: SamplePair) -> None:
    by_index = Settings.model_validate({"pair": {"method": "index"}})
    ((look,),) = preview(sample.original, sample.synced, ["1.8"], {"mine": by_index}).looks
    assert look.whole
    assert look.row.synced_index == look.row.original_index == 45


@pytest.mark.parametrize(
    ("text", "seconds"), [("1.5", 1.5), ("1.5s", 1.5), ("0:02.5", 2.5), ("0:0:03", 3.0), ("#50", 2.0), ("0", 0.0)]
)
def test_times(ninety: Path, text: str, seconds: float) -> None:
    with FrameTimes(probe(ninety)) as times:
        assert times.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "nan", "1:2:3:4", "1:99", "0:60", "0:61:02", "#", "#-3", "#²", "inf"]
)
def test_what_is_no_time(ninety: Path, text: str) -> None:
    with FrameTimes(probe(ninety)) as times, pytest.raises(SettingsError, match="is not a time"):
        times.parse(text)


@pytest.mark.parametrize(("text", "names"), [("3.7", "3.60 s long"), ("1:00", "3.60 s long"), ("#90", "has 90 frames")])
def test_a_time_beyond_the_end_names_the_length(ninety: Path, text: str, names: str) -> None:
    with FrameTimes(probe(ninety)) as times, pytest.raises(SettingsError, match=names):
        times.parse(text)


@pytest.mark.slow(2)
def test_no_face_names_the_times_that_were_tried(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    scene = cv2.resize(rng.uniform(0, 255, (9, 12, 3)).astype(np.float32), (400, 320), interpolation=cv2.INTER_CUBIC)
    pictures = [np.clip(scene[:240, 3 * i : 3 * i + 320], 0, 255).astype(np.uint8) for i in range(25)]
    clip = tmp_path / "clip.mp4"
    write_clip(clip, pictures, frame_rate=Fraction(25), crf=12)
    with pytest.raises(NoFaceError) as caught:
        preview(clip, clip, ["0.2", "0.4"], {"natural": NATURAL})
    where = "no face (none was found in either video)"
    assert caught.value.details == (f"0.20 s: {where}", f"0.40 s: {where}")
    assert "profile" in caught.value.hint


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (["--at", "1", "-o", "sheet.gif"], 7, "is not a supported picture format"),
        (["-o", "-"], 7, "is standard output, not a file"),
        (["--at", "1", "-o", "gone/sheet.png"], 7, "does not exist"),
        (["--at", "9", "-o", "sheet.png"], 2, "3.60 s long"),
        (["--at", "1", "-o", "sheet.png", "--presets", "natural,nonesuch"], 2, "no preset 'nonesuch'"),
        (["--at", "1", "-o", "sheet.png", "--presets", "natural,natural"], 2, "names natural twice"),
        (
            ["--at", "1", "-o", "sheet.png", "--presets", "natural,high-motion", "--preset", "natural"],
            2,
            "contradict each other",
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    ninety: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], code: int, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run.invoke(app, ["preview", str(ninety), str(ninety), *more])
    assert done.exit_code == code
    assert text in done.stderr
    assert list(tmp_path.iterdir()) == []
