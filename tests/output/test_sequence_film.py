"""Image sequences as films, and films as image sequences."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipblend.errors import InputError, InputMismatchError, LipblendError, OutputError
from lipblend.output.picture_sequence import SequenceOutput
from lipblend.output.sequence_film import FilmFacts, make_film
from lipblend.picture.rgb_codes import linear_light
from lipblend.runtime.numbered_publishing import UnfinishedFolder
from lipblend.video.numbered_files import numbered_files
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from lipblend.video.still_picture import read_still
from tests.sequences import palette_png, pictures, read_exr, read_picture, write_pictures

RATE = Fraction(24000, 1001)


def film(pattern: Path, target: Path, rate: Fraction = RATE) -> FilmFacts:
    return make_film(numbered_files(pattern), target, rate=rate, on_picture=lambda done: None)


def unpack(source: Path, pattern: Path, bits: int = 8, *, first: int = 1, overwrite: bool = True) -> list[str]:
    output = SequenceOutput(pattern, bits, overwrite)
    output.check([])
    with UnfinishedFolder(pattern.parent) as folder:
        return output.write(source, folder, first, lambda done: None)


def test_a_film_has_exact_times_and_tags(tmp_path: Path) -> None:
    write_pictures(tmp_path / "%d.png", pictures(4), first=7)
    assert film(tmp_path / "%d.png", tmp_path / "film.mp4") == FilmFacts(8, 0)
    info = probe(tmp_path / "film.mp4")
    assert (info.frame_rate, info.layout.name, info.frame_count, info.warnings) == (RATE, "yuv444p10le", 4, ())
    assert (info.colour.matrix, info.colour.primaries, info.colour.transfer, info.colour.range) == (6, 1, 1, 1)
    with VideoReader(info) as frames:
        assert [frame.pts * info.time_base for frame in frames] == [k / RATE for k in range(4)]


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "%d.png", pictures(3))
    os.utime(paths[1], ns=(1, 2_000_000_000_000_000_000))
    for name in ("a.mp4", "b.mp4"):
        film(tmp_path / "%d.png", tmp_path / name)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert (tmp_path / "a.mp4").stat().st_mtime_ns == 2_000_000_000_000_000_000


@pytest.mark.parametrize(("bits", "alpha", "off"), [(8, False, 0), (8, True, 0), (16, False, 2), (16, True, 2)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_there_and_back(tmp_path: Path, bits: int, alpha: bool, off: int, suffix: str) -> None:
    shown = pictures(3, bits=bits, alpha=alpha)
    write_pictures(tmp_path / "in" / "%d.png", shown)
    film(tmp_path / "in" / "%d.png", tmp_path / "film.mp4")
    assert unpack(tmp_path / "film.mp4", tmp_path / "out" / f"x%03d{suffix}", bits, first=100) == []
    assert sorted(os.listdir(tmp_path / "out")) == [f"x{k}{suffix}" for k in (100, 101, 102)]
    for number, rgb in enumerate(shown, 100):
        found = read_picture(tmp_path / "out" / f"x{number}{suffix}")
        assert found.dtype == rgb.dtype
        assert np.abs(found[..., :3].astype(int) - rgb[..., :3]).max() <= off
        assert (found[..., 3:] == rgb[..., 3:]).all()


@pytest.mark.parametrize("clear", [False, True])
def test_a_palette_has_alpha_only_if_a_colour_is_not_opaque(tmp_path: Path, clear: bool) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [10, 20, 30]], np.uint8)
    places = np.random.default_rng(1).integers(0, 3, (48, 64))
    (tmp_path / "1.png").write_bytes(palette_png(places, colours, [255, 0, 255] if clear else None))
    still = read_still(tmp_path / "1.png")
    assert (np.rint(still.values * 255) == colours[places]).all()
    if clear:
        assert still.alpha is not None
        assert (still.alpha == np.where(places == 1, 0, 255)).all()
    else:
        assert still.alpha is None
    film(tmp_path / "%d.png", tmp_path / "film.mp4")
    assert probe(tmp_path / "film.mp4").layout.alpha == clear


def test_openexr_holds_linear_light(tmp_path: Path) -> None:
    shown = pictures(2)
    write_pictures(tmp_path / "in" / "%d.png", shown)
    film(tmp_path / "in" / "%d.png", tmp_path / "film.mp4")
    notes = unpack(tmp_path / "film.mp4", tmp_path / "out" / "%d.exr", 16)
    assert notes == ["OpenEXR pictures hold scene-linear light, half floating point"]
    light, pixel_format = read_exr(tmp_path / "out" / "2.exr")
    assert pixel_format == "gbrpf16le"
    # Half a step of 8 bits, at white.
    assert np.abs(light - linear_light((shown[1] / 255).astype(np.float32), 1)).max() < 0.0043


def test_openexr_is_read_and_clipped_with_a_count(tmp_path: Path) -> None:
    light = np.linspace(0, 1, 48 * 64 * 3, dtype=np.float32).reshape(48, 64, 3)
    write_pictures(tmp_path / "%d.exr", [light, light * 2])
    assert film(tmp_path / "%d.exr", tmp_path / "film.mp4") == FilmFacts(32, 1)
    unpack(tmp_path / "film.mp4", tmp_path / "out" / "%d.exr", 16)
    for number, wanted in ((1, light), (2, np.minimum(light * 2, 1))):
        assert np.abs(read_exr(tmp_path / "out" / f"{number}.exr")[0] - wanted).max() < 1e-3


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    light = np.zeros((48, 64, 3), np.float32)
    light[3, 4] = np.nan
    write_pictures(tmp_path / "%d.exr", [light])
    with pytest.raises(InputError, match=r"1\.exr holds values that are not finite"):
        film(tmp_path / "%d.exr", tmp_path / "film.mp4")


@pytest.mark.parametrize("what", ["size", "depth", "alpha", "damaged"])
def test_one_picture_unlike_the_others_is_named(tmp_path: Path, what: str) -> None:
    shown = pictures(5)
    shown[3] = {
        "size": shown[3][:40],
        "depth": pictures(1, bits=16)[0],
        "alpha": pictures(1, alpha=True)[0],
        "damaged": shown[3],
    }[what]
    paths = write_pictures(tmp_path / "%d.png", shown)
    if what == "damaged":
        paths[3].write_bytes(paths[3].read_bytes()[:900])
    with pytest.raises(LipblendError) as caught:
        film(tmp_path / "%d.png", tmp_path / "film.mp4")
    assert str(paths[3]) in caught.value.message
    assert caught.value.exit_code == (3 if what == "damaged" else 4)
    assert isinstance(caught.value, InputError if what == "damaged" else InputMismatchError)


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    write_pictures(tmp_path / "in" / "%d.png", pictures(2))
    film(tmp_path / "in" / "%d.png", tmp_path / "film.mp4")
    out = tmp_path / "out"
    write_pictures(out / "%d.png", pictures(3), first=2)
    (out / "notes.txt").write_text("mine")
    notes = unpack(tmp_path / "film.mp4", out / "%d.png")
    assert notes == ["2 other picture(s) of the same name were in the folder and stay there, numbers 3 to 4"]
    assert sorted(os.listdir(out)) == ["1.png", "2.png", "3.png", "4.png", "notes.txt"]
    assert (read_picture(out / "2.png") == pictures(2)[1]).all()
    assert (out / "notes.txt").read_text() == "mine"


def test_no_overwrite_changes_nothing(tmp_path: Path) -> None:
    write_pictures(tmp_path / "in" / "%d.png", pictures(2))
    film(tmp_path / "in" / "%d.png", tmp_path / "film.mp4")
    out = tmp_path / "out"
    write_pictures(out / "%d.png", pictures(1, bits=16), first=2)
    with pytest.raises(OutputError, match=r"2\.png already exists"):
        unpack(tmp_path / "film.mp4", out / "%d.png", overwrite=False)
    with UnfinishedFolder(out) as folder, pytest.raises(OutputError, match=r"2\.png already exists"):  # in the meantime
        SequenceOutput(out / "%d.png", 8, False).write(tmp_path / "film.mp4", folder, 1, lambda done: None)
    assert os.listdir(out) == ["2.png"]
    assert (read_picture(out / "2.png") == pictures(1, bits=16)[0]).all()


def test_a_run_that_stops_leaves_nothing(tmp_path: Path) -> None:
    write_pictures(tmp_path / "in" / "%d.png", pictures(5))
    film(tmp_path / "in" / "%d.png", tmp_path / "film.mp4")

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), UnfinishedFolder(tmp_path / "out") as folder:
        SequenceOutput(tmp_path / "out" / "%d.png", 8).write(tmp_path / "film.mp4", folder, 1, stop)
    assert sorted(os.listdir(tmp_path)) == ["film.mp4", "in"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out/%d.gif", "'.gif' is not a supported format"),
        ("a/b/%d.png", "does not exist"),
        ("in/%d.png", "of an input"),
    ],
)
def test_outputs_that_are_refused(tmp_path: Path, name: str, message: str) -> None:
    write_pictures(tmp_path / "in" / "%d.png", pictures(1))
    with pytest.raises(OutputError, match=message):
        SequenceOutput(tmp_path / name, 8).check([tmp_path / "in" / "%d.png"])
