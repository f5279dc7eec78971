"""Numbers, times, frames and verdicts as text: the same on the page, in the terminal and in JUnit XML."""

from __future__ import annotations

import math

from lipblend.plan.frame_plan import FaultRun
from lipblend.quality.measure_entry import Measure
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import NO_CHANGE, Evaluation, Headline, PartResult, Span, Verdict
from lipblend.quality.visible.visible_parts import PARTS

MATTE_TEXT = {
    "settings": "The mask was made again from the settings for every frame.",
    "given": "The mask is the one that was given.",
    "difference": "The mask was estimated from where the result differs from the original. Measures that depend on it "
    "are estimates too; do not compare them with those of a known mask.",
}
"""Description of `Evaluation.matte`."""

_MAX_DIGITS = 12
_MIN_SHARE = 0.005
_MAX_SPANS = 5
_MAX_VISIBILITY = 8.0  # of a `PartResult`
_WRITTEN_UNITS = ("dB", "JND", "levels", "grey levels", "CIEDE2000", "CIE76")


def measure_of(verdict: Verdict) -> Measure:
    """The measure of a verdict; one that this version does not know has its key as title."""
    known = MEASURES.get(verdict.key)
    return known or Measure(key=verdict.key, title=verdict.key, text="not known to this version")


def time_text(seconds: float) -> str:
    """``0:12.480``, or ``1:02:03.480`` from one hour on."""
    thousandths = round(abs(seconds) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{'-' if seconds < 0 and thousandths else ''}{clock}:{rest // 1000:02d}.{rest % 1000:03d}"


def number_text(value: float, unit: str = "", *, digits: int = 3) -> str:
    """A value with a number of significant digits; shares as per cent, other units are not written."""
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
    return f"{text} {unit}" if written_unit(unit) else text


def written_unit(unit: str) -> str:
    """A unit that is written beside a value; empty for shares, ratios and the like."""
    return unit if unit in _WRITTEN_UNITS else ""


def pair_text(value: float, mark: float, unit: str) -> tuple[str, str]:
    """Value and mark with as many digits as needed to distinguish them."""
    for digits in range(3, _MAX_DIGITS):
        texts = number_text(value, unit, digits=digits), number_text(mark, unit, digits=digits)
        if texts[0] != texts[1] or value == mark:
            return texts
    return number_text(value, unit, digits=_MAX_DIGITS), number_text(mark, unit, digits=_MAX_DIGITS)


def precise_text(value: float, mark: float | None, measure: Measure) -> str:
    """A value without its unit; one that misses the mark with as many digits as needed to distinguish them."""
    misses = mark is not None and (value < mark if measure.better == "high" else value > mark)
    if mark is None or not misses:
        return number_text(value, measure.unit)
    return pair_text(value, mark, measure.unit)[0]


def excess_text(verdict: Verdict) -> str:
    """Distance of a value from its mark: ``0.033 above the mark (28 %)``."""
    if verdict.value is None or verdict.mark is None:
        return ""
    measure = measure_of(verdict)
    distance = verdict.value - verdict.mark
    text = f"{number_text(abs(distance), measure.unit)} {'above' if distance > 0 else 'below'} the mark"
    if measure.unit == "share":
        return text.replace(" %", " percentage points")
    if verdict.mark and math.isfinite(distance) and abs(distance / verdict.mark) >= _MIN_SHARE:
        text += f" ({abs(distance / verdict.mark):.0%})".replace("%", " %")
    return text


def span_text(span: Span) -> str:
    """Frames and times of a span: ``frames 120 to 133, 0:04.800 to 0:05.320``."""
    if span.first == span.last:
        return f"frame {span.first}, {time_text(span.start_s)}"
    return f"frames {span.first} to {span.last}, {time_text(span.start_s)} to {time_text(span.end_s)}"


def worst_spans(verdict: Verdict, max_count: int) -> tuple[tuple[Span, ...], int]:
    """The worst failing spans, at most ``max_count``, in order of time, and the number of those left out."""
    high = measure_of(verdict).better == "high"
    order = sorted(verdict.failing, key=lambda span: span.worst if high else -span.worst)
    return tuple(sorted(order[:max_count], key=lambda span: span.first)), max(0, len(order) - max_count)


def reason_text(verdict: Verdict) -> str:
    """Why a measure has no value; empty if unknown."""
    return "" if verdict.note == "not measured" else verdict.note


def unmeasured_text(verdict: Verdict) -> str:
    """``not measured``, with the reason if it is known."""
    reason = reason_text(verdict)
    return f"not measured, {reason}" if reason else "not measured"


def state_text(verdict: Verdict) -> str:
    """``pass``, ``fail``, ``not measured`` or ``no mark``."""
    if verdict.passed is not None:
        return "pass" if verdict.passed else "fail"
    return "not measured" if verdict.value is None else "no mark"


def beside_text(verdict: Verdict) -> str:
    """The state of a value without a gate: ``within`` or ``beyond`` its mark, or as `state_text`."""
    if verdict.passed is None:
        return state_text(verdict)
    return "within" if verdict.passed else "beyond"


def failure_text(verdict: Verdict) -> str:
    """A failure on one line: value, mark and distance."""
    if verdict.value is None or verdict.mark is None:
        return ""
    measure = measure_of(verdict)
    value, mark = pair_text(verdict.value, verdict.mark, measure.unit)
    limit = "at least" if measure.better == "high" else "at most"
    unit = f" ({measure.unit})" if written_unit(measure.unit) else ""
    return f"{value} instead of {limit} {mark}{unit}: {excess_text(verdict)}"


def summary_text(record: Evaluation) -> str:
    """The verdict of the gate on one line."""
    if not record.judged:
        return f"Not judged: {_why_not_judged(record)[0]}"
    judged = [verdict for verdict in record.verdicts if verdict.passed is not None]
    failed = sum(verdict.passed is False for verdict in judged)
    found = [headline_text(record.headline)] if record.headline is not None else []
    if len(judged) > 1 or not found:
        marks = "pass mark" if len(judged) == 1 else "pass marks"
        count = failed or len(judged)
        found.append(f"{count} of {len(judged)} {marks} {'missed' if failed else 'met'}")
    return f"{'Failed' if failed else 'Passed'}: {', '.join(found)}"


def nothing_to_judge(record: Evaluation) -> str:
    """Error of a gate without any verdict, which must not pass: what was found, and the next step."""
    found, step = _why_not_judged(record)
    return f"the gate has nothing to judge: {found}. {step}"


def _why_not_judged(record: Evaluation) -> tuple[str, str]:
    """What was found instead of something to judge, and the next step."""
    judged = any(row.blended for row in record.rows)
    # Visible parts without a headline: nothing of the synced picture shows (`lipblend.quality.evaluation.trust`).
    shown = record.headline is not None or not any(part.key in row.values for row in record.rows for part in PARTS)
    if judged and shown:
        return "no measure has both a value and a pass mark", "Set a mark, for example --set gate.score_min=60."
    reasons = record.passed_through
    if not judged and NO_CHANGE not in reasons:
        listed = ", ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items()))
        return f"no frame was blended: {listed}", "`lipblend probe ORIGINAL SYNCED` shows which faces are found."
    digests = {file.role: file.sha256 for file in record.inputs}
    if digests.get("original") == digests.get("synced"):
        return "original and synced are the same file", "Give what the lip-sync generator made as the synced video."
    if digests.get("original") == digests.get("result"):
        return "the result is the original file", "The order of the files is ORIGINAL SYNCED RESULT."
    return (
        f"no frame of {len(record.rows)} shows anything of the synced picture",
        "The order of the files is ORIGINAL SYNCED RESULT, and the synced video must show other lips.",
    )


def measured_text(record: Evaluation) -> str:
    """The values of an evaluation without a gate on one line."""
    if record.headline is None:
        return "Measured: no part of the picture could be judged"
    return f"Measured: {headline_text(record.headline)}"


def headline_text(found: Headline) -> str:
    """``invisible, 91 of 100``."""
    return f"{found.word}, {found.score:.0f} of 100"


def part_text(part: PartResult) -> str:
    """What a viewer sees of a part, and how clearly: ``an edge shows around the new mouth (2.1 x just visible)``."""
    measure = MEASURES.get(part.key)
    sentence = measure.sentence if measure is not None else part.key
    return f"{sentence} ({visibility_text(part.visibility)})"


def visibility_text(visibility: float) -> str:
    """``2.1 x just visible``; where the scale ends ``at least 8 x just visible``."""
    if visibility >= _MAX_VISIBILITY:
        return f"at least {_MAX_VISIBILITY:g} x just visible"
    return f"{visibility:.1f} x just visible"


def sentence_text(part: PartResult) -> str:
    """`part_text` at the start of a line."""
    text = part_text(part)
    return text[:1].upper() + text[1:]


def visible_parts(found: Headline, max_count: int | None = None) -> tuple[PartResult, ...]:
    """The parts that a viewer sees, the most visible first."""
    return tuple(part for part in found.parts if part.visibility > 1)[:max_count]


def seen_lines(part: PartResult, *, max_count: int = 3) -> list[str]:
    """Where a part is visible: one line per span, the longest of many."""
    spans = sorted(part.seen, key=lambda span: span.first - span.last)
    shown = sorted(spans[:max_count], key=lambda span: span.first)
    lines = [span_text(span) for span in shown]
    if len(spans) > max_count:
        lines.append(f"and {len(spans) - max_count} more")
    return lines


def place_lines(verdict: Verdict, *, indent: str = "", max_count: int = _MAX_SPANS) -> list[str]:
    """Where a measure fails: one line per span, only the worst if there are many."""
    measure = measure_of(verdict)
    lines = []
    if verdict.within is not None and verdict.within < 1:
        items = "frames" if measure.per == "frame" else "shots"
        lines.append(f"{number_text(verdict.within, 'share')} of the measured {items} meet the mark")
    spans, left_out = worst_spans(verdict, max_count)
    unit = f" {measure.unit}" if written_unit(measure.unit) else ""
    lines += [f"{span_text(span)}: worst {precise_text(span.worst, verdict.mark, measure)}{unit}" for span in spans]
    if left_out:
        lines.append(f"and {left_out} more")
    return [indent + line for line in lines]


def fault_run_text(run: FaultRun) -> str:
    """``5 to 8 (mush, bridged)``."""
    where = str(run.first) if run.first == run.last else f"{run.first} to {run.last}"
    return f"{where} ({run.kind}, {'bridged' if run.bridged else 'left to the original'})"
