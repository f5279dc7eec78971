"""A synthetic evaluation, and a walk over synthetic pictures: a portrait whose mouth is painted over, with a seam."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation, FrameRow, Headline, InputFile, PartResult, Shot, Span, Verdict
from lipblend.quality.view import FaceView, Patch3
from lipblend.settings import Settings

RATE = 25.0
TO_RGB = np.array([[1.164, 0, 1.793, -248.1], [1.164, -0.213, -0.533, 76.9], [1.164, 2.112, 0, -289.0]])
MARKS = {
    "seam": 0.12, "ssim_y": 0.92, "colour_step": 1.0, "alpha_flicker": 0.08, "overspill": 0.001, "lip_corr": 0.99,
    "untouched": 0.0, "score": 60.0,
}  # fmt: skip
"""The classic numbers are judged too, as a user may demand."""
FAILING = range(40, 52)
PASSED = range(80, 90)
CUT = 60


@dataclasses.dataclass(frozen=True)
class StandIn:
    """Fits `lipblend.quality.report.report_source.Evaluated`; the reference is a darker original."""

    record: Evaluation
    walk: PortraitWalk
    reference: bool = False

    def truth(self, _: int, view: FaceView, /) -> Patch3 | None:
        return view.original * np.float32(0.8) if self.reference else None


class PortraitWalk:
    """Changes the brightness with the frame, paints over the mouth, and records which frames were requested."""

    def __init__(self, portrait: np.ndarray, face: Landmarks, *, bare: Sequence[int] = ()) -> None:
        self.original, self.bare = portrait, frozenset(bare)
        self.face, self.requested = face, [[]]
        height, width = portrait.shape[:2]
        points = face.points[list(LIPS_OUTER)]
        (x, y), reach = points.mean(0), 0.28 * face.face_width_px
        self.box = Box(int(x - 1.6 * reach), int(y - 1.4 * reach), int(x + 1.6 * reach), int(y + 1.6 * reach))
        self.box = self.box.clipped(width, height)
        soft = np.zeros((height, width), np.float32)
        cv2.ellipse(soft, (int(x), int(y)), (int(reach), int(0.8 * reach)), 0, 0, 360, 1, -1)
        self.alpha = cv2.GaussianBlur(soft, (0, 0), 2)
        self.synced = cv2.GaussianBlur(portrait, (0, 0), 3)

    @property
    def frame_size(self) -> tuple[int, int]:
        height, width = self.original.shape[:2]
        return width, height

    def frames(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        light = 1 + 0.1 * math.sin(index / 8)
        original = np.clip(self.original * light, 0, 255).astype(np.uint8)
        painted = self.synced.astype(np.float32)
        if index in FAILING:
            painted = painted + np.array([40, 10, -10])
        synced = np.clip(painted * light, 0, 255).astype(np.uint8)
        if index in self.bare:
            return original, synced, original
        mixed = original + self.alpha[..., None] * (synced.astype(np.float32) - original)
        return original, synced, np.clip(np.rint(mixed), 0, 255).astype(np.uint8)

    def views(self, indices: Sequence[int], /) -> Iterator[tuple[int, tuple[FaceView, ...]]]:
        self.requested.append(list(indices))
        assert list(indices) == sorted(set(indices)), "a walk goes forward only"
        for index in indices:
            if index in self.bare:
                yield index, ()
                continue
            box = self.box
            patches = [ycc(picture[box.y0 : box.y1, box.x0 : box.x1]) for picture in self.frames(index)]
            alpha = np.ascontiguousarray(self.alpha[box.y0 : box.y1, box.x0 : box.x1])
            yield index, (FaceView(box, *patches, alpha, alpha, self.face, self.face, None, 1.0, TO_RGB),)

    def faces(self, index: int, /) -> Sequence[Landmarks]:
        return [] if index in self.bare else [self.face]

    def pictures(self, indices: Sequence[int], box: Box, /) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        self.requested.append(list(indices))
        for index in indices:
            yield index, *(picture[box.y0 : box.y1, box.x0 : box.x1] for picture in self.frames(index))


def ycc(rgb: np.ndarray) -> np.ndarray:
    """The inverse of `TO_RGB`."""
    back = np.linalg.inv(TO_RGB[:, :3])
    return ((rgb.astype(np.float64) - TO_RGB[:, 3]) @ back.T).astype(np.float32)


def evaluation(count: int = 120, **changes: object) -> Evaluation:
    """An evaluation with a failing stretch, a cut, frames passed through, and broken frames."""
    rows = tuple(row(index) for index in range(count))
    shots = (Shot(0, CUT, {"alpha_flicker": 0.02, "colour_drift": 0.3}), Shot(CUT, count, {"alpha_flicker": 0.05}))
    record = Evaluation(
        rows=rows,
        shots=shots,
        values={"score": 34.2, "lip_corr": 0.9961, "faulty": 2 / count, "passed_through": 10 / count},
        headline=headline(rows),
        verdicts=tuple(verdict(key, rows, shots) for key in MEASURES),
        matte="settings",
        settings=plain_settings(),
        versions={"lipblend": "0.1.0", "Python": "3.11.9"},
        inputs=tuple(
            InputFile(role, f"{role}.mp4", f"{number:064x}", 1_234_567 + number)
            for number, role in enumerate(("original", "synced", "result"))
        ),
        notes=("The synced video starts 2 frames late.",),
        width=768,
        height=768,
        frame_rate=RATE,
        seconds=3.25,
    )
    return dataclasses.replace(record, **changes)


def changed(record: Evaluation, key: str, **changes: object) -> Evaluation:
    """An evaluation with one verdict changed."""
    verdicts = tuple(dataclasses.replace(each, **changes) if each.key == key else each for each in record.verdicts)
    return dataclasses.replace(record, verdicts=verdicts)


def plain_settings() -> dict[str, object]:
    """Settings as JSON values, one of them not the default."""
    settings = Settings().model_dump(mode="json")
    settings["mask"]["shapes"] = ["superellipse"]
    return settings


def row(index: int) -> FrameRow:
    if index in PASSED:
        return FrameRow(index, index / RATE, index >= CUT, index, -1, False, "no face", {}, ())
    wave = math.sin(index / 5)
    seam = 0.31 + 0.01 * (index - FAILING.start) if index in FAILING else 0.06 + 0.02 * wave
    values = {
        "seam": seam, "ssim_y": 0.97 - seam / 10, "colour_step": 0.4 + 0.1 * wave, "alpha": 0.5, "overspill": 0.0,
        "untouched": 0.0, "cast": 1.1 + wave, "sharpness": 0.9 + 0.05 * wave, "grain": 0.8,
        "seam_step": (0.96 + 0.01 * (index == FAILING.stop - 1)) if index in FAILING else 0.3,
        "softness": 0.106 if index == 3 else 0.08, "glow": 1.5,
    }  # fmt: skip
    faults = ("blurred",) if index in (20, 21) else ()
    return FrameRow(index, index / RATE, int(index >= CUT), index, index, True, "", values, faults)


def headline(rows: Sequence[FrameRow]) -> Headline:
    """An edge that shows in the failing stretch, and two parts that nobody sees."""
    return Headline(
        34.2,
        (
            PartResult("seam_step", 1.7, 0.96, FAILING.stop - 1, (failing_span(rows, 1.1),)),
            PartResult("softness", 0.6, 0.1, 3, ()),
            PartResult("glow", 0.0, 1.5, 3, ()),
        ),
    )


def failing_span(rows: Sequence[FrameRow], worst: float) -> Span:
    inside = [index for index in FAILING if index < len(rows)]
    return Span(inside[0], inside[-1], inside[0] / RATE, inside[-1] / RATE, worst)


def verdict(key: str, rows: Sequence[FrameRow], shots: Sequence[Shot]) -> Verdict:
    mark = MARKS.get(key)
    if key == "seam":
        return Verdict("seam", 0.36, 0.12, False, 0.07, 0.42, 0.8909, (failing_span(rows, 0.42),))
    if key == "score":
        return Verdict(key, 34.2, mark, False, 34.2, 34.2, None, (failing_span(rows, 1.1),))
    if key == "lip_corr":
        return Verdict(key, 0.9961, mark, True, None, None, None, ())
    found = [each.values[key] for each in (*rows, *shots) if key in each.values]
    if not found:
        return Verdict(key, None, mark, None, None, None, None, (), "no reference was given" if key == "psnr" else "")
    value = min(found) if MEASURES[key].better == "high" else max(found)
    passed = None if mark is None else True
    return Verdict(key, value, mark, passed, sorted(found)[len(found) // 2], value, 1.0 if passed else None, ())
