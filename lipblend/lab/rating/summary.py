"""Scores as text."""

from __future__ import annotations

from collections.abc import Callable

from lipblend.lab.rating import percent, printable
from lipblend.lab.rating.headline_agreement import Estimate, LeftOut, PairAgreement, SingleAgreement
from lipblend.lab.rating.intervals import Share
from lipblend.lab.rating.scores import PairScore, SingleScore
from lipblend.lab.rating.scoring import MAX_P_VALUE, SEEN_SHARE

CAVEAT = (
    "Votes of one rater are not independent. The Wilson interval treats them as independent. The interval over raters "
    "resamples whole raters; it is too narrow with fewer than about ten."
)


def single_text(score: SingleScore) -> list[str]:
    """Lines of text about a rating of single clips, without the table of clips."""
    lines = [f"{score.mode} rating {score.study}: {score.raters} rater(s), {score.votes} votes"]
    for method in score.methods:
        share = method.unnoticeable
        lines.append(f"{printable(method.label)}: {method.verdict.upper()}")
        lines.append(
            f"  unnoticeable    {share.count:g} of {method.clips} clips; {share.of} of them have {score.least_raters} "
            f"raters or more{_intervals(share)}; the target is {percent(score.target)} of all clips"
        )
        lines.append(f"  {score.mode + ' seen':<16}{share_text(method.seen)}")
        if method.d_prime is not None:
            lines.append(f"  d'              {method.d_prime:.2f} (0: no better than guessing)")
        if method.too_few_raters:
            names = ", ".join(map(printable, method.too_few_raters))
            lines.append(f"  too few raters  {len(method.too_few_raters)} clip(s): {names}")
    if score.false_alarms is not None:
        lines.append(f"controls: a {score.mode} was seen in {share_text(score.false_alarms)} (false alarms)")
    else:
        lines.append("controls: none, so the false-alarm rate is unknown")
    lines.append(f"A clip is unnoticeable if fewer than {percent(SEEN_SHARE)} of its raters saw a {score.mode}.")
    return [*lines, CAVEAT, *_notes(score.notes)]


def pair_text(score: PairScore) -> list[str]:
    """Lines of text about an A/B test, without the table of pairs."""
    lines = [f"A/B test {score.study}: {score.raters} rater(s), {score.votes} votes"]
    for label, share in score.preferred.items():
        lines.append(f"  {printable(label)} preferred in {share_text(share)} that saw a difference")
    lines.append(f"  no difference in {share_text(score.same)}")
    if score.p_value is not None:
        lines.append(f"  sign test       p = {score.p_value:.4g} (exact, two-sided; without votes for no difference)")
    lines.append(f"  shown as A      preferred in {share_text(score.shown_as_a)} (far from 50 %: the side mattered)")
    if score.too_few_raters:
        names = ", ".join(map(printable, score.too_few_raters))
        lines.append(f"  too few raters  {len(score.too_few_raters)} pair(s) below {score.least_raters}: {names}")
    finding = printable(score.finding)
    if score.finding in score.preferred:
        finding += f" is preferred (p < {MAX_P_VALUE:g}, and the interval over raters excludes 50 %)"
    elif score.finding != "not enough votes" and score.p_value is not None and score.p_value < MAX_P_VALUE:
        finding += f" (p < {MAX_P_VALUE:g}, but few raters decide it: the interval over raters includes 50 %)"
    return [*lines, f"finding: {finding}", CAVEAT, *_notes(score.notes)]


def single_agreement_text(found: SingleAgreement) -> list[str]:
    """Lines of text about the agreement of headline and votes, without the table of clips."""
    gate = _estimate_text(found.gate, percent)
    if found.gate.value is not None:
        gate += f"; {found.passed_but_seen} passed but seen, {found.failed_but_unseen} failed but unseen"
    clips = {clip.name: clip for clip in found.clips}
    most = [
        f"{printable(name)} (headline {clips[name].headline:.0f}, seen by {percent(clips[name].share)})"
        for name in found.most
    ]
    return [
        f"agreement of the headline with the votes, {len(found.clips)} clip(s):",
        f"  area under ROC  {_estimate_text(found.area)}; 1: every seen clip has the lower headline, 0.5: guessing",
        f"  correlation     {_estimate_text(found.correlation)}; ranks of headline and share that saw it, -1 is best",
        f"  pass or fail    agrees with the majority in {gate}",
        *([f"  disagree most   {', '.join(most)}"] if most else []),
        *_left_out(found.left_out, "clip(s)"),
        *_notes(found.notes),
    ]


def pair_agreement_text(found: PairAgreement) -> list[str]:
    """Lines of text about the agreement of headline and preference, without the table of pairs."""
    higher = _estimate_text(found.higher, percent)
    return [
        f"agreement of the headline with the votes, {len(found.clips)} pair(s):",
        f"  preferred clip  has the higher headline in {higher}",
        *([f"  disagree most   {', '.join(map(printable, found.most))}"] if found.most else []),
        *_left_out(found.left_out, "pair(s)"),
        *_notes(found.notes),
    ]


def _estimate_text(found: Estimate, text: Callable[[float], str] = "{:.2f}".format) -> str:
    if found.value is None:
        return f"undefined ({found.why})"
    shown = text(found.value) + (f" of {found.clips}" if text is percent else "")
    if found.interval is None:
        return shown
    return f"{shown} (95 %, over clips: {text(found.interval[0])} to {text(found.interval[1])})"


def _left_out(found: LeftOut, what: str) -> list[str]:
    reasons = (
        ("without a report that has a headline", found.no_headline),
        ("with too few raters", found.too_few_raters),
        ("without a preference", found.undecided),
    )
    return [
        f"note: {len(names)} {what} {why} left out: {', '.join(map(printable, names))}"
        for why, names in reasons
        if names
    ]


def share_text(share: Share) -> str:
    """``3 of 12 votes = 25 % (95 %: Wilson 9 to 53 %, over raters 8 to 50 %)``."""
    if share.share is None:
        return "no votes"
    return f"{share.count:g} of {share.of} votes = {percent(share.share)}{_intervals(share)}"


def _intervals(share: Share) -> str:
    if share.wilson is None:
        return ""
    parts = [f"Wilson {_range(share.wilson)}"]
    if share.by_rater is not None:
        parts.append(f"over raters {_range(share.by_rater)}")
    return f" (95 %: {', '.join(parts)})"


def _range(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _notes(notes: tuple[str, ...]) -> list[str]:
    return [f"note: {printable(note)}" for note in notes]
