"""Numbers, times, frames and verdicts in words: the same on the page, in the terminal and for CI systems."""

from __future__ import annotations

import math

from lipblend.quality.measures import MEASURES, Measure
from lipblend.quality.record import Evaluation, Span, Verdict

MATTE_TEXT = {
    "settings": "The mask is the one that the settings give, rendered again for every frame.",
    "difference": "The mask was estimated from where the result differs from the original. What depends on it is an "
    "estimate too, and is not to be compared with numbers of a known mask.",
}
"""What `Evaluation.matte` means, as a sentence."""

_NOTHING = "no frame was blended, or no measure has both a value and a pass mark"
NOTHING_TO_JUDGE = f"the gate has nothing to judge: {_NOTHING}"
"""What a gate, which must not pass then, says where nothing could be judged."""

_MOST_DIGITS = 12
_SMALLEST_SHARE = 0.005
_SHOWN_UNITS = ("dB", "levels", "grey levels", "CIEDE2000", "CIE76")


def measure_of(verdict: Verdict) -> Measure:
    """The measure that a verdict is about; one that this version does not know is shown under its key."""
    known = MEASURES.get(verdict.key)
    return known or Measure(key=verdict.key, title=verdict.key, text="not known to this version")


def time_text(seconds: float) -> str:
    """``0:12.480``, or ``1:02:03.480`` from an hour on."""
    thousandths = round(abs(seconds) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{'-' if seconds < 0 and thousandths else ''}{clock}:{rest // 1000:02d}.{rest % 1000:03d}"


def number_text(value: float, unit: str = "", *, digits: int = 3) -> str:
    """A value in so many significant digits; shares as per cent, other units are not written."""
    if not math.isfinite(value):
        return "infinite" if value > 0 else "minus infinite" if value < 0 else "not a number"
    scaled = 100 * value if unit == "share" else value
    text = f"{scaled:.{digits}g}"
    if "e" in text and 1e-5 <= abs(scaled) < 1e6:
        text = f"{scaled:.{max(0, digits - 1 - math.floor(math.log10(abs(scaled))))}f}"
    return f"{text} %" if unit == "share" else text


def quantity_text(value: float, unit: str) -> str:
    """A value with its unit."""
    text = number_text(value, unit)
    return f"{text} {unit}" if shown_unit(unit) else text


def shown_unit(unit: str) -> str:
    """A unit that is written beside a value; empty for shares, ratios and the like."""
    return unit if unit in _SHOWN_UNITS else ""


def pair_text(value: float, mark: float, unit: str) -> tuple[str, str]:
    """Value and mark in as many digits as it takes to tell them apart."""
    for digits in range(3, _MOST_DIGITS):
        texts = number_text(value, unit, digits=digits), number_text(mark, unit, digits=digits)
        if texts[0] != texts[1] or value == mark:
            return texts
    return number_text(value, unit, digits=_MOST_DIGITS), number_text(mark, unit, digits=_MOST_DIGITS)


def beside_mark_text(value: float, mark: float | None, measure: Measure) -> str:
    """A value without its unit; one that misses the mark in as many digits as it takes to tell them apart."""
    misses = mark is not None and (value < mark if measure.better == "high" else value > mark)
    if mark is None or not misses:
        return number_text(value, measure.unit)
    return pair_text(value, mark, measure.unit)[0]


def excess_text(verdict: Verdict) -> str:
    """By how much a value misses its mark: ``0.033 above the mark (28 %)``."""
    if verdict.value is None or verdict.mark is None:
        return ""
    measure = measure_of(verdict)
    distance = verdict.value - verdict.mark
    side = "above" if distance > 0 else "below"
    text = f"{number_text(abs(distance), measure.unit)} {side} the mark"
    if measure.unit == "share":
        text = text.replace(" %", " percentage points")
    elif verdict.mark and math.isfinite(distance) and abs(distance / verdict.mark) >= _SMALLEST_SHARE:
        text += f" ({abs(distance / verdict.mark):.0%})".replace("%", " %")
    return text


def span_text(span: Span) -> str:
    """Frames and times of a span: ``frames 120 to 133, 0:04.800 to 0:05.320``."""
    if span.first == span.last:
        return f"frame {span.first}, {time_text(span.start_s)}"
    return f"frames {span.first} to {span.last}, {time_text(span.start_s)} to {time_text(span.end_s)}"


def worst_spans(verdict: Verdict, most: int) -> tuple[tuple[Span, ...], int]:
    """The worst failing spans in order of time, at most so many, and the number of those left out."""
    high = measure_of(verdict).better == "high"
    order = sorted(verdict.failing, key=lambda span: span.worst if high else -span.worst)
    return tuple(sorted(order[:most], key=lambda span: span.first)), max(0, len(order) - most)


def why_text(verdict: Verdict) -> str:
    """Why a measure has no value; empty where nothing more is known than that."""
    return "" if verdict.note == "not measured" else verdict.note


def unmeasured_text(verdict: Verdict) -> str:
    """``not measured``, and why if that is known."""
    why = why_text(verdict)
    return f"not measured, {why}" if why else "not measured"


def state_text(verdict: Verdict) -> str:
    """``pass``, ``fail``, ``not measured`` or ``no mark``."""
    if verdict.passed is not None:
        return "pass" if verdict.passed else "fail"
    return "not measured" if verdict.value is None else "no mark"


def beside_text(verdict: Verdict) -> str:
    """How a value stands beside its mark where nothing is judged: ``within``, ``beyond``, or as `state_text`."""
    if verdict.passed is None:
        return state_text(verdict)
    return "within" if verdict.passed else "beyond"


def failure_text(verdict: Verdict) -> str:
    """What failed, as one line: value, mark, by how much."""
    if verdict.value is None or verdict.mark is None:
        return ""
    measure = measure_of(verdict)
    value, mark = pair_text(verdict.value, verdict.mark, measure.unit)
    limit = "at least" if measure.better == "high" else "at most"
    unit = f" ({measure.unit})" if shown_unit(measure.unit) else ""
    return f"{value} instead of {limit} {mark}{unit}: {excess_text(verdict)}"


def summary_text(record: Evaluation) -> str:
    """The verdict as one line."""
    if not record.judged:
        return f"Not judged: {_NOTHING}"
    judged = [verdict for verdict in record.verdicts if verdict.passed is not None]
    failed = sum(verdict.passed is False for verdict in judged)
    marks = "pass mark" if len(judged) == 1 else "pass marks"
    if failed:
        return f"Failed: {failed} of {len(judged)} {marks} missed"
    return f"Passed: {len(judged)} of {len(judged)} {marks} kept"


def measured_text(record: Evaluation) -> str:
    """What was measured, as one line, where nothing is judged."""
    marked = [verdict for verdict in record.verdicts if verdict.passed is not None]
    if not marked:
        return "Measured: no measure has both a value and a pass mark"
    within = sum(bool(verdict.passed) for verdict in marked)
    return f"Measured: {within} of {len(marked)} values lie within their pass marks"
