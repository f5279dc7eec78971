from dataclasses import replace

import numpy as np

from lipblend.analysis.choose import choose_faces
from lipblend.analysis.clip import TrackRecord
from lipblend.analysis.measure import FaceMeasure

TIMES = np.arange(100) / 25


def track(frames: range, *, at: float, width: float = 100.0, painted: float = 1.0) -> TrackRecord:
    mesh = np.stack([np.linspace(0, width, 478) + at, np.linspace(0, width, 478)], 1).astype(np.float32)
    n = len(frames)
    return TrackRecord(list(frames), [mesh] * n, [mesh] * n, [FaceMeasure(painted, None)] * n)


def chosen(*tracks: TrackRecord, start: int = 0, stop: int = 100, face: str | int = "changed") -> list[list[int]]:
    faces = choose_faces(dict(enumerate(tracks)), TIMES, start, stop, max_gap_s=0.4, face=face)
    return [each.frames for each in faces]


def test_the_painted_face_wins_over_a_larger_one_and_size_breaks_a_tie() -> None:
    talking = track(range(100), at=0, painted=5)
    assert chosen(track(range(100), at=500, width=300, painted=0.5), talking) == [list(range(100))]
    faces = choose_faces(
        {0: track(range(100), at=0, painted=0), 1: track(range(100), at=500, width=300, painted=0)},
        TIMES,
        0,
        100,
        max_gap_s=0.4,
        face="changed",
    )
    assert np.ptp(faces[0].original[0][:, 0]) == 300


def test_tracks_that_follow_each_other_in_place_are_joined() -> None:
    assert chosen(track(range(40), at=0), track(range(44, 100), at=30)) == [[*range(40), *range(44, 100)]]


def test_tracks_far_apart_in_time_or_place_stand_in_for_each_other_but_are_not_joined() -> None:
    assert chosen(track(range(40), at=0), track(range(60, 100), at=0)) == [list(range(40)), list(range(60, 100))]
    assert chosen(track(range(41), at=0), track(range(44, 80), at=400)) == [list(range(41)), list(range(44, 80))]


def test_an_unpainted_face_does_not_stand_in() -> None:
    assert chosen(track(range(40), at=0, painted=5), track(range(60, 100), at=400, painted=1)) == [list(range(40))]


def test_only_the_shot_counts() -> None:
    assert chosen(track(range(100), at=0), start=20, stop=30) == [list(range(20, 30))]
    assert chosen(track(range(10), at=0), start=20, stop=30) == []


def test_a_bystander_seen_longer_does_not_win_over_the_painted_face() -> None:
    faces = chosen(track(range(100), at=0, painted=1), track(range(40, 80), at=400, painted=4))
    assert faces == [list(range(40, 80))]


def test_a_face_seen_for_a_moment_does_not_win_over_one_seen_throughout() -> None:
    faces = chosen(track(range(100), at=0, painted=2), track(range(40, 43), at=400, painted=4))
    assert faces == [list(range(100))]


def test_several_painted_faces_are_all_worked_on_and_a_bystander_is_not() -> None:
    left, right = track(range(100), at=0, painted=5), track(range(100), at=400, painted=3)
    bystander = track(range(100), at=800, painted=1.2)
    noisy = track(range(100), at=1200, painted=2.2)
    for each in (left, right, bystander, noisy):
        each.measured[:] = [replace(measure, above=1.0) for measure in each.measured]
    assert len(chosen(left, right, bystander, noisy)) == 2
    faces = choose_faces({0: bystander, 1: right, 2: left}, TIMES, 0, 100, max_gap_s=0.4, face="changed")
    assert [face.original[0][0, 0] for face in faces] == [0, 400]
    assert len(chosen(bystander, right, left, face="all")) == 3


def test_a_face_by_its_number_from_the_left_or_by_its_size() -> None:
    right, left = track(range(100), at=500, width=80, painted=9), track(range(100), at=0, width=90)
    again = track(range(60, 100), at=210, width=150)
    middle = track(range(50), at=200, width=150)  # the same person as the one above, lost for ten frames
    tracks = dict(enumerate((right, left, again, middle)))

    def taken(face: str | int) -> list[tuple[float, int]]:
        faces = choose_faces(tracks, TIMES, 0, 100, max_gap_s=0.1, face=face)
        return sorted((float(each.original[0][0, 0]), len(each.frames)) for each in faces)

    assert taken(0) == [(0, 100)]
    assert taken(1) == taken("largest") == [(200, 50), (210, 40)]
    assert taken(2) == [(500, 100)]
    assert taken(3) == []


def test_frames_without_a_synced_picture_say_nothing_about_the_paint() -> None:
    half = track(range(100), at=0, painted=4)
    half.measured[30:] = [None] * 70
    tracks = {0: track(range(100), at=500, painted=2.5), 1: half}
    faces = choose_faces(tracks, TIMES, 0, 100, max_gap_s=0.4, face="changed")
    assert faces[0].measured[0] == FaceMeasure(4, None)
