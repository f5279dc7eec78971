"""How well the headline of ``evaluate`` agrees with the votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from lipblend.lab.rating.intervals import Statistic, bootstrap, weighted_share
from lipblend.lab.rating.rank_statistics import rank_correlation, roc_area
from lipblend.lab.rating.rated_reports import Judgements
from lipblend.lab.rating.scores import PairScore, SingleScore
from lipblend.lab.rating.study import Study

MAX_LISTED = 5
"""Clips that are listed as those that disagree most."""
_NOTHING = "no clip has a headline and enough votes"


@dataclass(frozen=True)
class Estimate:
    """A number over some clips, and its 95 % interval when clips are resampled. None if undefined; then `why` says why.

    The interval is None, too, with fewer than two clips.
    """

    value: float | None
    clips: int
    interval: tuple[float, float] | None
    why: str = ""


@dataclass(frozen=True)
class LeftOut:
    """Names of what is not compared: without a headline, with too few raters, or (pairs) without a preference."""

    no_headline: tuple[str, ...]
    too_few_raters: tuple[str, ...]
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparedClip:
    """A single clip with its headline and its votes.

    Attributes
    ----------
    passed : bool or None
        Whether the headline meets the mark of its report; None without a mark.
    seen : bool
        At least half of its raters saw a seam or fault; `share` is their share.
    gap : float
        Place of the clip by headline minus its place by the share that saw nothing, -1 to 1. Above 0: the headline is
        kinder than the raters.
    """

    name: str
    headline: float
    passed: bool | None
    raters: int
    share: float
    seen: bool
    gap: float


@dataclass(frozen=True)
class SingleAgreement:
    """Agreement in a rating of single clips.

    Attributes
    ----------
    area : Estimate
        Area under the ROC curve: how often, of a clip that was seen and one that was not, the former has the lower
        headline. 1 is best, 0.5 is guessing.
    correlation : Estimate
        Spearman's, between the headline and the share that saw it. -1 is best.
    gate : Estimate
        Share of the clips in which pass is unseen and fail is seen.
    passed_but_seen, failed_but_unseen : int
    most : tuple of str
        Clips with the largest gaps, without those that have none.
    clips : tuple of ComparedClip
        From the largest gap to the smallest.
    """

    area: Estimate
    correlation: Estimate
    gate: Estimate
    passed_but_seen: int
    failed_but_unseen: int
    most: tuple[str, ...]
    clips: tuple[ComparedClip, ...]
    left_out: LeftOut
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ComparedPair:
    """A pair: headlines by method, the method that more raters preferred, and by how much its headline leads."""

    name: str
    headlines: dict[str, float]
    preferred: str
    lead: float


@dataclass(frozen=True)
class PairAgreement:
    """Agreement in an A/B test.

    Attributes
    ----------
    higher : Estimate
        Share of the pairs in which the preferred clip has the higher headline; equal headlines count half.
    most : tuple of str
        Pairs in which it has the lower one, the clearest first.
    clips : tuple of ComparedPair
        In that order.
    """

    higher: Estimate
    most: tuple[str, ...]
    clips: tuple[ComparedPair, ...]
    left_out: LeftOut
    notes: tuple[str, ...]


def agree_single(study: Study, score: SingleScore, judgements: Judgements, *, seed: int = 0) -> SingleAgreement:
    """Compare the headlines of single clips with their votes. `seed` is that of the intervals."""
    digests = {trial.name: trial.clips[0].sha256 for trial in study.trials}
    compared, none, few = [], [], []
    for clip in score.clips:
        found = judgements.by_digest.get(digests[clip.name])
        if found is None or found.headline is None:
            none.append(clip.name)
        elif clip.unnoticeable is None or clip.share is None:
            few.append(clip.name)
        else:
            seen = not clip.unnoticeable
            compared.append(ComparedClip(clip.name, found.headline, found.passed, clip.raters, clip.share, seen, 0))
    headlines = np.array([clip.headline for clip in compared])
    shares = np.array([clip.share for clip in compared])
    saw = np.array([clip.seen for clip in compared], bool)
    if not compared or saw.all() or not saw.any():
        area = _undefined(compared, f"{'all' if compared and saw.all() else 'none'} of the clips were seen")
    else:
        area = _estimate(partial(roc_area, values=headlines, low=saw), len(compared), seed)
    correlation = _estimate(partial(rank_correlation, first=headlines, second=shares), len(compared), seed)
    if correlation.value is None:
        correlation = _undefined(compared, "all headlines, or all shares that saw it, are equal")
    judged = [clip for clip in compared if clip.passed is not None]
    right = np.array([clip.passed != clip.seen for clip in judged], float)
    gate = _estimate(partial(weighted_share, counts=right, totals=np.ones(len(judged))), len(judged), seed)
    if not judged:
        gate = _undefined(compared, "no report has a mark for the headline")
    clips = _by_gap(compared, headlines, shares)
    return SingleAgreement(
        area, correlation, gate,
        sum(clip.passed is True and clip.seen for clip in judged),
        sum(clip.passed is False and not clip.seen for clip in judged),
        tuple(clip.name for clip in clips if clip.gap)[:MAX_LISTED], clips, LeftOut(tuple(none), tuple(few)),
        judgements.notes,
    )  # fmt: skip


def agree_pairs(study: Study, score: PairScore, judgements: Judgements, *, seed: int = 0) -> PairAgreement:
    """Compare which clip of a pair is preferred with which has the higher headline."""
    sides = {trial.name: {clip.label: clip.sha256 for clip in trial.clips} for trial in study.trials}
    first, second = study.labels
    compared, none, few, undecided = [], [], [], []
    for clip in score.clips:
        found = {label: judgements.by_digest.get(sides[clip.name][label]) for label in study.labels}
        headlines = {label: each.headline for label, each in found.items() if each and each.headline is not None}
        if len(headlines) < 2:
            none.append(clip.name)
        elif clip.name in score.too_few_raters:
            few.append(clip.name)
        elif clip.preferred[first] == clip.preferred[second]:
            undecided.append(clip.name)
        else:
            won, lost = (first, second) if clip.preferred[first] > clip.preferred[second] else (second, first)
            compared.append(ComparedPair(clip.name, headlines, won, headlines[won] - headlines[lost]))
    compared.sort(key=lambda pair: (pair.lead, pair.name))
    right = np.array([np.sign(pair.lead) / 2 + 0.5 for pair in compared], float)
    higher = _estimate(partial(weighted_share, counts=right, totals=np.ones(len(compared))), len(compared), seed)
    return PairAgreement(
        higher if compared else Estimate(None, 0, None, "no pair has two headlines and a preference"),
        tuple(pair.name for pair in compared if pair.lead < 0)[:MAX_LISTED],
        tuple(compared),
        LeftOut(tuple(none), tuple(few), tuple(undecided)),
        judgements.notes,
    )


def _estimate(statistic: Statistic, clips: int, seed: int) -> Estimate:
    """Value of a statistic, and its interval over clips."""
    value = float(statistic(np.ones((1, clips)))[0]) if clips else np.nan
    if not np.isfinite(value):
        return Estimate(None, clips, None)
    return Estimate(value, clips, bootstrap(clips, statistic, seed=seed))


def _undefined(compared: Sequence[object], why: str) -> Estimate:
    return Estimate(None, len(compared), None, why if compared else _NOTHING)


def _by_gap(
    clips: Sequence[ComparedClip], headlines: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[ComparedClip, ...]:
    """The clips with their gaps, from the largest to the smallest."""
    places = (rankdata(headlines) - rankdata(-shares)) / max(len(clips) - 1, 1)
    gaps = [replace(clip, gap=float(gap)) for clip, gap in zip(clips, places, strict=True)]
    return tuple(sorted(gaps, key=lambda clip: (-abs(clip.gap), clip.name)))
