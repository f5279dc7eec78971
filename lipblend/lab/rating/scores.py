"""What the votes of a study say: of each clip, of each method, and in total."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lipblend.lab.rating.intervals import Share
from lipblend.lab.rating.study import Mode

Verdict = Literal["pass", "fail", "not enough votes"]


@dataclass(frozen=True)
class SingleClip:
    """Votes on a single clip.

    `seen`, `unsure`: raters who saw a seam or fault, or were not sure; `where`, `when`, `what`: what those who saw it
    chose (the last two are asked for in mode ``fault``).
    """

    name: str
    label: str
    control: bool
    raters: int
    seen: int
    unsure: int
    share: float | None
    unnoticeable: bool | None
    where: dict[str, int]
    when: dict[str, int]
    what: dict[str, int]


@dataclass(frozen=True)
class SingleMethod:
    """Result of one method. `unnoticeable`: share of its clips; `seen`: share of the votes that saw a seam or fault."""

    label: str
    clips: int
    unnoticeable: Share
    too_few_raters: tuple[str, ...]
    seen: Share
    d_prime: float | None
    verdict: Verdict


@dataclass(frozen=True)
class SingleScore:
    """Result of a rating of single clips. `false_alarms`: votes on controls that saw a seam or fault, else None."""

    mode: Mode
    study: str
    raters: int
    votes: int
    target: float
    least_raters: int
    methods: tuple[SingleMethod, ...]
    false_alarms: Share | None
    clips: tuple[SingleClip, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PairClip:
    """Votes on a pair of an A/B test: for each method, and for no difference (`same`)."""

    name: str
    raters: int
    preferred: dict[str, int]
    same: int


@dataclass(frozen=True)
class PairScore:
    """Result of an A/B test.

    Attributes
    ----------
    preferred : dict of str to Share
        Share of each method among the votes with a preference.
    same : Share
        Votes for no difference among all votes.
    p_value : float or None
        Exact two-sided sign test of the votes with a preference.
    shown_as_a : Share
        Votes for the clip shown as A among the votes with a preference. Far from one half, the side mattered.
    finding : str
        The preferred method (see `lipblend.lab.rating.scoring.MAX_P_VALUE`), ``no preference shown`` or ``not enough
        votes``.
    """

    study: str
    raters: int
    votes: int
    least_raters: int
    preferred: dict[str, Share]
    same: Share
    p_value: float | None
    shown_as_a: Share
    finding: str
    too_few_raters: tuple[str, ...]
    clips: tuple[PairClip, ...]
    notes: tuple[str, ...]
