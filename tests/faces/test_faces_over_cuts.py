"""Faces and cuts, in whole runs: shots with other people, without anybody, or left alone by the generator."""

from __future__ import annotations

import numpy as np
import pytest
from studio import LEFT, RIGHT, Person, Shown, Studio, about, at, luma, weights

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.errors import NoFaceError
from lipblend.plan.make_plan import make_plan
from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader


def raw(analysis: ClipAnalysis, frame: int) -> np.ndarray:
    """The only mesh of a frame, as it was found."""
    (mesh,) = (
        record.original[record.frames.index(frame)] for record in analysis.tracks.values() if frame in record.frames
    )
    return np.asarray(mesh)


@pytest.mark.slow(3)
@pytest.mark.parametrize("kind", ["another person", "jump"])
def test_nothing_is_smoothed_or_painted_across_a_cut(kind: str, studio: Studio) -> None:
    # The head moves up to the cut: smoothing across it would drag the meshes towards the other shot.
    before = [Shown((at(LEFT, x=130 + number),)) for number in range(12)]
    if kind == "jump":
        after = [Shown((at(LEFT, x=190 - number, y=150, tilt=8),)) for number in range(12)]
    else:
        after = [Shown((at(RIGHT, x=350 - number),), background=1) for number in range(12)]
    film = studio.film([*before, *after])
    analysis = film.analysis()
    assert analysis.shot_starts.tolist() == [0, 12]
    plan = make_plan(analysis, Settings())
    assert weights(plan).tolist() == [1.0] * 24, "no fade at a cut"
    for frame in (11, 12):
        apart = np.abs(plan.rows[frame].faces[0].original.points - raw(analysis, frame)).mean()
        assert apart < 0.01 * 80
    changes = film.changes()
    first_mouth, second_mouth = studio.mouth(before[11].people[0]), studio.mouth(after[0].people[0])
    assert about(changes[11:12], first_mouth, 6) > 10
    assert about(changes[12:13], second_mouth, 6) > 10
    if kind != "jump":
        assert about(changes[:12], second_mouth, 60).max() == 0
        assert about(changes[12:], first_mouth, 60).max() == 0


@pytest.mark.slow(3)
def test_a_shot_without_a_face_between_two_is_the_originals(studio: Studio) -> None:
    film = studio.film([*[Shown((LEFT,))] * 8, *[Shown(background=1)] * 8, *[Shown((RIGHT,), background=2)] * 8])
    done = film.run()
    assert (done.blended, done.passed_through) == (16, {"no face": 8})
    changes = np.abs(luma(done.output) - luma(film.original))
    assert changes[8:16].max() == 0
    assert about(changes[[7]], studio.mouth(LEFT), 6) > 10
    assert about(changes[[16]], studio.mouth(RIGHT), 6) > 10


@pytest.mark.slow(3)
def test_a_flash_neither_loses_the_face_nor_switches_the_patch(studio: Studio) -> None:
    person = Person(44, 160, 200)  # not to be seen in the whole picture: once lost it has to be searched for
    frames = [Shown((person,), gain=1.7 if frame in (9, 15) else 1.0) for frame in range(24)]
    film = studio.film(frames, size=(800, 400))
    assert weights(film.plan()).tolist() == [1.0] * 24


# Nobody to work on


@pytest.mark.slow(3)
@pytest.mark.parametrize("reaction", [False, True])
def test_a_shot_of_somebody_who_was_left_alone_passes_through(reaction: bool, studio: Studio) -> None:
    listener = at(RIGHT, painted=not reaction)
    film = studio.film([*[Shown((LEFT,))] * 10, *[Shown((listener,), background=1)] * 10, *[Shown((LEFT,))] * 10])
    done = film.run()
    changes = np.abs(luma(done.output) - luma(film.original))
    assert about(changes[[5, 25]], studio.mouth(LEFT), 6).min() > 10
    if reaction:
        assert (done.blended, done.passed_through) == (20, {"face not changed": 10})
        assert changes[10:20].max() == 0
    else:
        assert (done.blended, done.passed_through) == (30, {})


@pytest.mark.slow(3)
@pytest.mark.parametrize("same", [True, False])
def test_shots_are_treated_alike_where_nothing_was_changed_anywhere(same: bool, studio: Studio) -> None:
    """All blended where the synced video was only encoded again, one shot of it with more to encode than the other."""
    people = at(LEFT, painted=False), at(RIGHT, width=45, painted=False)
    film = studio.film([*[Shown(people[:1])] * 10, *[Shown(people[1:], background=1)] * 10])
    if same:
        film.synced = film.original
    done = film.run()
    assert (done.blended, done.passed_through) == ((0, {"face not changed": 20}) if same else (20, {}))


@pytest.mark.slow
def test_a_clip_without_any_face_has_an_exit_code_of_its_own_or_is_copied(studio: Studio) -> None:
    film = studio.film([Shown(background=number // 6) for number in range(12)])
    with pytest.raises(NoFaceError, match="no face to work on in 12 frames") as caught:
        film.run()
    assert caught.value.exit_code == 5
    assert "--no-face copy" in caught.value.hint
    assert not film.original.with_name("out.mp4").exists()
    done = film.run(no_face="copy")
    assert (done.blended, done.passed_through) == (0, {"no face": 12})
    with VideoReader(probe(done.output)) as out, VideoReader(probe(film.original)) as plain:
        pairs = list(zip(out, plain, strict=True))
        assert len(pairs) == 12
        for a, b in pairs:
            assert all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes, strict=True))
