"""Heads that a generator redrew beside their place: they are evidence neither for a mapping nor for another moment."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from textures import texture

from lipblend.pairing import alignment, joint_search
from lipblend.pairing.alignment import align
from lipblend.pairing.mapping_evidence import holds_throughout, part_gains
from lipblend.pairing.mapping_fit import refine
from lipblend.pairing.motion_offset import offset_by_motion
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Clock
from lipblend.picture.frame_mapping import FrameMapping, warp
from lipblend.settings import PairSettings

SIZE = WIDTH, HEIGHT = 96, 54
FULL = (960, 540)
N = 60
PERIOD_S = 0.04
MIDDLE = (48.0, 29.0)
DRIFT_PX = 2.0  # 5 % of a face 40 px wide


def sway(at: np.ndarray, seed: int, pixels: float) -> np.ndarray:
    """(n, 2) natural motion of a head, px."""
    noise = np.random.default_rng(seed).normal(0, 1, (2, 4 * N))
    smooth = np.stack([cv2.GaussianBlur(row[None], (0, 0), 2.5)[0] for row in noise])
    return np.asarray((pixels * smooth / smooth.std())[:, at + N].T)


def drift(at: np.ndarray) -> np.ndarray:
    """(n, 2) slow motion that the generator adds, px."""
    return DRIFT_PX * np.stack([0.25 + np.sin(2 * np.pi * at / 47 + 0.4), np.cos(2 * np.pi * at / 61)], axis=1)


def head_film(source: np.ndarray, voice: int, added: np.ndarray | float = 0.0) -> np.ndarray:
    """(n, h, w) float32: a still room, and a talking head that moves, turns and so changes its look."""
    room = texture(SIZE, 1, fine_px=2)
    front, side = (texture((2 * WIDTH, 2 * HEIGHT), seed, fine_px=5) for seed in (2, 3))
    moves, turns = sway(source, 5, 1.5) + added, sway(source, 6, 0.6)[:, 0]
    mouth = np.random.default_rng(voice).uniform(0.5, 3, len(moves))
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    out = np.empty((len(moves), HEIGHT, WIDTH), np.float32)
    for picture, (right, down), turn, opened in zip(out, moves, turns, mouth, strict=True):
        face = 120 + np.cos(turn) * (front - 120) + np.sin(turn) * (side - 120)
        moved = cv2.warpAffine(face, np.array([[1, 0, right - WIDTH / 2], [0, 1, down - HEIGHT / 2]]), SIZE)
        across, along = x - MIDDLE[0] - right, y - MIDDLE[1] - down
        head = np.clip((1.0 - np.hypot(across / 24, along / 26)) * 4, 0, 1)
        lips = np.clip((1 - np.hypot(across / 5, (along - 10) / opened)) * 3, 0, 1)
        picture[...] = room + head * (moved - room)
        picture += lips * (40 - picture)
    return out


def rounded(film: np.ndarray, seed: int) -> np.ndarray:
    noisy = film + np.random.default_rng(seed).normal(0, 1, film.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)


def original_film() -> np.ndarray:
    return rounded(head_film(np.arange(N), 1), 11)


def redrawn(source: np.ndarray) -> np.ndarray:
    """The frames ``source`` with the head drifting, softened, tinted and pumping."""
    at = np.arange(len(source))
    film = head_film(source, 2, drift(at))
    film = np.stack([cv2.GaussianBlur(picture, (0, 0), 0.5) for picture in film])
    return rounded(film * (1 + 0.03 * np.sin(at / 9))[:, None, None] + 4, 12)


def shifted(film: np.ndarray, mapping: FrameMapping) -> np.ndarray:
    """A film as a generator shows it that re-frames it by a mapping of small pictures."""
    back = FrameMapping(
        1 / mapping.scale_x, 1 / mapping.scale_y, -mapping.shift_x / mapping.scale_x, -mapping.shift_y / mapping.scale_y
    )
    warped = [warp(np.asarray(picture, np.float32), back, (0, 0), SIZE) for picture in film]
    return np.asarray(np.clip(np.rint(warped), 0, 255), np.uint8)


def meshes(moves: np.ndarray) -> list[tuple[SimpleNamespace, ...]]:
    """One face per frame, in pixels of whole frames."""
    points = np.random.default_rng(4).uniform(-20, 20, (478, 2)) + MIDDLE
    return [(SimpleNamespace(landmarks=SimpleNamespace(points=10 * (points + move))),) for move in moves]


def scan_of(film: np.ndarray, faces: list[tuple[SimpleNamespace, ...]] | None = None) -> Scan:
    info = SimpleNamespace(
        upright_width=FULL[0], upright_height=FULL[1], upright_size=FULL, path=Path("clip.mp4"), places=None
    )
    scan = Scan(info)  # type: ignore[arg-type]
    scan.thumbs = list(film)
    scan.pts = list(range(len(film)))
    scan.times_s = [PERIOD_S * index for index in range(len(film))]
    scan.durations, scan.faces = [1] * len(film), faces or [()] * len(film)  # type: ignore[assignment]
    return scan


@pytest.fixture(autouse=True)
def no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The films exist as small pictures only."""
    monkeypatch.setattr(alignment, "refine_on_frames", lambda original, synced, pairs, mapping: mapping)


@pytest.mark.parametrize("start", [0, 3, 7])
def test_a_drifting_head_leaves_mapping_and_frames_alone(start: int) -> None:
    source = np.arange(start, N)
    found = align(scan_of(original_film()), scan_of(redrawn(source)), PairSettings())
    assert found.mapping.is_identity
    np.testing.assert_array_equal(found.pairing.source, source)
    assert found.timeline.follows == "original"


def test_a_drifting_head_is_not_searched_for_from_every_start(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(joint_search, "_CERTAIN", 2.0)  # no start is good enough to end the search
    search = joint_search.find_frame_map
    monkeypatch.setattr(joint_search, "find_frame_map", lambda *given: calls.append(1) or search(*given))
    at = np.arange(N)
    faces = meshes(sway(at, 5, 1.5)), meshes(sway(at, 5, 1.5) + drift(at))
    align(scan_of(original_film(), faces[0]), scan_of(redrawn(at), faces[1]), PairSettings())
    assert len(calls) == 1


def checked(found: np.ndarray, start: int, alike: float) -> np.ndarray:
    """What becomes of a found frame map of a synced video that starts late."""
    original, synced = original_film(), redrawn(np.arange(start, start + len(found)))
    pixels = original.reshape(N, -1), synced.reshape(len(synced), -1)
    clocks = Clock(PERIOD_S * np.arange(N)), Clock(PERIOD_S * np.arange(len(synced)))
    return joint_search._check_by_time(pixels, found, clocks, alike)


def test_scattered_matches_give_way_to_the_offset_of_what_moves() -> None:
    at = np.arange(N - 3)
    scattered = np.clip(at + np.random.default_rng(8).choice([0, 2, 2, 4], len(at)), 0, N - 1)
    np.testing.assert_array_equal(checked(scattered, 3, 0.7), at + 3)


def test_slips_within_a_frame_are_noise_only_where_the_pictures_do_not_fit() -> None:
    slipping = np.arange(N) - (np.arange(N) % 5 == 2)
    np.testing.assert_array_equal(checked(slipping, 0, 0.7), np.arange(N))
    np.testing.assert_array_equal(checked(slipping, 0, 0.98), slipping)


@pytest.mark.parametrize(
    "mapping", [FrameMapping(1, 1, 0.2, -0.1), FrameMapping(1.02, 1.02, -1, -0.5)], ids=["shifted", "overscan"]
)
def test_a_frame_that_lies_off_is_still_found(mapping: FrameMapping) -> None:
    original, source = original_film(), np.arange(N)
    synced = shifted(rounded(head_film(source, 2), 12), mapping)
    assert holds_throughout(original[::3], synced[::3], mapping, FrameMapping())
    found = align(scan_of(original), scan_of(synced), PairSettings()).mapping.scaled((0.1, 0.1), (0.1, 0.1))
    corners = np.array([[0, 0], SIZE], np.float64)
    np.testing.assert_allclose(found.to_synced(corners), mapping.to_synced(corners), atol=0.06)


def test_a_fit_to_a_drifting_head_does_not_hold() -> None:
    original, synced = original_film()[::3], redrawn(np.arange(N))[::3]
    fitted = refine(list(original), list(synced), FrameMapping())
    assert not holds_throughout(original, synced, fitted, FrameMapping())
    to_one_moment = FrameMapping(1, 1, *drift(np.arange(N))[9].tolist())
    assert not holds_throughout(original, synced, to_one_moment, FrameMapping())


def test_gains_of_two_mappings_are_opposite_and_of_one_none() -> None:
    original, synced = original_film()[::9], redrawn(np.arange(N))[::9]
    first, second = FrameMapping(), FrameMapping(1, 1, 0.4, 0)
    forth, back = part_gains(original, synced, second, first), part_gains(original, synced, first, second)
    np.testing.assert_allclose(forth, -back, atol=1e-6)
    assert np.abs(forth).max() <= 1
    assert not part_gains(original, synced, first, first).any()
    assert not holds_throughout(original, synced, first, first)


@pytest.mark.parametrize("start", [-3, 0, 3, 6])
def test_what_moves_tells_the_offset(start: int) -> None:
    original, synced = original_film(), redrawn(np.arange(N))
    first, second = original[max(-start, 0) :], synced[max(start, 0) :]
    rows = first.reshape(len(first), -1), second.reshape(len(second), -1)
    clocks = Clock(PERIOD_S * np.arange(len(first))), Clock(PERIOD_S * np.arange(len(second)))
    assert offset_by_motion(*rows, clocks) == pytest.approx(start * PERIOD_S)


def test_noise_other_rates_and_few_frames_tell_no_offset() -> None:
    original, synced = (film.reshape(N, -1) for film in (original_film(), redrawn(np.arange(N))))
    clock, faster = Clock(PERIOD_S * np.arange(N)), Clock(0.8 * PERIOD_S * np.arange(N))
    still = np.repeat(original[:1], N, 0)
    assert offset_by_motion(still, still, (clock, clock)) == 0
    assert offset_by_motion(original, synced[3:], (clock, faster)) == 0
    few = Clock(PERIOD_S * np.arange(20))
    assert offset_by_motion(original[:20], synced[3:23], (few, few)) == 0
