"""Contents of the page's upper part: the verdict, the worst moments, and the table of what was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lipblend.quality.measure_entry import Measure
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import WORDS, Evaluation, PartResult
from lipblend.quality.report.advice import advice_lines
from lipblend.quality.report.page_measures import Place, places
from lipblend.quality.report.picks import Moment
from lipblend.quality.report.sentences import (
    capitalised,
    clock_text,
    moment_title,
    sentence_of,
    title_of,
    viewer_sentence,
    when_text,
)
from lipblend.quality.report.stills import Still
from lipblend.quality.report.wording import (
    failure_text,
    headline_text,
    measure_of,
    quantity_text,
    summary_text,
    visibility_text,
)
from lipblend.quality.visible.visible_parts import PARTS

_MIN_FULL_BAR = 2.0


@dataclass(frozen=True)
class ShownMoment:
    """A moment's pictures and texts."""

    still: Still
    key: str
    title: str
    visible: bool
    time: str
    visibility: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class PartRow:
    """A row of the table of what was judged.

    Attributes
    ----------
    measure : Measure
    text : str
        Its sentence if it is visible, else its title.
    visible : bool
    visibility : str
    bar : float
        Length of the bar, 0..100.
    value, seen : str
        With their unit: of the worst stretch, and from where on it is seen.
    when : str
        Where it is visible; empty if it is not.
    worst : Place
    """

    measure: Measure
    text: str
    visible: bool
    visibility: str
    bar: float
    value: str
    seen: str
    when: str
    worst: Place


@dataclass(frozen=True)
class PartTable:
    """What was judged: rows by how visible they are, where on the bars "just visible" lies, and what is missing."""

    rows: tuple[PartRow, ...]
    just_visible: float
    missing: tuple[str, ...]
    scale: str


def header(record: Evaluation, *, gated: bool) -> dict[str, Any]:
    """Values of the header's template: number, word, sentence, the gate's verdict, and the files."""
    names = {file.role: file.name for file in record.inputs}
    found = record.headline
    missed = [verdict for verdict in record.verdicts if gated and verdict.passed is False and verdict.key != "score"]
    return {
        "score": None if found is None else f"{found.score:.0f}",
        "word": "not judged" if found is None else found.word,
        "warning": capitalised(record.faults_warning),
        "sentence": viewer_sentence(record),
        "state": ("pass" if record.passed else "fail") if gated and record.judged else "open",
        "verdict": summary_text(record) if gated else "",
        "names": names,
        "sources": [role for role in ("original", "synced") if role in names],
        "advice": advice_lines(record) if gated else [],
        "missed": [(measure_of(verdict), failure_text(verdict), places(verdict, 1)) for verdict in missed],
    }


def page_title(record: Evaluation, *, gated: bool) -> str:
    """Title of the page: ``Failed: visible, 43 of 100: result.mp4``; without a gate it does not say failed."""
    result = next((file.name for file in record.inputs if file.role == "result"), "result")
    verdict = [summary_text(record).partition(":")[0]] if gated else []
    found = [] if record.headline is None else [capitalised(headline_text(record.headline))]
    return ": ".join([*verdict, *found, result] if verdict or found else ["Not judged", result])


def shown_moments(
    record: Evaluation, moments: Sequence[Moment], pictures: Mapping[int, Still]
) -> tuple[ShownMoment, ...]:
    """The moments of which there are pictures."""
    return tuple(
        ShownMoment(
            still=pictures[moment.index],
            key=moment.key,
            title=moment_title(moment),
            visible=moment.visibility > 1,
            time=clock_text(record.rows[moment.index].time_s),
            visibility=visibility_text(moment.visibility),
            others=tuple(f"{sentence_of(part.key)} ({visibility_text(part.visibility)})" for part in moment.others),
        )
        for moment in moments
        if moment.index in pictures
    )


def part_table(record: Evaluation) -> PartTable:
    """What was judged, the most visible first."""
    parts = record.headline.parts if record.headline is not None else ()
    full = max([_MIN_FULL_BAR, *(part.visibility for part in parts)])
    measured = {part.key for part in parts}
    return PartTable(
        rows=tuple(_part_row(record, part, full) for part in parts),
        just_visible=round(100 / full, 2),
        missing=tuple(measure.title for measure in PARTS if measure.key not in measured),
        scale=", ".join(f"{word} {f'from {least:.0f} on' if least else 'below'}" for least, word in WORDS),
    )


def _part_row(record: Evaluation, part: PartResult, full: float) -> PartRow:
    measure = MEASURES.get(part.key) or Measure(key=part.key, title=part.key, text="not known to this version")
    visible = part.visibility > 1
    return PartRow(
        measure=measure,
        text=capitalised(sentence_of(part.key)) if visible else title_of(part.key),
        visible=visible,
        visibility=visibility_text(part.visibility),
        bar=round(100 * part.visibility / full, 2),
        value=quantity_text(part.value, measure.unit),
        seen=_seen_text(measure),
        when=when_text(record, part) if visible else "",
        worst=Place(f"frame {part.worst}, {clock_text(record.rows[part.worst].time_s)}", part.worst),
    )


def _seen_text(measure: Measure) -> str:
    """From which value on a part is seen: ``42 %, or 22 % if it lasts``."""
    if measure.visible is None:
        return ""
    text = quantity_text(measure.visible.seen, measure.unit)
    lasting = measure.visible.lasting
    return text if lasting is None else f"{text}, or {quantity_text(lasting, measure.unit)} if it lasts"
