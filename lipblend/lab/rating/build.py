"""Building a study: clips copied under names that say nothing, the page that shows them, and the key."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipblend.errors import InputError, OutputError
from lipblend.lab.rating.clips_to_rate import Source
from lipblend.lab.rating.order import random_numbers
from lipblend.lab.rating.rating_page import page_text
from lipblend.lab.rating.study import COLUMNS, PLACES, Mode, RatedClip, Study, Trial, key_text
from lipblend.output.anonymous import copy_anonymous, playback_notes, played_suffix
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe

TITLE = "Video rating"
PAGE_FOLDER, CLIP_FOLDER, PAGE_FILE, KEY_FILE = "page", "clips", "index.html", "key.json"

_BLOCK_BYTES = 1 << 20
_DIGITS = 8
_LEAST_WORD = 5  # shorter ones turn up in any video's bytes by chance
_EPOCH_S = 946684800  # 2000-01-01: the files' dates must not tell in which order they were made
_DEFAULT_FPS = 25.0
_LENGTH_SLACK_S = 0.05


@dataclass(frozen=True)
class Built:
    """What was built.

    Parameters
    ----------
    study : Study
    page : Path
        Folder to hand to the raters.
    key : Path
        File to keep.
    notes : tuple of str
        What could give a method away, or keep a clip from playing.
    """

    study: Study
    page: Path
    key: Path
    notes: tuple[str, ...]


def build_study(
    folder: Path,
    material: Sequence[tuple[Source, ...]],
    *,
    mode: Mode,
    seed: int,
    title: str = TITLE,
    sound: bool = True,
) -> Built:
    """Build a study: ``folder/page`` for the raters and ``folder/key.json`` for the one who scores.

    The same arguments and clips give the same study, byte for byte.

    Parameters
    ----------
    folder : Path
        New or empty. It appears when everything is in it.
    material : sequence of tuples of Source
        The trials: pairs, or single clips.
    mode : str
        ``ab`` or ``seam``.
    seed : int
        Decides order and sides.
    title : str
        Heading of the page.
    sound : bool
        Keep the clips' sound.

    Returns
    -------
    Built

    Raises
    ------
    InputError
        A clip cannot be read, no browser plays it, or both files of every pair are the same.
    OutputError
        The folder has something in it, or cannot be written.
    """
    _check_folder(folder)
    infos = {source.path: probe(source.path) for trial in material for source in trial}
    for info in infos.values():
        played_suffix(info)
    digests = {path: _digest_of(path) for path in infos}
    if mode == "ab" and all(digests[first.path] == digests[second.path] for first, second in material):
        raise InputError(
            "there is nothing to compare: both files of every pair are the same", hint="Name two different results."
        )
    told = "|".join(
        [mode, str(seed), title, str(sound), *(f"{s.label}:{digests[s.path]}" for trial in material for s in trial)]
    )
    study_id = f"{mode}-{hashlib.sha256(told.encode('utf-8', 'surrogateescape')).hexdigest()[:10]}"
    trials = _trials(material, study_id, digests, infos)
    if mode == "ab":
        trials = _balanced(trials, f"{seed}|{study_id}")
    labels = tuple(dict.fromkeys(source.label for trial in material for source in trial if not source.control))
    study = Study(study_id, mode, seed, title, labels, tuple(trials))
    scratch = folder.absolute().parent / f".lipblend-{secrets.token_hex(6)}"
    try:
        notes = _write(scratch, study, infos, sound=sound)
        if folder.is_dir():
            folder.rmdir()  # it is empty; only POSIX would replace it
        scratch.rename(folder)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {error.strerror or error}", hint="Check the folder and the free space."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    notes = [*_difference_notes(study, infos), *notes]
    return Built(study, folder / PAGE_FOLDER, folder / KEY_FILE, tuple(dict.fromkeys(notes)))


def page_data(study: Study, infos: dict[Path, VideoInfo]) -> dict[str, Any]:
    """What the page knows: no label, no source, no control flag."""
    trials = [
        {
            "id": trial.trial,
            "clips": [{"file": clip.file, "fps": _fps(infos[Path(clip.source)])} for clip in trial.clips],
        }
        for trial in study.trials
    ]
    return {
        "study": study.study, "mode": study.mode, "seed": study.seed, "title": study.title, "columns": COLUMNS,
        "places": PLACES, "trials": trials,
    }  # fmt: skip


def _check_folder(folder: Path) -> None:
    try:
        if folder.is_dir():
            if any(folder.iterdir()):
                raise OutputError(
                    f"{folder} is not empty",
                    hint="Name a new folder: a key that is lost makes its votes worthless, so nothing is replaced.",
                )
        elif os.path.lexists(folder):
            raise OutputError(f"{folder} is not a folder", hint="Name a new folder.")
        elif not folder.absolute().parent.is_dir():
            raise OutputError(f"the folder {folder.absolute().parent} does not exist", hint="Create it first.")
    except OSError as error:
        raise OutputError(f"{folder} cannot be an output: {error.strerror or error}") from error


def _trials(
    material: Sequence[tuple[Source, ...]], study: str, digests: dict[Path, str], infos: dict[Path, VideoInfo]
) -> list[Trial]:
    """The trials, sorted by their ids, which are hashes: their places say nothing. So do those of a pair's clips."""
    used: set[str] = set()
    trials = []
    for number, sources in enumerate(material):
        clips = []
        for source in sources:
            told = f"{study}|{number}|{source.label}|{digests[source.path]}"
            name = _opaque("c", told, used) + played_suffix(infos[source.path])
            clips.append(RatedClip(name, source.label, str(source.path), digests[source.path]))
        trial_id = _opaque("t", f"{study}|{number}", used)
        trials.append(Trial(trial_id, sources[0].name, sources[0].control, tuple(clips)))
    return sorted(trials, key=lambda trial: trial.trial)


def _balanced(trials: list[Trial], told: str) -> list[Trial]:
    """Of each two trials, one lists the methods in one order and one in the other; see `order.presentation`."""
    draw = random_numbers(told)
    made, turned = [], False
    for index, trial in enumerate(trials):
        turned = bool(draw(2)) if index % 2 == 0 else not turned
        made.append(Trial(trial.trial, trial.name, trial.control, trial.clips[:: -1 if turned else 1]))
    return made


def _opaque(letter: str, told: str, used: set[str]) -> str:
    digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    length = _DIGITS
    while (name := letter + digest[:length]) in used:
        length += 1
    used.add(name)
    return name


def _write(folder: Path, study: Study, infos: dict[Path, VideoInfo], *, sound: bool) -> list[str]:
    clips = folder / PAGE_FOLDER / CLIP_FOLDER
    clips.mkdir(parents=True)
    notes = []
    for trial in study.trials:
        for clip in trial.clips:
            target = clips / clip.file
            copy_anonymous(Path(clip.source), target, sound=sound)
            words = [*study.labels, Path(clip.source).stem, Path(clip.source).absolute().parent.name]
            notes += [f"the word '{word}' occurs in the bytes of {clip.file}" for word in _found(target, words)]
    page = folder / PAGE_FOLDER / PAGE_FILE
    page.write_text(page_text(page_data(study, infos)), encoding="utf-8")
    version = importlib.metadata.version("lipblend")
    (folder / KEY_FILE).write_text(key_text(study, version), encoding="utf-8")
    for path in (*sorted(clips.iterdir()), page, clips, page.parent):
        os.utime(path, (_EPOCH_S, _EPOCH_S))
    return notes


def _found(path: Path, words: Sequence[str]) -> list[str]:
    """Those of the words that stand in a file's bytes, whatever their case."""
    wanted = {word: word.lower().encode("utf-8", "surrogateescape") for word in words if len(word) >= _LEAST_WORD}
    found = []
    kept = max(map(len, wanted.values()), default=0)
    with path.open("rb") as file:
        tail = b""
        while wanted and (block := file.read(_BLOCK_BYTES)):
            text = tail + block.lower()
            found += [word for word, raw in wanted.items() if raw in text]
            wanted = {word: raw for word, raw in wanted.items() if raw not in text}
            tail = text[-kept:]
    return found


def _difference_notes(study: Study, infos: dict[Path, VideoInfo]) -> list[str]:
    notes = []
    for trial in study.trials:
        both = [infos[Path(clip.source)] for clip in trial.clips]
        for clip, info in zip(trial.clips, both, strict=True):
            notes += [f"{clip.source}: {note}" for note in playback_notes(info)]
        if len(both) < 2:
            continue
        first, second = both
        if trial.clips[0].sha256 == trial.clips[1].sha256:
            notes.append(f"{trial.name}: both files are the same")
        facts = {
            "picture size": ("{}x{}".format(*info.upright_size) for info in both),
            "codec": (info.codec for info in both),
            "frame rate": (f"{_fps(info):g}" for info in both),
            "sound": ("yes" if info.audio else "none" for info in both),
        }
        for what, values in facts.items():
            here, there = values
            if here != there:
                way = "--no-sound leaves it out" if what == "sound" else "which may give them away"
                notes.append(f"{trial.name}: the two differ in {what} ({here}, {there}); {way}")
        if abs((first.duration_s or 0) - (second.duration_s or 0)) > _LENGTH_SLACK_S:
            notes.append(
                f"{trial.name}: the two last {first.duration_s or 0:.2f} s and {second.duration_s or 0:.2f} s; "
                "both are shown up to the end of the shorter"
            )
    return notes


def _fps(info: VideoInfo) -> float:
    return float(info.frame_rate) if info.frame_rate else _DEFAULT_FPS


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
