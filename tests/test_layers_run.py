"""Whole runs that write layers for an editor, and those that take an edited alpha back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import av
import cv2
import numpy as np
import pytest
from runs import composited

from lipblend import compositing
from lipblend.composite_options import CompositeOptions, DebugOptions, LayersOptions
from lipblend.composite_result import CompositeResult
from lipblend.errors import InputError, InputMismatchError, LipblendError, OutputError, SettingsError
from lipblend.output.run_record import find_record
from lipblend.picture.formats import ColourTags
from lipblend.picture.orientation import Orientation
from lipblend.segments.proxy_size import ProxySize
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.settings.frame_range import FrameRange
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from tests.mattes_to_keep import FULL, flat, grey_video
from tests.remade import part_of, remade
from tests.script_loading import load_script
from tests.small_videos import assert_same_pictures, frames_of

FRAMES, SIDE, BLANK = 12, 320, (0, 1)
FFV1 = Settings.model_validate({"encode": {"encoder": "ffv1"}})
BT601, BT709 = ColourTags(6, 6, 6, 1), ColourTags(1, 1, 1, 1)
HLG = ColourTags(9, 9, 18, 1)
VIDEOS = ["matte.mkv", "occluders.mkv", "patch.mov", "timeline.otio"]
over = load_script("layers_error")


@dataclass(frozen=True)
class Pair:
    original: Path
    synced: Path


@dataclass(frozen=True)
class Layered:
    result: CompositeResult
    pair: Pair
    folder: Path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=SIDE)


@pytest.fixture(scope="module")
def pair(drawn: SamplePair, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Without a face in the first frames."""
    folder = tmp_path_factory.mktemp("pair")
    clips = (remade(getattr(drawn, name), folder / f"{name}.mp4", blank=BLANK) for name in ("original", "synced"))
    return Pair(*clips)


def layered(pair: Pair, folder: Path, **options: object) -> Layered:
    layers = options.pop("layers", LayersOptions(folder / "layers"))
    folder.mkdir(exist_ok=True)
    result = composited(pair.original, pair.synced, folder / "out.mkv", settings=FFV1, layers=layers, **options)
    return Layered(result, pair, folder / "layers")


@pytest.fixture(scope="module")
def run(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Layered:
    return layered(pair, tmp_path_factory.mktemp("run"))


def planes_of(path: Path) -> list[tuple[np.ndarray, ...]]:
    with VideoReader(probe(path)) as reader:
        return [tuple(plane.copy() for plane in frame.planes) for frame in reader]


def check_over(made: Layered, *, changed: int) -> float:
    """The patch over the original gives the result within one code; returns the largest error."""
    frames = list(over.frames_over(made.pair.original, made.result.output, made.folder / "patch.mov"))
    assert sum(bool(frame.changed.any()) for frame in frames) == changed
    largest = 0.0
    for frame in frames:
        assert not (frame.changed & (frame.alpha == 0)).any()
        if not frame.changed.any():
            assert not frame.alpha.any()
            continue
        for error in (frame.ycbcr, frame.rgb):
            assert (np.abs(error[frame.changed]) <= 1).mean() >= 0.999
            largest = max(largest, float(np.abs(error).max()))
        # beyond what changed, only holes and a soft border have alpha
        near = cv2.dilate(frame.changed.astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
        assert not frame.alpha[~near].any()
        assert (frame.alpha[frame.changed] < 0.999).any()  # soft
    return largest


@pytest.mark.slow
def test_the_patch_over_the_original_is_the_composite(run: Layered) -> None:
    assert run.result.blended == FRAMES - len(BLANK)
    assert check_over(run, changed=FRAMES - len(BLANK)) < 3
    info = probe(run.folder / "patch.mov")
    assert (info.codec, info.source_format) == ("prores", "yuva444p12le")
    assert (info.colour.matrix, info.colour.primaries, info.colour.transfer, info.colour.range) == (1, 1, 1, 1)
    assert sorted(path.name for path in run.folder.iterdir()) == VIDEOS


@pytest.mark.slow
def test_the_layers_have_the_frames_clock_and_sound_of_the_output(run: Layered) -> None:
    wanted = [(frame.time_s, frame.duration) for frame in frames_of(run.pair.original)]
    tick_s = float(probe(run.pair.original).time_base)
    for name in VIDEOS[:3]:
        time_base = float(probe(run.folder / name).time_base)
        shown = list(frames_of(run.folder / name))
        assert [frame.time_s for frame in shown] == pytest.approx([time for time, _ in wanted], abs=0.0011)
        lengths = [frame.duration * time_base for frame in shown]
        assert lengths == pytest.approx([length * tick_s for _, length in wanted], abs=0.0011)
    with av.open(str(run.folder / "patch.mov")) as made, av.open(str(run.result.output)) as output:
        sounds = [
            np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
            for container in (made, output)
        ]
        assert made.streams.audio[0].codec_context.name == "pcm_s24le"
    assert len(sounds[0]) == pytest.approx(len(sounds[1]), abs=2100)  # two packets of priming
    count = min(map(len, sounds)) // 2
    a, b = (each[-count:] / np.abs(each).max() for each in sounds)
    assert a.std() > 0.01
    assert np.abs(a - b).max() < 0.01


@pytest.mark.slow
def test_mattes_are_black_where_there_is_no_face(run: Layered) -> None:
    mattes = planes_of(run.folder / "matte.mkv")
    assert [bool(planes[0].any()) for planes in mattes] == [index not in BLANK for index in range(FRAMES)]
    assert max(planes[0].max() for planes in mattes) == 255
    fronts = planes_of(run.folder / "occluders.mkv")
    assert not any(planes[0].any() for planes in fronts)
    assert probe(run.folder / "matte.mkv").upright_size == (SIDE, SIDE)


@pytest.mark.slow
def test_what_is_kept_is_in_the_occluders_and_not_in_the_patch(run: Layered, tmp_path: Path) -> None:
    bar = np.zeros((SIDE, SIDE), np.uint8)
    bar[:, 150:170] = 255
    keep = grey_video(tmp_path / "keep.mkv", [bar] * FRAMES, pix_fmt="gray", tag=FULL)
    made = layered(run.pair, tmp_path, keep=keep)
    check_over(made, changed=FRAMES - len(BLANK))
    fronts, mattes = (planes_of(made.folder / name) for name in ("occluders.mkv", "matte.mkv"))
    for index in set(range(FRAMES)) - set(BLANK):
        np.testing.assert_array_equal(fronts[index][0], bar)
        assert mattes[index][0][:, 155:165].max() == 255  # as if nothing stood in front
    patched = list(over.frames_over(made.pair.original, made.result.output, made.folder / "patch.mov"))
    assert not any(frame.alpha[:, 154:166].any() for frame in patched)


@pytest.mark.slow
def test_layers_change_no_sample_of_the_output(run: Layered, tmp_path: Path) -> None:
    plain = composited(run.pair.original, run.pair.synced, tmp_path / "out.mkv", settings=FFV1)
    assert_same_pictures(plain.output, run.result.output)
    records = [find_record(probe(each.output).metadata).record for each in (plain, run.result)]
    assert records[0] == records[1] is not None


@pytest.mark.slow
def test_the_timeline_refers_to_the_original_and_the_patch(run: Layered) -> None:
    data = json.loads((run.folder / "timeline.otio").read_text())
    assert data["OTIO_SCHEMA"] == "Timeline.1"
    tracks = data["tracks"]["children"]
    assert [(track["name"], track["kind"]) for track in tracks] == [
        ("V1", "Video"), ("V2", "Video"), ("A1", "Audio"),
    ]  # fmt: skip
    clips = [track["children"][0] for track in tracks]
    found = [(run.folder / unquote(clip["media_references"]["DEFAULT_MEDIA"]["target_url"])) for clip in clips]
    assert [path.resolve() for path in found] == [
        run.pair.original.resolve(), (run.folder / "patch.mov").resolve(), run.pair.original.resolve(),
    ]  # fmt: skip
    for clip in clips:
        for place in (clip["source_range"], clip["media_references"]["DEFAULT_MEDIA"]["available_range"]):
            assert place["duration"] == {"OTIO_SCHEMA": "RationalTime.1", "rate": 25.0, "value": FRAMES}
            assert place["start_time"]["value"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pix_fmt", "colour", "turn", "tags", "note"),
    [
        ("yuv420p10le", BT709, Orientation(), (1, 1, 1), ""),
        ("yuv420p", BT601, Orientation(True, True, False), (1, 1, 1), "primaries of SD"),
        ("yuvj420p", ColourTags(1, 1, 1, 2), Orientation(False, True, True), (1, 1, 1), ""),
    ],
)
def test_other_formats_encodings_and_orientations(
    drawn: SamplePair, tmp_path: Path, pix_fmt: str, colour: ColourTags, turn: Orientation, tags: object, note: str
) -> None:
    made = [
        remade(getattr(drawn, name), tmp_path / f"{name}.mov", pix_fmt=pix_fmt, colour=colour, turn=turn)
        for name in ("original", "synced")
    ]
    run = layered(Pair(*made), tmp_path, frames=FrameRange(4, 8))
    cut = part_of(made[0], tmp_path / "part.mkv", range(4, 8))
    assert check_over(Layered(run.result, Pair(cut, cut), run.folder), changed=4) < 3
    info, original = probe(run.folder / "patch.mov"), probe(made[0])
    assert (info.colour.matrix, info.colour.primaries, info.colour.transfer) == tags
    assert (info.width, info.height, info.orientation) == (original.width, original.height, turn)
    assert any(note in each for each in run.result.notes)
    clip = json.loads((run.folder / "timeline.otio").read_text())["tracks"]["children"][0]["children"][0]
    assert (clip["source_range"]["start_time"]["value"], clip["source_range"]["duration"]["value"]) == (4, 4)
    assert clip["media_references"]["DEFAULT_MEDIA"]["available_range"]["duration"]["value"] == FRAMES


@pytest.mark.slow
@pytest.mark.parametrize("form", ["video", "png"])
def test_the_written_matte_brings_back_the_same_picture(run: Layered, tmp_path: Path, form: str) -> None:
    source = run.folder / "matte.mkv"
    if form == "png":
        again = layered(run.pair, tmp_path / "first", layers=LayersOptions(tmp_path / "layers", "png"))
        assert again.result.output.exists()
        source = tmp_path / "layers" / "matte"
        assert cv2.imread(str(source / "000005.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint16
        assert len(list(source.iterdir())) == len(list((tmp_path / "layers" / "occluders").iterdir())) == FRAMES
    result = composited(run.pair.original, run.pair.synced, tmp_path / "out.mkv", settings=FFV1, matte=source)
    assert f"alpha of the new mouth: {source.name} (--matte)" in result.notes
    assert not any("shows something" in note for note in result.notes)
    record = find_record(probe(result.output).metadata).record
    assert record is not None
    assert record.matte
    for ours, theirs in zip(planes_of(result.output), planes_of(run.result.output), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            difference = np.abs(one.astype(int) - other)
            assert difference.max() <= 2
            assert (difference > 1).mean() < 1e-4


@pytest.mark.slow
def test_an_edited_matte_is_followed(run: Layered, tmp_path: Path) -> None:
    planes = [planes[0].copy() for planes in planes_of(run.folder / "matte.mkv")]
    for plane in planes:
        columns = np.flatnonzero(plane.any(axis=0))
        if len(columns):
            plane[:, : int(columns.mean())] = 0
    planes[1][10:20, 10:20] = 255  # no face in that frame
    planes[6][-12:, -12:] = 255  # far from the face
    matte = grey_video(tmp_path / "edited.mkv", planes, pix_fmt="gray", tag=FULL)
    settings = Settings.model_validate({"encode": {"encoder": "ffv1"}, "reuse": {"reach_frac": 0}})
    result = composited(run.pair.original, run.pair.synced, tmp_path / "out.mkv", settings=settings, matte=matte)
    assert "edited.mkv shows something of the new mouth where none could be rendered in 2 frames" in result.notes
    old, new = planes_of(run.pair.original), planes_of(result.output)
    for plane, before, after in zip(planes, old, new, strict=True):
        black = cv2.erode((plane == 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        np.testing.assert_array_equal(before[0][black], after[0][black])
    assert (old[6][0] != new[6][0])[planes[6] == 255].mean() > 0.3
    np.testing.assert_array_equal(old[1][0], new[1][0])


@pytest.mark.slow
def test_mattes_that_do_not_fit_are_errors(run: Layered, tmp_path: Path) -> None:
    def error(matte: Path) -> LipblendError:
        with pytest.raises(LipblendError) as found:
            composited(run.pair.original, run.pair.synced, tmp_path / "out.mkv", matte=matte)
        assert not (tmp_path / "out.mkv").exists()
        return found.value

    small = grey_video(tmp_path / "small.mkv", [flat(0)] * FRAMES)
    assert isinstance(error(small), InputMismatchError)
    short = grey_video(tmp_path / "short.mkv", [flat(0, (SIDE, SIDE))] * (FRAMES - 1))
    assert "has 11 frame(s), and the original has 12" in error(short).message
    gone = error(tmp_path / "gone.mkv")
    assert isinstance(gone, InputError)
    assert "(--matte)" in gone.message
    hint = error(run.folder).hint
    assert hint is not None
    assert "matte.mkv" in hint


@pytest.mark.slow
def test_no_layer_replaces_what_the_run_reads_or_writes(run: Layered, tmp_path: Path) -> None:
    for options in ({"matte": run.folder / "matte.mkv"}, {"keep": run.folder / "occluders.mkv"}):
        with pytest.raises(OutputError, match="would be written over"):
            layered(run.pair, tmp_path, layers=LayersOptions(run.folder), **options)
    with pytest.raises(OutputError, match="would be written over"):
        composited(run.pair.original, run.pair.synced, tmp_path / "patch.mov", layers=LayersOptions(tmp_path))
    with pytest.raises(OutputError, match="already exists"):
        layered(run.pair, tmp_path, layers=LayersOptions(run.folder), overwrite=False)
    (tmp_path / "matte").mkdir()
    (tmp_path / "matte" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        layered(run.pair, tmp_path / "x", layers=LayersOptions(tmp_path, "png"))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["video", "png"])
def test_a_run_that_fails_leaves_no_layer(
    run: Layered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    whole = compositing.SegmentRun.write

    def stopped(self: object, writer: object) -> None:
        whole(self, writer)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(compositing.SegmentRun, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        layered(run.pair, tmp_path, layers=LayersOptions(tmp_path / "new" / "layers", form))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"jobs": 2}, "--jobs is 2"),
        ({"resume": True}, "--resume is on"),
        ({"proxy": ProxySize.parse("0.5")}, "--proxy|proxy is smaller"),
    ],
)
def test_options_that_layers_cannot_be_combined_with(options: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        CompositeOptions(layers=LayersOptions(Path("layers")), **options).check()  # type: ignore[arg-type]
    CompositeOptions(layers=LayersOptions(Path("layers")), debug=DebugOptions(Path("d"))).check()
