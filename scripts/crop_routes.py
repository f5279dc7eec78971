"""Composites by way of a face crop, beside those of the same crop in the generator's own paste.

    crop-routes TRIPLE ... [--sizes 512 256 96] [--mode fixed] [--locate] [--preset natural]

For each TRIPLE (orig.mp4, synced.mp4, truth.mp4) and each size, a crop is cut out of orig.mp4, and the crop that a
generator would return out of synced.mp4. It comes back by its record (``crop``), without one (``found``: searched for,
with --locate frame by frame), and as a full frame (``paste``): enlarged by Lanczos' kernel into whole pixels, in RGB,
hard, as generators do. Printed is the PSNR of the luma in the lower half of the face's box against the truth, dB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.cli.exits import run_script, unwind_on_sigterm
from lipblend.composite_options import CompositeOptions
from lipblend.compositing import composite
from lipblend.cropping.crop_job import crop_video
from lipblend.cropping.crop_options import CropOptions
from lipblend.cropping.crop_picture import cut_crop
from lipblend.cropping.crop_profiles import CropProfile
from lipblend.crops.crop_record import CropRecord
from lipblend.errors import InputError
from lipblend.output.drawn import drawn_frame, drawn_info, frame_of_planes
from lipblend.output.sound.audio_plan import choose_audio
from lipblend.output.writer import VideoWriter
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.settings import EncodeSettings, Settings
from lipblend.settings.resolve import resolve_settings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader

_ENCODE = EncodeSettings(crf=14)  # a generator's


def main() -> None:
    """Make and score all routes of the command line."""
    parser = argparse.ArgumentParser(
        "crop-routes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("triples", type=Path, nargs="+", metavar="TRIPLE")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 256, 96], metavar="PX")
    parser.add_argument("--mode", choices=["fixed", "follow", "aligned"], default="fixed")
    parser.add_argument("--locate", action="store_true")
    parser.add_argument("--preset", default="natural")
    given = parser.parse_args()
    settings = resolve_settings(given.preset).settings
    print(f"{'':24}{'px':>5}{'paste':>8}{'crop':>8}{'found':>8}")
    for triple in given.triples:
        with tempfile.TemporaryDirectory() as folder:
            made = crop_video(
                _file(triple, "orig"),
                Path(folder, "face.mp4"),
                Path(folder, "face.json"),
                options=CropOptions(profile=CropProfile(mode=given.mode), upscale=True),
            )
            record = CropRecord.parsed(made.record.read_bytes(), made.record)
            for size in given.sizes:
                scores = _routes(triple, record, made.record, size, settings, Path(folder), locate=given.locate)
                print(f"{triple.name:24}{size:5}" + "".join(f"{score:8.2f}" for score in scores), flush=True)


def _routes(
    triple: Path, record: CropRecord, path: Path, size: int, settings: Settings, folder: Path, *, locate: bool
) -> list[float]:
    """PSNR of the three routes."""
    original, crop = _file(triple, "orig"), folder / "synced.mp4"
    _write(crop, probe(_file(triple, "synced")), record, _cuts(_file(triple, "synced"), record, size), size)
    moving = settings.model_copy(update={"pair": settings.pair.model_copy(update={"locate": locate})})
    routes = [(crop, path, settings), (crop, None, moving)]
    if record.frames[0].matrix[0][1] == 0:  # an upright crop, which can be pasted as whole pixels
        pasted = folder / "pasted.mp4"
        _write(pasted, probe(original), record, _pastes(original, crop, record, size), 0)
        routes.insert(0, (pasted, None, settings))
    scores = []
    for synced, crop_record, chosen in routes:
        result = folder / "result.mkv"
        composite(original, synced, result, settings=chosen, options=CompositeOptions(crop=crop_record))
        scores.append(_lower_psnr(result, _file(triple, "truth"), record))
    return scores if len(scores) == len(("paste", "crop", "found")) else [float("nan"), *scores]


def _file(triple: Path, name: str) -> Path:
    path = triple / f"{name}.mp4"
    if not path.is_file():
        raise InputError(f"{triple} has no {path.name}", hint="Give folders with orig, synced and truth.mp4.")
    return path


def _matrix(record: CropRecord, index: int, size: int) -> npt.NDArray[np.float64]:
    return np.array(record.frames[index].matrix)[:2] * (size / record.size[0])


def _cuts(synced: Path, record: CropRecord, size: int) -> Iterator[Frame]:
    """The crop that a generator would return."""
    info = probe(synced)
    target = drawn_info(info, size, size)
    with VideoReader(info) as reader:
        for index, frame in enumerate(reader):
            planes = cut_crop(frame.picture(info), _matrix(record, index, size), target, record.fill)
            yield frame_of_planes(planes, target.layout, index=index, pts=index, duration=1)


def _pastes(original: Path, crop: Path, record: CropRecord, size: int) -> Iterator[Frame]:
    """The crop in the original, as a generator pastes it: in RGB, into whole pixels, without a border."""
    info, small = probe(original), probe(crop)
    layout = drawn_info(info, *info.upright_size).layout
    with VideoReader(info) as frames, VideoReader(small) as crops:
        for index, (frame, part) in enumerate(zip(frames, crops, strict=False)):
            back = FrameMapping.of(_matrix(record, index, size)).inverse()
            corners = np.rint(back.to_synced(np.array([[0, 0], [size, size]], np.float64))).astype(int)
            (x0, y0), (x1, y1) = corners.tolist()
            picture = frame.picture(info).to_rgb().copy()
            patch = cv2.resize(part.picture(small).to_rgb(), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LANCZOS4)
            left, top = max(0, x0), max(0, y0)
            region = picture[top : max(0, y1), left : max(0, x1)]
            region[...] = patch[top - y0 :, left - x0 :][: region.shape[0], : region.shape[1]]
            yield drawn_frame(picture, layout, index=index, pts=index, duration=1)


def _write(path: Path, info: VideoInfo, record: CropRecord, frames: Iterator[Frame], size: int) -> None:
    rate = Fraction(record.rate)
    target = drawn_info(info, *((size, size) if size else info.upright_size))
    target = replace(target, time_base=1 / rate, frame_rate=rate, start_s=0.0)
    silent = choose_audio(info, info, "none")
    with VideoWriter(path, target, encode=_ENCODE, audio=silent, extras_from=None) as writer:
        for frame in frames:
            writer.write(frame)


def _lower_psnr(result: Path, truth: Path, record: CropRecord) -> float:
    """PSNR of the luma in the lower half of the face's box, over all frames that show it, dB."""
    squares = []
    with VideoReader(probe(result)) as made, VideoReader(probe(truth)) as wanted:
        for first, second, row in zip(made, wanted, record.frames, strict=False):
            if row.box is not None:
                left, top, right, bottom = np.rint(np.clip(row.box, 0, None)).astype(int).tolist()
                part = slice((top + bottom) // 2, bottom), slice(left, right)
                squares.append(np.square(first.planes[0][part].astype(np.float64) - second.planes[0][part]).mean())
    return float(10 * np.log10(255**2 / np.mean(squares)))


if __name__ == "__main__":
    unwind_on_sigterm()
    sys.exit(run_script(main))
