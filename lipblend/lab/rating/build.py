"""Build a study: clips copied under meaningless names, the page that shows them, and the key."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lipblend.errors import InputError, OutputError
from lipblend.lab.rating.clips_to_rate import Source
from lipblend.lab.rating.order import random_numbers
from lipblend.lab.rating.playable import ENCODED_CRF, is_sequence, playable
from lipblend.lab.rating.rating_page import page_text
from lipblend.lab.rating.study import DETAILS, Mode, RatedClip, Study, Trial, columns, key_text
from lipblend.output.anonymous import copy_anonymous, playback_notes, played_suffix
from lipblend.runtime.stand_ins import facts_of, given_path, stand_in_folder
from lipblend.video.info import VideoInfo

TITLE = "Video rating"
PAGE_FOLDER, CLIP_FOLDER, PAGE_FILE, KEY_FILE = "page", "clips", "index.html", "key.json"

_BLOCK_BYTES = 1 << 20
_DIGITS = 8
_MIN_WORD = 5  # shorter words occur in the bytes of any video by chance
_DATE_S = 946684800  # 2000-01-01: the files' dates must not reveal in which order they were made
_DEFAULT_FPS = 25.0
_LENGTH_SLACK_S = 0.05


@dataclass(frozen=True)
class BuiltStudy:
    """A study on disk: ``page`` is the folder for the raters, ``key`` the file to keep.

    ``notes`` tell what might reveal a method, or prevent a clip from playing.
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
) -> BuiltStudy:
    """Build a study: ``folder/page`` for the raters and ``folder/key.json`` for the evaluation.

    The same arguments and clips give the same study, byte for byte.

    Parameters
    ----------
    folder : Path
        New or empty. It appears only once it is complete.
    material : sequence of tuples of Source
        The trials: pairs, or single clips.
    mode : {"ab", "seam", "fault"}
    seed : int
        Determines order and sides.
    title : str
        Heading of the page.
    sound : bool
        Keep the clips' sound.

    Raises
    ------
    InputError
        A clip cannot be read, no browser plays it, or both files of every pair are identical.
    OutputError
        The folder is not empty, or cannot be written.
    """
    _check_folder(folder)
    with stand_in_folder() as encoded:
        return _build(folder, material, encoded, mode=mode, seed=seed, title=title, sound=sound)


def _build(
    folder: Path,
    material: Sequence[tuple[Source, ...]],
    encoded: Path,
    *,
    mode: Mode,
    seed: int,
    title: str,
    sound: bool,
) -> BuiltStudy:
    """Build a study; ``encoded`` is a temporary folder for clips that have to be encoded."""
    paths = dict.fromkeys(source.path for trial in material for source in trial)
    infos = {given_path(path): playable(path, encoded) for path in paths}
    for info in infos.values():
        played_suffix(info)
    digests = {path: _file_digest(path) for path in paths}
    if mode == "ab" and all(digests[first.path] == digests[second.path] for first, second in material):
        raise InputError(
            "there is nothing to compare: both files of every pair are the same", hint="Name two different results."
        )
    content = "|".join(
        [mode, str(seed), title, str(sound), *(f"{s.label}:{digests[s.path]}" for trial in material for s in trial)]
    )
    study_id = f"{mode}-{_digest(content)[:10]}"
    trials = _make_trials(material, study_id, digests, infos)
    if mode == "ab":
        trials = _balance_sides(trials, f"{seed}|{study_id}")
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
    notes = [*_sequence_notes(paths), *_difference_notes(study, infos), *notes]
    return BuiltStudy(study, folder / PAGE_FOLDER, folder / KEY_FILE, tuple(dict.fromkeys(notes)))


def page_data(study: Study, infos: dict[Path, VideoInfo]) -> dict[str, Any]:
    """Data for the page: no label, no source, no control flag."""
    trials = [
        {
            "id": trial.trial,
            "clips": [{"file": clip.file, "fps": _fps(infos[Path(clip.source)])} for clip in trial.clips],
        }
        for trial in study.trials
    ]
    return {
        "study": study.study, "mode": study.mode, "seed": study.seed, "title": study.title,
        "columns": columns(study.mode), "details": DETAILS[study.mode], "trials": trials,
    }  # fmt: skip


def _check_folder(folder: Path) -> None:
    try:
        if folder.is_dir():
            if any(folder.iterdir()):
                raise OutputError(
                    f"{folder} is not empty",
                    hint="Name a new folder. Nothing is replaced: votes are worthless without their key.",
                )
        elif os.path.lexists(folder):
            raise OutputError(f"{folder} is not a folder", hint="Name a new folder.")
        elif not folder.absolute().parent.is_dir():
            raise OutputError(f"the folder {folder.absolute().parent} does not exist", hint="Create it first.")
    except OSError as error:
        raise OutputError(f"{folder} cannot be an output: {error.strerror or error}") from error


def _make_trials(
    material: Sequence[tuple[Source, ...]], study: str, digests: dict[Path, str], infos: dict[Path, VideoInfo]
) -> list[Trial]:
    """Make the trials, sorted by their ids. Ids are hashes, so that the order reveals nothing."""
    used: set[str] = set()
    trials = []
    for number, sources in enumerate(material):
        clips = []
        for source in sources:
            name = _opaque("c", f"{study}|{number}|{source.label}|{digests[source.path]}", used)
            file = name + played_suffix(infos[given_path(source.path)])
            clips.append(RatedClip(file, source.label, str(given_path(source.path)), digests[source.path]))
        trial_id = _opaque("t", f"{study}|{number}", used)
        trials.append(Trial(trial_id, sources[0].name, sources[0].control, tuple(clips)))
    return sorted(trials, key=lambda trial: trial.trial)


def _balance_sides(trials: list[Trial], seed_text: str) -> list[Trial]:
    """Reverse the clips of one of every two trials; see `order.presentation`."""
    draw = random_numbers(seed_text)
    balanced, reverse = [], False
    for index, trial in enumerate(trials):
        reverse = bool(draw(2)) if index % 2 == 0 else not reverse
        balanced.append(replace(trial, clips=trial.clips[:: -1 if reverse else 1]))
    return balanced


def _opaque(letter: str, text: str, used: set[str]) -> str:
    """A name that reveals nothing: a letter and the first digits of a hash, more where the name is taken."""
    digest, length = _digest(text), _DIGITS
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
            copy_anonymous(infos[Path(clip.source)].path, target, sound=sound)
            words = [*study.labels, Path(clip.source).stem, Path(clip.source).absolute().parent.name]
            notes += [f"the word '{word}' occurs in the bytes of {clip.file}" for word in _words_in(target, words)]
    page = folder / PAGE_FOLDER / PAGE_FILE
    page.write_text(page_text(page_data(study, infos)), encoding="utf-8")
    version = importlib.metadata.version("lipblend")
    (folder / KEY_FILE).write_text(key_text(study, version), encoding="utf-8")
    for path in (*sorted(clips.iterdir()), page, clips, page.parent):
        os.utime(path, (_DATE_S, _DATE_S))
    return notes


def _words_in(path: Path, words: Sequence[str]) -> list[str]:
    """Those of the words that occur in a file's bytes, in any case."""
    wanted = {word: word.lower().encode("utf-8", "surrogateescape") for word in words if len(word) >= _MIN_WORD}
    overlap = max(map(len, wanted.values()), default=0)
    found = []
    with path.open("rb") as file:
        tail = b""
        while wanted and (block := file.read(_BLOCK_BYTES)):
            text = tail + block.lower()
            found += [word for word, raw in wanted.items() if raw in text]
            wanted = {word: raw for word, raw in wanted.items() if raw not in text}
            tail = text[-overlap:]
    return found


def _sequence_notes(paths: Iterable[Path]) -> Iterator[str]:
    for path in filter(is_sequence, paths):
        facts = facts_of(path)
        yield from () if facts is None else facts.notes
        yield f"{given_path(path)}: encoded as H.264 (CRF {ENCODED_CRF}, 8-bit 4:2:0), which browsers play"


def _difference_notes(study: Study, infos: dict[Path, VideoInfo]) -> list[str]:
    notes = []
    for trial in study.trials:
        clip_infos = [infos[Path(clip.source)] for clip in trial.clips]
        for clip, info in zip(trial.clips, clip_infos, strict=True):
            notes += [f"{clip.source}: {note}" for note in playback_notes(info)]
        if len(clip_infos) == 2:
            notes += [f"{trial.name}: {note}" for note in _pair_notes(trial, *clip_infos)]
    return notes


def _pair_notes(trial: Trial, first: VideoInfo, second: VideoInfo) -> list[str]:
    notes = []
    if trial.clips[0].sha256 == trial.clips[1].sha256:
        notes.append("both files are the same")
    infos = (first, second)
    facts = {
        "picture size": ["{}x{}".format(*info.upright_size) for info in infos],
        "codec": [info.codec for info in infos],
        "frame rate": [f"{_fps(info):g}" for info in infos],
        "sound": ["yes" if info.audio else "none" for info in infos],
    }
    for what, (a, b) in facts.items():
        if a != b:
            advice = "--no-sound leaves it out" if what == "sound" else "which may reveal the methods"
            notes.append(f"the clips differ in {what} ({a}, {b}); {advice}")
    if abs((first.duration_s or 0) - (second.duration_s or 0)) > _LENGTH_SLACK_S:
        notes.append(
            f"the clips last {first.duration_s or 0:.2f} s and {second.duration_s or 0:.2f} s; "
            "both are shown up to the end of the shorter one"
        )
    return notes


def _fps(info: VideoInfo) -> float:
    return float(info.frame_rate) if info.frame_rate else _DEFAULT_FPS


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
