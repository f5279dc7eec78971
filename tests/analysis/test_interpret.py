"""How the synced video's colour codes are read, given colours that both videos show."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lipblend.analysis.evidence import ColourPairs, Evidence
from lipblend.analysis.interpret import Interpretation, interpret
from lipblend.analysis.readings import Reading, tagged
from lipblend.errors import InputMismatchError
from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.ycbcr import convert_colour
from lipblend.video.info import VideoInfo

Floats = NDArray[np.float64]

SDR_TAGS, PQ_TAGS, HLG_TAGS = ColourTags(1, 1, 1, 1), ColourTags(9, 9, 16, 1), ColourTags(9, 9, 18, 1)
UNTAGGED = ColourTags(2, 2, 2, 0)
PLAIN = Reading(1, False, 1, False)
NONE = ColourPairs(np.empty((0, 3), np.float32), np.empty((0, 3), np.float32))


@pytest.fixture
def info() -> VideoInfo:
    return VideoInfo(
        path=Path("clip.mp4"), codec="h264", width=64, height=36, layout=PixelLayout("yuv420p", 8, 1, 1, 3),
        source_format="yuv420p", time_base=Fraction(1, 25), frame_rate=Fraction(25), frame_count=1, start_s=0.0,
        duration_s=0.04, colour=SDR_TAGS, sample_aspect=None, rotation=0, bit_rate=None, audio=(), subtitle_count=0,
        chapter_count=0, container="mp4", metadata={},
    )  # fmt: skip


def scene(count: int = 3000) -> Floats:
    """R'G'B' of a room with skin, cloth and walls, 0..1."""
    rng = np.random.default_rng(5)
    light = rng.uniform(0.08, 0.95, (count, 1))
    tints = np.array([[1, 0.76, 0.62], [0.45, 0.55, 0.95], [0.95, 0.95, 0.93], [0.4, 0.75, 0.4]])
    return np.asarray(light * tints[rng.integers(0, 4, count)])


def codes(rgb: Floats, reading: Reading = PLAIN) -> NDArray[np.float32]:
    """Encode R'G'B' for a reading, with a generator's noise."""
    into = reading.into()
    inverse = np.linalg.inv(into[:, :3])
    noise = np.random.default_rng(1).normal(0, 0.5, rgb.shape)
    return np.asarray((rgb - into[:, 3]) @ inverse.T + noise, np.float32)


def read(
    info: VideoInfo,
    original: NDArray[np.float32],
    synced: NDArray[np.float32],
    tags: tuple[ColourTags, ColourTags] = (SDR_TAGS, SDR_TAGS),
    *,
    painted: ColourPairs = NONE,
    trust_tags: bool = False,
) -> Interpretation:
    infos = (replace(info, colour=each) for each in tags)
    return interpret(Evidence(ColourPairs(original, synced), painted), *infos, trust_tags=trust_tags)


def left(found: Interpretation, original: NDArray[np.float32], synced: NDArray[np.float32]) -> float:
    assert found.change is not None
    apart = found.change.apply(synced[None])[0] - original
    return float(np.median(np.linalg.norm(apart, axis=1)))


@pytest.mark.parametrize(
    ("reading", "note"),
    [
        (replace(PLAIN, swapped=True), "red and blue are swapped"),
        (replace(PLAIN, full=True), "of full range, not limited"),
        (replace(PLAIN, matrix=6), "coded by BT.601, not BT.709"),
        (replace(PLAIN, swapped=True, full=True), "red and blue are swapped"),
    ],
)
def test_a_fault_is_found_noted_and_corrected(info: VideoInfo, reading: Reading, note: str) -> None:
    original, synced = codes(scene()), codes(scene(), reading)
    found = read(info, original, synced)
    assert note in found.notes[0]
    assert found.notes[0].endswith("corrected")
    assert found.found["undone"]
    assert left(found, original, synced) < 1.5


def test_a_tint_over_few_colours_is_not_taken_for_another_matrix(info: VideoInfo) -> None:
    """Read by BT.601, a bluish tint over skin and brown leaves a third of the difference: less, but not nothing."""
    rng = np.random.default_rng(3)
    skin = rng.uniform(0.5, 0.6, (3000, 1)) * np.array([[1, 0.62, 0.45], [1, 0.66, 0.5]])[rng.integers(0, 2, 3000)]
    original = codes(skin)
    as_601 = codes(skin, replace(PLAIN, matrix=6))
    tinted = original + np.median(as_601 - original, axis=0)
    assert read(info, original, tinted) == Interpretation()
    # Where colours differ, no tint explains what the matrix does.
    assert "coded by BT.601" in read(info, codes(scene()), codes(scene(), replace(PLAIN, matrix=6))).notes[0]


@pytest.mark.parametrize(
    ("tags", "note"),
    [
        (replace(SDR_TAGS, range=2), "of limited range, not full"),
        (ColourTags(6, 6, 6, 1), "coded by BT.709, not BT.601"),
    ],
)
def test_codes_with_wrong_tags(info: VideoInfo, tags: ColourTags, note: str) -> None:
    original, synced = codes(scene()), codes(scene())
    found = read(info, original, synced, (SDR_TAGS, tags))
    assert note in found.notes[0]
    assert left(found, original, synced) < 1.5


@pytest.mark.parametrize("cast", [(0, 0, 0), (-4, 0, 0), (-3, 2, -2), (3, -1.5, 2.5)])
@pytest.mark.parametrize("tags", [(SDR_TAGS, SDR_TAGS), (SDR_TAGS, UNTAGGED), (UNTAGGED, UNTAGGED), (PQ_TAGS, PQ_TAGS)])
def test_a_cast_is_no_fault(info: VideoInfo, cast: tuple[float, ...], tags: tuple[ColourTags, ColourTags]) -> None:
    original = codes(scene())
    found = read(info, original, original * np.float32(0.98) + np.float32(cast), tags)
    assert found == Interpretation()


def test_grey_pictures_say_nothing_of_channels(info: VideoInfo) -> None:
    grey = np.repeat(scene()[:, :1], 3, axis=1)
    assert read(info, codes(grey), codes(grey, replace(PLAIN, swapped=True))) == Interpretation()


def test_with_trusted_tags_a_fault_is_only_noted(info: VideoInfo) -> None:
    found = read(info, codes(scene()), codes(scene(), replace(PLAIN, swapped=True)), trust_tags=True)
    assert found.change is None
    assert "not corrected" in found.notes[0]
    assert found.found["undone"] is False


def test_channels_swapped_in_the_painted_part_only(info: VideoInfo) -> None:
    skin = scene(600) * 0 + np.random.default_rng(2).uniform(0.4, 0.9, (600, 1)) * [1, 0.74, 0.6]
    painted = ColourPairs(codes(skin), codes(skin * 0.96, replace(PLAIN, swapped=True)))
    found = read(info, codes(scene()), codes(scene()), painted=painted)
    assert "in what the generator painted" in found.notes[0]
    assert found.change is not None
    assert found.change.painted_to_rgb is not None
    tinted = ColourPairs(painted.original, codes(skin * [0.93, 0.97, 1.05]))
    assert read(info, codes(scene()), codes(scene()), painted=tinted) == Interpretation()


def hdr(rgb: Floats, kind: int, white: float = 203.0) -> Floats:
    """SDR R'G'B' as HDR R'G'B' of BT.2020, by formulas of its own."""
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    nits = white * (rgb**2.4) @ to_2020.T
    if kind == 16:
        y = (nits / 10000) ** 0.1593017578125
        return np.asarray(((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375)
    luminance = (nits / 1000 @ [0.2627, 0.6780, 0.0593])[:, None]
    scene_light = nits / 1000 * luminance ** (-0.2 / 1.2)
    curve = 0.17883277 * np.log(np.maximum(12 * scene_light - 0.28466892, 1e-9)) + 0.55991073
    return np.asarray(np.where(scene_light <= 1 / 12, np.sqrt(3 * scene_light), curve))


WIDE = Reading(9, False, 9, False)


@pytest.mark.parametrize(("tags", "kind"), [(PQ_TAGS, 16), (HLG_TAGS, 18)])
@pytest.mark.parametrize("white", [203.0, 100.0])
@pytest.mark.parametrize("reading", [PLAIN, replace(PLAIN, matrix=6), replace(PLAIN, swapped=True)])
def test_sdr_is_converted_to_hdr(info: VideoInfo, tags: ColourTags, kind: int, white: float, reading: Reading) -> None:
    original, synced = codes(hdr(scene(), kind, white), WIDE), codes(scene(), reading)
    found = read(info, original, synced, (tags, UNTAGGED))
    assert "light (SDR) was converted to the original's" in found.notes[0]
    assert ("swapped" in found.notes[0]) == reading.swapped
    assert left(found, original, synced) < 1.5


def test_a_curve_that_no_standard_has_is_fitted(info: VideoInfo) -> None:
    mapped = np.clip(1 - np.exp(-1.6 * scene()), 0, 1) * [0.97, 1.0, 1.03]
    original, synced = codes(hdr(scene(), 16), WIDE), codes(mapped)
    assert left(read(info, original, synced, (PQ_TAGS, SDR_TAGS)), original, synced) < 1.5


def test_hdr_codes_that_were_read_as_sdr_are_kept(info: VideoInfo) -> None:
    rgb = hdr(scene(), 16)
    original, synced = codes(rgb, WIDE), codes(rgb, replace(PLAIN, matrix=6))
    found = read(info, original, synced, (PQ_TAGS, UNTAGGED))
    assert "they were kept" in found.notes[0]
    assert left(found, original, synced) < 1.5


def test_light_that_no_curve_matches_is_refused(info: VideoInfo) -> None:
    rng = np.random.default_rng(8)
    original, synced = codes(hdr(scene(), 16), WIDE), codes(scene()[rng.permutation(3000)])
    with pytest.raises(InputMismatchError, match="cannot be matched") as caught:
        read(info, original, synced, (PQ_TAGS, SDR_TAGS))
    assert caught.value.exit_code == 4
    assert "levels" in caught.value.message
    assert any("transfer 16" in line for line in caught.value.details)


def test_with_too_few_colours_tags_are_trusted_and_noted(info: VideoInfo) -> None:
    few = ColourPairs(codes(scene(20)), codes(scene(20)))
    infos = (replace(info, colour=each) for each in (PQ_TAGS, SDR_TAGS))
    found = interpret(Evidence(few, NONE), *infos, trust_tags=False)
    assert found.change is not None
    assert "too little is visible" in found.notes[0]


@pytest.mark.parametrize("height", [480, 1080])
@pytest.mark.parametrize("original_matrix", [0, 1, 2, 5, 6, 9])
@pytest.mark.parametrize("synced_matrix", [0, 1, 2, 6, 9])
@pytest.mark.parametrize("ranges", [(0, 0), (1, 2), (2, 0)])
def test_the_tagged_reading_equals_the_conversion_by_tags(
    height: int, original_matrix: int, synced_matrix: int, ranges: tuple[int, int]
) -> None:
    """Without a change, the conversion by the tags must be the one that was compared with the pictures."""
    original, synced = (
        ColourTags(each, 2, 2, span) for each, span in zip((original_matrix, synced_matrix), ranges, strict=True)
    )
    some = codes(scene(50))
    tried = tagged(synced, original, height).code_map().apply(some[None])
    np.testing.assert_allclose(tried, convert_colour(some[None], synced, original, height), atol=0.02)


def test_a_matrix_tagged_in_the_synced_video_only_is_checked(info: VideoInfo) -> None:
    rgb = scene()
    original, synced = codes(rgb), codes(rgb, replace(PLAIN, matrix=6))
    found = read(info, original, synced, (UNTAGGED, ColourTags(6, 6, 6, 1)))
    assert left(found, original, synced) < 1.5
    assert "coded by BT.601 where the original's are by BT.709" in found.notes[0]


def test_a_grey_original_says_nothing_of_matrices(info: VideoInfo) -> None:
    """Full range without a tag: only that is corrected."""
    rgb = np.linspace(0.08, 0.95, 3000)[:, None] * [0.95, 1.0, 0.95]  # the generator's tint
    grey = codes(rgb, Reading(1, True, 1, True))
    grey[:, 1:] = 128
    found = read(info, grey, codes(rgb), (UNTAGGED, SDR_TAGS))
    assert "the ranges are not what the tags say (synced limited, original full)" in found.notes[0]
    assert "BT." not in found.notes[0]


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_channels_swapped_in_a_part_of_the_painted_skin(info: VideoInfo, share: float) -> None:
    rgb = scene()
    skin = rgb[rgb[:, 0] > 1.3 * rgb[:, 2]]
    swapped = np.arange(len(skin)) < share * len(skin)
    synced = np.where(swapped[:, None], codes(skin, replace(PLAIN, swapped=True)), codes(0.9 * skin))
    found = read(info, codes(rgb), codes(rgb), painted=ColourPairs(codes(skin), synced.astype(np.float32)))
    assert "red and blue are swapped in what the generator painted" in found.notes[0]
    assert found.change is not None
    assert found.change.painted_to_rgb is not None
