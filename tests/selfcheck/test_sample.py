"""The generated sample pair."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import numpy as np
import pytest

from lipblend.picture.planes import to_rgb
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.selfcheck.sample_scene import Scene
from lipblend.selfcheck.sample_speech import SAMPLE_RATE, make_sound, make_speech
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

SIZE, FRAMES, SEED = 128, 10, 3


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=SIZE, seed=SEED)


def pictures(path: Path) -> np.ndarray:
    info = probe(path)
    with VideoReader(info) as frames:
        return np.stack([to_rgb(frame.planes, frame.layout, info.colour, height=info.height) for frame in frames])


def test_the_files_have_the_same_format(pair: SamplePair) -> None:
    for path in (pair.original, pair.synced, pair.truth):
        info = probe(path)
        assert (info.width, info.height) == (SIZE, SIZE)
        assert (info.colour.matrix, info.colour.primaries, info.colour.transfer, info.colour.range) == (1, 1, 1, 1)
        assert [stream.sample_rate for stream in info.audio] == [SAMPLE_RATE]
        assert len(pictures(path)) == FRAMES


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(pair: SamplePair, tmp_path: Path) -> None:
    again = make_sample(tmp_path / "again", frames=FRAMES, size=SIZE, seed=SEED)
    different = make_sample(tmp_path / "different", frames=FRAMES, size=SIZE, seed=SEED + 1)
    first, second, third = (hashlib.sha256(each.synced.read_bytes()).digest() for each in (pair, again, different))
    assert first == second != third
    assert again.patch_boxes == pair.patch_boxes


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the sample used the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert Scene(1, SIZE, SEED).footage(0, make_speech(1, SEED)).shape == (SIZE, SIZE, 3)


def test_the_generator_changes_only_its_box() -> None:
    scene, original, synced = Scene(FRAMES, SIZE, SEED), make_speech(FRAMES, SEED), make_speech(FRAMES, SEED + 1)
    for index in range(FRAMES):
        footage, generated = scene.footage(index, original), scene.generated(index, original, synced)
        x0, y0, x1, y1 = scene.patch_box(index)
        assert 0 <= x0 < x1 <= SIZE
        assert 0 <= y0 < y1 <= SIZE
        changed = (footage != generated).any(axis=2)
        assert changed[y0:y1, x0:x1].mean() > 0.9
        changed[y0:y1, x0:x1] = False
        assert not changed.any()


def test_original_and_truth_differ_only_around_the_mouth() -> None:
    scene, original, synced = Scene(75, SIZE, SEED), make_speech(75, SEED), make_speech(75, SEED + 1)
    index = int(np.argmax(synced.openness - original.openness))
    difference = np.abs(scene.footage(index, original).astype(int) - scene.footage(index, synced)).max(axis=2)
    x0, y0, x1, y1 = scene.patch_box(index)
    assert difference[y0:y1, x0:x1].max() > 60
    assert difference[: y0 - 4].max() <= 3


def test_head_and_background_move_differently() -> None:
    scene, speech = Scene(30, SIZE, SEED), make_speech(30, SEED)
    difference = np.abs(scene.footage(0, speech).astype(int) - scene.footage(20, speech)).mean(axis=2)
    eyes = difference[SIZE // 4 : SIZE // 2, SIZE // 3 : 2 * SIZE // 3]
    assert eyes.mean() > 2 * difference[:, : SIZE // 8].mean()


def test_a_frame_depends_only_on_its_number() -> None:
    speech = make_speech(FRAMES, SEED)
    first, second = Scene(FRAMES, SIZE, SEED), Scene(FRAMES, SIZE, SEED)
    second.footage(0, speech)
    np.testing.assert_array_equal(first.footage(5, speech), second.footage(5, speech))


def test_the_sound_is_as_long_as_the_clip_and_follows_the_mouth() -> None:
    speech = make_speech(75, SEED)
    sound = make_sound(speech, SEED)
    assert sound.dtype == np.float32
    assert len(sound) == 3 * SAMPLE_RATE
    assert 0.2 < np.abs(sound).max() <= 1
    loudness = np.sqrt((sound.reshape(75, -1) ** 2).mean(axis=1))
    assert np.corrcoef(loudness, speech.openness)[0, 1] > 0.7
    assert ((speech.openness >= 0) & (speech.openness <= 1)).all()
    assert np.ptp(speech.openness) > 0.4


@pytest.mark.parametrize("numbers", [{"frames": 0}, {"size": 63}, {"size": 65}])
def test_numbers_out_of_range_are_refused(tmp_path: Path, numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected frames"):
        make_sample(tmp_path, **numbers)
