"""What a viewer would notice, in sentences for somebody who does not know the measures."""

from __future__ import annotations

from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation, PartResult
from lipblend.quality.report.picks import Moment
from lipblend.quality.report.wording import visible_parts

WEAK_VISIBILITY = 0.5
"""From which visibility on a part that is not visible by itself is named."""

NOTHING_FOUND = "Nothing that a viewer would notice was found."
_MAX_NAMED = 2
_THROUGHOUT = 0.9  # share of the clip


def viewer_sentence(record: Evaluation) -> str:
    """One sentence: what a viewer would notice, and when."""
    found = record.headline
    if found is None:
        return "No part of the picture could be judged."
    seen = visible_parts(found)
    if seen:
        named = "; ".join(f"{sentence_of(part.key)}, {when_text(record, part)}" for part in seen[:_MAX_NAMED])
        more = len(seen) - _MAX_NAMED
        rest = f"; and {more} more {'thing' if more == 1 else 'things'}" if more > 0 else ""
        return f"A viewer would notice: {named}{rest}."
    weak = [part for part in found.parts if part.visibility >= WEAK_VISIBILITY][:_MAX_NAMED]
    if found.word == "invisible" or not weak:
        return NOTHING_FOUND
    named = "; ".join(f"{sentence_of(part.key)}, {when_text(record, part)}" for part in weak)
    if found.word == "faint":
        return f"Most viewers would notice nothing. Who looks closely may notice: {named}."
    return f"No fault is clear by itself, but together a viewer would notice them: {named}."


def moment_title(moment: Moment) -> str:
    """What is wrong at a moment; of what is not visible only what was looked for."""
    if moment.visibility > 1:
        return capitalised(sentence_of(moment.key))
    return f"{title_of(moment.key)}: would not be noticed"


def when_text(record: Evaluation, part: PartResult) -> str:
    """``0:00.8 to 0:01.5``, ``throughout``, or of a part that is not visible ``at 0:01.2``."""
    if not part.seen:
        return f"at {clock_text(record.rows[part.worst].time_s)}"
    if sum(span.last - span.first + 1 for span in part.seen) >= _THROUGHOUT * len(record.rows):
        return "throughout"
    span = next(
        (span for span in part.seen if span.first <= part.worst <= span.last),
        max(part.seen, key=lambda span: span.last - span.first),
    )
    first, last = clock_text(span.start_s), clock_text(span.end_s)
    text = f"at {first}" if first == last else f"{first} to {last}"
    others = len(part.seen) - 1
    return f"{text} and {others} more {'time' if others == 1 else 'times'}" if others else text


def clock_text(seconds: float) -> str:
    """A time with tenths of a second: ``0:00.8``, or ``1:02:03.4`` from one hour on."""
    tenths = round(abs(seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{'-' if seconds < 0 and tenths else ''}{clock}:{rest // 10:02d}.{rest % 10}"


def sentence_of(key: str) -> str:
    """What a viewer sees where a part is visible; its key if this version does not know it."""
    return (MEASURES[key].sentence if key in MEASURES else "") or key


def title_of(key: str) -> str:
    """The title of a measure."""
    return MEASURES[key].title if key in MEASURES else key


def capitalised(text: str) -> str:
    """A text with a capital letter."""
    return text[:1].upper() + text[1:]
