"""Hands near faces: where they are searched, followed and kept. Dots in the pictures stand for hands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace, TracebackType
from typing import Self

import numpy as np
import pytest
from shots_occluded import departing, looking

from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.hands_near import HandLooker
from lipblend.analysis.near_faces import NearFrames, faces_in_question, look_near
from lipblend.analysis.search_near import OnFirstUse
from lipblend.faces.hand_landmarker import Hand
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.picture import Picture
from lipblend.stages.occlusion.hand_shape import palm_centre, palm_length_px
from tests.renders import TAGS

COUNT, SIDE = 40, 160
GREY = PixelLayout("gray", 8, 0, 0, 1)
HAND = np.random.default_rng(3).uniform(-6, 6, (21, 2)).astype(np.float32)
HAND[[0, 5, 9, 13, 17]] = (0, 0), (-4, -14), (0, -15), (3, -14), (6, -12)
ONE_SHOT = np.array([0])
DEPARTING = range(10, 21)

Dot = tuple[int, int]


@dataclass
class Clip:
    """A video of which some frames show dots, and a detector that takes each for a hand's wrist."""

    dots: dict[int, list[Dot]] = field(default_factory=dict)
    opened: int = 0
    closed: int = 0
    crops: list[np.ndarray] = field(default_factory=list)
    decoded: list[int] = field(default_factory=list)
    info: None = None

    def frames(self, wanted: Sequence[int]) -> list[SimpleNamespace]:
        self.decoded += wanted
        return [SimpleNamespace(picture=lambda _, index=index: self._picture(index)) for index in wanted]

    def _picture(self, index: int) -> Picture:
        plane = np.full((SIDE, SIDE), 60, np.uint8)
        for x, y in self.dots.get(index, ()):
            plane[y, x] = 235
        return Picture([plane], GREY, TAGS, SIDE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.closed += 1

    def detect(self, rgb: np.ndarray) -> list[Hand]:
        assert rgb.dtype == np.uint8
        assert rgb.ndim == 3
        self.crops.append(rgb)
        return [Hand(HAND + np.float32((x, y)), 0.9, "left") for y, x in np.argwhere(rgb[..., 0] > 200)]


@pytest.fixture
def small(face: Landmarks, transformed: Callable[..., Landmarks]) -> Landmarks:
    """A face 40 px wide in the middle of the picture."""
    scale = 40 / face.face_width_px
    return transformed(face, scale=scale, shift=tuple(SIDE / 2 - face.mouth_centre * scale))


def plain(face: Landmarks, **more: object) -> FaceTrack:
    return looking(face, [None] * COUNT, **more)  # type: ignore[arg-type]


def added(
    clip: Clip,
    *tracks: FaceTrack,
    starts: np.ndarray = ONE_SHOT,
    always: bool = False,
    source: np.ndarray | None = None,
) -> None:
    line = SimpleNamespace(original_index=np.arange(COUNT) if source is None else source)
    by_number = dict(enumerate(tracks))

    def opened() -> Clip:
        clip.opened += 1
        return clip

    faces = faces_in_question(by_number, always=always)
    with ExitStack() as stack:
        hands = HandLooker(faces, OnFirstUse(stack, opened), always=always)  # type: ignore[arg-type]
        look_near(NearFrames(clip, line), by_number, starts, [hands])  # type: ignore[arg-type]


def with_hands(track: FaceTrack) -> list[int]:
    return np.flatnonzero(track.has("hands")).tolist()


def near(face: Landmarks, right: int = 10) -> Dot:
    x, y = np.rint(face.mouth_centre).astype(int).tolist()
    return x + right, y + 8


def test_where_nothing_departs_nothing_is_searched(small: Landmarks) -> None:
    clip, track = Clip({frame: [near(small)] for frame in range(COUNT)}), plain(small)
    added(clip, track)
    assert (clip.opened, clip.crops, clip.decoded, with_hands(track)) == (0, [], [], [])
    faint = departing(plain(small), DEPARTING, levels=0.5)
    added(clip, faint)
    assert (clip.opened, clip.crops, with_hands(faint)) == (0, [], [])


def test_a_run_without_hands_costs_few_looks(small: Landmarks) -> None:
    clip, track = Clip(), departing(plain(small), DEPARTING)
    added(clip, track)
    assert (clip.opened, clip.closed) == (1, 1)
    assert 2 <= len(clip.crops) < 0.5 * len(DEPARTING)
    assert set(clip.decoded) <= set(DEPARTING)
    assert with_hands(track) == []


def test_the_model_is_opened_once_for_all_runs(small: Landmarks) -> None:
    clip, track = Clip(), departing(plain(small), [5, 6, 15, 16, 25, 26])
    added(clip, track, starts=np.array([0, 20]))
    assert (clip.opened, clip.closed, len(clip.crops)) == (1, 1, 3)


def test_a_hand_is_followed_through_the_run_with_departures(small: Landmarks) -> None:
    seen = range(12, 19)
    clip = Clip({frame: [near(small, frame)] for frame in (*seen, 30)})
    track = departing(plain(small), DEPARTING)
    added(clip, track)
    assert sorted(clip.decoded) == list(DEPARTING)  # each once
    frames = with_hands(track)
    assert frames == list(range(11, 20))  # it may have entered a frame earlier
    for frame in frames:
        hands = track.table.columns["hands"][frame]
        x, y = near(small, frame)
        np.testing.assert_allclose(hands[0], HAND + np.float32((x, y)), atol=0.6)
        assert np.isnan(hands[1]).all()


def test_gaps_in_which_it_was_not_found_are_filled(small: Landmarks) -> None:
    clip = Clip({frame: [near(small)] for frame in (11, 12, 13, 16, 17, 18)})
    track = departing(plain(small), DEPARTING)
    added(clip, track)
    assert {14, 15} <= set(with_hands(track))


def test_always_looks_at_all_frames(small: Landmarks) -> None:
    clip, track = Clip({frame: [near(small)] for frame in range(20, 30)}), plain(small)
    added(clip, track, always=True)
    assert sorted(clip.decoded) == list(range(COUNT))
    assert set(range(20, 30)) <= set(with_hands(track)) <= set(range(18, 32))


def test_a_hand_that_does_not_reach_the_face_is_left_out(small: Landmarks) -> None:
    far = (8, 8)
    assert np.linalg.norm(palm_centre(HAND) + far - small.mouth_centre) > 5 * palm_length_px(HAND)
    clip = Clip({frame: [far, near(small)] if frame < 15 else [far] for frame in range(COUNT)})
    track = departing(plain(small), DEPARTING)
    added(clip, track)
    assert with_hands(track)[-1] < 20
    for frame in with_hands(track):
        np.testing.assert_allclose(track.table.columns["hands"][frame][0], HAND + np.float32(near(small)), atol=0.6)
        assert np.isnan(track.table.columns["hands"][frame][1]).all()


def test_two_hands_are_both_kept(small: Landmarks) -> None:
    clip = Clip({frame: [near(small, -12), near(small, 14)] for frame in DEPARTING})
    track = departing(plain(small), DEPARTING)
    added(clip, track)
    hands = track.table.columns["hands"][15]
    assert np.isfinite(hands).all()
    assert {round(float(each[0, 0])) for each in hands} == {near(small, -12)[0], near(small, 14)[0]}


def test_a_cut_ends_what_is_followed(small: Landmarks) -> None:
    clip = Clip({frame: [near(small)] for frame in range(10, 15)})
    track = departing(plain(small), DEPARTING)
    added(clip, track, starts=np.array([0, 15]))
    assert with_hands(track) == list(range(10, 15))  # without the cut, 15 too


def test_two_faces_share_a_hand_between_them(small: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    table = FaceTable()
    left, right = (transformed(small, shift=(offset, 0)) for offset in (-22, 22))
    tracks = [plain(left, table=table), plain(right, table=table)]
    between = round(float(small.mouth_centre[0])), round(float(small.mouth_centre[1])) + 8
    clip = Clip({frame: [between] for frame in range(COUNT)})
    added(clip, *tracks, always=True)
    assert len(clip.crops) == 2 * COUNT
    for track in tracks:
        assert with_hands(track) == list(range(COUNT))
        for hands in track.values("hands"):
            assert np.isnan(hands[1]).all()  # one, though it is seen in both crops


def test_hands_are_searched_in_the_frames_that_are_shown(small: Landmarks) -> None:
    source = np.arange(COUNT) + 100
    clip, track = Clip({112: [near(small)]}), departing(plain(small), range(12, 13))
    added(clip, track, source=source)
    assert clip.decoded == [112]
    assert with_hands(track) == [12]


def test_a_face_at_the_border_gets_a_margin_where_a_hand_comes_from(
    small: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    corner = transformed(small, shift=tuple(8 - small.mouth_centre))
    dot = (14, 12)
    clip, track = Clip({frame: [dot] for frame in range(COUNT)}), departing(plain(corner), DEPARTING)
    added(clip, track)
    shown = clip.crops[0].shape
    assert shown[0] > 8 + 2 * 40  # more than the picture has of it
    np.testing.assert_allclose(track.table.columns["hands"][15][0], HAND + np.float32(dot), atol=0.6)
