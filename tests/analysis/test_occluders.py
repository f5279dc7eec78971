"""Departures of a clip's faces: where a glance raises a suspicion, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from shots_occluded import looking

from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.occluders import find_departures
from lipblend.faces.landmarks import Landmarks
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.departure import ShotLooks
from lipblend.stages.occlusion.face_look import in_head_frame, look_rows
from lipblend.stages.occlusion.stored import read_departures
from tests.drawn_looks import DrawnShot, cup
from tests.retained_memory import retained_bytes

RATE = 12
ONE_SHOT = np.array([0])


def searched(track: FaceTrack, starts: np.ndarray = ONE_SHOT, *, rate: float = RATE, more: int = 0) -> list[int]:
    """Frames that then have departures."""
    count = track.table.frames[-1] + 1 + more
    find_departures({0: track}, np.arange(count) / rate, starts)
    assert not track.has("looks").any()
    return [frame for frame, has in zip(track.frames, track.has("departures").tolist(), strict=True) if has]


def test_only_frames_near_an_occluder_get_departures_and_looks_are_gone(face: Landmarks) -> None:
    looks = DrawnShot(50).put_cup(range(20, 26)).looks()
    track = looking(face, list(looks))
    assert track.has("looks").all()
    frames = searched(track)
    assert frames == list(range(frames[0], frames[-1] + 1))
    assert set(range(20, 26)) <= set(frames)
    assert 20 - RATE < frames[0] < 20 - 2
    assert 25 + 2 < frames[-1] < 25 + RATE


def test_departures_lie_in_the_axes_of_the_head(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    face = transformed(face, jaw_px=0.15 * face.face_width_px)  # rows of the look follow lips and chin
    track = looking(face, list(DrawnShot(40).put_cup(range(18, 24)).looks()))
    assert searched(track)
    stored = track.table.columns["departures"]
    rows = look_rows(head_frame(face), face)
    there, near = (in_head_frame(cup(grown).astype(np.float32), rows) for grown in (-1, 4))
    assert np.count_nonzero((there > 0.99) & (cup(4) == 0)) > 5  # elsewhere than in the look
    departures = read_departures(stored[20])
    assert departures[there > 0.99].min() > 2
    assert departures[near == 0].max() < 1
    assert read_departures(stored[15])[there > 0.99].max() < 1


def test_a_clip_without_occluders_gets_none(face: Landmarks) -> None:
    assert searched(looking(face, list(DrawnShot(40).looks()))) == []


def test_an_occluder_that_stays_is_found_in_all_frames(face: Landmarks) -> None:
    looks = DrawnShot(40).put_cup(range(40)).looks()
    assert searched(looking(face, list(looks))) == list(range(40))


def test_shots_are_judged_apart(face: Landmarks) -> None:
    """A cut to another picture is no occluder, and one before a cut says nothing about what follows."""
    first, second = DrawnShot(30, seed=1).looks(), DrawnShot(30, seed=5).put_cup(range(2, 6)).looks()
    frames = searched(looking(face, [*first, *second]), np.array([0, 30]))
    assert frames[0] == 30
    assert 35 <= frames[-1] < 50
    assert searched(looking(face, [*first, *second]))[0] < 30  # in one shot


@pytest.mark.parametrize(("apart_s", "joined"), [(1.4, True), (4.0, False)])
def test_short_gaps_between_occluders_are_filled(apart_s: float, joined: bool, face: Landmarks) -> None:
    later = 11 + round(apart_s * RATE)
    looks = DrawnShot(70).put_cup([*range(8, 12), *range(later, later + 4)]).looks()
    frames = searched(looking(face, list(looks)))
    assert {9, later + 2} <= set(frames)
    assert ((12 + later) // 2 in frames) == joined


def test_frames_that_were_not_looked_at_are_left_out(face: Landmarks) -> None:
    looks: list[np.ndarray | None] = list(DrawnShot(40).put_cup(range(18, 24)).looks())
    looks[20] = None
    frames = searched(looking(face, looks))
    assert 19 in frames
    assert 20 not in frames
    assert searched(looking(face, [None] * 40)) == []


def test_too_few_frames_say_nothing(face: Landmarks) -> None:
    looks = DrawnShot(60).put_cup(range(3, 6)).looks()[:7]
    assert searched(looking(face, list(looks)), rate=2, more=20) == []
    assert searched(looking(face, [*looks, *looks]), rate=2, more=20)


def test_long_shots_are_judged_in_parts(face: Landmarks, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []
    made = ShotLooks.__init__

    def noted(self: ShotLooks, looks: np.ndarray, times_s: np.ndarray) -> None:
        lengths.append(float(times_s[-1] - times_s[0]))
        made(self, looks, times_s)

    monkeypatch.setattr(ShotLooks, "__init__", noted)
    assert searched(looking(face, list(DrawnShot(100).looks())), rate=2) == []
    assert len(lengths) > 1
    assert sum(lengths) > 40
    assert max(lengths) < 30


def test_each_face_has_its_own_look(face: Landmarks) -> None:
    table = FaceTable()
    one = looking(face, list(DrawnShot(40, seed=1).looks()), table=table)
    other = looking(face, list(DrawnShot(40, seed=2).put_cup(range(18, 24)).looks()), table=table)
    find_departures({0: one, 1: other}, np.arange(40) / RATE, ONE_SHOT)
    assert not one.has("departures").any()
    assert other.has("departures")[18:24].all()
    assert not other.has("departures").all()


def coming_back(face: Landmarks, looks: np.ndarray, apart_s: float) -> list[int]:
    """The places of looks with departures, of which the second half is as much later."""
    track, half = looking(face, list(looks)), len(looks) // 2
    times = np.arange(len(looks)) / RATE
    times[half:] += apart_s
    find_departures({0: track}, times, ONE_SHOT)
    return [frame for frame, has in zip(track.frames, track.has("departures").tolist(), strict=True) if has]


@pytest.mark.parametrize("apart_s", [0, 60, 600, 36000])
def test_time_in_which_a_face_is_away_makes_no_windows(apart_s: float, face: Landmarks) -> None:
    """It comes back for some seconds, and half of what is seen of it is no window of a few frames."""
    shot = DrawnShot(48).put_cup(range(33, 38))
    assert set(range(33, 38)) <= set(coming_back(face, shot.looks(), apart_s))
    assert coming_back(face, DrawnShot(48).looks(), apart_s) == []


def test_seldom_pictures_are_judged_in_no_less_than_a_window(face: Landmarks) -> None:
    assert searched(looking(face, list(DrawnShot(40).put_cup(range(18, 24)).looks())), rate=0.2)


def test_what_is_found_is_not_held_in_memory(face: Landmarks, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an hour with something always in front it was 400 MB."""
    held: list[int] = []
    replace = FaceTable.replace

    def measured(self: FaceTable, name: str, values: Mapping[int, np.ndarray]) -> None:
        if name == "departures":
            held.append(retained_bytes(values if isinstance(values, dict) else vars(values)) // len(values))
        replace(self, name, values)

    monkeypatch.setattr(FaceTable, "replace", measured)
    assert searched(looking(face, list(DrawnShot(40).put_cup(range(40)).looks()))) == list(range(40))
    assert max(held) < 1000
