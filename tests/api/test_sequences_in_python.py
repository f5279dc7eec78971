"""Image sequences in the place of videos, from Python."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from made import Shared
from sequences import pictures, unpacked, write_pictures

from lipblend import (
    CompositeOptions,
    CropOptions,
    Progress,
    composite,
    crop_video,
    evaluate,
    given_videos,
    open_pair,
)
from lipblend.cropping.crop_profiles import profile_with
from lipblend.errors import InputError, SettingsError
from lipblend.selfcheck.sample import SamplePair
from lipblend.video.probe import probe

FRAMES = 6


@pytest.fixture(scope="module")
def pair(shared_material: Shared) -> SamplePair:
    return shared_material.sample(frames=FRAMES, size=320)


@pytest.fixture(autouse=True)
def no_stand_in_is_left(own_temporary: Path) -> None:
    """Each test works in a folder of its own."""


def test_videos_are_themselves_and_sequences_are_films_until_the_end() -> None:
    write_pictures(Path("in/f_%02d.png"), pictures(3))
    Path("other.mp4").touch()
    seen: list[Progress] = []
    inputs = given_videos("in/f_%02d.png", "other.mp4", rate=Fraction(24000, 1001), on_progress=seen.append)
    with inputs as (first, second):
        assert second == Path("other.mp4")
        assert probe(first).frame_rate == Fraction(24000, 1001)
        assert probe(first).frame_count == 3
    assert not first.exists()
    assert seen == [Progress("read pictures", count, 3) for count in (1, 2, 3)]


def test_errors_name_what_was_given() -> None:
    write_pictures(Path("in/%d.png"), pictures(3))
    with (
        pytest.raises(InputError, match=r"^in/%d\.png is odd") as caught,
        given_videos("in/%d.png") as (film,),
    ):
        raise InputError(f"{film} is odd", hint=f"Look at {film}", details=(str(film),))
    assert (caught.value.details, caught.value.hint) == (("in/%d.png",), "Look at in/%d.png")
    with pytest.raises(SettingsError, match="no input is an image sequence"):
        composite("a.mp4", "b.mp4", "out.mp4", rate=25)
    with pytest.raises(InputError, match=r"no file in in is named as f_%d\.png"):
        crop_video("in/f_%d.png", "out.mp4", "out.json")
    with pytest.raises(SettingsError, match=r"cannot be measured.*given_videos"):
        composite("in/%d.png", "b.mp4", "out.mp4", options=CompositeOptions(measure=True))
    assert not Path("out.mp4").exists()


@dataclass(frozen=True)
class Noted:
    """A result, as far as its notes go."""

    notes: tuple[str, ...]


def test_notes_name_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    write_pictures(Path("in/%d.png"), pictures(3))
    monkeypatch.setattr("lipblend.compositing.prepare_job", lambda original, *_: original)
    monkeypatch.setattr("lipblend.compositing._run", lambda film, *_: Noted((f"{film} is dark",)))
    monkeypatch.setattr("lipblend.cropping.crop_job._crops_of", lambda film, *_: [Noted((f"{film} is dark",))])
    assert composite("in/%d.png", "in/%d.png", "out.mp4").notes == ("in/%d.png is dark",)
    assert crop_video("in/%d.png", "out.mp4", "out.json").notes == ("in/%d.png is dark",)


@pytest.mark.slow(8)
def test_composites_crops_and_evaluations_of_sequences(pair: SamplePair) -> None:
    original, synced = unpacked(pair.original, "in/f_%06d.png"), unpacked(pair.synced, "synced/%d.png")
    done = composite(original, synced, "out.mkv", rate="12.5")
    assert (done.frames, done.blended, done.duration_s) == (FRAMES, FRAMES, FRAMES / 12.5)
    assert not any("lipblend-given" in note for note in done.notes)
    guessed = composite(original, synced, "guessed.mkv")
    assert any(note.startswith("frame rate of the image sequence taken as 25") for note in guessed.notes)
    cut = crop_video(original, "crop.mp4", "crop.json", rate=10)
    assert (cut.frames, cut.rate) == (FRAMES, "10")
    assert '"f_%06d.png"' in Path("crop.json").read_text()
    with given_videos(original, synced, rate="12.5") as (first, second):
        assert open_pair(first, second).original.frame_rate == Fraction(25, 2)
        judged = evaluate(first, second, "out.mkv")
        assert judged.truth(0, next(iter(judged.walk.looked_at([0]))).views[0]) is None
    roles = {each.role: each.name for each in judged.record.inputs}
    assert roles == {"original": "f_%06d.png", "synced": "%d.png", "result": "out.mkv"}
    assert judged.record.headline is not None


@pytest.mark.slow(3)
def test_the_record_of_a_crop_tells_the_rate_of_its_pictures(pair: SamplePair, monkeypatch: pytest.MonkeyPatch) -> None:
    original, options = unpacked(pair.original, "in/%d.png"), CompositeOptions(crop=Path("face.json"))
    cut = crop_video(original, "faces/%d.png", "face.json", options=CropOptions(profile_with(None, rate="12.5")))
    assert (cut.frames, cut.rate) == (FRAMES // 2, "25/2")
    rates: list[Fraction | None] = []

    def opened(*videos: Path, **_: object) -> None:
        rates.extend(probe(video).frame_rate for video in videos)
        raise InputError("seen")

    monkeypatch.setattr("lipblend.composite_job.open_pair", opened)
    for rate in (None, 30):
        with pytest.raises(InputError, match="seen"):
            composite(original, "faces/%d.png", "out.mp4", rate=rate, options=options)
    assert rates == [25, Fraction(25, 2), 30, Fraction(25, 2)]
