"""report.html: one file, made from templates beside this module, that asks nothing of any other place."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

from lipblend.quality.record import Evaluation
from lipblend.quality.report.page_end import details_section, faults_section, passed_section
from lipblend.quality.report.page_start import header, measures_section, plots_section, plotted_keys
from lipblend.quality.report.picks import badness, shown_part, typical_frame, worst_frames
from lipblend.quality.report.report_source import Evaluated
from lipblend.quality.report.report_video import MOST_FRAMES, Proxy, make_proxy
from lipblend.quality.report.stills import stills
from lipblend.quality.report.wording import measure_of, measured_text, summary_text
from lipblend.quality.report.worst_frames import pictures_section, slider_section, video_section

_WORST = 4
_MOST_VALUES = 20_000  # along the clip; of longer ones each stretch's worst is kept for the read-out
_SCRIPTS = ("page.js", "player.js")


def page_bytes(evaluated: Evaluated, *, video: bool = True, gated: bool = False) -> bytes:
    """The whole page as UTF-8; it says passed or failed only where it is ``gated``."""
    record, walk = evaluated.record, evaluated.walk
    picks = worst_frames(record, most=_WORST)
    typical = typical_frame(record)
    chosen = [*picks, *([typical] if typical and typical.index not in {pick.index for pick in picks} else [])]
    pictures = stills(walk, chosen)
    frames = shown_part(record, picks, most=MOST_FRAMES)
    proxy = make_proxy(walk, record, frames) if video and frames else None
    keys = plotted_keys(record)
    script = "\n".join(_template(name) for name in _SCRIPTS)
    sections = [
        measures_section(record, keys, gated=gated),
        plots_section(record, keys, gated=gated),
        pictures_section(record, pictures),
        slider_section(record, pictures),
        video_section(record, proxy, frames),
        faults_section(record),
        passed_section(record),
        details_section(record),
    ]
    headline = summary_text(record) if gated else measured_text(record)
    result = next((each.name for each in record.inputs if each.role == "result"), "result")
    page = Template(_template("page.html")).substitute(
        policy=content_policy(f"\n{script}\n"),
        generator=escape(f"lipblend {record.versions.get('lipblend', '')}".strip()),
        title=escape(f"{headline.partition(':')[0]}: {result}"),
        style=_template("page.css"),
        header=header(record, gated=gated),
        sections="\n".join(part for part in sections if part),
        footer=f"<p>Measured in {record.seconds:.1f} s. This page is one file and loads nothing else.</p>",
        data=script_json(page_data(record, keys, proxy, frames)),
        video=base64.b64encode(proxy.data).decode("ascii") if proxy else "",
        script=script,
    )
    return page.encode("utf-8", "replace")


def content_policy(script: str) -> str:
    """What the page may load: nothing from outside, and no script but this one."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        "default-src 'none'; img-src data:; media-src blob: data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def page_data(record: Evaluation, keys: Sequence[str], proxy: Proxy | None, frames: range) -> dict[str, Any]:
    """What the scripts read: values along the clip, shots' and frames' states, and where the video lies in it."""
    verdicts = {verdict.key: verdict for verdict in record.verdicts}
    stride = max(1, math.ceil(len(record.rows) / _MOST_VALUES))
    series: dict[str, dict[str, Any]] = {}
    for key in keys:
        measure = measure_of(verdicts[key])
        if measure.per == "shot":
            steps = [(shot.start, shot.stop, shot.values[key]) for shot in record.shots if key in shot.values]
            series[key] = {"unit": measure.unit, "steps": [[a, b, _short(value)] for a, b, value in steps]}
        else:
            values = [row.values.get(key) for row in record.rows]
            series[key] = {"unit": measure.unit, "values": _thinned(values, key, stride)}
    return {
        "frames": len(record.rows),
        "stride": stride,
        "times": [round(row.time_s, 3) for row in record.rows],
        "passed": _runs([row.reason or "passed through" if not row.blended else "" for row in record.rows]),
        "faults": _runs([", ".join(row.faults) for row in record.rows]),
        "series": series,
        "video": None
        if proxy is None
        else {
            "first": frames[0],
            "count": len(frames),
            "rate": proxy.frame_rate,
            "width": proxy.panel_w,
            "height": proxy.panel_h,
        },
    }


def script_json(value: Any) -> str:
    """JSON that can stand in a script element, whatever words it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _thinned(values: Sequence[float | None], key: str, stride: int) -> list[float | str | None]:
    """Each stretch's worst value."""
    if stride == 1:
        return [None if value is None else _short(value) for value in values]
    found: list[float | str | None] = []
    for start in range(0, len(values), stride):
        measured = [value for value in values[start : start + stride] if value is not None]
        found.append(_short(max(measured, key=lambda value: badness(value, key))) if measured else None)
    return found


def _short(value: float) -> float | str:
    """Four digits; a word where JSON has no number."""
    if not math.isfinite(value):
        return "infinite" if value > 0 else "not a number"
    return float(f"{value:.4g}")


def _runs(words: Sequence[str]) -> list[list[int | str]]:
    """[first, last, word] for each run of the same word; empty words are left out."""
    runs: list[list[int | str]] = []
    for at, word in enumerate(words):
        if word and runs and runs[-1][2] == word and runs[-1][1] == at - 1:
            runs[-1][1] = at
        elif word:
            runs.append([at, at, word])
    return runs


def _template(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
