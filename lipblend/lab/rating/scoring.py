"""Evaluate the votes of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from lipblend.lab.rating import MIN_RATERS, TARGET
from lipblend.lab.rating.intervals import Share, bootstrap, d_prime, sign_test, weighted_share, wilson
from lipblend.lab.rating.scores import PairClip, PairScore, SingleClip, SingleMethod, SingleScore, Verdict
from lipblend.lab.rating.study import DETAILS, Study, Trial
from lipblend.lab.rating.votes import Vote, Votes

SEEN_SHARE = 0.5
"""A clip is unnoticeable if less than this share of its raters saw a seam or fault."""
MAX_P_VALUE = 0.05
"""A preference is shown if the sign test's p-value is below this and the interval over raters excludes one half."""


def score_single(
    study: Study,
    votes: Votes,
    *,
    target: float = TARGET,
    min_raters: int = MIN_RATERS,
    unsure_is_seen: bool = False,
    seed: int = 0,
) -> SingleScore:
    """Score a rating of single clips.

    Parameters
    ----------
    study : Study
        Of mode ``seam`` or ``fault``.
    votes : Votes
    target : float
        Minimum share of a method's clips that must be unnoticeable, 0 to 1.
    min_raters : int
        A clip with fewer raters is not judged, and does not count toward a pass.
    unsure_is_seen : bool
        Count "not sure" as having seen it.
    seed : int
        Seed of the intervals over raters.
    """
    table = _Table(study.trials, votes.counted)
    yes = ("yes", "unsure") if unsure_is_seen else ("yes",)
    seen = table.counts(lambda vote: vote.answer in yes)
    unsure, given = table.counts(lambda vote: vote.answer == "unsure"), table.counts(lambda _: True)
    chosen = {
        name: {choice: table.counts(partial(_chose, name, choice)).sum(axis=0) for choice in choices}
        for name, choices in DETAILS[study.mode].items()
    }

    def details(name: str, index: int) -> dict[str, int]:
        return {choice: int(count[index]) for choice, count in chosen.get(name, {}).items() if count[index]}

    clips = []
    for index, trial in enumerate(study.trials):
        raters, saw = int(given[:, index].sum()), int(seen[:, index].sum())
        judged = raters >= min_raters
        clips.append(
            SingleClip(
                trial.name, trial.clips[0].label, trial.control, raters, saw, int(unsure[:, index].sum()),
                saw / raters if raters else None, saw < SEEN_SHARE * raters if judged and raters else None,
                details("where", index), details("when", index), details("what", index),
            )
        )  # fmt: skip
    control = np.array([trial.control for trial in study.trials])
    alarms = _vote_share(seen[:, control], given[:, control], seed) if control.any() else None
    methods = []
    for label in study.labels:
        own = [clip.label == label and not clip.control for clip in clips]
        own_clips = list(compress(clips, own))
        methods.append(_score_method(label, own_clips, seen[:, own], given[:, own], alarms, target, seed))
    return SingleScore(
        study.mode, study.study, len(table.raters), len(votes.counted), target, min_raters, tuple(methods), alarms,
        tuple(sorted(clips, key=lambda clip: (clip.control, clip.label, clip.name))), votes.notes,
    )  # fmt: skip


def score_pairs(study: Study, votes: Votes, *, min_raters: int = MIN_RATERS, seed: int = 0) -> PairScore:
    """Score an A/B test.

    Parameters
    ----------
    study : Study
        Of mode ``ab``.
    votes : Votes
    min_raters : int
        Pairs with fewer raters are listed in `PairScore.too_few_raters`.
    seed : int
        Seed of the intervals over raters.
    """
    labels = {clip.file: clip.label for trial in study.trials for clip in trial.clips}
    table = _Table(study.trials, votes.counted)
    wins = {label: table.counts(partial(_is_vote_for, labels, label)) for label in study.labels}
    ties, given = table.counts(lambda vote: vote.answer == "same"), table.counts(lambda _: True)
    decided = given - ties
    first, second = (int(wins[label].sum()) for label in study.labels)
    clips = tuple(
        PairClip(
            trial.name,
            int(given[:, index].sum()),
            {label: int(won[:, index].sum()) for label, won in wins.items()},
            int(ties[:, index].sum()),
        )
        for index, trial in enumerate(study.trials)
    )
    p_value = sign_test(first, second)
    preferred = {label: _vote_share(won, decided, seed) for label, won in wins.items()}
    few = tuple(sorted(clip.name for clip in clips if clip.raters < min_raters))
    if p_value is None or len(few) == len(clips):
        finding = "not enough votes"
    elif p_value < MAX_P_VALUE and _excludes_half(preferred[study.labels[0]]):
        finding = study.labels[0] if first > second else study.labels[1]
    else:
        finding = "no preference shown"
    return PairScore(
        study.study, len(table.raters), len(votes.counted), min_raters,
        preferred, _vote_share(ties, given, seed), p_value,
        _vote_share(table.counts(lambda vote: vote.answer == "a"), decided, seed), finding, few,
        tuple(sorted(clips, key=lambda clip: clip.name)), votes.notes,
    )  # fmt: skip


def verdict(unnoticeable: int, not_judged: int, clips: int, target: float) -> Verdict:
    """Judge a count of clips; clips that are not judged yet can still go either way.

    Parameters
    ----------
    unnoticeable, not_judged, clips : int
        Clips that are unnoticeable, that have too few raters, and in total.
    target : float
        Minimum share of `clips` that must be unnoticeable.
    """
    needed = target * clips - 1e-9  # 0.56 * 25 is slightly more than 14
    if clips and unnoticeable >= needed:
        return "pass"
    return "fail" if clips and unnoticeable + not_judged < needed else "not enough votes"


def _score_method(
    label: str,
    clips: Sequence[SingleClip],
    seen: NDArray[np.float64],
    given: NDArray[np.float64],
    alarms: Share | None,
    target: float,
    seed: int,
) -> SingleMethod:
    judged = np.array([clip.unnoticeable is not None for clip in clips])
    few = tuple(sorted(clip.name for clip in clips if clip.unnoticeable is None))
    good = sum(clip.unnoticeable is True for clip in clips)

    def clip_share(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        seen_votes, votes = weights @ seen[:, judged], weights @ given[:, judged]
        unnoticeable = (votes > 0) & (seen_votes < SEEN_SHARE * votes)
        voted = (votes > 0).sum(axis=1)
        shares: NDArray[np.float64] = np.full(len(weights), np.nan)
        np.divide(unnoticeable.sum(axis=1), voted, out=shares, where=voted > 0)
        return shares

    total = int(judged.sum())
    interval = bootstrap(len(seen), clip_share, seed=seed) if total else None
    rate = _vote_share(seen, given, seed)
    sensitivity = None if alarms is None else d_prime(rate.count, rate.of, alarms.count, alarms.of)
    judgement = verdict(good, len(few), len(clips), target)
    return SingleMethod(label, len(clips), _share(good, total, interval), few, rate, sensitivity, judgement)


def _share(count: int, of: int, by_rater: tuple[float, float] | None) -> Share:
    return Share(count, of, count / of if of else None, wilson(count, of) if of else None, by_rater)


def _vote_share(counts: NDArray[np.float64], given: NDArray[np.float64], seed: int) -> Share:
    """Share of votes, from (raters, trials) counts. Raters without such votes are not resampled."""
    by_rater, totals = counts.sum(axis=1), given.sum(axis=1)
    voted = totals > 0
    interval = bootstrap(
        int(voted.sum()), lambda weights: weighted_share(weights, by_rater[voted], totals[voted]), seed=seed
    )
    return _share(int(counts.sum()), int(given.sum()), interval)


def _excludes_half(preferred: Share) -> bool:
    """Whether the interval over raters excludes one half; False with a single rater."""
    if preferred.by_rater is None:
        return False
    low, high = preferred.by_rater
    return low > 0.5 or high < 0.5


def _chose(name: str, choice: str, vote: Vote) -> bool:
    return choice in vote.details[name]


def _is_vote_for(labels: Mapping[str, str], label: str, vote: Vote) -> bool:
    """Whether a vote of an A/B test prefers a method. `labels`: method of each file."""
    return vote.answer != "same" and labels[vote.clip_a if vote.answer == "a" else vote.clip_b] == label


class _Table:
    """Votes by rater and trial."""

    def __init__(self, trials: Sequence[Trial], votes: Sequence[Vote]) -> None:
        self.raters = sorted({vote.rater for vote in votes})
        self._rows = {rater: index for index, rater in enumerate(self.raters)}
        self._columns = {trial.trial: index for index, trial in enumerate(trials)}
        self._votes = votes

    def counts(self, chosen: Callable[[Vote], bool]) -> NDArray[np.float64]:
        """(raters, trials) float64: 1 where there is a vote and `chosen` is true of it."""
        table = np.zeros((len(self._rows), len(self._columns)))
        for vote in self._votes:
            table[self._rows[vote.rater], self._columns[vote.trial]] = chosen(vote)
        return table
