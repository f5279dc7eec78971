"""Make a pair with a known truth from a clip of one face: orig.mp4, synced.mp4, truth.mp4 and about.json.

truth is the footage; orig is the footage with other mouth motion, by a warp of lower lip and jaw that follows the face
mesh; synced is orig with a degraded truth pasted in, as a generator does. See docs/lab/presets.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.analysis.follow import follow
from lipblend.cli.exits import run_script, unwind_on_sigterm
from lipblend.errors import InputError, NoFaceError, OutputError, SettingsError
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import LIPS_INNER, STABLE, Landmarks
from lipblend.faces.models import resolve_model
from lipblend.output.synth import write_clip
from lipblend.picture.planes import to_rgb
from lipblend.selfcheck.sample_speech import make_speech
from lipblend.settings import TrackSettings
from lipblend.video.probe import probe
from lipblend.video.seeking import WindowReader

Rgb = NDArray[np.uint8]
Floats = NDArray[np.float32]

CRF = 10  # for orig and truth: almost no loss
_GAP_SHUT, _GAP_OPEN = 0.01, 0.13  # face widths between the inner lips in orig
_MAX_SHUT = 0.8  # maximum share of the gap that is closed, since the lips hide what would be needed
_CHIN = 152


@dataclass(frozen=True)
class Damage:
    """Damage by the generator. Levels are R'G'B' levels of 255; lengths without a unit are face widths."""

    cast: tuple[float, float, float]
    pumping_levels: float
    pumping_hz: float
    jitter_px: float
    paste: str  # "u": below the nose, lower corners rounded, edge feathered; "box": the lower half of the crop, hard
    feather: float
    steady_frames: int  # frames on each side over which the crop box is averaged; so it lags in fast turns
    crf: float


DAMAGES = {
    "mild": Damage((-2.5, -2.0, -1.0), 0.5, 1.4, 0.3, "u", 0.03, 0, 15),
    "strong": Damage((-11.0, -9.0, -4.0), 3.0, 1.4, 1.0, "box", 0.0, 2, 19),
}


@dataclass(frozen=True)
class Shot:
    """Frames of a clip: pictures, (h, w, 3) uint8 RGB, and their meshes, None where no face was found."""

    pictures: list[Rgb]
    meshes: list[Landmarks | None]
    rate: Fraction


def read_shot(clip: Path, start_s: float, frames: int, model: Path) -> Shot:
    """Read a part of a clip and track the face in it; width and height are cropped to even numbers."""
    info = probe(clip)
    rate = info.frame_rate or Fraction(25)
    first = round((info.start_s + start_s - 0.5 / float(rate)) / info.time_base)
    stop = round((info.start_s + start_s + (frames - 0.5) / float(rate)) / info.time_base)
    pictures: list[Rgb] = []
    meshes: list[Landmarks | None] = []
    with FaceLandmarker(model, max_faces=1, confidence=0.5) as landmarker, WindowReader(info, first, stop) as reader:
        for seen in follow(reader, reader.info, landmarker, TrackSettings(max_faces=1), exhaustive=False):
            rgb = to_rgb(seen.frame.planes, seen.frame.layout, info.colour)
            pictures.append(rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2])
            meshes.append(seen.faces[0].landmarks if seen.faces else None)
    if len(pictures) < frames:
        raise InputError(
            f"{clip} has {len(pictures)} of {frames} frames from {start_s:g} s on",
            hint="Change --start or --frames.",
        )
    if not any(meshes):
        raise NoFaceError(
            f"no face was found in the {frames} frames of {clip} from {start_s:g} s on", hint="Change --start."
        )
    return Shot(pictures, meshes, rate)


def head_speeds(meshes: Sequence[Landmarks | None]) -> Floats:
    """Head motion, face widths per frame, between consecutive frames with a mesh."""
    speeds = []
    for first, second in pairwise(meshes):
        if first is not None and second is not None:
            motion = (second.points - first.points)[list(STABLE)].mean(axis=0)
            speeds.append(float(np.hypot(*motion)) / second.face_width_px)
    return np.array(speeds, np.float32)


def jaw_drops(shot: Shot, seed: int) -> Floats:
    """Downward shift of the lower lip in orig, (n,) face widths: synthetic speech minus the existing gap."""
    gaps = [
        np.nan if m is None else float(np.hypot(*(m.points[14] - m.points[13]))) / m.face_width_px for m in shot.meshes
    ]
    known = np.flatnonzero(np.isfinite(gaps))
    gap = np.interp(np.arange(len(gaps)), known, np.array(gaps)[known])
    wanted = _GAP_SHUT + (_GAP_OPEN - _GAP_SHUT) * make_speech(len(gaps), seed).openness
    return np.asarray(np.maximum(wanted - gap, -_MAX_SHUT * gap), dtype=np.float32)


def other_mouth(picture: Rgb, mesh: Landmarks, drop: float) -> Rgb:
    """Move lower lip and jaw down by ``drop`` face widths, with a shift piecewise linear along the face's axis."""
    height, width = picture.shape[:2]
    centre, size = mesh.mouth_centre, mesh.face_width_px
    axes = np.stack([mesh.x_axis, mesh.y_axis])
    points = (mesh.points - centre) @ axes.T / size  # across and down, face widths
    y, x = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    u, v = (((x - centre[0]) * axis[0] + (y - centre[1]) * axis[1]) / size for axis in axes)
    inner = points[list(LIPS_INNER)]
    left, right = inner[0, 0], inner[10, 0]
    middle, half = (left + right) / 2, max((right - left) / 2, 0.02)
    upper, lower = (_curve(u, line) for line in (inner[:11], np.concatenate([inner[10:], inner[:1]])[::-1]))
    lip = drop * np.maximum(0, 1 - ((u - middle) / half) ** 2)
    jaw = drop * np.exp(-(((u - middle) / 0.27) ** 2))
    chin = np.full_like(u, points[_CHIN, 1])
    # Lines from top to bottom and their shifts: above the lips, lower lip, below the lip, chin, neck.
    lines = [upper - 0.02, np.maximum(lower, upper + 0.004), np.maximum(lower + 0.1, upper + 0.104), chin, chin + 0.3]
    moves = [0 * u, lip, 0.6 * jaw + 0.4 * lip, 0.8 * jaw, 0 * u]
    lines[3] = np.maximum(lines[3], lines[2] + 0.05)
    lines[4] = lines[3] + 0.3
    source = v.copy()
    for above, below, start, end in zip(lines, lines[1:], moves, moves[1:], strict=False):
        low, high = above + start, np.maximum(below + end, above + start + 1e-4)
        inside = (v >= low) & (v < high)
        source = np.where(inside, above + (v - low) * (below - above) / (high - low), source)
    shift = cv2.GaussianBlur((source - v).astype(np.float32) * np.float32(size), (0, 0), max(0.5, 0.004 * size))
    map_x, map_y = (at + shift * np.float32(axis) - np.float32(0.5) for at, axis in ((x, axes[1][0]), (y, axes[1][1])))
    moved = cv2.remap(picture, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.where((np.abs(shift) > 0.01)[..., None], moved, picture)


def _curve(u: Floats, line: NDArray[np.float64]) -> Floats:
    order = np.argsort(line[:, 0])
    return np.interp(u, line[order, 0], line[order, 1]).astype(np.float32)


def crop_boxes(meshes: Sequence[Landmarks | None], steady: int) -> list[tuple[int, int, int, int] | None]:
    """The generator's crop box (x0, y0, x1, y1) in every frame, averaged over its neighbours."""
    corners = [None if m is None else np.concatenate([m.points.min(axis=0), m.points.max(axis=0)]) for m in meshes]
    boxes: list[tuple[int, int, int, int] | None] = []
    for at, found in enumerate(corners):
        near = [each for each in corners[max(0, at - steady) : at + steady + 1] if each is not None]
        x0, y0, x1, y1 = np.rint(np.mean(near, axis=0)).astype(int).tolist() if near else (0, 0, 0, 0)
        pad = (y1 - y0) // 20  # keeps a dropped chin inside
        boxes.append(None if found is None else (x0, y0, x1, y1 + pad))
    return boxes


@dataclass(frozen=True)
class Generator:
    """Pastes the truth's lower face into orig, generated at ``crop_px`` pixels per side, ``rate`` frames per second."""

    crop_px: int
    rate: float
    seed: int
    damage: Damage

    def paint(self, orig: Rgb, truth: Rgb, box: tuple[int, int, int, int], index: int) -> Rgb:
        """Make a synced frame: the truth reduced, enlarged, shifted and tinted, pasted into orig."""
        height, width = orig.shape[:2]
        x0, y0, x1, y1 = box
        rng = np.random.default_rng((self.seed, index))
        inside = np.clip(np.arange(y0, y1), 0, height - 1)[:, None], np.clip(np.arange(x0, x1), 0, width - 1)[None]
        crop = truth[inside].astype(np.float32)
        small = np.rint(cv2.resize(crop, (self.crop_px, self.crop_px), interpolation=cv2.INTER_AREA))
        shift = rng.normal(0, self.damage.jitter_px, 2).clip(-2 * self.damage.jitter_px, 2 * self.damage.jitter_px)
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        large = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        large = cv2.warpAffine(large, matrix, (x1 - x0, y1 - y0), borderMode=cv2.BORDER_REPLICATE)
        pump = self.damage.pumping_levels * np.sin(2 * np.pi * self.damage.pumping_hz * index / self.rate)
        large += np.array(self.damage.cast, np.float32) + np.float32(pump)
        weight = paste_weight(x1 - x0, y1 - y0, self.damage)[..., None]
        out = orig.astype(np.float32)
        top, left = max(0, y0), max(0, x0)
        part = slice(top, min(height, y1)), slice(left, min(width, x1))
        own = slice(top - y0, min(height, y1) - y0), slice(left - x0, min(width, x1) - x0)
        out[part] += weight[own] * (large[own] - out[part])
        return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def paste_weight(width: int, height: int, damage: Damage) -> Floats:
    """Alpha of the pasted crop: (height, width) float32 in [0, 1]."""
    weight = np.zeros((height, width), np.float32)
    if damage.paste == "box":
        weight[height // 2 :] = 1
        return weight
    soft = max(2, round(damage.feather * width))
    middle, half = (width // 2, round(0.62 * height)), (width // 2 - 2 * soft, height - round(0.62 * height) - 2 * soft)
    cv2.ellipse(weight, middle, half, 0, 0, 180, 1, cv2.FILLED)
    weight[round(0.5 * height) : middle[1] + 1, middle[0] - half[0] : middle[0] + half[0] + 1] = 1
    return np.asarray(cv2.GaussianBlur(weight, (0, 0), soft / 2), np.float32)


def make_triple(
    clip: Path, folder: Path, *, crop_px: int, damage: str, frames: int, start_s: float, seed: int, model: Path
) -> dict[str, object]:
    """Make the folder and its four files; return the content of about.json."""
    shot = read_shot(clip, start_s, frames, model)
    generator = Generator(crop_px, float(shot.rate), seed, DAMAGES[damage])
    drops, boxes = jaw_drops(shot, seed), crop_boxes(shot.meshes, generator.damage.steady_frames)

    def orig(index: int) -> Rgb:
        mesh = shot.meshes[index]
        return shot.pictures[index] if mesh is None else other_mouth(shot.pictures[index], mesh, float(drops[index]))

    def synced(index: int) -> Rgb:
        box, picture = boxes[index], orig(index)
        return picture if box is None else generator.paint(picture, shot.pictures[index], box, index)

    speeds = head_speeds(shot.meshes)
    about = {
        "clip": clip.name, "start_s": start_s, "frames": frames, "rate": str(shot.rate), "seed": seed,
        "crop_px": crop_px, "damage": damage, **asdict(generator.damage),
        "tracked": sum(mesh is not None for mesh in shot.meshes),
        "face_width_px": round(float(np.median([m.face_width_px for m in shot.meshes if m is not None])), 1),
        "mean_abs_drop": round(float(np.abs(drops).mean()), 4),
        "head_speed_mean": round(float(speeds.mean()), 4) if speeds.size else None,
        "head_speed_max": round(float(speeds.max()), 4) if speeds.size else None,
    }  # fmt: skip
    clips: tuple[tuple[str, Callable[[int], Rgb], float], ...] = (
        ("truth", lambda index: shot.pictures[index], CRF),
        ("orig", orig, CRF),
        ("synced", synced, generator.damage.crf),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture, crf in clips:
            write_clip(folder / f"{name}.mp4", map(picture, range(frames)), frame_rate=shot.rate, crf=crf)
        (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}") from error
    return about


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="make-triple", description=__doc__)
    made.add_argument("clip", type=Path, help="real footage of one face")
    made.add_argument("folder", type=Path, metavar="FOLDER/NAME", help="is created; its files are replaced")
    made.add_argument("--crop-px", type=int, default=96, metavar="N", help="side of the generator's picture (96)")
    made.add_argument("--damage", choices=list(DAMAGES), default="mild", help="damage by the generator (mild)")
    made.add_argument("--frames", type=int, default=50, metavar="N", help="number of frames (50)")
    made.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help="position in the clip (0)")
    made.add_argument("--seed", type=int, default=1, help="for mouth motion and jitter (1)")
    made.add_argument("--models", type=Path, metavar="PATH", help="face model bundle, or its folder")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = parser().parse_args(words)
    return run_script(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    if not 16 <= given.crop_px <= 1024 or given.frames < 2 or given.start < 0 or given.seed < 0:
        raise SettingsError(
            f"--crop-px {given.crop_px}, --frames {given.frames}, --start {given.start:g}, --seed {given.seed}: "
            "allowed are 16 to 1024 px, 2 frames or more, and nothing below 0",
            hint="Change the option that is out of range.",
        )
    about = make_triple(
        given.clip, given.folder, crop_px=given.crop_px, damage=given.damage, frames=given.frames,
        start_s=given.start, seed=given.seed, model=resolve_model("face_landmarker", given.models),
    )  # fmt: skip
    print(json.dumps(about))


if __name__ == "__main__":
    unwind_on_sigterm()
    sys.exit(main())
