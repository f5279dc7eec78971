"""A study and its key file, which maps the clips of the page to methods and sources."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from lipblend.errors import InputError

Mode = Literal["ab", "seam", "fault"]

KEY_FORMAT = 1
_SEEN = ("yes", "no", "unsure")
ANSWERS: dict[str, tuple[str, ...]] = {"ab": ("a", "b", "same"), "seam": _SEEN, "fault": _SEEN}
"""Possible answers, by mode."""
DETAILS: dict[str, dict[str, tuple[str, ...]]] = {
    "ab": {},
    "seam": {"where": ("mouth", "chin", "colour", "flicker", "other")},
    "fault": {
        "where": ("lips", "chin", "cheeks", "nose", "neck", "elsewhere"),
        "when": ("always", "moment"),
        "what": ("edge", "colour", "blur", "double", "flicker", "motion", "other"),
    },
}
"""What is asked after "yes", by mode: columns of the file of votes, and the choices of each."""
COLUMNS = (
    "study", "session", "rater", "number", "trial", "clip_a", "clip_b", "answer", "where", "seconds", "plays",
    "voted_at",
)  # fmt: skip
"""Columns that every file of votes has; docs/rating.md says what each means."""


@dataclass(frozen=True)
class RatedClip:
    """One video: its file on the page, the method (label) that made it, and the source that it was copied from.

    `sha256` is the source's digest, by which reports are matched to clips; the page's copy has another one.
    """

    file: str
    label: str
    source: str
    sha256: str


@dataclass(frozen=True)
class Trial:
    """One question: its id on the page, the clip's name in the results, and one clip, or two in an A/B test.

    A control is an untouched original, in which nothing is wrong.
    """

    trial: str
    name: str
    control: bool
    clips: tuple[RatedClip, ...]


@dataclass(frozen=True)
class Study:
    """A study. Its id is derived from the mode, the seed and the clips' content.

    Attributes
    ----------
    labels : tuple of str
        The methods; two in an A/B test. Controls are not listed.
    trials : tuple of Trial
        In the page's order. In an A/B test, trials 2k and 2k+1 list the methods in opposite orders.
    """

    study: str
    mode: Mode
    seed: int
    title: str
    labels: tuple[str, ...]
    trials: tuple[Trial, ...]


def columns(mode: str) -> tuple[str, ...]:
    """Columns of a file of votes of this mode."""
    return (*COLUMNS, *(name for name in DETAILS[mode] if name not in COLUMNS))


_CLIP_FIELDS = tuple(field.name for field in fields(RatedClip))


def key_text(study: Study, version: str) -> str:
    """Content of the key file (JSON, ASCII)."""
    return json.dumps({"lipblend_ab_key": KEY_FORMAT, "lipblend": version, **asdict(study)}, indent=1) + "\n"


def read_key(path: Path) -> Study:
    """Read a key file.

    Raises
    ------
    InputError
        The file is missing, unreadable, or not a key file of this format.
    """
    hint = "Give the key.json that `lipblend ab build` wrote beside the page."
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist", hint=hint) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}", hint=hint) from error
    if not isinstance(data, dict) or "lipblend_ab_key" not in data:
        raise InputError(f"{path} is not a key file of a rating", hint=hint)
    if data["lipblend_ab_key"] != KEY_FORMAT:
        raise InputError(
            f"{path} has key format {data['lipblend_ab_key']!r}; this version reads {KEY_FORMAT}",
            hint="Score it with the version of lipblend that built the page.",
        )
    try:
        return _parse_study(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged ({type(error).__name__}: {error})", hint="Restore it from the build."
        ) from error


def _parse_study(data: dict[str, Any]) -> Study:
    mode: Mode = data["mode"]
    trials = tuple(
        Trial(
            str(trial["trial"]),
            str(trial["name"]),
            bool(trial["control"]),
            tuple(RatedClip(**{field: str(clip[field]) for field in _CLIP_FIELDS}) for clip in trial["clips"]),
        )
        for trial in data["trials"]
    )
    labels = tuple(map(str, data["labels"]))
    if mode not in ANSWERS:
        raise ValueError(f"mode is {mode!r}")
    per_trial = 2 if mode == "ab" else 1
    if not trials or any(len(trial.clips) != per_trial for trial in trials):
        raise ValueError(f"each trial needs {per_trial} clip(s)")
    if len({trial.trial for trial in trials}) != len(trials):
        raise ValueError("two trials have the same id")
    if mode == "ab" and any({clip.label for clip in trial.clips} != set(labels) for trial in trials):
        raise ValueError("a pair does not have one clip of each method")
    if any(clip.label not in labels for trial in trials if not trial.control for clip in trial.clips):
        raise ValueError("a clip has a method that is not listed")
    return Study(str(data["study"]), mode, int(data["seed"]), str(data["title"]), labels, trials)
