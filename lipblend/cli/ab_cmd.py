"""``lipblend ab``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lipblend.cli.command_app import JsonOption, QuietOption, command_app, output_option, path_option
from lipblend.cli.console import Console, table_text
from lipblend.cli.exits import handle_errors
from lipblend.cli.given_inputs import RateOption, takes_sequences
from lipblend.errors import GateError, SettingsError
from lipblend.lab.rating import MIN_RATERS, TARGET, percent, printable
from lipblend.lab.rating.study import DETAILS, Mode, Study

if TYPE_CHECKING:
    from lipblend.lab.rating.headline_agreement import PairAgreement, SingleAgreement
    from lipblend.lab.rating.rated_reports import Judgements
    from lipblend.lab.rating.scores import PairScore, SingleScore

app = command_app("Build a page for blind rating of clips, or score the votes.")

ModeOption = Annotated[
    Mode,
    typer.Option(
        "--mode",
        help="Question to raters. ab: which looks more natural? seam: do you see a seam? fault: does anything look "
        "wrong, and where?",
    ),
]
ControlOption = Annotated[
    list[Path] | None,
    path_option(
        "--control", "PATH", "seam, fault: unmodified originals among the clips (folder or file). May be repeated."
    ),
]
TargetOption = Annotated[
    float | None,
    typer.Option(
        "--target", min=0, max=1, help=f"seam, fault: minimum share of unnoticeable clips. [default: {TARGET:g}]"
    ),
]
MethodOption = Annotated[
    list[str] | None,
    typer.Option(
        "--method", metavar="NAME", help="seam, fault: a method that must pass. May be repeated. Default: all."
    ),
]
AgainstOption = Annotated[
    # typer has no repeatable option with many values: all after the first arrive among the votes.
    list[Path] | None,
    path_option(
        "--against",
        "REPORT...",
        "Reports of evaluate on the study's clips, to compare with the votes: report.json files, their folders, or "
        "a folder of these.",
    ),
]


@app.command("build")
@handle_errors(stdout_required=False)
@takes_sequences("clips", "pair", "control")
def build_command(
    output: Annotated[Path, output_option("FOLDER", "New folder.")],
    clips: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CLIPS]...",
            help="ab: two folders with matching file names, or two files. seam, fault: folders (one per method) and "
            "files.",
            readable=False,
        ),
    ] = None,
    mode: ModeOption = "ab",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed for the order of clips and sides.")] = 7,
    pair: Annotated[
        # typer has no repeatable option with two values: the second value arrives among the clips.
        list[Path] | None, path_option("--pair", "A B", "ab: a pair of files. May be repeated.")
    ] = None,
    control: ControlOption = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="NAME", help="Name of a method, once per method. Default: the folders' names."),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Heading of the page, visible to raters.")] = None,
    sound: Annotated[bool, typer.Option("--sound/--no-sound", help="Keep the clips' sound.")] = True,
    rate: RateOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build a page for raters (FOLDER/page) and the key to its clips (FOLDER/key.json)."""
    from lipblend.lab.rating.build import TITLE, build_study
    from lipblend.lab.rating.clips_to_rate import pair_sources, single_sources

    if mode == "ab":
        if control:
            raise SettingsError("--control requires --mode seam or fault", hint="Remove it.")
        files, pairs = _pairs(clips or [], pair or [])
        material = pair_sources(files, pairs, label or [])
    else:
        if pair:
            raise SettingsError("--pair requires --mode ab", hint="Pass the clips without it.")
        material = single_sources(clips or [], control or [], label or [])
    built = build_study(output, material, mode=mode, seed=seed, title=TITLE if title is None else title, sound=sound)
    study = built.study
    data = {
        "study": study.study, "mode": study.mode, "seed": study.seed, "labels": study.labels,
        "trials": len(study.trials), "controls": sum(trial.control for trial in study.trials),
        "page": str(built.page), "key": str(built.key), "notes": built.notes,
    }  # fmt: skip
    lines = [
        f"{built.page}  {len(study.trials)} trial(s), study {study.study}: give this folder to the raters",
        f"{built.key}  keep this file private: it identifies the clips",
        "File sizes are not equalised: a rater who opens the folder can compare them.",
        *(f"note: {printable(note)}" for note in built.notes),
    ]
    Console(quiet=quiet, as_json=as_json).finish(data, "\n".join(lines))


@app.command("score")
@handle_errors(stdout_required=True)
def score_command(
    votes: Annotated[list[Path], typer.Argument(metavar="VOTES...", help="Vote files.", readable=False)],
    key: Annotated[
        Path, typer.Option("--key", metavar="FILE", help="The study's key.json.", readable=False, show_default=False)
    ],
    target: TargetOption = None,
    raters: Annotated[
        int, typer.Option("--raters", min=1, metavar="N", help="Minimum number of raters per clip.")
    ] = MIN_RATERS,
    method: MethodOption = None,
    unsure: Annotated[
        Literal["seen", "unseen"], typer.Option("--unsure", help='seam, fault: how "not sure" is counted.')
    ] = "unseen",
    against: AgainstOption = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the confidence intervals.")] = 0,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score the votes. Exit code 8 if a seam or fault rating misses its target or has too few votes.

    With --against, also how well the headline of evaluate agrees with the votes.
    """
    from lipblend.lab.rating.rated_reports import read_judgements
    from lipblend.lab.rating.scoring import score_pairs, score_single
    from lipblend.lab.rating.study import read_key
    from lipblend.lab.rating.votes import read_votes

    study = read_key(key)
    _check_methods(study, target, method or [])
    votes, reports = _split(votes, against or [])
    given = read_votes(votes, study)
    judgements = read_judgements(reports, study) if reports else None
    console = Console(quiet=quiet, as_json=as_json)
    if study.mode == "ab":
        _finish_pairs(console, study, score_pairs(study, given, min_raters=raters, seed=seed), judgements, seed)
        return
    score = score_single(
        study,
        given,
        target=TARGET if target is None else target,
        min_raters=raters,
        unsure_is_seen=unsure == "seen",
        seed=seed,
    )
    judged = method or study.labels
    failing = [item for item in score.methods if item.label in judged and item.verdict != "pass"]
    missed = tuple(f"{printable(item.label)}: {item.verdict}" for item in failing)
    # With --json the only object on stdout is the score, even if the target is missed.
    _finish_single(console, study, score, judgements, seed, passed=not missed)
    if missed:
        wanted = f"the target of {percent(score.target)} unnoticeable clips"
        known = any(item.verdict == "fail" for item in failing)
        message = f"{wanted} is missed" if known else f"too few votes to say whether {wanted} is met"
        hint = "See the table of clips above." if known else "Collect votes of more raters."
        error = GateError(message, hint=hint, details=missed)
        if not as_json:
            raise error
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(GateError.exit_code)


def _check_methods(study: Study, target: float | None, methods: list[str]) -> None:
    if study.mode == "ab" and (target is not None or methods):
        raise SettingsError(
            "--target and --method apply to seam and fault ratings, but this study is an A/B test",
            hint="Remove them: an A/B test measures a preference and cannot pass or fail.",
        )
    if unknown := [name for name in methods if name not in study.labels]:
        raise SettingsError(
            f"the study has no method {', '.join(map(repr, unknown))}",
            hint=f"Its methods are {', '.join(study.labels)}.",
        )


def _finish_pairs(console: Console, study: Study, score: PairScore, judgements: Judgements | None, seed: int) -> None:
    from lipblend.lab.rating.headline_agreement import agree_pairs
    from lipblend.lab.rating.summary import pair_agreement_text, pair_text

    data = {"mode": study.mode, **asdict(score), "agreement": None}
    lines = [_pair_table(score), *pair_text(score)]
    if judgements is not None:
        agreement = agree_pairs(study, score, judgements, seed=seed)
        data["agreement"] = asdict(agreement)
        lines += ["", _compared_pairs(agreement, study.labels), *pair_agreement_text(agreement)]
    console.finish(data, "\n".join(lines))


def _finish_single(
    console: Console, study: Study, score: SingleScore, judgements: Judgements | None, seed: int, *, passed: bool
) -> None:
    from lipblend.lab.rating.headline_agreement import agree_single
    from lipblend.lab.rating.summary import single_agreement_text, single_text

    data = {"mode": study.mode, "passed": passed, **asdict(score), "agreement": None}
    lines = [_single_table(score), *single_text(score)]
    if judgements is not None:
        agreement = agree_single(study, score, judgements, seed=seed)
        data["agreement"] = asdict(agreement)
        lines += ["", _compared_clips(agreement), *single_agreement_text(agreement)]
    console.finish(data, "\n".join(lines))


def _split(votes: list[Path], against: list[Path]) -> tuple[list[Path], list[Path]]:
    """Separate votes and reports; with ``--against A B C`` all but the first report are in `votes`."""
    if not against:
        return votes, []
    more = [path for path in votes if path.is_dir() or path.suffix.lower() == ".json"]
    if len(more) == len(votes):
        raise SettingsError("no file of votes is named", hint="Name the raters' files before --key or --against.")
    return [path for path in votes if path not in more], [*against, *more]


def _pairs(clips: list[Path], first: list[Path]) -> tuple[list[Path], list[tuple[Path, Path]]]:
    """Separate single paths and pairs; the second file of each ``--pair A B`` is in `clips`."""
    if not first:
        return clips, []
    if len(clips) != len(first) or any(path.is_dir() for path in (*clips, *first)):
        raise SettingsError(
            f"--pair takes two files and excludes other clips: got {len(first)} --pair and {len(clips)} more paths",
            hint="Write --pair A B for each pair.",
        )
    return [], list(zip(first, clips, strict=True))


def _single_table(score: SingleScore) -> str:
    asked = tuple(DETAILS[score.mode])
    rows = []
    for clip in score.clips:
        state = "control" if clip.control else {True: "yes", False: "no", None: "too few raters"}[clip.unnoticeable]
        share = "" if clip.share is None else percent(clip.share)
        counts = {"where": clip.where, "when": clip.when, "what": clip.what}
        chosen = [", ".join(f"{choice} {count}" for choice, count in counts[name].items()) for name in asked]
        rows.append((printable(clip.name), str(clip.raters), str(clip.seen), str(clip.unsure), share, state, *chosen))
    heads = ("clip", "raters", f"saw a {score.mode}", "not sure", "share", "unnoticeable", *asked)
    return table_text(heads, rows)


def _pair_table(score: PairScore) -> str:
    labels = list(score.preferred)
    rows = [
        (printable(clip.name), str(clip.raters), *(str(clip.preferred[label]) for label in labels), str(clip.same))
        for clip in score.clips
    ]
    return table_text(("pair", "raters", *map(printable, labels), "no difference"), rows)


def _compared_clips(found: SingleAgreement) -> str:
    rows = [
        (
            printable(clip.name), f"{clip.headline:.0f}", {True: "pass", False: "fail", None: ""}[clip.passed],
            percent(clip.share), "seen" if clip.seen else "unseen", f"{clip.gap:+.2f}" if clip.gap else "0",
        )
        for clip in found.clips
    ]  # fmt: skip
    return table_text(("clip", "headline", "gate", "share that saw it", "majority", "gap"), rows)


def _compared_pairs(found: PairAgreement, labels: Sequence[str]) -> str:
    rows = [
        (printable(pair.name), *(f"{pair.headlines[label]:.0f}" for label in labels), printable(pair.preferred))
        for pair in found.clips
    ]
    return table_text(("pair", *(f"headline {printable(label)}" for label in labels), "preferred"), rows)
