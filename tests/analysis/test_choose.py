from array import array

import numpy as np
import pytest
from retracked import retracked

from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.plan.choose import choose_faces, continuing_frames, count_people, is_unchanged, max_certain_change

TIMES = np.arange(100) / 25


def track(
    frames: range, *, at: float, width: float = 100.0, painted: float = 1.0, above: float | None = None
) -> FaceTrack:
    mesh = np.stack([np.linspace(0, width, 478) + at, np.linspace(0, width, 478)], 1).astype(np.float32)
    n = len(frames)
    return FaceTrack.of(frames, [mesh] * n, [mesh] * n, [FaceMeasure(painted, None, above)] * n)


def clip(*tracks: FaceTrack) -> dict[int, FaceTrack]:
    """Tracks by their number, all in one table."""
    table = FaceTable()
    return {number: retracked(each, table=table) for number, each in enumerate(tracks)}


def chosen(*tracks: FaceTrack, start: int = 0, stop: int = 100, face: str | int = "changed") -> list[list[int]]:
    faces = choose_faces(clip(*tracks), TIMES, start, stop, max_gap_s=0.4, face=face)
    return [each.frames for each in faces]


def test_the_painted_face_wins_over_a_larger_one_and_size_breaks_a_tie() -> None:
    talking = track(range(100), at=0, painted=5)
    assert chosen(track(range(100), at=500, width=300, painted=0.5), talking) == [list(range(100))]
    faces = choose_faces(
        clip(track(range(100), at=0, painted=0), track(range(100), at=500, width=300, painted=0)),
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


def test_a_neutral_mesh_goes_on_where_the_face_is_found_beside_it_but_is_no_part_of_its_track() -> None:
    table = FaceTable()

    def of(frames: range, *, at: float, carried: float | None) -> FaceTrack:
        (mesh,) = track(range(1), at=at).original
        rows = [table.append(frame, mesh, None, FaceMeasure(5, None), carried=carried) for frame in frames]
        return FaceTrack(table, array("q", rows))

    neutral, found = of(range(40), at=0, carried=0.9), of(range(40, 100), at=30, carried=None)
    far, late = of(range(40, 100), at=400, carried=None), of(range(60, 100), at=0, carried=None)
    faces = choose_faces({0: neutral, 1: found}, TIMES, 0, 100, max_gap_s=0.4, face="changed")
    assert sorted(each.frames for each in faces) == [list(range(40)), list(range(40, 100))]
    assert continuing_frames(neutral, faces) == set(range(40, 100))
    assert continuing_frames(found, faces) == set(range(40))
    assert not continuing_frames(neutral, [neutral, far, late])
    assert not continuing_frames(found, [found, late])


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
    left, right = track(range(100), at=0, painted=5, above=1), track(range(100), at=400, painted=3, above=1)
    bystander = track(range(100), at=800, painted=1.2, above=1)
    noisy = track(range(100), at=1200, painted=2.2, above=1)
    assert len(chosen(left, right, bystander, noisy)) == 2
    faces = choose_faces(clip(bystander, right, left), TIMES, 0, 100, max_gap_s=0.4, face="changed")
    assert [face.original[0][0, 0] for face in faces] == [0, 400]
    assert len(chosen(bystander, right, left, face="all")) == 3


def test_a_face_by_its_number_from_the_left_or_by_its_size() -> None:
    right, left = track(range(100), at=500, width=80, painted=9), track(range(100), at=0, width=90)
    again = track(range(60, 100), at=210, width=150)
    middle = track(range(50), at=200, width=150)  # the same person as the one above, lost for ten frames
    tracks = clip(right, left, again, middle)

    def taken(face: str | int) -> list[tuple[float, int]]:
        faces = choose_faces(tracks, TIMES, 0, 100, max_gap_s=0.1, face=face)
        return sorted((float(each.original[0][0, 0]), len(each.frames)) for each in faces)

    assert taken(0) == [(0, 100)]
    assert taken(1) == taken("largest") == [(200, 50), (210, 40)]
    assert taken(2) == [(500, 100)]
    assert taken(3) == []


def test_frames_without_a_synced_picture_say_nothing_about_the_paint() -> None:
    half = track(range(100), at=0, painted=4)
    half = retracked(half, measured=[*list(half.measured)[:30], *[None] * 70])
    faces = choose_faces(
        clip(track(range(100), at=500, painted=2.5), half), TIMES, 0, 100, max_gap_s=0.4, face="changed"
    )
    assert next(faces[0].measured) == FaceMeasure(4, None)


def test_a_face_seen_for_a_moment_moves_no_number_and_comes_last() -> None:
    left, right = track(range(100), at=300, painted=1), track(range(100), at=600, painted=5)
    passing = track(range(40, 45), at=0)
    tracks = clip(right, passing, left)

    def taken(face: int) -> list[float]:
        faces = choose_faces(tracks, TIMES, 0, 100, max_gap_s=0.4, face=face)
        return [float(each.original[0][0, 0]) for each in faces]

    assert [taken(face) for face in range(4)] == [[300], [600], [0], []]
    assert count_people(tracks, TIMES, 0, 100, max_gap_s=0.4) == 3
    assert count_people(tracks, TIMES, 50, 100, max_gap_s=0.4) == 2


def test_one_persons_own_upper_face_does_not_decide_between_its_tracks() -> None:
    """A generator that paints whole faces: without a bystander the upper face tells nothing about encoding noise."""
    first = track(range(40), at=0, painted=2.4, above=1.6)
    second = track(range(60, 100), at=10, painted=1.8, above=1.7)
    assert len(chosen(first, second)) == 2


def test_a_bystanders_upper_face_gives_the_noise_that_is_taken_off() -> None:
    talking = track(range(100), at=0, painted=3.4, above=2.0)
    assert len(chosen(talking, track(range(100), at=500, painted=1.5, above=1.4))) == 1


def surest(*tracks: FaceTrack) -> float:
    return max_certain_change(clip(*tracks), TIMES, [(0, 50), (50, 100)], max_gap_s=0.4)


@pytest.mark.parametrize(("painted", "above"), [(7.18, 1.96), (2.39, 1.59), (4.0, 0.15)])
def test_a_face_that_the_generator_left_alone_is_told_by_the_changed_one_of_another_shot(
    painted: float, above: float
) -> None:
    talking = track(range(50), at=0, painted=painted, above=above)
    listening = track(range(50, 100), at=0, painted=0.4, above=0.35)
    assert is_unchanged(listening, surest(talking, listening))
    assert not is_unchanged(talking, surest(talking, listening))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0.0, 0.0), (0.0, 0.0)),  # the same video
        ((1.0, 0.8), (0.1, 0.1)),  # encoded again, one shot worse than the other
        ((3.0, 2.6), (0.5, 0.5)),  # the whole face painted: the upper face tells nothing
        ((5.0, 1.0), (1.5, 1.4)),  # too much for a face left alone
        ((5.0, 1.0), (0.9, 0.3)),  # little, but three times the upper face's
        ((5.0, 1.0), (0.5, None)),  # the upper face is not seen
    ],
)
def test_where_it_is_not_sure_a_face_counts_as_changed(
    first: tuple[float, float], second: tuple[float, float | None]
) -> None:
    one = track(range(50), at=0, painted=first[0], above=first[1])
    two = track(range(50, 100), at=0, painted=second[0], above=second[1])
    level = surest(one, two)
    assert not is_unchanged(one, level)
    assert not is_unchanged(two, level)


def test_a_moment_of_change_is_not_the_clips_level() -> None:
    assert surest(track(range(4), at=0, painted=9, above=1)) == 0
    assert surest(track(range(5), at=0, painted=9, above=1)) == 9


def test_people_side_by_side_have_a_number_each() -> None:
    beside = track(range(100), at=110), track(range(100), at=0)
    assert count_people(clip(*beside), TIMES, 0, 100, max_gap_s=0.4) == 2
    after_another = track(range(40), at=110), track(range(60, 100), at=0)
    assert count_people(clip(*after_another), TIMES, 0, 100, max_gap_s=0.1) == 1
