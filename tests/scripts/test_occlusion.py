"""Things before a mouth: how they are drawn and laid over a triple, and what is measured of a result."""

from __future__ import annotations

import json
import shutil
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from script_loading import SCRIPTS, load_script

from lipblend.faces.landmarks import Landmarks
from lipblend.lab.ablation.triples import find_triples
from lipblend.output.synth import write_clip

FRAMES = 16
KINDS = ("skinhand", "tray", "cup", "strands", "finger", "microphone", "microphone_still", "glass", "sign")


@pytest.fixture(scope="module", autouse=True)
def _siblings() -> None:
    """The scripts find each other, as when they are run."""
    if str(SCRIPTS) not in sys.path:
        sys.path.append(str(SCRIPTS))


@pytest.fixture(scope="module")
def script(_siblings: None) -> ModuleType:
    return load_script("occlusion")


@pytest.fixture(scope="module")
def triples(_siblings: None) -> ModuleType:
    return load_script("occlusion_triples")


@pytest.fixture(scope="module")
def small(portrait: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA))


@pytest.fixture(scope="module")
def meshes(face: Landmarks) -> np.ndarray:
    return np.repeat((face.points / 3).astype(np.float32)[None], FRAMES, axis=0)


@pytest.fixture(scope="module")
def made(triples: ModuleType, small: np.ndarray, meshes: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A triple of one picture, its mouth bluer in truth and synced, with a microphone before it."""
    folder = tmp_path_factory.mktemp("occlusion")
    x, y = meshes[0, [13, 14]].mean(axis=0).astype(int)
    other = small.copy()
    other[y - 14 : y + 14, x - 18 : x + 18] = (40, 60, 200)
    (folder / "plain").mkdir()
    for name, picture in (("orig", small), ("synced", other), ("truth", other)):
        write_clip(folder / "plain" / f"{name}.mp4", [picture] * FRAMES, frame_rate=Fraction(25), crf=8)
    (triple,) = find_triples(folder, ["plain"])
    clip = triples.Clip(triple, meshes, triples.scene_of(small, meshes, 1), Fraction(25))
    triples.make_occluded(clip, "microphone_still", folder / "made" / "plain_microphone_still")
    return folder


def scores(folder: Path, result: str) -> dict[str, float]:
    (triple,) = find_triples(folder / "made")
    plain = folder / "plain"
    score = load_script("occlusion_score").score
    found: dict[str, float] = score(triple, getattr(triple, result), plain / "truth.mp4", plain / "truth.mp4")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_thing_covers_the_mouth_in_the_middle_and_moves(
    triples: ModuleType, small: np.ndarray, meshes: np.ndarray, kind: str
) -> None:
    scene = triples.scene_of(small, meshes, 1)
    thing = triples.make_occluder(kind, scene)
    seen = []
    for index in (0, 7, 9):
        cover, alpha = thing.cover(index), np.zeros(small.shape[:2], np.float32)
        if cover is not None:
            assert cover.solid.shape == cover.alpha.shape == cover.colour.shape[:2]
            assert 0 <= cover.alpha.min() <= cover.alpha.max() <= 1
            assert (cover.alpha[cover.solid] > 0.1).all()
            assert (cover.colour <= 255 * cover.alpha[..., None] + 40).all()  # premultiplied
            alpha[cover.part] = cover.alpha
            again = thing.cover(index)
            assert np.array_equal(again.colour, cover.colour)  # the same every time
        seen.append(alpha)
    x, y = scene.mouths[0].astype(int)
    reach = int(0.25 * scene.face_px)
    mouth = np.s_[y - reach : y + reach, x - reach : x + reach]
    assert seen[1][mouth].max() > 0.3
    assert np.abs(seen[1] - seen[2]).max() > 0.1
    before = seen[0][y - 3 : y + 3, x - 8 : x + 8].max()
    assert (before > 0.3) == (kind == "microphone_still")
    soft = (seen[1] > 0.02) & (seen[1] < 0.98)
    assert soft.any()  # edges are antialiased


def test_a_ghost_is_left_in_the_lower_face_and_the_rest_is_covered_as_in_orig(
    triples: ModuleType, small: np.ndarray, meshes: np.ndarray
) -> None:
    scene = triples.scene_of(small, meshes, 1)
    cover = triples.make_occluder("tray", scene).cover(FRAMES // 2)
    plain = {name: np.full_like(small, 20) for name in ("orig", "synced", "truth")}
    shown = triples.covered(plain, cover, meshes[0], scene.face_px)
    assert np.array_equal(shown["orig"], shown["truth"])
    x, y = scene.mouths[0].astype(int)
    full, ghost = (shown[name][y, x].astype(float).mean() - 20 for name in ("orig", "synced"))
    assert full > 150
    assert ghost / full == pytest.approx(0.25, abs=0.02)
    aside = int(0.8 * scene.face_px)
    assert np.array_equal(shown["orig"][:, : x - aside], shown["synced"][:, : x - aside])
    assert triples.covered(plain, None, meshes[0], scene.face_px) is plain


def test_the_truth_keeps_the_thing_and_synced_does_not(made: Path) -> None:
    truth, synced, orig = (scores(made, name) for name in ("truth", "synced", "original"))
    assert truth["kept"] > 0.9
    assert synced["kept"] < 0.1
    assert truth["lower"] > 60 > synced["lower"]
    assert truth["lower_in"] > 60 > 25 > synced["lower_in"]
    assert truth["lost"] == 0
    assert orig["kept"] == 1
    assert orig["lost"] > 0.9
    assert orig["mouth_beside"] < 25 < truth["mouth_beside"]
    assert truth["mouth_without"] > 60
    assert synced["edge_flicker"] > 1.5


def test_the_files_say_where_the_thing_is(made: Path) -> None:
    folder = made / "made" / "plain_microphone_still"
    about = json.loads((folder / "about.json").read_text())
    assert {"occluder": "microphone_still", "frames": FRAMES, "rate": "25", "seed": 1}.items() <= about.items()
    masks = np.stack(list(load_script("occlusion_score").read_masks(folder / "occ.npz")))
    stored = np.load(folder / "occ.npz")
    count, height, width = stored["arr_1"]
    assert np.array_equal(
        masks, np.unpackbits(stored["arr_0"])[: count * height * width].reshape(count, height, width).astype(bool)
    )
    assert masks.shape == (FRAMES, 256, 256)
    assert (masks.mean(axis=(1, 2)) > 0.02).all()
    assert (masks[0] != masks[-1]).any()


def test_masks_of_frames_that_do_not_end_on_a_byte(script: ModuleType, tmp_path: Path) -> None:
    masks = np.random.default_rng(0).random((5, 3, 7)) > 0.5
    np.savez_compressed(tmp_path / "occ.npz", np.packbits(masks), np.array(masks.shape))
    assert np.array_equal(np.stack(list(load_script("occlusion_score").read_masks(tmp_path / "occ.npz"))), masks)


def test_what_cannot_be_done_is_said_in_a_line(
    script: ModuleType, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(made / "made", tmp_path / "made")
    for words, code, part in (
        (["make", str(tmp_path / "out"), str(tmp_path / "none")], 3, "there is no folder"),
        (["make", str(tmp_path / "out"), str(made / "plain"), "--frames", "1"], 2, "at least 2 frames"),
        (["score", str(tmp_path / "made"), "--tune", "plain,ann"], 3, "no triple belongs to ann"),
        (["score", str(tmp_path / "made"), "--settings", "mask.none=1"], 2, "mask.none"),
    ):
        assert script.main(words) == code
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert part in err


def test_means_leave_out_what_was_not_measured_and_words_are_whole(script: ModuleType) -> None:
    rows = [dict.fromkeys(script.COLUMNS, 1.0), {**dict.fromkeys(script.COLUMNS, 3.0), "lost": float("nan")}]
    means = script.mean_of(rows)
    assert (means["kept"], means["lost"]) == (2, 1)
    assert script.belongs("kim_wav2lip_cup", "kim")
    assert script.belongs("kim_cup", "kim_cup")
    assert not script.belongs("kimberly_cup", "kim")


@pytest.mark.parametrize("kind", sorted(("shadow", "blinds", "flicker", "lamp", "exposure", "smoke", "subtitles")))
def test_a_light_lies_in_all_three_alike_and_changes(
    triples: ModuleType, small: np.ndarray, meshes: np.ndarray, kind: str
) -> None:
    lay = triples.layer(kind, triples.scene_of(small, meshes, 1))
    plain = dict.fromkeys(("orig", "synced", "truth"), small)
    shown = [lay(index, plain, meshes[0]) for index in range(FRAMES)]
    assert all(cover is None for _, cover in shown)
    for frames, _ in shown:
        assert np.array_equal(frames["orig"], frames["synced"])
        assert np.array_equal(frames["orig"], frames["truth"])
    apart = [np.abs(frames["orig"].astype(int) - small).max() for frames, _ in shown]
    assert max(apart) > 10
    assert any((first["orig"] != second["orig"]).any() for (first, _), (second, _) in pairwise(shown))


def test_half_of_a_missed_shadow_is_painted(triples: ModuleType, small: np.ndarray, meshes: np.ndarray) -> None:
    scene = triples.scene_of(small, meshes, 1)
    plain = {name: np.full_like(small, 200) for name in ("orig", "synced", "truth")}
    shown, _ = triples.layer("shadow_missed", scene)(FRAMES // 2, plain, meshes[0])
    x, y = (scene.mouths[0] + (-0.1 * scene.face_px, 0)).astype(int)
    assert shown["orig"][y, x].mean() == pytest.approx(120, abs=3)
    assert shown["synced"][y, x].mean() == pytest.approx(160, abs=4)
