"""The lower part of the page: broken synced frames, frames without a patch, settings, inputs, versions, notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from lipblend.quality.faults import FAULTS
from lipblend.quality.record import Evaluation, FrameRow
from lipblend.quality.report.wording import time_text
from lipblend.settings.catalogue import setting_specs, value_text

_SPANS = 60


def faults_section(record: Evaluation) -> str:
    """Broken synced frames by fault, with what each means."""
    names = list(dict.fromkeys([*FAULTS, *(name for row in record.rows for name in row.faults)]))
    count = sum(bool(row.faults) for row in record.rows)
    parts = ['<section id="faults"><h2>Broken synced frames</h2>']
    if not count:
        return "".join(parts) + "<p>None found: the generator's own pictures look whole.</p></section>"
    share = f"{100 * count / len(record.rows):.3g} %"
    parts.append(f"<p>{_frames(count)} ({share}) came broken from the generator. No compositor can mend that.</p><dl>")
    for name in names:
        spans = list(_spans(record, [row for row in record.rows if name in row.faults]))
        if spans:
            total = sum(last - first + 1 for first, last in spans)
            parts.append(f"<dt>{escape(name)} <span class='quiet'>{_frames(total)}</span></dt>")
            parts.append(f"<dd>{escape(FAULTS.get(name, ''))} {_links(record, spans)}</dd>")
    return "".join(parts) + "</dl></section>"


def passed_section(record: Evaluation) -> str:
    """Frames without a patch, by reason."""
    if all(row.blended for row in record.rows):
        return ""
    parts = [
        '<section id="passed-through"><h2>Passed through</h2><p>These frames are the original\'s: no patch was put on '
        "them.</p><dl>"
    ]
    for reason, count in sorted(record.passed_through.items(), key=lambda each: -each[1]):
        spans = list(_spans(record, [row for row in record.rows if not row.blended and row.reason == reason]))
        parts.append(f"<dt>{escape(reason or 'no reason given')} <span class='quiet'>{_frames(count)}</span></dt>")
        parts.append(f"<dd>{_links(record, spans)}</dd>")
    return "".join(parts) + "</dl></section>"


def details_section(record: Evaluation) -> str:
    """Notes, settings, inputs and versions."""
    parts = ['<section id="details"><h2>How it was made</h2>']
    if record.notes:
        parts.append("<h3>Notes</h3><ul>" + "".join(f"<li>{escape(note)}</li>" for note in record.notes) + "</ul>")
    parts.append(_settings(record))
    parts.append("<h3>Files</h3>" + _listed(("Role", "Name", "Size", "SHA-256"), [
        (each.role, each.name, _size(each.size), each.sha256) for each in record.inputs
    ]))  # fmt: skip
    parts.append("<h3>Versions</h3>" + _listed(("Program", "Version"), list(record.versions.items())))
    return "".join(parts) + "</section>"


def _settings(record: Evaluation) -> str:
    specs = setting_specs()
    flat = dict(_flattened(record.settings))
    said = ""
    if record.matte == "difference":
        flat = {key: value for key, value in flat.items() if key.startswith("gate.")}
        said = "<p>The result's own settings are not known; only the pass marks were used.</p>"
    changed: list[tuple[str, ...]] = []
    same: list[tuple[str, ...]] = []
    for key, value in flat.items():
        spec = specs.get(key)
        text = value_text(value)
        row = (key, text, spec.default_text if spec else "not known", spec.help if spec else "")
        (same if spec and text == spec.default_text else changed).append(row)
    heads = ("Setting", "Value", "Default", "What it does")
    parts = ["<h3>Settings</h3>", said]
    parts.append(_listed(heads, changed) if changed else "<p>All as they are by default.</p>")
    if same:
        rows = _listed(heads, same)
        parts.append(f"<details><summary>Settings at their defaults ({len(same)})</summary>{rows}</details>")
    return "".join(parts)


def _flattened(groups: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in groups.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _listed(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col" role="columnheader">{escape(word)}</th>' for word in heads)
    body = "".join(
        '<tr role="row">'
        + f'<th scope="row" role="rowheader">{escape(row[0])}</th>'
        + "".join(
            f'<td role="cell" data-label="{escape(label)}">{escape(str(cell))}</td>'
            for label, cell in zip(heads[1:], row[1:], strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<table role="table" class="plain"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )


def _spans(record: Evaluation, rows: list[FrameRow]) -> Iterator[tuple[int, int]]:
    first = last = None
    for row in rows:
        if last is not None and first is not None and row.index != last + 1:
            yield first, last
            first = None
        first = row.index if first is None else first
        last = row.index
    if first is not None and last is not None:
        yield first, last


def _links(record: Evaluation, spans: list[tuple[int, int]]) -> str:
    links = []
    for first, last in spans[:_SPANS]:
        frames = f"{first}" if first == last else f"{first} to {last}"
        time = time_text(record.rows[first].time_s)
        links.append(f'<a href="#plots" data-frame="{first}">{frames}</a> <span class="quiet">{time}</span>')
    more = f", and {len(spans) - _SPANS} more" if len(spans) > _SPANS else ""
    return f'<span class="spans">Frames {", ".join(links)}{more}.</span>'


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _size(size: int) -> str:
    return f"{size / 1e6:.3g} MB" if size >= 1e6 else f"{size / 1e3:.3g} kB"
