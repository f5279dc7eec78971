"""``lipblend probe``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipblend.cli.console import Console
from lipblend.cli.exits import guarded
from lipblend.cli.shared_options import JsonOption, ModelsOption, command_app
from lipblend.cli.tables import table_text
from lipblend.errors import LipblendError
from lipblend.settings import TrackSettings

if TYPE_CHECKING:
    from lipblend.faces.census import FaceReport
    from lipblend.preview.inspection import FileReport
    from lipblend.video.trimming import Trim

app = command_app()


@app.command("probe")
@guarded
def probe_command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="One video file, or several.", show_default=False, readable=False),
    ],
    faces: Annotated[bool, typer.Option("--faces/--no-faces", help="Look for faces in frames spread over it.")] = True,
    every_frame: Annotated[
        bool,
        typer.Option(
            "--every-frame", help="Decode a long video whole too, not a sample, to count the damage in all of it."
        ),
    ] = False,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what lipblend sees in a file: streams, colour, frame times, damage, faces.

    Frames and time stamps are counted over the whole file; "container says" marks what is only claimed there. Short
    videos (290 frames at 1920x1080) are decoded whole to count damage, of longer ones a sample is. Faces are
    looked for in about 24 frames. Positions are pixels of the upright picture. In a clip of one shot a face's number is
    the one that composite --face takes: counted from the left, from 0; those seen only for a moment come last. With
    several shots, --face counts in each shot anew.

    With several files the JSON object has them in "files", each as it is by itself; one that cannot be read is said
    where its report would be, and the exit code is that of the first such file.
    """
    from lipblend.faces.models import resolve_model
    from lipblend.preview.inspection import inspect_file

    model = resolve_model("face_landmarker", models) if faces else None
    console = Console(as_json=as_json)
    if len(files) == 1:
        report = inspect_file(files[0], model=model, track=TrackSettings(), every_frame=every_frame)
        console.finish(report.to_dict(), probe_text(report))
        return
    found: list[dict[str, Any]] = []
    code = 0
    for file in files:
        try:
            report = inspect_file(file, model=model, track=TrackSettings(), every_frame=every_frame)
        except LipblendError as error:  # the other files are looked at all the same
            code = code or error.exit_code
            print(f"error: {error}", file=sys.stderr)
            found.append({"path": str(file), "error": {"message": error.message, "hint": error.hint}})
        else:
            found.append(report.to_dict())
            if not as_json:
                print(("\n" if len(found) > 1 else "") + probe_text(report))
    if as_json:
        console.finish({"files": found}, "")
    if code:
        raise typer.Exit(code)


def probe_text(report: FileReport) -> str:
    """Write a report as a table, and one more for the faces."""
    text = f"{report.path}\n{table_text(('', ''), list(_rows(report)))}"
    if report.faces is None:
        return f"{text}\n\nfaces were not looked for"
    if not report.faces:
        return f"{text}\n\nno face in {len(report.face_times_s)} frames looked at"
    head = ("face", "middle x, y", "width", "tilt", "turn", f"in {len(report.face_times_s)} frames looked at")
    return f"{text}\n\n{table_text(head, [_face_row(face) for face in report.faces])}"


def _rows(report: FileReport) -> Iterator[tuple[str, str]]:
    picture, timing, damage = report.picture, report.timing, report.damage
    yield "container", f"{report.container_name} ({report.container})"
    yield "video", f"stream {report.video_stream}: {' '.join(filter(None, [picture.codec, picture.profile]))}"
    size = f"{picture.width}x{picture.height} coded, {picture.shown_width}x{picture.shown_height} shown"
    turned = f"rotation {picture.rotation} degrees counter-clockwise" if picture.rotation else "no rotation"
    yield "size", f"{size}; {turned}; sample aspect {picture.sample_aspect or 'not given (1:1)'}"
    read = "" if picture.read_as == picture.pixel_format else f", read as {picture.read_as}"
    yield "pixels", f"{picture.pixel_format}{read}; {picture.depth} bits; chroma {picture.chroma}"
    yield "alpha", picture.alpha
    tags = f"matrix {picture.matrix}, primaries {picture.primaries}, transfer {picture.transfer}"
    yield "colour", f"range {picture.range}, {tags}" + (f"; taken as {picture.taken_as}" if picture.taken_as else "")
    yield "HDR", picture.hdr or "no"
    yield "interlaced", "yes" if picture.interlaced else "no"
    claimed = "container says " + ("nothing" if timing.claimed_frames is None else str(timing.claimed_frames))
    yield "frames", f"{timing.frames} counted; {claimed}"
    if timing.trim is not None:
        yield "trimmed", _trim_text(timing.trim)
    yield (
        "frame rate",
        f"{_number(timing.frame_rate)} counted, {_pace(report)}; container says " + _number(timing.claimed_frame_rate),
    )
    yield "duration", f"{_number(timing.duration_s)} s counted; container says {_number(timing.claimed_duration_s)} s"
    yield "first frame at", f"{timing.first_s:.3f} s"
    yield "time stamps", f"{timing.missing_stamps} missing, {timing.repeated_stamps} repeated"
    yield "damage", _damage_text(report)
    for label, streams in (("audio", report.audio), ("subtitles", report.subtitles), ("other", report.other_streams)):
        for stream in streams:
            yield label, _stream_text(stream)
        if not streams:
            yield label, "none"
    chapters = "; ".join(f"{chapter['start_s']:.3f} s {chapter['title']}".rstrip() for chapter in report.chapters)
    yield "chapters", chapters or "none"
    if damage.decoding_failed:
        yield "decoding failed", damage.decoding_failed


def _pace(report: FileReport) -> str:
    timing = report.timing
    if timing.constant is None or timing.shortest_s is None or timing.longest_s is None:
        return "too few time stamps to tell whether constant"
    if timing.constant:
        return "constant"
    return f"variable ({timing.shortest_s * 1000:.1f} to {timing.longest_s * 1000:.1f} ms between frames)"


def _trim_text(trim: Trim) -> str:
    parts = []
    if trim.start_frames or trim.end_frames or trim.inside_frames:
        ends = [
            f"{frames} frames ({seconds:.3f} s) at the {where}"
            for frames, seconds, where in (
                (trim.start_frames, trim.start_s, "start"),
                (trim.end_frames, trim.end_s, "end"),
            )
            if frames
        ]
        inside = [f"{trim.inside_frames} frames between its parts"] if trim.inside_frames else []
        hidden = ", ".join(ends + inside)
        parts.append(f"an edit list hides {hidden} of the {trim.coded_frames} in the file")
    if trim.leading_frames:
        parts.append(
            f"cut within a group of pictures: {trim.leading_frames} frames ({trim.leading_s:.3f} s) before the first "
            "that can be decoded"
        )
    return "; ".join(parts) or "an edit list repeats frames"


def _damage_text(report: FileReport) -> str:
    damage = report.damage
    decoded = f"{damage.decoded_frames} frames decoded"
    decoded = f"all: {decoded}" if damage.whole else f"a sample: {decoded}, all with --every-frame"
    parts = [
        f"{damage.marked_packets} packets marked damaged in the file",
        f"{damage.undecodable_packets} packets not decodable, {damage.concealed_frames} frames concealed ({decoded})",
    ]
    if damage.broken_off:
        parts.append(f"the file breaks off: {damage.broken_off}")
    return "; ".join(parts)


def _stream_text(stream: dict[str, Any]) -> str:
    parts = [f"stream {stream['index']}: {stream['codec']}"]
    if "sample_rate" in stream:
        parts.append(f"{stream['sample_rate']} Hz, {stream['channels']} channels")
        if stream["duration_s"] is not None:
            parts.append(f"{stream['duration_s']:.3f} s")
    elif stream["kind"] != "subtitle":
        parts.append(stream["kind"])
    if stream["language"]:
        parts.append(stream["language"])
    return ", ".join(parts)


def _face_row(face: FaceReport) -> tuple[str, ...]:
    return (
        str(face.index),
        f"{face.x:.0f}, {face.y:.0f}",
        f"{face.width_px:.0f} px ({face.width_least_px:.0f} to {face.width_most_px:.0f})",
        f"{face.tilt_deg:+.0f} degrees",
        f"{face.turn_deg:+.0f} degrees ({face.turn_least_deg:+.0f} to {face.turn_most_deg:+.0f})",
        f"{face.frames} ({face.share:.0%})",
    )


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
