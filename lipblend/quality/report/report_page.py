"""report.html: one file, rendered from the templates in the folder `page`, that loads nothing else."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation
from lipblend.quality.report.page_details import (
    clip_facts,
    fault_names,
    faults,
    in_front,
    passed_through,
    settings_rows,
)
from lipblend.quality.report.page_measures import plotted_keys, tables
from lipblend.quality.report.page_parts import header, page_title, part_table, shown_moments
from lipblend.quality.report.page_plots import plots
from lipblend.quality.report.page_templates import content_policy, page_environment, page_file
from lipblend.quality.report.picks import Moment, Pick, badness, missed_frames, video_part, worst_moments
from lipblend.quality.report.report_source import Evaluated
from lipblend.quality.report.report_video import MAX_FRAMES, ReportVideo, make_video
from lipblend.quality.report.stills import AMPLIFICATION, stills
from lipblend.quality.report.wording import measure_of, precise_text, time_text

_MAX_MOMENTS, _MAX_MISSED = 3, 3
_MAX_VALUES = 20_000  # along the clip; longer clips keep the worst value of each stretch for the readout
_SCRIPTS = ("page.js", "player.js")


def page_bytes(evaluated: Evaluated, *, video: bool = True, gated: bool = False) -> bytes:
    """The whole page as UTF-8; it says passed or failed only if ``gated``."""
    record, walk = evaluated.record, evaluated.walk
    moments = worst_moments(record, max_count=_MAX_MOMENTS)
    missed = missed_frames(record, max_count=_MAX_MISSED)
    missed = tuple(pick for pick in missed if pick.index not in {moment.index for moment in moments})
    shown: list[Moment | Pick] = [*moments, *missed]
    pictures = stills(evaluated, shown)
    frames = video_part(record, shown[0].index if shown else None, max_frames=MAX_FRAMES)
    film = make_video(walk, record, frames) if video and frames else None
    keys = plotted_keys(record)
    script = "\n".join(map(page_file, _SCRIPTS))
    page = (
        page_environment()
        .get_template("page.html")
        .render(
            record=record,
            gated=gated,
            policy=content_policy(f"\n{script}\n"),
            generator=f"lipblend {record.versions.get('lipblend', '')}".strip(),
            title=page_title(record, gated=gated),
            style=page_file("page.css"),
            script=script,
            header=header(record, gated=gated),
            moments=shown_moments(record, moments, pictures),
            missed=[
                (pictures[pick.index], missed_text(record, pick, gated=gated))
                for pick in missed
                if pick.index in pictures
            ],
            parts=part_table(record),
            tables=tables(record, keys, gated=gated),
            plots=plots(record, keys, gated=gated),
            amplification=AMPLIFICATION,
            film=film,
            frames=frames,
            fault_runs=record.fault_runs,
            broken_count=sum(run.frames for run in record.fault_runs),
            faults=faults(record),
            faulty_count=sum(row.is_faulty for row in record.rows),
            in_front=in_front(record),
            hidden_count=sum(run.frames for run in record.hidden_runs),
            passed_through=passed_through(record),
            settings=settings_rows(record),
            clip=clip_facts(record),
            data=page_data(record, keys, film, frames),
            video_data=base64.b64encode(film.data).decode("ascii") if film else "",
        )
    )
    return page.encode("utf-8", "replace")


def missed_text(record: Evaluation, pick: Pick, *, gated: bool) -> str:
    """Time of a frame, and which mark it misses: ``0:12.480, seam discontinuity 0.31, misses its mark``."""
    word = "misses" if gated else "beyond"
    measure = MEASURES[pick.key]
    title = measure.title if measure.title[1:2].isupper() else measure.title[0].lower() + measure.title[1:]
    mark = next((verdict.mark for verdict in record.verdicts if verdict.key == pick.key), None)
    value = precise_text(pick.value, mark, measure)
    return f"{time_text(record.rows[pick.index].time_s)}, {title} {value}, {word} its mark"


def page_data(record: Evaluation, keys: Sequence[str], film: ReportVideo | None, frames: range) -> dict[str, Any]:
    """Data for the scripts: values along the clip, states of frames, and the part that the video covers."""
    stride = max(1, math.ceil(len(record.rows) / _MAX_VALUES))
    series: dict[str, dict[str, Any]] = {}
    for measure in (measure_of(verdict) for verdict in record.verdicts if verdict.key in keys):
        key = measure.key
        if measure.per == "shot":
            steps = [[shot.start, shot.stop, _short(shot.values[key])] for shot in record.shots if key in shot.values]
            series[key] = {"unit": measure.unit, "steps": steps}
        else:
            values = [row.values.get(key) for row in record.rows]
            series[key] = {"unit": measure.unit, "values": _thinned(values, key, stride)}
    return {
        "frames": len(record.rows),
        "stride": stride,
        "times": [round(row.time_s, 3) for row in record.rows],
        "passed": _runs([row.reason or "passed through" if not row.blended else "" for row in record.rows]),
        "faults": _runs([", ".join(fault_names(row)) for row in record.rows]),
        "series": series,
        "video": film
        and {
            "first": frames[0],
            "count": len(frames),
            "rate": film.frame_rate,
            "width": film.panel_w,
            "height": film.panel_h,
        },
    }


def _thinned(values: Sequence[float | None], key: str, stride: int) -> list[float | str | None]:
    """The worst value of each stretch."""
    found: list[float | str | None] = []
    for start in range(0, len(values), stride):
        measured = [value for value in values[start : start + stride] if value is not None]
        found.append(_short(max(measured, key=lambda value: badness(value, key))) if measured else None)
    return found


def _short(value: float) -> float | str:
    """Four digits; a string for numbers that JSON does not have."""
    if not math.isfinite(value):
        return "infinite" if value > 0 else "not a number"
    return float(f"{value:.4g}")


def _runs(words: Sequence[str]) -> list[list[int | str]]:
    """[first, last, word] for each run of the same word, without empty words."""
    runs: list[list[int | str]] = []
    for at, word in enumerate(words):
        if word and runs and runs[-1][2] == word and runs[-1][1] == at - 1:
            runs[-1][1] = at
        elif word:
            runs.append([at, at, word])
    return runs
