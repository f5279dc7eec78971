"""Reports of ``evaluate`` on the clips of a study, matched by the SHA-256 of the file that was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import InputError
from lipblend.lab.rating.study import Study
from lipblend.quality.record import Evaluation
from lipblend.quality.report import load_report

_REPORT = "report.json"


@dataclass(frozen=True)
class Judgement:
    """What a report says of a file: its headline, None if nothing was measured, and whether it meets its mark.

    `passed` is None if the report has no mark for the headline (`gate.score_min`).
    """

    headline: float | None
    passed: bool | None


@dataclass(frozen=True)
class Judgements:
    """Judgements by the SHA-256 of the file that was judged, and notes on what limits their use."""

    by_digest: Mapping[str, Judgement]
    notes: tuple[str, ...]


def read_judgements(paths: Sequence[Path], study: Study) -> Judgements:
    """Read reports on the clips of a study.

    Parameters
    ----------
    paths : sequence of Path
        Each a report.json, the folder of one, or a folder of such folders.
    study : Study

    Raises
    ------
    InputError
        A report is missing, damaged or of another schema, judges a file that is not in the study, or contradicts
        another one on the same file.
    """
    reports = [(file, load_report(file)) for path in paths for file in _report_files(path)]
    known = {clip.sha256 for trial in study.trials for clip in trial.clips}
    found: dict[str, tuple[Path, Judgement]] = {}
    strays = []
    for file, report in reports:
        name, digest = _result_of(file, report)
        if digest not in known:
            strays.append(f"{file} is about {name}")
            continue
        judgement = _judgement(report)
        if digest in found and found[digest][1] != judgement:
            raise InputError(
                f"{found[digest][0]} and {file} judge the same file differently", hint="Name one report for each clip."
            )
        found[digest] = file, judgement
    if strays:
        raise InputError(
            f"{len(strays)} report(s) are about files that are not clips of study {study.study}",
            hint="Evaluate the very files that the study was built from: they are matched by SHA-256.",
            details=tuple(strays),
        )
    notes = [f"{file} has no headline" for file, judgement in found.values() if judgement.headline is None]
    versions = sorted({str(report.versions.get("lipblend", "unknown")) for _, report in reports})
    if len(versions) > 1:
        notes.append(f"the reports are by different versions of lipblend ({', '.join(versions)})")
    return Judgements({digest: judgement for digest, (_, judgement) in found.items()}, tuple(notes))


def _report_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    if (path / _REPORT).exists():
        return [path / _REPORT]
    try:
        found = sorted(path.glob(f"*/{_REPORT}"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="Check the folder.") from error
    if not found:
        raise InputError(f"{path} contains no {_REPORT}", hint="Write one with `lipblend evaluate --report`.")
    return found


def _result_of(file: Path, report: Evaluation) -> tuple[str, str]:
    """Name and SHA-256 of the file that a report judges."""
    for each in report.inputs:
        if each.role == "result":
            return each.name, each.sha256
    raise InputError(f"{file} does not say which file it is about", hint="Evaluate the clip again with this version.")


def _judgement(report: Evaluation) -> Judgement:
    passed = next((verdict.passed for verdict in report.verdicts if verdict.key == "score"), None)
    return Judgement(None if report.headline is None else report.headline.score, passed)
