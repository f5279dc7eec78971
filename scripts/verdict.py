"""Show how well the verdict of `evaluate` can be trusted, on triples with a known truth.

    verdict WORK FOLDER ... [--only NAME ...] [--without WORD ...] [--matte settings|difference] [--strengths 1 ...]
            [--no-damage]

For each triple (a folder with orig.mp4, synced.mp4 and truth.mp4) right results (the truth, the presets) and wrong ones
(the synced video itself, the plain methods of scripts/ablation.yaml, and damage laid on the natural result) are
evaluated; --without leaves out results by a word in their name, such as the slow Poisson. Everything is kept in the
folder WORK, so that a second run goes on. The tables say how many pass, how well
the headline tells them apart, and which part names each damage. See docs/lab/verdict.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from verdict_clips import write_damaged
from verdict_damage import DAMAGES, Damage

import lipblend.quality
from lipblend.cli.exits import run_script, unwind_on_sigterm
from lipblend.composite_options import CompositeOptions
from lipblend.compositing import composite
from lipblend.errors import InputError
from lipblend.lab.ablation.triples import Triple, find_triples
from lipblend.lab.ablation.variants import read_variants
from lipblend.quality.evaluation.evaluate import EvaluateOptions, MatteSource, evaluate
from lipblend.quality.record import Evaluation
from lipblend.settings import Settings
from lipblend.settings.resolve import resolve_settings

PRESETS = ("natural", "max-concealment", "high-motion")
TRUTH, SYNCED = "truth", "synced itself"
RIGHT = (TRUTH, *PRESETS)
_FAR_FRAMES = 10  # parts are averaged over 0.4 seconds
_CLASSIC = ("seam", "ssim_y", "alpha_flicker", "overspill")
_YARDSTICKS = Path(__file__).with_name("ablation.yaml")


@dataclass(frozen=True)
class Case:
    """One result of one triple: its name, how it is made, and the settings that its matte comes from."""

    triple: Triple
    name: str
    settings: Settings
    damage: str = ""
    strength: float = 1.0

    @property
    def label(self) -> str:
        """The name in tables and files."""
        return f"{self.damage} {self.strength:g}" if self.damage else self.name


def cases(triple: Triple, *, strengths: Sequence[float], damage: bool) -> Iterator[Case]:
    """All results of a triple."""
    natural = resolve_settings("natural").settings
    yield Case(triple, TRUTH, natural)
    yield Case(triple, SYNCED, natural)
    for preset in PRESETS:
        yield Case(triple, preset, resolve_settings(preset).settings)
    for variant in read_variants(_YARDSTICKS, "natural"):
        if variant.kind == "yardstick":
            yield Case(triple, variant.name, variant.settings)
    if damage:
        occluded = (triple.truth.parent / "occ.npz").is_file()
        for name in DAMAGES:
            if (name == "painted over") == occluded:
                yield from (Case(triple, "natural", natural, name, strength) for strength in strengths)


def path_of(case: Case, work: Path) -> Path:
    """The result's file."""
    if case.damage or case.name not in (TRUTH, SYNCED):
        return work / case.triple.name / f"{case.label.replace(' ', '_').replace(',', '')}.mp4"
    return case.triple.truth if case.name == TRUTH else case.triple.synced


def make(every: Sequence[Case], work: Path) -> None:
    """Make the missing results of a triple."""
    triple, cache = every[0].triple, work / "cache"
    (work / triple.name).mkdir(parents=True, exist_ok=True)
    for case in every:
        path = path_of(case, work)
        if not path.exists() and not case.damage:
            options = CompositeOptions(cache=cache)
            composite(triple.original, triple.synced, path, settings=case.settings, options=options)
    missing = [case for case in every if case.damage and not path_of(case, work).exists()]
    natural = path_of(next(case for case in every if case.name == "natural"), work)
    for occluded in (False, True):
        # Where something is before the face, the right result is the truth.
        targets = {
            path_of(case, work): (case.damage, case.strength)
            for case in missing
            if (case.damage == "painted over") == occluded
        }
        if targets:
            right = triple.truth if occluded else natural
            write_damaged(triple, right, targets, settings=missing[0].settings, cache=cache)


def measured(case: Case, work: Path, matte: MatteSource) -> dict[str, Any]:
    """Headline and parts of a result."""
    store = work / case.triple.name / "scores.json"
    known: dict[str, Any] = json.loads(store.read_text()) if store.exists() else {}
    key = f"{case.label} / {matte} / {_measures_digest()}"
    if key not in known:
        options = EvaluateOptions(matte=matte, cache=work / "cache")
        path = path_of(case, work)
        record = evaluate(
            case.triple.original, case.triple.synced, path, settings=case.settings, options=options
        ).record
        known[key] = _numbers(record)
        store.parent.mkdir(parents=True, exist_ok=True)
        store.write_text(json.dumps(known, indent=1))
    found: dict[str, Any] = known[key]
    return found


@lru_cache
def _measures_digest() -> str:
    """Digest of the code that judges, so that numbers of different measures are not mixed."""
    digest = hashlib.sha256()
    for path in sorted(Path(lipblend.quality.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def _numbers(record: Evaluation) -> dict[str, Any]:
    found = record.headline
    return {
        "score": None if found is None else found.score,
        "parts": {} if found is None else {part.key: part.visibility for part in found.parts},
        "seen": {} if found is None else {part.key: [(s.first, s.last) for s in part.seen] for part in found.parts},
        "classic": {each.key: each.value for each in record.verdicts if each.key in _CLASSIC},
        "frames": len(record.rows),
    }


def area_under_roc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """Share of pairs in which the right result has the higher headline; ties count half."""
    a, b = np.array(right)[:, None], np.array(wrong)[None]
    return float((a > b).mean() + (a == b).mean() / 2)


def show(found: Mapping[tuple[str, str], dict[str, Any]], names: Sequence[str], mark: float) -> None:
    """Print the tables: headlines by triple, shares that pass, areas, and damage by part."""
    labels = list(dict.fromkeys(label for _, label in found))
    width = max(map(len, labels)) + 2
    print(f"{'':{width}}" + "".join(f"{name[:9]:>10}" for name in names) + "   pass")
    scores: dict[str, list[float]] = {}
    for label in labels:
        row = [_score(found.get((name, label))) for name in names]
        scores[label] = [score for score in row if np.isfinite(score)]
        share = f"{np.mean(np.array(scores[label]) >= mark):.0%}" if scores[label] else ""
        print(f"{label:{width}}" + "".join(f"{score:>10.0f}" for score in row) + f"   {share}")
    right = [score for label in RIGHT for score in scores.get(label, [])]
    wrong = {label: each for label, each in scores.items() if label not in RIGHT}
    for title, some in (
        ("the synced video and the plain methods", [label for label in wrong if not _damage(label)]),
        ("damaged results", [label for label in wrong if _damage(label)]),
    ):
        against = [score for label in some for score in wrong[label]]
        if right and against:
            print(f"area under the ROC curve against {title}: {area_under_roc(right, against):.4f}")
    for label in filter(_damage, labels):
        rows = [found[name, label] for name in names if (name, label) in found]
        meant = DAMAGES[_damage(label)].parts
        failed = np.mean([_score(row) < mark for row in rows])
        named = np.mean([_named(row, DAMAGES[_damage(label)]) for row in rows])
        print(f"{label:{width}} fails {failed:.0%}, named in its frames {named:.0%} by {' or '.join(meant)}")


def _named(row: Mapping[str, Any], damage: Damage) -> bool:
    """Whether a part meant for a damage is seen where the damage is, and in no frames far from it."""
    damaged = [number for number in range(row["frames"]) if damage.covers(number, row["frames"])]
    first, last = damaged[0] - _FAR_FRAMES, damaged[-1] + _FAR_FRAMES
    spans = [span for part in damage.parts if row["parts"].get(part, 0) > 1 for span in row["seen"].get(part, ())]
    return bool(spans) and all(first <= start and stop <= last for start, stop in spans)


def _score(found: Mapping[str, Any] | None) -> float:
    return float("nan") if found is None or found["score"] is None else float(found["score"])


def _damage(label: str) -> str:
    name = label.rpartition(" ")[0]
    return name if name in DAMAGES else ""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser("verdict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("work", type=Path)
    made.add_argument("folders", type=Path, nargs="+")
    made.add_argument("--only", nargs="+", default=())
    made.add_argument("--without", nargs="+", default=())
    made.add_argument("--matte", choices=("auto", "settings", "difference"), default="auto")
    made.add_argument("--strengths", type=float, nargs="+", default=(1.0,))
    made.add_argument("--no-damage", action="store_true")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = parser().parse_args(words)
    return run_script(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    triples = [triple for folder in given.folders for triple in find_triples(folder, ())]
    if missing := set(given.only) - {triple.name for triple in triples}:
        raise InputError(
            f"there is no triple {', '.join(sorted(missing))}", hint="--only takes names of their folders."
        )
    triples = [triple for triple in triples if not given.only or triple.name in given.only]
    found = {}
    for triple in triples:
        every = [
            case
            for case in cases(triple, strengths=given.strengths, damage=not given.no_damage)
            if not any(word in case.label for word in given.without)
        ]
        make(every, given.work)
        for case in every:
            found[triple.name, case.label] = measured(case, given.work, given.matte)
            print(f"{triple.name}: {case.label} {_score(found[triple.name, case.label]):.0f}", file=sys.stderr)
    show(found, [triple.name for triple in triples], float(Settings().gate.score_min))


if __name__ == "__main__":
    unwind_on_sigterm()
    sys.exit(main())
