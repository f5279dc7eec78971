"""Scores as text."""

from __future__ import annotations

from lipblend.lab.rating import percent, printable
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
