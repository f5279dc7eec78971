"""The tables of ``lipblend faces``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lipblend.cli.console import table_text

if TYPE_CHECKING:
    from lipblend.facestats.clip_faces import ClipFaces
    from lipblend.facestats.face_series import FaceSeries
    from lipblend.facestats.face_summary import FaceStatistics, Spread
    from lipblend.facestats.faces_job import FacesResult

_HEAD = (
    "shot", "face", "frames", "detected", "interp.", "missed", "gaps", "place, px", "width, px", "yaw", "pitch", "roll",
    "opening", "jitter, px (of width)", "of shape",
)  # fmt: skip


def faces_text(result: FacesResult) -> str:
    """A table of the faces of each clip, and a table that compares the clips."""
    blocks = [
        "\n".join(_clip_lines(clip, residual, result))
        for clip, residual in zip(result.clips, result.residuals, strict=True)
    ]
    if len(result.clips) > 1:
        blocks.append(_comparison(result))
    blocks += [f"note  {note}" for note in result.notes]
    return "\n\n".join(blocks)


def _clip_lines(clip: ClipFaces, residual: Spread | None, result: FacesResult) -> Iterator[str]:
    from lipblend.facestats.face_summary import summarise

    width, height = clip.size
    yield f"{clip.path}  {width}x{height}, {_count(len(clip.times_s), 'frame')}, {_count(len(clip.shots), 'shot')}"
    if clip.faces:
        yield table_text(_HEAD, [_face_row(each, summarise([each])) for each in clip.faces])
    else:
        yield "no face"
    empty = [number for number in range(len(clip.shots)) if all(each.shot != number for each in clip.faces)]
    if clip.faces and empty:
        yield f"no face in {_count(len(empty), 'shot')}: {', '.join(map(str, empty))}"
    if residual is not None and result.reference is not None and clip.faces:
        yield (
            f"on the reference ({result.reference.text}): residual {residual.median:.2f} px ({residual.least:.2f} to "
            f"{residual.most:.2f}), {residual.median / max(result.reference.width_px, 1e-6):.2%} of its width"
        )
    for note in clip.notes:
        yield f"note  {note}"


def _face_row(face: FaceSeries, found: FaceStatistics) -> tuple[str, ...]:
    jitter = shape = "not measured"
    if found.jitter_frames:
        jitter, shape = f"{found.jitter_px:.2f} ({found.jitter_frac:.2%})", f"{found.shape_jitter_frac:.2%}"
    return (
        str(face.shot),
        str(face.face),
        str(found.frames),
        f"{found.detected:.0%}",
        f"{found.interpolated:.0%}",
        f"{found.missed:.0%}",
        _gaps_text(found),
        f"{found.x_px.median:.0f}, {found.y_px.median:.0f}",
        _range(found.width_px, ".0f"),
        _range(found.yaw_deg, "+z.0f"),
        _range(found.pitch_deg, "+z.0f"),
        _range(found.roll_deg, "+z.0f"),
        f"{_range(found.opening, '.2f')}, sd {found.opening.deviation:.2f}",
        jitter,
        shape,
    )


def _gaps_text(found: FaceStatistics) -> str:
    longest = found.longest_gap
    if longest is None:
        return "none"
    return f"{len(found.gaps)}, longest {longest.length_s:.2f} s at {longest.time_s:.2f} s"


def _range(spread: Spread, form: str) -> str:
    return f"{spread.median:{form}} ({spread.least:{form}} to {spread.most:{form}})"


def _comparison(result: FacesResult) -> str:
    """A row per clip; outliers are marked with a star and named in the last column."""
    from lipblend.facestats.clip_names import short_names
    from lipblend.facestats.clip_outliers import STATISTICS, clip_values

    head = ["main faces of", *(each.title for each in STATISTICS), "outlier"]
    rows = []
    names = short_names([clip.path for clip in result.clips])
    for number, (clip, name) in enumerate(zip(result.clips, names, strict=True)):
        main = clip.main_statistics
        if main is None:
            rows.append([name, *("-" for _ in STATISTICS), "no face"])
            continue
        own = [each for each in result.outliers if each.clip == number]
        marked = {each.key for each in own}
        values = clip_values(main, clip.size)
        cells = [f"{_short(values[each.key])}{'*' if each.key in marked else ''}" for each in STATISTICS]
        rows.append([name, *cells, ", ".join(f"{each.why} ({each.score:+.1f})" for each in own)])
    return table_text(head, rows)


def _short(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.4f}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
