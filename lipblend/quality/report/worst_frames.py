"""The middle of the page: worst frames as pictures, the before/after slider, the video."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation
from lipblend.quality.report.picks import Pick
from lipblend.quality.report.report_video import Proxy
from lipblend.quality.report.stills import AMPLIFIED, Still
from lipblend.quality.report.wording import beside_mark_text, time_text

_PICTURES = (
    ("original", "Original"),
    ("synced", "Synced"),
    ("result", "Result"),
    ("ring", "Seam and ring"),
    ("difference", f"Difference, {AMPLIFIED} times"),
)


def pictures_section(record: Evaluation, shown: Sequence[Still]) -> str:
    """Worst frames and a typical one, each as five pictures."""
    if not shown:
        return '<section id="frames"><h2>Worst frames</h2><p>No frame with a patch can be shown.</p></section>'
    rows = "".join(_row(record, still) for still in shown)
    return (
        '<section id="frames"><h2>Worst frames</h2><p class="quiet">The ring is where the seam is measured; the line '
        f"in it is the seam. Difference: result less original, {AMPLIFIED} times, grey is none.</p>{rows}</section>"
    )


def _row(record: Evaluation, still: Still) -> str:
    what = pick_text(record, still.pick)
    pictures = "".join(
        f'<figure><img src="{getattr(still, name)}" width="{still.width}" height="{still.height}" '
        f'alt="{escape(f"{label}, frame {still.pick.index}")}" loading="lazy"><figcaption>{label}</figcaption></figure>'
        for name, label in _PICTURES
    )
    key = still.pick.key or "seam"
    return (
        f'<article class="frame" data-frame="{still.pick.index}"><h3>'
        f'<a href="#plot-{escape(key)}" data-frame="{still.pick.index}">Frame {still.pick.index}</a> '
        f'<span class="quiet">{escape(what)}</span></h3><div class="five">{pictures}</div></article>'
    )


def pick_text(record: Evaluation, pick: Pick) -> str:
    """When a frame is, and why it is shown: ``0:12.480, seam discontinuity 0.31, misses its mark``."""
    parts = [time_text(record.rows[pick.index].time_s)]
    if not pick.key:
        parts.append("a typical frame, for comparison")
    elif pick.value is not None:
        measure = MEASURES[pick.key]
        title = measure.title if measure.title[1:2].isupper() else measure.title[0].lower() + measure.title[1:]
        ending = "misses its mark" if pick.failed else "keeps its mark"
        mark = next((verdict.mark for verdict in record.verdicts if verdict.key == pick.key), None)
        parts += [f"{title} {beside_mark_text(pick.value, mark, measure)}", ending]
    return ", ".join(parts)


def slider_section(record: Evaluation, shown: Sequence[Still]) -> str:
    """Before and after on top of each other; the pictures are those shown above."""
    if not shown:
        return ""
    options = "".join(
        f'<option value="{still.pick.index}">Frame {still.pick.index}, {escape(pick_text(record, still.pick))}</option>'
        for still in shown
    )
    first = shown[0]
    return (
        '<section id="before-after"><h2>Before and after</h2><div class="controls">'
        f'<label>Frame <select id="slider-frame">{options}</select></label>'
        '<label>Left side <select id="slider-left"><option value="0">Original</option>'
        '<option value="1">Synced</option></select></label></div>'
        f'<div class="split" id="slider" style="--at:50%;--w:{first.width}">'
        f'<img class="under" src="{first.result}" alt="Result, frame {first.pick.index}" '
        f'width="{first.width}" height="{first.height}">'
        f'<img class="over" src="{first.original}" alt="Original, frame {first.pick.index}" '
        f'width="{first.width}" height="{first.height}">'
        '<span class="tag left">Original</span><span class="tag right">Result</span><div class="divider"></div>'
        '<input type="range" min="0" max="100" step="0.5" value="50" aria-label="How much of the left picture shows">'
        "</div></section>"
    )


def video_section(record: Evaluation, proxy: Proxy | None, frames: range) -> str:
    """The player; its script paints the panels of the one video on canvases."""
    if proxy is None or not frames:
        return ""
    first, last = frames[0], frames[-1]
    part = "All frames."
    if len(frames) < len(record.rows):
        times = f"{time_text(record.rows[first].time_s)} to {time_text(record.rows[last].time_s)}"
        part = f"Frames {first} to {last} of {len(record.rows)}, {times}: the part about the worst frame."
    size = f'width="{proxy.panel_w}" height="{proxy.panel_h}"'
    panels = "".join(
        f'<figure><canvas {size} role="img" aria-label="{label}"></canvas><figcaption>{label}</figcaption></figure>'
        for label in ("Original", "Synced", "Result")
    )
    speeds = "".join(
        f'<option value="{rate:g}"{" selected" if rate == 1 else ""}>{rate:g} &times;</option>' for rate in _SPEEDS
    )
    return (
        f'<section id="video"><h2>Video</h2><p class="quiet">{part} A small, re-encoded copy: look at the files '
        "themselves for fine grain.</p>"
        '<noscript><p>The video needs JavaScript.</p></noscript><p id="video-error" role="alert" hidden></p>'
        '<div id="player" data-mode="side">'
        f'<div class="panels">{panels}</div>'
        f'<div class="split" style="--at:50%;--w:{2 * proxy.panel_w}"><canvas {size} role="img" '
        'aria-label="Original left, result right of the line"></canvas><span class="tag left">Original</span>'
        '<span class="tag right">Result</span><div class="divider"></div><input type="range" min="0" max="100" '
        'step="0.5" value="50" id="split-at" aria-label="How much of the left picture shows"></div>'
        f'<input type="range" id="scrub" min="0" max="{len(frames) - 1}" value="0" step="1" aria-label="Frame">'
        '<div class="controls"><button type="button" id="play">Play</button>'
        '<button type="button" id="back" aria-label="One frame back">◀ 1</button>'
        '<button type="button" id="forward" aria-label="One frame on">1 ▶</button>'
        f'<label>Speed <select id="speed">{speeds}</select></label>'
        '<label><input type="checkbox" id="loop" checked> Loop</label>'
        '<label>View <select id="mode"><option value="side">Side by side</option>'
        '<option value="split">Original | result</option><option value="split-synced">Synced | result</option>'
        '</select></label><output id="frame-text"></output></div></div></section>'
    )


_SPEEDS = (0.1, 0.25, 0.5, 1, 2)
