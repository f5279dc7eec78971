"""``lipblend composite``."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import (
    JsonOption,
    ModelsOption,
    OverwriteOption,
    QuietOption,
    command_app,
    output_option,
    path_option,
)
from lipblend.cli.composite_targets import DepthOption, FormatOption, check_before_reading, opened, special_output
from lipblend.cli.console import Console, composite_summary
from lipblend.cli.exits import handle_errors
from lipblend.cli.given_inputs import RateOption, takes_sequences
from lipblend.cli.outputs import check_output_name, check_reports
from lipblend.cli.shared_options import (
    CacheOption,
    ConfigOption,
    CropOption,
    FaceOption,
    KeepOption,
    LayersOption,
    MatteOption,
    NoCacheOption,
    OriginalArgument,
    PresetOption,
    RangesOption,
    SetOption,
    SyncedArgument,
    cache_folder,
    setting_flag,
)
from lipblend.cli.verdict import (
    GateOption,
    JunitOption,
    ReportOption,
    VideoOption,
    enforce_gate,
    summary,
)
from lipblend.errors import SettingsError
from lipblend.settings.presets import DEFAULT_PRESET
from lipblend.settings.resolve import resolve_settings

if TYPE_CHECKING:
    from lipblend.composite_options import DebugOptions
    from lipblend.composite_result import CompositeResult

app = command_app()


class DebugForm(enum.Enum):
    """Values of ``--debug-format`` and ``--layers-format``."""

    png = "png"
    video = "video"


@app.command("composite")
@handle_errors(stdout_required=False)
@takes_sequences("original", "synced", check=check_before_reading)
def composite_command(
    original: OriginalArgument,
    synced: SyncedArgument,
    output: Annotated[
        Path, output_option("FILE", "Output: .mp4, .m4v, .mov, .mkv or .webm, pictures (out/%06d.png), or - (stdout).")
    ],
    overwrite: OverwriteOption = True,
    preset: PresetOption = DEFAULT_PRESET,
    config: ConfigOption = None,
    assignments: SetOption = None,
    encoder: Annotated[str | None, setting_flag("encode.encoder", "NAME")] = None,
    crf: Annotated[float | None, setting_flag("encode.crf", "NUMBER")] = None,
    encoder_preset: Annotated[str | None, setting_flag("encode.preset", "NAME")] = None,
    audio: Annotated[str | None, setting_flag("audio.source", "auto|original|synced|none|FILE")] = None,
    pair: Annotated[str | None, setting_flag("pair.method")] = None,
    timeline: Annotated[str | None, setting_flag("pair.timeline")] = None,
    offset: Annotated[str | None, setting_flag("pair.offset_s", "SECONDS|auto")] = None,
    tail: Annotated[str | None, setting_flag("pair.tail")] = None,
    face: FaceOption = None,
    ranges: RangesOption = None,
    no_face: Annotated[str | None, setting_flag("track.no_face")] = None,
    faults: Annotated[str | None, setting_flag("faults.action")] = None,
    occlusion: Annotated[str | None, setting_flag("occlusion.method")] = None,
    keep: KeepOption = None,
    matte: MatteOption = None,
    crop: CropOption = None,
    jobs: Annotated[
        str,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N|auto",
            help="Number of rendering and encoding processes, 1 to 64; auto: one per available processor. The output "
            "does not depend on it.",
        ),
    ] = "1",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep finished segments in a hidden folder beside FILE; rerun the same command to resume."
        ),
    ] = False,
    frames: Annotated[
        str | None,
        typer.Option(
            "--frames",
            metavar="A:B",
            help="For a quick look: render only frames A to B - 1 of the result, as in Python slices. Times also work: "
            "2s:3.5s, :10s, 1m30s:, -2s:.",
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            metavar="LINES|FACTOR",
            help="For a quick look: a smaller picture (480 lines, or factor 0.5) with a fast encoder preset.",
        ),
    ] = None,
    locate: Annotated[
        bool, typer.Option("--locate", help="SYNCED is a face crop that moves: find its place in each frame.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop on a damaged video. Sets read.strict.")] = False,
    record: Annotated[
        bool,
        typer.Option(
            "--record/--no-record",
            help="Write into the tag `comment` of FILE which settings made it, and digests of both videos. `evaluate` "
            "and `preview` read it.",
        ),
    ] = True,
    rate: RateOption = None,
    depth: DepthOption = None,
    stream_format: FormatOption = None,
    models: ModelsOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    debug_dir: Annotated[
        Path | None,
        path_option(
            "--debug-dir",
            "FOLDER",
            "Write mask, alpha, seam ring and overlay of every frame to this folder, and a table, frames.csv.",
        ),
    ] = None,
    report: ReportOption = None,
    gate: GateOption = False,
    junit: JunitOption = None,
    video: VideoOption = True,
    run_tag: Annotated[
        str | None,
        typer.Option(
            "--run-tag", metavar="NAME", help="Write the --debug-dir files to FOLDER/NAME, to keep several runs."
        ),
    ] = None,
    debug_format: Annotated[
        DebugForm | None,
        typer.Option(
            "--debug-format", help="png: pictures of the blended region; video: videos in sync with the output."
        ),
    ] = None,
    layers: LayersOption = None,
    layers_format: Annotated[
        DebugForm | None,
        typer.Option("--layers-format", help="Mattes of --layers. video: FFV1, 8 bits; png: 16-bit pictures."),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Blend the mouth of a lip-synced video into the original.

    ORIGINAL is the real footage; SYNCED is the same footage after a lip-sync generator. The result is ORIGINAL with
    only the mouth of SYNCED. FILE is created or replaced only when the result is complete. The command never prompts.

    With --report, --gate or --junit the finished file is measured as by `lipblend evaluate`. A missed pass mark changes
    the exit code, not the file.
    """
    flags = {
        "encode.encoder": encoder, "encode.crf": crf, "encode.preset": encoder_preset, "audio.source": audio,
        "pair.method": pair, "pair.timeline": timeline, "pair.offset_s": offset, "pair.tail": tail,
        "track.face": face, "track.ranges": ranges, "track.no_face": no_face, "faults.action": faults,
        "occlusion.method": occlusion, "read.strict": strict or None, "pair.locate": locate or None,
    }  # fmt: skip
    given = {key: value for key, value in flags.items() if value is not None}
    needs_file = {"--resume": resume, "--report": report, "--gate": gate, "--junit": junit}
    target = special_output(output, form=stream_format, depth=depth, excluded=needs_file, as_json=as_json)
    resolved = resolve_settings(preset, config, assignments or (), flags=target.settings(given))
    analyses = cache_folder(cache, no_cache)
    if not target.is_stream:
        check_output_name(output, original)
    optional = {"config file": config, "matte": keep, "matte of the mouth": matte, "crop record": crop}
    inputs = {"original": original, "synced video": synced}
    inputs |= {role: path for role, path in optional.items() if path is not None}
    check_reports(report, junit, inputs=inputs, outputs=(output,), video=video)
    _check_debug(debug_dir, run_tag, debug_format)
    if layers is None and layers_format is not None:
        raise SettingsError("--layers-format was given without --layers", hint="Add --layers FOLDER.")

    from lipblend.analysis.early import early_process
    from lipblend.composite_options import CompositeOptions, LayersOptions, parse_jobs
    from lipblend.settings.frame_range import FrameRange

    processes = parse_jobs(jobs)
    part = FrameRange.parse(frames) if frames is not None else None
    size = None
    if proxy is not None:
        from lipblend.segments.proxy_size import ProxySize

        size = ProxySize.parse(proxy)
    options = CompositeOptions(
        overwrite=overwrite,
        jobs=processes,
        resume=resume,
        frames=part,
        proxy=size,
        measure=gate or report is not None or junit is not None,
        record=record,
        preset=preset,
        keep=keep,
        matte=matte,
        crop=crop,
        layers=None if layers is None else LayersOptions(layers, (layers_format or DebugForm.video).value),
        debug=_debug_options(debug_dir, run_tag, debug_format),
        models=models,
        cache=analyses,
    )
    console = Console(quiet=quiet, as_json=as_json, on_stderr=target.is_stream)
    with (
        opened(target, (original, synced), original, overwrite=overwrite) as (path, finish),
        early_process(analyses, (original, synced)) as process,
        console.progress() as on_progress,
        _announcing_kept_segments(output, shown=resume and not quiet),
    ):
        from lipblend.compositing import composite  # while the process imports what it needs

        result = composite(
            original,
            synced,
            path,
            settings=resolved.settings,
            options=options,
            on_progress=on_progress,
            process=process,
        )
        result = finish(result, console, part=part is not None)
    _show(result, console, report=report, junit=junit, video=video, gate=gate)


def _show(
    result: CompositeResult, console: Console, *, report: Path | None, junit: Path | None, video: bool, gate: bool
) -> None:
    """Print the result, write the reports, and enforce the gate."""
    evaluated = result.evaluation
    if evaluated is None:
        console.finish(result.to_dict(), composite_summary(result))
        return
    from lipblend.quality.report.verdict_files import verdict_dict, write_files

    written = write_files(evaluated, folder=report, junit=junit, video=video, gated=gate)
    data = {**result.to_dict(), "evaluation": verdict_dict(evaluated.record, written)}
    console.finish(data, f"{composite_summary(result)}\n\n{summary(evaluated.record, written, gated=gate)}")
    if gate:
        enforce_gate(evaluated.record, shown=not console.quiet and not console.as_json)


def _check_debug(folder: Path | None, run_tag: str | None, form: DebugForm | None) -> None:
    for option, value in (("--debug-format", form), ("--run-tag", run_tag)):
        if value is not None and folder is None:
            raise SettingsError(f"{option} was given without --debug-dir", hint="Add --debug-dir FOLDER.")
    if folder is not None:
        from lipblend.runtime.output_paths import check_folder_writable

        check_folder_writable(folder)


def _debug_options(folder: Path | None, run_tag: str | None, form: DebugForm | None) -> DebugOptions | None:
    from lipblend.composite_options import DebugOptions

    return None if folder is None else DebugOptions(folder, run_tag, (form or DebugForm.png).value)


@contextmanager
def _announcing_kept_segments(output: Path, *, shown: bool) -> Iterator[None]:
    """If the run stops, print where its finished segments are kept."""
    from lipblend.segments.kept_segments import segments_folder

    try:
        yield
    except SettingsError:
        raise  # the segments cannot be used with these options
    except BaseException:
        folder = segments_folder(output)
        if shown and folder.is_dir():
            text = f"finished segments are kept in {folder}; rerun the same command to resume"
            print(text, file=sys.stderr)
        raise
