"""Broken frames are found in the right rows of a drawn film, and no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.health import VECTOR_SHAPE, Health, health_vector
from lipblend.analysis.measure import FaceMeasure
from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, Landmarks
from lipblend.picture.patch import Box
from lipblend.plan import broken_frames as bf
from lipblend.plan.broken_frames import Broken, broken_frames, broken_rows

COUNT, FACE_PX, SIZE = 60, 100.0, (200, 190)
BOX = Box(0, 0, *SIZE)
TIMES_S = np.arange(COUNT) / 25
LENGTHS = (1, 2, 3, 5, 8, 12)
FIRST = 21  # of every burst
ALSO_NAMED = {"frozen": {"beside", "other face"}, "other face": {"beside"}}  # a frozen patch is soon displaced

Picture = np.ndarray
Meshes = list[Landmarks]


@dataclass
class DrawnFilm:
    """Pairs of pictures of a talking, moving head, (h, w, 3) float32 YCbCr, with their meshes."""

    original: list[Picture]
    synced: list[Picture]
    meshes: Meshes
    synced_meshes: Meshes

    def vector(self, row: int, original: Picture, synced: Picture, *, found: bool = True) -> np.ndarray:
        partner = self.synced_meshes[row] if found else None
        vector = health_vector(original, synced, BOX, 1, self.meshes[row], partner)
        assert vector is not None
        return vector


def texture(seed: int, skin: tuple[float, float, float]) -> Picture:
    rng = np.random.default_rng(seed)
    size = (SIZE[0] * 2, SIZE[1] * 2)
    rough = [
        cv2.resize(rng.normal(0, 1, (n, n)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC) for n in (9, 40)
    ]
    fine = rng.normal(0, 4, size[::-1]).astype(np.float32)
    luma = skin[0] + 16 * rough[0] + 14 * rough[1] + fine
    chroma = [np.full_like(luma, value) + 3 * rough[0] for value in skin[1:]]
    return np.stack([luma, *chroma], axis=2).astype(np.float32)


def drawn(skin: Picture, mesh: Landmarks, opening: float, move: np.ndarray, noise: np.random.Generator) -> Picture:
    picture = cv2.warpAffine(skin, move, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    for contour, colour in ((LIPS_OUTER, (105.0, 118.0, 158.0)), (LIPS_INNER, (55.0, 124.0, 136.0))):
        if contour is LIPS_INNER and opening < 0.5:
            continue
        cover = np.zeros(SIZE[::-1], np.float32)
        cv2.fillPoly(cover, [np.rint(mesh.points[list(contour)] * 16).astype(np.int32)], (1.0,), cv2.LINE_AA, 4)
        cover = cv2.GaussianBlur(cover, (0, 0), 0.8)[..., None]
        picture = picture + cover * (np.array(colour, np.float32) - picture)
    return np.asarray(picture + noise.normal(0, 0.8, picture.shape), np.float32)


@pytest.fixture(scope="session")
def film(face: Landmarks, transformed: Callable[..., Landmarks]) -> DrawnFilm:
    skin, noise = texture(1, (150, 112, 150)), np.random.default_rng(2)
    scale = FACE_PX / face.face_width_px
    centre = face.points.mean(0) * scale
    made = DrawnFilm([], [], [], [])
    for row in range(COUNT):
        angle = 0.08 * np.sin(row / 9)
        at = np.array([100 + 16 * np.sin(row / 4), 90 + 6 * np.cos(row / 3)])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shift = at - turn @ centre
        move = np.column_stack([turn, at - turn @ np.array(SIZE)])
        for pictures, meshes, speech in (
            (made.original, made.meshes, np.sin(row / 1.9)),
            (made.synced, made.synced_meshes, np.sin(row / 2.3 + 1)),
        ):
            opening = 9 * max(0.0, speech)
            mesh = transformed(face, scale=scale, angle_rad=angle, shift=tuple(shift), jaw_px=opening / scale)
            pictures.append(drawn(skin, mesh, opening, move, noise))
            meshes.append(mesh)
        soft = cv2.GaussianBlur(made.synced[-1], (0, 0), 0.6) + np.array([-3, 1, 1], np.float32)
        cover = patch_of(made.meshes[-1])
        made.synced[-1] = made.original[-1] + cover * (soft - made.original[-1])
    return made


def patch_of(mesh: Landmarks) -> Picture:
    """Cover of the generator's patch, (h, w, 1)."""
    cover = np.zeros(SIZE[::-1], np.float32)
    x, y = mesh.mouth_centre.tolist()
    cv2.ellipse(cover, ((x, y + 5), (0.96 * FACE_PX, 0.9 * FACE_PX), 0), 1.0, -1)
    return cv2.GaussianBlur(cover, (0, 0), 1.5)[..., None]


def mosaic(picture: Picture) -> Picture:
    small = cv2.resize(picture, (SIZE[0] // 8, SIZE[1] // 8), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, SIZE, interpolation=cv2.INTER_NEAREST)


def holed(picture: Picture, mesh: Landmarks, luma: float) -> Picture:
    cover = np.zeros(SIZE[::-1], np.float32)
    x, y = mesh.mouth_centre.tolist()
    cv2.ellipse(cover, ((x, y), (0.28 * FACE_PX, 0.16 * FACE_PX), 0), 1.0, -1)
    cover = cv2.GaussianBlur(cover, (0, 0), 1.5)[..., None]
    return np.asarray(picture + cover * (np.array([luma, 128, 128], np.float32) - picture))


def beside(picture: Picture, across: float) -> Picture:
    move = np.array([[1, 0, across * FACE_PX], [0, 1, 0]])
    return cv2.warpAffine(picture, move, SIZE, borderMode=cv2.BORDER_REPLICATE)


def turned_colours(picture: Picture) -> Picture:
    return np.stack([picture[..., 0], 256 - picture[..., 1], 256 - picture[..., 2]], axis=2)


def ruined(film: DrawnFilm, row: int, kind: str, light: bool) -> Picture:
    """The synced picture of a row, whole, as a generator would ruin its patch."""
    good, mesh = film.synced[row], film.meshes[row]
    noise = np.random.default_rng(row)
    other = cv2.warpAffine(texture(7, (95, 118, 140)), np.eye(2, 3), SIZE)
    made: dict[str, Callable[[], Picture]] = {
        "noise": lambda: noise.uniform(16, 235, good.shape) if light else good + noise.normal(0, 25, good.shape),
        "blocks": lambda: mosaic(good),
        "hole": lambda: holed(good, mesh, 235 if light else 16),
        "mush": lambda: cv2.GaussianBlur(good, (0, 0), 0.06 * FACE_PX),
        "frozen": lambda: film.synced[FIRST - 1],
        "beside": lambda: beside(good, 0.25 if light else -0.25),
        "other face": lambda: other if light else other[:, ::-1],
        "no face": lambda: np.full_like(good, 1) * np.array([200 if light else 110, 118, 140], np.float32),
        "colours": lambda: turned_colours(good),
    }
    place = film.meshes[FIRST - 1] if kind == "frozen" else mesh
    return np.asarray(good + patch_of(place) * (made[kind]() - good), np.float32)


def vectors(film: DrawnFilm) -> list[np.ndarray]:
    pairs = zip(film.original, film.synced, strict=True)
    return [film.vector(row, original, synced) for row, (original, synced) in enumerate(pairs)]


@pytest.fixture(scope="session")
def healthy(film: DrawnFilm) -> list[np.ndarray]:
    return vectors(film)


def verdicts(shot: Sequence[np.ndarray]) -> dict[int, Broken]:
    found = broken_frames(Health.of(np.stack(shot)), TIMES_S[: len(shot)])
    return {row: broken for row, broken in enumerate(found) if broken is not None}


def with_burst(film: DrawnFilm, healthy: list[np.ndarray], kind: str, length: int, light: bool) -> list[np.ndarray]:
    shot = list(healthy)
    for row in range(FIRST, FIRST + length):
        found = kind != "no face"
        shot[row] = film.vector(row, film.original[row], ruined(film, row, kind, light), found=found)
    return shot


def test_a_healthy_film_has_no_broken_frame(healthy: list[np.ndarray]) -> None:
    assert verdicts(healthy) == {}


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kind", bf.KINDS)
def test_a_burst_is_found_where_it_is(
    film: DrawnFilm, healthy: list[np.ndarray], kind: str, length: int, light: bool
) -> None:
    found = verdicts(with_burst(film, healthy, kind, length, light))
    rows = set(range(FIRST, FIRST + length))
    assert set(found) <= rows
    assert rows - set(found) <= ({FIRST} if kind == "frozen" and length > 1 else set())
    assert {broken.kind for broken in found.values()} <= {kind} | ALSO_NAMED.get(kind, set())
    assert all(0.5 < broken.certainty <= 1 for broken in found.values())


def test_several_bursts_may_cover_a_third_of_a_shot(film: DrawnFilm, healthy: list[np.ndarray]) -> None:
    shot = list(healthy)
    bursts = {"noise": (4, 8), "beside": (13, 17), "mush": (26, 30), "other face": (40, 44), "hole": (50, 53)}
    for kind, (first, last) in bursts.items():
        for row in range(first, last + 1):
            shot[row] = film.vector(row, film.original[row], ruined(film, row, kind, light=True))
    expected = {row for first, last in bursts.values() for row in range(first, last + 1)}
    assert set(verdicts(shot)) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture * np.array([1.3, 1, 1], np.float32) + np.array([20, 0, 0], np.float32),
        lambda picture: cv2.GaussianBlur(picture, (0, 0), 3.0),
        lambda picture: cv2.blur(picture, (15, 1)),
    ],
    ids=["flash", "blur", "motion blur"],
)
def test_what_both_videos_show_is_no_fault(
    film: DrawnFilm, healthy: list[np.ndarray], change: Callable[[Picture], Picture]
) -> None:
    shot = list(healthy)
    for row in range(FIRST, FIRST + 5):
        shot[row] = film.vector(row, change(film.original[row]), change(film.synced[row]))
    assert verdicts(shot) == {}


@pytest.mark.parametrize("ghost", [0.0, 0.5])
def test_what_the_original_shows_more_clearly_is_no_fault(
    film: DrawnFilm, healthy: list[np.ndarray], ghost: float
) -> None:
    shot = list(healthy)
    for row in range(FIRST, FIRST + 12):
        hand = film.original[row].copy()
        cv2.rectangle(hand, (60, 90), (150, 180), (190.0, 110.0, 140.0), -1)
        shot[row] = film.vector(row, hand, film.synced[row] + np.float32(ghost) * (hand - film.original[row]))
    assert verdicts(shot) == {}


def test_a_missing_mesh_alone_is_no_fault(film: DrawnFilm, healthy: list[np.ndarray]) -> None:
    shot = list(healthy)
    for row in range(FIRST, FIRST + 5):
        shot[row] = film.vector(row, film.original[row], film.synced[row], found=False)
    assert verdicts(shot) == {}


def test_few_rows_are_not_judged(film: DrawnFilm, healthy: list[np.ndarray]) -> None:
    shot = with_burst(film, healthy, "noise", 2, light=True)
    assert set(verdicts(shot[FIRST - 5 : FIRST + 3])) == {5, 6}
    assert verdicts(shot[FIRST - 4 : FIRST + 3]) == {}


def test_rows_of_a_track_are_counted_from_the_shots_start(
    film: DrawnFilm, healthy: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = with_burst(film, healthy, "frozen", 8, light=False)
    measured: list[FaceMeasure | None] = [FaceMeasure(5.0, None, health=vector) for vector in shot]
    measured[3] = None
    points = [mesh.points for mesh in film.meshes]
    track = FaceTrack.of(range(100, 100 + COUNT), points, points, measured)
    found = broken_rows(track, np.arange(90, 190) / 25, 90, 190)
    assert set(range(FIRST + 11, FIRST + 18)) <= set(found) <= set(range(FIRST + 10, FIRST + 18))
    monkeypatch.setattr(bf, "_BLOCK_ROWS", 25)  # the burst then lies across two blocks
    assert set(broken_rows(track, np.arange(90, 190) / 25, 90, 190)) == set(found)
    assert broken_rows(track, np.arange(10) / 25, 90, 100) == {}


def test_a_face_outside_the_picture_is_not_measured(film: DrawnFilm) -> None:
    away = Landmarks(film.meshes[0].points + np.float32(500))
    assert health_vector(film.original[0], film.synced[0], BOX, 1, away, None) is None
    assert film.vector(0, film.original[0], film.synced[0]).shape == VECTOR_SHAPE
