"""The first picture of a preview: of each frame by itself, before anything else is read."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.errors import InputError, InputMismatchError, ModelError
from lipblend.faces.landmarker import BackgroundLandmarker, FaceLandmarker
from lipblend.faces.models import resolve_model
from lipblend.output.synth import write_clip
from lipblend.pair import Pair
from lipblend.picture.patch import Box
from lipblend.picture.planes import to_rgb
from lipblend.preview import frames
from lipblend.preview.frames import preview
from lipblend.preview.look import Preview
from lipblend.preview.preview_options import PreviewOptions
from lipblend.preview.times import FrameTimes
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe, probe_both
from lipblend.video.reader import VideoReader

NATURAL = resolve_settings("natural").settings
FIRST = "first picture after"
run = CliRunner()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=60, size=320)


@pytest.fixture
def no_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever analyses more than single frames fails."""
    monkeypatch.setattr(frames, "analyse", None)
    monkeypatch.setattr("lipblend.pair.analyse_cached", None)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many looks the face model takes, how often a decoder is started, and how many frames come of it."""
    done = {"looks": 0, "starts": 0, "frames": 0}
    detect, decoded, frame = FaceLandmarker.detect, VideoReader._decoded, VideoReader._frame

    def counted(name: str, function: Any) -> Any:
        def call(*given: Any) -> Any:
            done[name] += 1
            return function(*given)

        return call

    monkeypatch.setattr(FaceLandmarker, "detect", counted("looks", detect))
    monkeypatch.setattr(VideoReader, "_decoded", counted("starts", decoded))
    monkeypatch.setattr(VideoReader, "_frame", counted("frames", frame))
    return done


@pytest.mark.usefixtures("no_analysis")
@pytest.mark.parametrize(("at", "index"), [("0", 0), ("1.2", 30), ("#31", 31), ("2.39", 59)])
def test_a_quick_look_takes_one_frame_of_each_video_and_few_looks(
    at: str, index: int, sample: SamplePair, work: dict[str, int]
) -> None:
    found = preview(sample.original, sample.synced, [at], {"natural": NATURAL}, options=PreviewOptions(quick=True))
    ((look,),) = found.looks
    assert (look.quick, look.whole, look.number, look.time_s) == (True, False, index, pytest.approx(index / 25))
    assert len(look.rendered.patches) == 1
    assert "a quick look" in found.notes[-1]
    assert work["looks"] <= 5  # the whole picture, three crops to confirm what it shows, and one of the synced picture
    assert work["starts"] == 2  # one decoder a video, started once
    assert work["frames"] <= 6


@pytest.mark.slow
def test_it_shows_nearly_what_comes_of_it(sample: SamplePair) -> None:
    first: list[Preview] = []
    final = preview(
        sample.original, sample.synced, ["1.2"], {"natural": NATURAL}, options=PreviewOptions(on_quick=first.append)
    )
    assert [preview.looks[0][0].quick for preview in (*first, final)] == [True, False]
    assert final.notes == ()
    quick, refined = (each.looks[0][0] for each in (first[0], final))
    mine, theirs, original = (
        each.planes[0].astype(np.int16) for each in (quick.result, refined.result, refined.original)
    )
    np.testing.assert_array_equal(quick.original.planes[0], refined.original.planes[0])
    assert quick.synced is not None
    assert refined.synced is not None
    np.testing.assert_array_equal(quick.synced.planes[0], refined.synced.planes[0])
    changed = theirs != original
    assert changed.sum() > 1000
    assert np.abs(mine - theirs)[changed].mean() < 0.5 * np.abs(theirs - original)[changed].mean()


@pytest.mark.slow(3)
def test_the_sheet_is_there_before_the_moment_about_it_is_read(
    sample: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet, analyse = tmp_path / "sheet.png", frames.analyse
    before: list[bytes] = []

    def reading(*given: Any, **named: Any) -> Any:
        before.append(sheet.read_bytes())
        return analyse(*given, **named)

    monkeypatch.setattr(frames, "analyse", reading)
    words = ["preview", str(sample.original), str(sample.synced), "--at", "1.2", "-o", str(sheet)]
    done = run.invoke(app, [*words, "--no-overwrite"])
    assert done.exit_code == 0, done.output
    assert len(before) == 1
    assert before[0] != sheet.read_bytes()
    assert FIRST in done.stderr
    assert FIRST not in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    assert run.invoke(app, [*words, "--no-overwrite"]).exit_code == 7  # what another run has written stays
    quiet = run.invoke(app, [*words, "--quiet"])
    assert (quiet.exit_code, quiet.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.usefixtures("no_analysis")
def test_quick_stops_at_the_first_picture(sample: SamplePair, tmp_path: Path) -> None:
    words = ["preview", str(sample.original), str(sample.synced), "--at", "1.2", "--at", "0.4", "--quick", "--json"]
    done = run.invoke(app, [*words, "-o", str(tmp_path / "sheet.png")])
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert (data["quick"], data["frames"]) == (True, [30, 10])
    assert FIRST not in done.stderr
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_a_quick_look_says_so_on_the_sheet(sample: SamplePair) -> None:
    from lipblend.preview import sheet

    ((look,),) = preview(
        sample.original, sample.synced, ["1.2"], {"natural": NATURAL}, options=PreviewOptions(quick=True)
    ).looks
    assert sheet._heading(look, "face 1 of 2") == "1.200 s, frame #30, face 1 of 2, quick look: this frame by itself"


@pytest.mark.slow(3)
def test_where_a_frame_alone_does_not_do_the_usual_way_is_taken(sample: SamplePair) -> None:
    by_index = Settings.model_validate({"pair": {"method": "index"}})
    found = preview(sample.original, sample.synced, ["1.2"], {"mine": by_index}, options=PreviewOptions(quick=True))
    assert not found.looks[0][0].quick
    assert any(note.startswith("no quick look: pair.method = index") for note in found.notes)
    quick: list[Preview] = []
    preview(sample.original, sample.synced, ["1.2"], {"mine": by_index}, options=PreviewOptions(on_quick=quick.append))
    assert quick == []


@pytest.mark.thorough
def test_frames_that_do_not_belong_together_are_not_shown(sample: SamplePair, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    other = tmp_path / "other.mp4"
    write_clip(other, [rng.integers(0, 255, (320, 320, 3), dtype=np.uint8)] * 60, frame_rate=Fraction(25), crf=20)
    quick: list[Preview] = []
    with pytest.raises(InputMismatchError):
        preview(sample.original, other, ["1.2"], {"natural": NATURAL}, options=PreviewOptions(on_quick=quick.append))
    assert quick == []


def test_a_synced_video_that_has_ended_is_no_quick_look(sample: SamplePair, tmp_path: Path) -> None:
    info, short = probe(sample.synced), tmp_path / "short.mp4"
    with VideoReader(info) as reader:
        pictures = [to_rgb(frame.planes, frame.layout, info.colour) for frame in reader][:20]
    write_clip(short, pictures, frame_rate=Fraction(25), crf=12)
    pair = Pair(*probe_both(sample.original, short), resolve_model("face_landmarker"))
    run_of = frames._Run(pair, {}, PreviewOptions(), FrameTimes(info))
    reason = run_of.quick_looks([2.3], {"natural": NATURAL})
    assert isinstance(reason, str)
    assert "has no frame at 2.30 s" in reason


@pytest.mark.slow(2)
def test_an_analysis_at_hand_needs_no_quick_look(
    sample: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lipblend.analysis import cache as caching

    words: dict[str, Any] = {"model": resolve_model("face_landmarker"), "settings": NATURAL}
    pair = probe_both(sample.original, sample.synced)
    caching.analyse_cached(*pair, **words, on_frame=lambda _: None, cache=tmp_path)
    monkeypatch.setattr(frames, "analyse_frame", None)
    quick: list[Preview] = []
    ((look,),) = preview(
        sample.original,
        sample.synced,
        ["1.2"],
        {"natural": NATURAL},
        options=PreviewOptions(cache=tmp_path, on_quick=quick.append),
    ).looks
    assert (look.whole, look.quick, quick) == (True, False, [])


@pytest.mark.slow
def test_a_face_model_made_early_is_used(sample: SamplePair, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, float]] = []
    init = FaceLandmarker.__init__

    def counted(self: FaceLandmarker, model: Path, *, max_faces: int, confidence: float) -> None:
        made.append((max_faces, confidence))
        init(self, model, max_faces=max_faces, confidence=confidence)

    monkeypatch.setattr(FaceLandmarker, "__init__", counted)
    track = NATURAL.track
    with BackgroundLandmarker(
        lambda: resolve_model("face_landmarker"), max_faces=track.max_faces, confidence=track.confidence
    ) as finder:
        preview(
            sample.original,
            sample.synced,
            ["1.2"],
            {"natural": NATURAL},
            options=PreviewOptions(quick=True),
            finder=finder,
        )
        assert made == [(track.max_faces, track.confidence)]
        other = NATURAL.model_copy(update={"track": track.model_copy(update={"max_faces": 1})})
        preview(
            sample.original, sample.synced, ["1.2"], {"other": other}, options=PreviewOptions(quick=True), finder=finder
        )
    assert made == [(track.max_faces, track.confidence), (1, track.confidence)]


@pytest.mark.slow(3)
def test_refining_makes_one_model_more_and_not_two(sample: SamplePair, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    init = FaceLandmarker.__init__

    def counted(self: FaceLandmarker, model: Path, **named: Any) -> None:
        made.append(model)
        init(self, model, **named)

    monkeypatch.setattr(FaceLandmarker, "__init__", counted)
    track, model = NATURAL.track, resolve_model("face_landmarker")
    with BackgroundLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as finder:
        options = PreviewOptions(on_quick=lambda _: None)
        early = preview(sample.original, sample.synced, ["1.2"], {"natural": NATURAL}, options=options, finder=finder)
        assert len(made) == 2  # it is used by the quick look, and for the original's moment
        assert finder.ready().detect(np.zeros((64, 64, 3), np.uint8)) == [], "it is left open"
    late = preview(sample.original, sample.synced, ["1.2"], {"natural": NATURAL})
    for one, two in zip(*(each.looks[0][0].result.planes for each in (early, late)), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_model_that_cannot_be_made_is_an_error_when_it_is_needed(tmp_path: Path) -> None:
    missing = tmp_path / "none.task"
    with (
        BackgroundLandmarker(missing, max_faces=1, confidence=0.5) as finder,
        pytest.raises(ModelError, match="not a file"),
    ):
        finder.ready()
    with BackgroundLandmarker(missing, max_faces=1, confidence=0.5):
        pass  # nobody asked


def test_of_two_files_that_cannot_be_probed_the_first_is_named(sample: SamplePair, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"one\.mp4 does not exist"):
        probe_both(tmp_path / "one.mp4", tmp_path / "two.mp4")
    with pytest.raises(InputError, match=r"two\.mp4 does not exist"):
        probe_both(sample.original, tmp_path / "two.mp4")
    assert probe_both(sample.original, sample.synced) == (probe(sample.original), probe(sample.synced))


@pytest.mark.usefixtures("no_analysis")
def test_swapped_colours_of_a_small_face_are_seen_in_one_frame(sample: SamplePair, tmp_path: Path) -> None:
    """As in a whole run: what dozens of small pictures show there, one larger one shows here."""
    clips = {}
    room = np.random.default_rng(4).integers(30, 220, (9, 16, 3)).repeat(40, 0).repeat(40, 1).astype(np.uint8)
    for name, source in (("orig", sample.original), ("synced", sample.synced)):
        info, shown = probe(source), []
        with VideoReader(info) as reader:
            for frame in islice(reader, 10):
                wide = room.copy()
                whole = Box(0, 0, info.width, info.height)
                wide[20:340, 160:480] = to_rgb(frame.planes, frame.layout, info.colour, whole, height=info.height)
                shown.append(wide)
        clips[name] = shown
    painted = np.any([np.abs(a.astype(int) - b).sum(2) > 60 for a, b in zip(*clips.values(), strict=True)], axis=0)
    down, across = np.nonzero(painted[60:300, 200:440])
    top, bottom, left, right = 60 + down.min(), 60 + down.max(), 200 + across.min(), 200 + across.max()
    for wide in clips["synced"]:
        wide[top:bottom, left:right] = wide[top:bottom, left:right, ::-1]
    files = {name: tmp_path / f"{name}.mp4" for name in clips}
    for name, shown in clips.items():
        write_clip(files[name], shown, frame_rate=Fraction(25), crf=12)
    found = preview(files["orig"], files["synced"], ["#5"], {"natural": NATURAL}, options=PreviewOptions(quick=True))
    assert any("red and blue are swapped in what the generator painted" in note for note in found.notes)
