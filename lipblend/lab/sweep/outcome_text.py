"""An outcome in words, for the table, the plot and the sheet of mouths."""

from __future__ import annotations

from lipblend.lab.sweep.outcome import AGAINST_REFERENCE, Outcome
from lipblend.quality.measures import MEASURES
from lipblend.quality.report.wording import written_unit
from lipblend.settings import GateSettings


def settings_texts(outcome: Outcome) -> list[str]:
    """``key=value`` of every swept setting."""
    return [f"{key}={value}" for key, value in outcome.combination.values.items()]


def reference_text(outcome: Outcome) -> str:
    """``psnr 33.12 dB, ssim 0.9512, temporal 0.82 grey levels``; empty without a reference."""
    found = {key: outcome.values[key] for key in AGAINST_REFERENCE if key in outcome.values}
    texts = [f"{key} {value:.4g} {written_unit(MEASURES[key].unit)}".strip() for key, value in found.items()]
    return ", ".join(texts)


def headline_text(outcome: Outcome) -> str:
    """``headline 91, invisible, pass``."""
    if outcome.headline is None:
        return "no headline"
    return f"headline {outcome.headline.score:.0f}, {outcome.headline.word}, {passed_text(outcome)}"


def passed_text(outcome: Outcome) -> str:
    """``pass``, ``fail``, or ``no mark``; ``-`` without a headline."""
    if outcome.headline is None:
        return "-"
    return "no mark" if outcome.passed is None else "pass" if outcome.passed else "fail"


def mark_text(gate: GateSettings) -> str:
    """What pass means."""
    if gate.score_min == "off":
        return "there is no pass mark (gate.score_min is off)"
    return f"pass: a headline of at least {gate.score_min:g} (gate.score_min)"


def worst_part_text(outcome: Outcome) -> str:
    """The most visible part, ``soft skin 1.2 x``: so many times what is just visible; ``-`` if nothing stands out."""
    if outcome.headline is None or outcome.headline.parts[0].visibility <= 0:
        return "-"
    part = outcome.headline.parts[0]
    return f"{MEASURES[part.key].title.lower()} {part.visibility:.1f} x"
