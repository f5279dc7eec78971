"""A score in words."""

from __future__ import annotations

from lipblend.lab.rating import percent, plain
from lipblend.lab.rating.intervals import Share
from lipblend.lab.rating.scoring import P_LIMIT, SEEN_SHARE, PairScore, SeamScore

CAVEAT = (
    "Votes of one rater are not independent. The Wilson interval takes them as if they were; the interval over raters "
    "draws whole raters instead, and is too narrow with fewer than about ten."
)


def seam_text(score: SeamScore) -> list[str]:
    """Lines about a seam rating, without the table of clips."""
    lines = [f"seam rating {score.study}: {score.raters} rater(s), {score.votes} votes"]
    for method in score.methods:
        found = method.unnoticeable
        lines.append(f"{plain(method.label)}: {method.verdict.upper()}")
        lines.append(
            f"  unnoticeable    {found.count:g} of {method.clips} clips, {found.of} of them with {score.least_raters} "
            f"raters or more{_intervals(found)}; the target is {percent(score.target)} of all"
        )
        lines.append(f"  seam seen       {found_votes(method.seen)}")
        if method.d_prime is not None:
            lines.append(f"  d'              {method.d_prime:.2f} (0: no better than guessing)")
        if method.too_few_raters:
            names = ", ".join(map(plain, method.too_few_raters))
            lines.append(f"  too few raters  {len(method.too_few_raters)} clip(s): {names}")
    if score.false_alarms is not None:
        lines.append(f"controls: a seam was seen in {found_votes(score.false_alarms)} (false alarms)")
    else:
        lines.append("controls: none, so the false-alarm rate is not known")
    lines.append(f"A clip is unnoticeable when fewer than {percent(SEEN_SHARE)} of its raters saw a seam.")
    return [*lines, CAVEAT, *_notes(score.notes)]


def pair_text(score: PairScore) -> list[str]:
    """Lines about an A/B test, without the table of pairs."""
    lines = [f"A/B test {score.study}: {score.raters} rater(s), {score.votes} votes"]
    for label, share in score.preferred.items():
        lines.append(f"  {plain(label)} preferred in {found_votes(share)} that saw a difference")
    lines.append(f"  no difference in {found_votes(score.same)}")
    if score.p_value is not None:
        lines.append(
            f"  sign test       p = {score.p_value:.4g} (exact, two-sided; votes without a difference left out)"
        )
    lines.append(f"  shown as A      preferred in {found_votes(score.shown_as_a)} (a side effect when far from 50 %)")
    if score.too_few_raters:
        names = ", ".join(map(plain, score.too_few_raters))
        lines.append(f"  too few raters  {len(score.too_few_raters)} pair(s) below {score.least_raters}: {names}")
    named = score.finding in score.preferred
    found = plain(score.finding)
    if named:
        found += f" is preferred (p < {P_LIMIT:g}, and the interval over raters leaves out 50 %)"
    elif score.finding != "not enough votes" and score.p_value is not None and score.p_value < P_LIMIT:
        found += f" (p < {P_LIMIT:g}, but few raters decide it: the interval over raters includes 50 %)"
    return [*lines, f"finding: {found}", CAVEAT, *_notes(score.notes)]


def found_votes(share: Share) -> str:
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
    return [f"note: {plain(note)}" for note in notes]
