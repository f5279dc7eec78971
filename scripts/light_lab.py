"""Measure what mismatched light and colours cost, on pairs made from triples with a known truth.

    light-lab TRIPLES WORK [--only NAME ...] [--variants NAME ...]

For each triple (a folder with orig.mp4, synced.mp4 and truth.mp4) and each variant, the files are remade by exact
formulas (independent of lipblend's), composited, and compared with the truth, remade in the same way. See
docs/lab/light.md.

Loss in dB: lower-face PSNR of R'G'B' codes (full scale 1) of the SDR composite after the remake of the original, minus
that of the composite of the remade pair; both against the remade truth.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from light_remakes import LUMA, PASTE_LEVELS, PASTE_SIGMA_PX, SDR, VARIANTS, Coding, Floats, Variant, same
from numpy.typing import NDArray

from lipblend.analysis.follow import follow
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.models import resolve_model
from lipblend.settings import TrackSettings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader


def matrix_of(coding: Coding) -> NDArray[np.float64]:
    """(3, 4): R'G'B' in 0..1 to 8-bit codes, unrounded."""
    kr, kb = LUMA[coding.matrix]
    luma = np.array([kr, 1 - kr - kb, kb])
    rows = np.stack([luma, ([0, 0, 1] - luma) / (2 * (1 - kb)), ([1, 0, 0] - luma) / (2 * (1 - kr))])
    gain, offset = ((255, 255, 255), (0, 128, 128)) if coding.full else ((219, 224, 224), (16, 128, 128))
    return np.column_stack([rows * np.array(gain)[:, None], offset])


def read(path: Path, coding: Coding) -> Iterator[Floats]:
    """R'G'B' in 0..1 of every frame."""
    matrix = matrix_of(coding)
    inverse = np.linalg.inv(matrix[:, :3])
    back = np.column_stack([inverse, -inverse @ matrix[:, 3]]).astype(np.float32)
    with VideoReader(probe(path)) as frames:
        for frame in frames:
            luma, *chroma = (np.asarray(plane, np.float32) / frame.layout.code_scale for plane in frame.planes)
            size = luma.shape[::-1]
            fine = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in chroma]
            yield np.asarray(cv2.transform(cv2.merge([luma, *fine]), back), np.float32)


def write(path: Path, frames: Iterator[Floats], rate: Fraction, coding: Coding) -> None:
    """Write 4:2:0 video, lossless."""
    matrix, scale = matrix_of(coding), 1 << (coding.depth - 8)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=rate)
        stream.pix_fmt = "yuv420p" if coding.depth == 8 else "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = coding.tags
        for number, rgb in enumerate(frames):
            if number == 0:
                stream.height, stream.width = rgb.shape[:2]
            codes = cv2.transform(rgb, matrix.astype(np.float32))
            half = rgb.shape[1] // 2, rgb.shape[0] // 2
            planes = [cv2.extractChannel(codes, 0)]
            planes += [cv2.resize(cv2.extractChannel(codes, k), half, interpolation=cv2.INTER_AREA) for k in (1, 2)]
            whole = [np.clip(np.rint(plane * scale), 0, 256 * scale - 1) for plane in planes]
            dtype = np.uint8 if coding.depth == 8 else np.uint16
            picture = av.VideoFrame(rgb.shape[1], rgb.shape[0], stream.pix_fmt)
            for plane, values in zip(picture.planes, whole, strict=True):
                rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)
                rows[:, : plane.width] = values
            picture.colorspace, picture.color_primaries, picture.color_trc, picture.color_range = coding.tags
            picture.pts, picture.time_base = number, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def synced_frames(triple: Path, variant: Variant) -> Iterator[Floats]:
    remake, _ = variant.synced or (same, SDR)
    pairs = zip(read(file_of(triple, "orig"), SDR), read(file_of(triple, "synced"), SDR), strict=True)
    for original, synced in pairs:
        if not variant.patch:
            yield remake(synced)
            continue
        difference = cv2.GaussianBlur(np.abs(synced - original).max(-1), (0, 0), PASTE_SIGMA_PX)
        changed = (difference > PASTE_LEVELS / 255).astype(np.uint8)
        stats = cv2.connectedComponentsWithStats(changed)[2]
        x, y, w, h = stats[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())][:4]
        pasted = np.zeros_like(changed)
        pasted[y : y + h, x : x + w] = 1  # generators paste a box
        yield np.where(pasted[..., None] > 0, remake(synced), synced)


def lower_faces(triple: Path, model: Path) -> list[NDArray[np.bool_] | None]:
    """Mask of the lower face in every frame of the truth, as the score of the triples uses it; None without a face."""
    info, track = probe(file_of(triple, "truth")), TrackSettings(every_s=0)
    out: list[NDArray[np.bool_] | None] = []
    with VideoReader(info) as frames, FaceLandmarker(model, max_faces=1, confidence=track.confidence) as find:
        for seen in follow(frames, info, find, track):
            if not seen.faces:
                out.append(None)
                continue
            points = seen.faces[0].landmarks.points.astype(np.float64)
            across = points[454] - points[234]
            width = np.linalg.norm(across)
            x = across / width
            y = np.array([-x[1], x[0]])
            y = y if np.dot(points[152] - points[10], y) > 0 else -y
            middle = points[[13, 14]].mean(0) + y * width * 0.12
            corners = [
                middle + width * (a * x + b * y) for a, b in ((-0.55, -0.38), (0.55, -0.38), (0.5, 0.42), (-0.5, 0.42))
            ]
            region = np.zeros((info.height, info.width), np.uint8)
            cv2.fillConvexPoly(region, np.array(corners).astype(np.int32), 1)
            out.append(region.astype(bool))
    return out


def psnr(frames: Iterator[Floats], truth: Iterator[Floats], where: Sequence[NDArray[np.bool_] | None]) -> float:
    errors = [
        float(((made[region] - real[region]) ** 2).mean())
        for made, real, region in zip(frames, truth, where, strict=False)
        if region is not None
    ]
    return -10 * float(np.log10(np.mean(errors)))


def file_of(triple: Path, name: str) -> Path:
    """A file of a triple."""
    return next(path for path in (triple / f"{name}.mp4", triple / f"{name}.mkv") if path.exists())


def shorten(triple: Path, work: Path, frames: int) -> Path:
    """Make a triple of the first frames only, lossless (8-bit BT.709)."""
    folder = work / triple.name / f"first-{frames}" / triple.name
    folder.mkdir(parents=True, exist_ok=True)
    rate = probe(file_of(triple, "orig")).frame_rate or Fraction(25)
    for name in ("orig", "synced", "truth"):
        target = folder / f"{name}.mkv"
        if not target.exists():
            write(target, islice(read(file_of(triple, name), SDR), frames), rate, SDR)
    return folder


def composite(original: Path, synced: Path, output: Path) -> dict[str, Any]:
    words = [sys.executable, "-m", "lipblend", "composite", str(original), str(synced), "-o", str(output)]
    done = subprocess.run(
        [*words, "--encoder", "ffv1", "--no-cache", "--json", "--quiet"], capture_output=True, text=True, check=False
    )
    lines = done.stdout.strip()
    return {"exit": done.returncode, **(json.loads(lines) if lines else {"error": done.stderr[-400:]})}


def measure(triple: Path, name: str, work: Path, where: Sequence[NDArray[np.bool_] | None]) -> dict[str, Any]:
    """Make a variant of a triple, composite it, and compare the result."""
    variant, rate = VARIANTS[name], probe(file_of(triple, "orig")).frame_rate or Fraction(25)
    remake, coding = variant.original or (same, SDR)
    folder = work / f"{triple.name}-made"
    folder.mkdir(parents=True, exist_ok=True)
    plain, original, truth = folder / "sdr.mkv", file_of(triple, "orig"), file_of(triple, "truth")
    if not plain.exists():
        composite(original, file_of(triple, "synced"), plain)
    if variant.original is not None:
        flavour = name.split("-")[0] + ("-100" if name == "pq-100" else "")
        made = [folder / f"{flavour}-{which}.mkv" for which in ("orig", "truth")]
        for source, target in zip((original, truth), made, strict=True):
            if not target.exists():
                write(target, map(remake, read(source, SDR)), rate, coding)
        original, truth = made
    synced = file_of(triple, "synced")
    if variant.synced is not None:
        synced = folder / f"synced-{name}.mkv"
        if not synced.exists():
            write(synced, synced_frames(triple, variant), rate, variant.synced[1])
    output = folder / f"out-{name}.mkv"
    started = time.perf_counter()
    report = composite(original, synced, output)
    row: dict[str, Any] = {"triple": triple.name, "variant": name, "exit": report["exit"]}
    row |= {"notes": report.get("notes", report.get("error")), "seconds": round(time.perf_counter() - started, 1)}
    if report["exit"] == 0:
        row["synced"] = None if variant.original else round(psnr(read(synced, SDR), read(truth, coding), where), 2)
        row["sdr"] = psnr(map(remake, read(plain, SDR)), read(truth, coding), where)
        row["result"] = psnr(read(output, coding), read(truth, coding), where)
        row["loss"] = round(row["sdr"] - row["result"], 2)
        row["sdr"], row["result"] = round(row["sdr"], 2), round(row["result"], 2)
    return row


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="light-lab", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    made.add_argument("triples", type=Path, help="folder of folders with orig.mp4, synced.mp4 and truth.mp4")
    made.add_argument("work", type=Path, help="folder for intermediate files, which are reused")
    made.add_argument("--only", nargs="*", metavar="NAME", help="only these triples")
    made.add_argument("--frames", type=int, metavar="N", help="only the first N frames of each (all)")
    made.add_argument("--variants", nargs="*", choices=list(VARIANTS), default=list(VARIANTS), metavar="NAME")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; prints one JSON line per measurement."""
    given = parser().parse_args(words)
    model = resolve_model("face_landmarker", None)
    for triple in sorted(given.triples.iterdir()):
        if given.only and triple.name not in given.only:
            continue
        work = given.work
        if given.frames:
            triple = shorten(triple, work, given.frames)
            work = triple.parent
        where = lower_faces(triple, model)
        for name in given.variants:
            print(json.dumps(measure(triple, name, work, where)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
