"""Triples with something before the mouth, or in other light, made from triples without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from clip_writer import ClipWriter
from numpy.typing import NDArray
from occluder_light import LIGHTS, MISSED
from occluder_motion import Cover, Scene
from occluder_shapes import Floats, Skin
from occluders import make_occluder

from lipblend.errors import NoFaceError
from lipblend.faces.landmarks import LOWER_JAW, NOSE_BASE, Landmarks
from lipblend.lab.ablation.triples import FILES, Triple
from lipblend.pair import open_pair
from lipblend.picture.planes import to_rgb
from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

Rgb = NDArray[np.uint8]
Frames = dict[str, Rgb]
Layer = Callable[[int, Frames, Floats], tuple[Frames, Cover | None]]

CRF = {"orig": "12", "synced": "18", "truth": "12"}
GHOST = 0.25  # of the thing's opacity is left where the generator painted over it
_SOFT = 0.035  # face widths over which the painted part fades
_STEADY_FRAMES = 3.0
_CHEEKS = 205, 425
_FOREHEAD = 10


@dataclass(frozen=True)
class Clip:
    """A triple without anything before the face: its meshes, (n, 478, 2), and the scene."""

    triple: Triple
    meshes: Floats
    scene: Scene
    rate: Fraction


def pictures(path: Path) -> Iterator[Rgb]:
    """The frames of a video as R'G'B', one by one."""
    info = probe(path)
    with VideoReader(info) as reader:
        for frame in reader:
            yield to_rgb(frame.planes, frame.layout, info.colour)


def read_clip(triple: Triple, *, frames: int, seed: int, cache: Path | None = None) -> Clip:
    """Track the largest face, and take colour and noise of the picture from the first frame."""
    pair = open_pair(triple.original, triple.synced, cache=cache)
    analysis = pair.analyse(Settings())
    count = min(frames, len(analysis.times_s))
    found: dict[int, Floats] = {}
    for track in analysis.tracks.values():
        rows = {row: mesh for row, mesh in zip(track.frames, track.original, strict=True) if mesh is not None}
        rows = {row: mesh for row, mesh in rows.items() if row < count}
        if len(rows) > len(found):
            found = rows
    if not found:
        raise NoFaceError(f"no face was found in the first {count} frames of {triple.original}")
    known = sorted(found)
    nearest = [min(known, key=lambda other: abs(other - row)) for row in range(count)]
    meshes = np.stack([found[row] for row in nearest])
    scene = scene_of(next(pictures(triple.original)), meshes, seed)
    return Clip(triple, meshes, scene, pair.original.frame_rate or Fraction(25))


def scene_of(picture: Rgb, meshes: Floats, seed: int) -> Scene:
    """The scene of a face, its skin taken from the first picture."""
    faces = [Landmarks(mesh) for mesh in meshes]
    mouths = np.array([face.mouth_centre for face in faces], np.float32)
    steps = np.arange(len(mouths))
    weights = np.exp(-0.5 * ((steps[:, None] - steps) / _STEADY_FRAMES) ** 2)
    size = float(np.median([face.face_width_px for face in faces]))
    axis = np.mean([face.x_axis for face in faces], axis=0)
    return Scene(
        width=picture.shape[1],
        height=picture.shape[0],
        mouths=(weights @ mouths / weights.sum(axis=1, keepdims=True)).astype(np.float32),
        face_px=size,
        degrees=float(np.degrees(np.arctan2(axis[1], axis[0]))),
        skin=_skin(picture, faces[0], size),
        hair=_hair(picture, faces[0], size),
        noise=_noise(picture),
        seed=seed,
    )


def _skin(picture: Rgb, face: Landmarks, size: float) -> Skin:
    half = max(4, round(0.08 * size))
    patches = []
    for point in _CHEEKS:
        x, y = face.points[point].astype(int).tolist()
        x, y = (int(np.clip(at, half, side - half)) for at, side in ((x, picture.shape[1]), (y, picture.shape[0])))
        patches.append(picture[y - half : y + half, x - half : x + half].astype(np.float32))
    grey = patches[0].mean(axis=2)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), max(1.0, 0.02 * size))
    window = np.hanning(len(fine))[:, None] * np.hanning(len(fine))
    mean = np.median(np.concatenate([patch.reshape(-1, 3) for patch in patches]), axis=0)
    return Skin(mean.astype(np.float32), (fine * window).astype(np.float32), size)


def _hair(picture: Rgb, face: Landmarks, size: float) -> Floats:
    """Colour above the forehead, no brighter than dark brown."""
    x, y = (face.points[_FOREHEAD] - 0.12 * size * face.y_axis).astype(int).tolist()
    x, y, half = int(np.clip(x, 8, picture.shape[1] - 8)), int(np.clip(y, 8, picture.shape[0] - 8)), 8
    colour = np.median(picture[y - half : y + half, x - half : x + half].reshape(-1, 3), axis=0).astype(np.float32)
    brown = np.array([62, 46, 34], np.float32)
    return np.asarray(np.clip(colour, 0.5 * brown, brown), np.float32)


def _noise(picture: Rgb) -> float:
    """Noise of a picture: median of the residual of a Laplacian that ignores slopes (after Immerkær, 1996)."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.clip(np.median(np.abs(cv2.filter2D(grey, -1, kernel))) / 0.6745 / 6, 0.3, 4))


def painted(mesh: Floats, shape: tuple[int, int], size: float) -> Floats:
    """How strongly the generator paints: 1 in the lower face, 0 outside, (h, w)."""
    points = mesh[[*LOWER_JAW, *NOSE_BASE]]
    middle = points.mean(axis=0)
    hull = cv2.convexHull((middle + 1.04 * (points - middle)).astype(np.float32)).astype(np.int32)
    weight = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(weight, hull, 1.0)
    return np.asarray(cv2.GaussianBlur(weight, (0, 0), max(0.5, _SOFT * size / 2)), np.float32)


def covered(frames: dict[str, Rgb], cover: Cover | None, mesh: Floats, size: float) -> dict[str, Rgb]:
    """The frames of a triple with something before them."""
    if cover is None:
        return frames
    left = 1 - (1 - GHOST) * painted(mesh, frames["orig"].shape[:2], size)
    return {name: cover.over(frame, left if name == "synced" else None) for name, frame in frames.items()}


def layer(kind: str, scene: Scene) -> Layer:
    """What lays an occluder or a light of some kind over the frames of a triple, given their number and the mesh."""
    if kind not in LIGHTS:
        occluder = make_occluder(kind, scene)

        def lay(index: int, frames: Frames, mesh: Floats) -> tuple[Frames, Cover | None]:
            cover = occluder.cover(index)
            return covered(frames, cover, mesh, scene.face_px), cover

        return lay
    path = LIGHTS[kind](scene)

    def light(index: int, frames: Frames, mesh: Floats) -> tuple[Frames, None]:
        own = path(index)
        lit = {name: own.over(frame) for name, frame in frames.items()}
        if kind in MISSED:
            left = 1 - (1 - MISSED[kind]) * painted(mesh, frames["orig"].shape[:2], scene.face_px)
            lit["synced"] = own.over(frames["synced"], left)
        return lit, None

    return light


def make_occluded(clip: Clip, kind: str, folder: Path) -> dict[str, Any]:
    """Write a triple with something before the mouth, or in other light; return about.json."""
    folder.mkdir(parents=True, exist_ok=True)
    scene, triple = clip.scene, clip.triple
    lay = layer(kind, scene)
    solid = np.zeros((len(clip.meshes), scene.height, scene.width), bool)
    sources = zip(*(pictures(path) for path in (triple.original, triple.synced, triple.truth)), strict=True)
    with ExitStack() as stack:
        size = scene.width // 2 * 2, scene.height // 2 * 2
        writers = {
            name: stack.enter_context(Writer(folder / f"{name}.mp4", size, clip.rate, CRF[name])) for name in FILES
        }
        for index, (mesh, three) in enumerate(zip(clip.meshes, sources, strict=False)):
            laid, cover = lay(index, dict(zip(FILES, three, strict=True)), mesh)
            if cover is not None:
                solid[index][cover.part] = cover.solid
            for name, picture in laid.items():
                writers[name].add(picture)
    count, height, width = (solid := solid[:, : size[1], : size[0]]).shape
    np.savez_compressed(folder / "occ.npz", np.packbits(solid), np.array([count, height, width]))
    np.savez_compressed(folder / "meshes.npz", clip.meshes)
    about = {
        "kind": "occluded", "occluder": kind, "source": str(triple.original.parent.resolve()), "frames": count,
        "rate": str(clip.rate), "seed": scene.seed, "face_width": round(scene.face_px, 1),
        "noise": round(scene.noise, 2), "ghost": GHOST, "share": round(float(solid.mean()), 4),
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")
    return about


def source_of(folder: Path) -> Path:
    """The folder of the triple that one was made from."""
    return Path(json.loads((folder / "about.json").read_text())["source"])


class Writer(ClipWriter):
    """Encodes R'G'B' pictures, BT.709, limited range."""

    def tag(self, codec: Any) -> None:
        """BT.709, limited range."""
        codec.colorspace = codec.color_primaries = codec.color_trc = 1
        codec.color_range, codec.thread_count = ColorRange.MPEG, 2

    def add(self, picture: Rgb) -> None:
        """Encode the next picture."""
        width, height = self._size
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
        self.write(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG))
