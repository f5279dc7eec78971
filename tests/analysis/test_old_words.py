"""What the summary says of frames that keep the old words, and of faces that were carried."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from planned import COUNT, analysis_of, even_stats

from lipblend.analysis.changed_frames import is_changed
from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.faces.landmarks import Landmarks
from lipblend.plan.make_plan import make_plan
from lipblend.plan.old_words import old_words_note
from lipblend.settings import Settings

TRACK = Settings().track


def test_the_longest_stretches_are_named() -> None:
    times_s = np.arange(500) / 25
    left = [*range(50, 143), *range(150, 200), 300]  # a break of 0.3 s is none
    note = old_words_note(left, 300, times_s, TRACK)
    assert note is not None
    assert note.startswith("the old words stay at 2.0 to 8.0 s, 12.0 to 12.0 s: no face was found there. ")
    assert "track.confidence" in note
    many = [frame for start in range(0, 500, 50) for frame in range(start, start + 10)]
    assert "and 6 shorter stretches:" in str(old_words_note(many, 300, times_s, TRACK))


def test_a_few_frames_are_not_worth_a_note() -> None:
    times_s = np.arange(100) / 25
    assert old_words_note(range(10), 90, times_s, TRACK) is None
    assert old_words_note(range(11), 89, times_s, TRACK) is not None


def track(face: Landmarks, frames: list[int], carried: tuple[int, ...] = ()) -> FaceTrack:
    table, measure = FaceTable(), FaceMeasure(4.0, even_stats(100, 100), 1.0)
    fits = dict.fromkeys(carried, 0.9)
    rows = [table.append(each, face.points, face.points, measure, carried=fits.get(each)) for each in frames]
    return FaceTrack(table, rows)


def test_the_first_note_names_the_seconds_without_a_face(face: Landmarks) -> None:
    analysis = analysis_of({0: track(face, list(range(25)))}, notes=("another note",))
    assert make_plan(analysis, Settings()).notes[0].startswith("the old words stay at 1.0 to 1.6 s: no face")
    nothing_there = replace(analysis, changed=np.arange(COUNT) < 25)
    assert not any("old words" in note for note in make_plan(nothing_there, Settings()).notes)


def test_carried_frames_are_counted(face: Landmarks) -> None:
    frames = list(range(COUNT))
    notes = make_plan(analysis_of({0: track(face, frames, (5, 6, 7))}), Settings()).notes
    assert sum(note.startswith("3 frames in which no face was found: it was followed") for note in notes) == 1
    assert not any("followed" in note for note in make_plan(analysis_of({0: track(face, frames)}), Settings()).notes)


def test_a_painted_mouth_is_a_change_and_noise_is_none() -> None:
    random = np.random.default_rng(4)
    picture = cv2.GaussianBlur(random.integers(0, 200, (54, 96)).astype(np.uint8), (0, 0), 2)
    noisy = np.clip(picture + random.integers(-1, 2, picture.shape), 0, 255).astype(np.uint8)
    assert not is_changed(picture, picture)
    assert not is_changed(picture, noisy)
    assert not is_changed(picture, np.clip(picture.astype(int) + 9, 0, 255).astype(np.uint8))
    faint, painted = picture.copy(), noisy.copy()
    faint[30:33, 40:44] += np.uint8(2)
    painted[30:33, 40:44] -= np.uint8(12)
    assert not is_changed(picture, faint)
    assert is_changed(picture, painted)
    assert is_changed(picture, painted + np.uint8(9))
