"""Material for ratings: clips, studies and files of votes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from rating_material import METHODS, ORIGINALS, MakeStudy, WriteVotes, draw_clip

from lipblend.lab.rating.study import Mode, RatedClip, Study, Trial, columns


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three folders of five clips: two methods and the originals."""
    root = tmp_path_factory.mktemp("material")
    for number, name in enumerate((*METHODS, ORIGINALS)):
        for take in range(5):
            draw_clip(root / name / f"giraffe_take{take}.mp4", grey=40 + 60 * number + 5 * take, frames=12)
    return root


@pytest.fixture
def seam_study() -> MakeStudy:
    """A seam or fault study of clips ``m0``, ``m1`` ... and controls ``k0`` ...; the files are called as the clips."""

    def make(clips: int, controls: int = 0, labels: Sequence[str] = ("natural",), mode: Mode = "seam") -> Study:
        trials = [
            Trial(f"t{label}{k}", f"{label}/m{k}", False, (RatedClip(f"{label}{k}.mp4", label, f"{label}{k}", "00"),))
            for label in labels
            for k in range(clips)
        ]
        trials += [
            Trial(f"tk{k}", f"k{k}", True, (RatedClip(f"k{k}.mp4", "control", f"k{k}", "00"),)) for k in range(controls)
        ]
        return Study(f"{mode}-1", mode, 7, "Title", tuple(labels), tuple(trials))

    return make


@pytest.fixture
def pair_study() -> MakeStudy:
    """An A/B study; in pair k, old{k}.mp4 stands against new{k}.mp4."""

    def make(pairs: int) -> Study:
        trials = []
        for k in range(pairs):
            both = (RatedClip(f"old{k}.mp4", "old", "o", "00"), RatedClip(f"new{k}.mp4", "new", "n", "00"))
            trials.append(Trial(f"t{k}", f"pair{k}", False, both[:: 1 - 2 * (k % 2)]))
        return Study("ab-1", "ab", 7, "Title", ("old", "new"), tuple(trials))

    return make


@pytest.fixture
def write_votes(tmp_path: Path) -> WriteVotes:
    """Write rows of (rater, trial, clip_a, clip_b, answer) as the page would: made-up votes, for tests only."""

    def write(
        study: Study, rows: Sequence[tuple[str, str, str, str, str]], name: str = "votes.csv", **more: str
    ) -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, columns(study.mode), restval="")
            table.writeheader()
            for number, (rater, trial, clip_a, clip_b, answer) in enumerate(rows, 1):
                fields = {
                    "study": study.study, "session": f"s{rater}", "rater": rater, "number": str(number), "trial": trial,
                    "clip_a": clip_a, "clip_b": clip_b, "answer": answer, "seconds": "4.2", "plays": "2",
                    "voted_at": f"2026-01-01T10:00:{number % 60:02d}.000Z",
                }  # fmt: skip
                table.writerow(fields | more)
        return path

    return write
