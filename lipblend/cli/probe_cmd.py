"""``lipblend probe``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, command_app, path_argument
from lipblend.cli.console import Console, table_text
from lipblend.cli.exits import handle_errors
from lipblend.cli.given_inputs import RateOption, takes_sequences
from lipblend.errors import LipblendError
from lipblend.runtime.stand_ins import as_given
from lipblend.settings import TrackSettings

if TYPE_CHECKING:
    from lipblend.faces.census import FaceReport
    from lipblend.probe_report import FileReport
    from lipblend.video.trimming import Trim

app = command_app()


@app.command("probe")
@handle_errors(stdout_required=True)
@takes_sequences("files")
def probe_command(
    files: Annotated[list[Path], path_argument("FILE...", "One or more video files.")],
    faces: Annotated[bool, typer.Option("--faces/--no-faces", help="Detect faces in sampled frames.")] = True,
    every_frame: Annotated[
        bool,
        typer.Option("--every-frame", help="Decode long videos completely, not just a sample, to count all damage."),
    ] = False,
    rate: RateOption = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show streams, colour, frame times, damage and faces of a video.

    Frames and time stamps are counted over the whole file; "container says" marks values from the container header.
    Short videos (up to 290 frames at 1920x1080) are decoded completely to count damage, longer ones are sampled. Faces
    are detected in about 24 frames. Positions are pixels of the upright picture. In a single-shot clip, the number of a
    face is the one that composite --face takes: counted from the left, starting at 0; faces seen only briefly come
    last. In a clip with several shots, --face counts anew in each shot.

    With several files, the JSON object holds their reports in "files". A file that cannot be read has an error in place
    of its report, and the exit code is that of the first such file.
    """
    from lipblend.faces.models import resolve_model
    from lipblend.probe_report import inspect_file

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
        except LipblendError as error:  # continue with the other files
            code = code or error.exit_code
            print(as_given(f"error: {error}"), file=sys.stderr)
            found.append({"path": str(file), "error": {"message": error.message, "hint": error.hint}})
        else:
            found.append(report.to_dict())
            if not as_json:
                console.say(("\n" if len(found) > 1 else "") + probe_text(report))
    if as_json:
        console.finish({"files": found}, "")
    if code:
        raise typer.Exit(code)


def probe_text(report: FileReport) -> str:
    """The report as a table, and a second table for the faces."""
    text = f"{report.path}\n{table_text(('', ''), list(_rows(report)))}"
    if report.faces is None:
        return f"{text}\n\nfaces were not detected (--no-faces)"
    if not report.faces:
        return f"{text}\n\nno face in {len(report.face_times_s)} sampled frames"
    head = ("face", "centre x, y", "width", "tilt", "turn", f"in {len(report.face_times_s)} sampled frames")
    return f"{text}\n\n{table_text(head, [_face_row(face) for face in report.faces])}"


def _rows(report: FileReport) -> Iterator[tuple[str, str]]:
    picture, timing, damage = report.picture, report.timing, report.damage
    yield "container", f"{report.container_name} ({report.container})"
    yield "video", f"stream {report.video_stream}: {' '.join(filter(None, [picture.codec, picture.profile]))}"
    size = f"{picture.width}x{picture.height} coded, {picture.shown_width}x{picture.shown_height} shown"
    rotation = f"rotation {picture.rotation} degrees counter-clockwise" if picture.rotation else "no rotation"
    yield "size", f"{size}; {rotation}; sample aspect {picture.sample_aspect or 'not given (1:1)'}"
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
    if report.record is not None:
        from lipblend.output.recorded_settings import describe_run

        yield "made by", describe_run(report.record)
    if report.record_note:
        yield "record", report.record_note
    if damage.decoding_failed:
        yield "decoding failed", damage.decoding_failed


def _pace(report: FileReport) -> str:
    timing = report.timing
    if timing.constant is None or timing.shortest_s is None or timing.longest_s is None:
        return "too few time stamps to tell whether it is constant"
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
        parts.append(f"an edit list hides {hidden} of the {trim.coded_frames} frames in the file")
    if trim.leading_frames:
        parts.append(
            f"cut inside a group of pictures: {trim.leading_frames} frames ({trim.leading_s:.3f} s) before the first "
            "decodable frame"
        )
    return "; ".join(parts) or "an edit list repeats frames"


def _damage_text(report: FileReport) -> str:
    damage = report.damage
    decoded = f"{damage.decoded_frames} frames decoded"
    decoded = f"all: {decoded}" if damage.whole else f"a sample: {decoded}; use --every-frame for all"
    parts = [
        f"{damage.marked_packets} packets marked as damaged in the file",
        f"{damage.undecodable_packets} undecodable packets, {damage.concealed_frames} frames concealed ({decoded})",
    ]
    if damage.broken_off:
        parts.append(f"the file is cut off: {damage.broken_off}")
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
