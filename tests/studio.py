"""Clips of several people made from one portrait: mirrored, tinted, turned and moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.faces.models import resolve_model
from lipblend.output.synth import write_clip
from lipblend.picture.layouts import nearest_layout
from lipblend.plan.frame_plan import Plan
from lipblend.plan.make_plan import make_plan
from lipblend.settings import Settings
from lipblend.stages.alpha.matte import MatteInputs, make_matte
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

SIZE = (480, 270)


# Drawn mouths have colours of their own, which `colour.lips` would bring back to the portrait's.
LOSSLESS = {"encode": {"preset": "ultrafast", "crf": 0}, "colour": {"lips": "off"}}


@dataclass(frozen=True)
class Person:
    """Somebody in one frame: face width and middle, tilt (clockwise) and turn in degrees, looks; and if lip-synced."""

    width: float
    x: float
    y: float
    tilt: float = 0.0
    turn: float = 0.0
    mirrored: bool = False
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    painted: bool = True


LEFT = Person(80, 130, 130)


RIGHT = Person(90, 350, 135, mirrored=True, tint=(0.75, 0.85, 1.0))


@dataclass(frozen=True)
class Shown:
    """One frame: who is in it, how bright, over which background, and a box in front (x0, y0, x1, y1)."""

    people: tuple[Person, ...] = ()
    background: int = 0
    box: tuple[int, int, int, int] | None = None
    gain: float = 1.0


def at(person: Person, **changed: object) -> Person:
    return Person(**{**person.__dict__, **changed})


@dataclass
class Studio:
    """Draws frames; ``portrait`` and ``mesh`` are the conftest's."""

    portrait: np.ndarray
    mesh: np.ndarray
    folder: Path
    backgrounds: dict[tuple[int, tuple[int, int]], np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.middle = (self.mesh[234] + self.mesh[454]) / 2
        self.width = float(np.hypot(*(self.mesh[454] - self.mesh[234])))
        head = np.zeros(self.portrait.shape[:2], np.float32)
        x, y = self.middle
        cv2.ellipse(head, ((x, y), (1.7 * self.width, 2.3 * self.width), 0), 1.0, -1)
        self.head = cv2.GaussianBlur(head, (0, 0), 6)
        lips = np.zeros(self.portrait.shape[:2], np.float32)
        cv2.fillPoly(lips, [np.rint(self.mesh[list(LIPS_OUTER)]).astype(np.int32)], 1.0)
        lips = 0.85 * cv2.GaussianBlur(cv2.dilate(lips, np.ones((9, 9))), (0, 0), 3)[..., None]
        self.painted = self.portrait * (1 - lips) + np.array([60, 20, 20], np.float32) * lips

    def background(self, number: int, size: tuple[int, int]) -> np.ndarray:
        if (number, size) not in self.backgrounds:
            rng = np.random.default_rng(number)
            rough = cv2.resize(rng.uniform(60, 190, (5, 8, 3)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
            self.backgrounds[number, size] = rough + rng.normal(0, 4, (size[1], size[0], 1)).astype(np.float32)
        return self.backgrounds[number, size]

    def place(self, person: Person) -> np.ndarray:
        """The 2x3 matrix from the portrait to the frame."""
        move = cv2.getRotationMatrix2D(tuple(map(float, self.middle)), -person.tilt, person.width / self.width)
        if person.mirrored:
            flip = np.array([[-1, 0, 2 * self.middle[0]], [0, 1, 0], [0, 0, 1]])
            move = move @ flip
        move[:, 2] += np.array([person.x, person.y]) - self.middle
        return np.asarray(move)

    def turned(self, image: np.ndarray, turn: float) -> np.ndarray:
        """The head as if painted on an upright cylinder that turns; to the picture's right."""
        height, width = image.shape[:2]
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        radius = 0.62 * self.width
        across = np.clip((x - self.middle[0]) / radius, -1, 1)
        source = radius * np.sin(np.clip(np.arcsin(across) - np.radians(turn), -np.pi / 2, np.pi / 2)) + self.middle[0]
        return cv2.remap(image, source.astype(np.float32), y, cv2.INTER_LINEAR)

    def mouth(self, person: Person) -> np.ndarray:
        x, y = self.mesh[list(LIPS_OUTER)].mean(0)
        radius = 0.62 * self.width
        x = self.middle[0] + radius * np.sin(np.arcsin((x - self.middle[0]) / radius) + np.radians(person.turn))
        return np.asarray(self.place(person) @ [x, y, 1])

    def picture(self, shown: Shown, size: tuple[int, int], *, synced: bool) -> np.ndarray:
        canvas = self.background(shown.background, size).copy()
        for person in shown.people:
            move = self.place(person)
            image = self.painted if synced and person.painted else self.portrait.astype(np.float32)
            if person.turn:
                image = self.turned(image, person.turn)
            laid = cv2.warpAffine(image, move, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
            cover = cv2.warpAffine(self.head, move, size)[..., None]
            canvas += cover * (laid * np.array(person.tint, np.float32) - canvas)
        if shown.box is not None:
            x0, y0, x1, y1 = shown.box
            canvas[max(y0, 0) : y1, max(x0, 0) : x1] = (90, 110, 70)
        return np.clip(np.rint(canvas * shown.gain), 0, 255).astype(np.uint8)

    def film(self, frames: list[Shown], size: tuple[int, int] = SIZE, rate: int = 25) -> Film:
        paths = self.folder / "original.mp4", self.folder / "synced.mp4"
        for path, synced, crf in ((paths[0], False, 12), (paths[1], True, 16)):
            pictures = [self.picture(shown, size, synced=synced) for shown in frames]
            write_clip(path, pictures, frame_rate=Fraction(rate), crf=crf)
        return Film(*paths)


def luma(path: Path) -> np.ndarray:
    with VideoReader(probe(path)) as reader:
        return np.stack([frame.planes[0].astype(np.int16) for frame in reader])


@dataclass
class Film:
    """A pair of videos and what becomes of it."""

    original: Path
    synced: Path

    def analysis(self, **track: object) -> ClipAnalysis:
        from lipblend.analysis.analyse import analyse

        settings = Settings.model_validate({"track": track})
        return analyse(
            probe(self.original),
            probe(self.synced),
            model=resolve_model("face_landmarker"),
            settings=settings,
            on_frame=lambda _: None,
        )

    def plan(self) -> Plan:
        return make_plan(self.analysis(), Settings())

    def run(self, **track: object):
        from lipblend import composite

        settings = Settings.model_validate({**LOSSLESS, "track": track})
        return composite(self.original, self.synced, self.original.with_name("out.mp4"), settings=settings)

    def changes(self, **track: object) -> np.ndarray:
        """(n, h, w) luma levels that a run takes off or adds."""
        return np.abs(luma(self.run(**track).output) - luma(self.original))


def about(changes: np.ndarray, middle: np.ndarray, radius: float) -> np.ndarray:
    """(n,) mean change in a square about a place, as far as it lies in the picture."""
    x, y = np.rint(middle).astype(int)
    r = max(1, round(radius))
    return np.asarray(changes[:, max(y - r, 0) : y + r + 1, max(x - r, 0) : x + r + 1].mean((1, 2)))


def weights(plan: Plan) -> np.ndarray:
    return np.array([sum(face.weight for face in row.faces) for row in plan.rows])


def middles(plan: Plan, frame: int) -> list[float]:
    """Where the faces of a row are, left to right."""
    return sorted(float(face.original.points[:, 0].mean()) for face in plan.rows[frame].faces)


def alpha_of(plan: Plan, shapes: tuple[str, ...]) -> np.ndarray:
    """(h, w) alpha of the only face of frame 4."""
    (face,) = plan.rows[4].faces
    mask = Settings.model_validate({"mask": {"shapes": shapes}}).mask
    layout = nearest_layout("yuv420p")
    matte = make_matte(MatteInputs(face.original, face.synced, SIZE, layout), mask, Settings().alpha)
    assert matte is not None
    whole = np.zeros(SIZE[::-1], np.float32)
    whole[matte.box.y0 : matte.box.y1, matte.box.x0 : matte.box.x1] = matte.alpha
    return whole
