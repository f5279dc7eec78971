"""``lipblend composite``."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lipblend.cli.console import Console, composite_summary
from lipblend.cli.exits import guarded_maker
from lipblend.cli.outputs import check_folder, check_name, check_reports
from lipblend.cli.shared_options import (
    DEFAULT_PRESET,
    CacheOption,
    ConfigOption,
    JsonOption,
    ModelsOption,
    NoCacheOption,
    OriginalArgument,
    PresetOption,
    QuietOption,
    SetOption,
    SyncedArgument,
    chosen_cache,
    command_app,
    setting_flag,
)
from lipblend.cli.verdict import (
    GateOption,
    JunitOption,
    ReportOption,
    VideoOption,
    hold_gate,
    summary,
    verdict_dict,
    write_files,
)
from lipblend.errors import SettingsError
from lipblend.settings.presets import Flag, resolve_settings

app = command_app()


class DebugForm(enum.Enum):
    """What ``--debug-format`` may be."""

    png = "png"
    video = "video"


@app.command("composite")
@guarded_maker
def composite_command(
    original: OriginalArgument,
    synced: SyncedArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Result: .mp4, .m4v, .mov, .mkv or .webm.",
            show_default=False,
            readable=False,
        ),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite/--no-overwrite", help="Replace FILE if it exists, or stop with an error.")
    ] = True,
    preset: PresetOption = DEFAULT_PRESET,
    config: ConfigOption = None,
    assignments: SetOption = None,
    encoder: Annotated[str | None, setting_flag("encode.encoder", "--encoder", "NAME")] = None,
    crf: Annotated[float | None, setting_flag("encode.crf", "--crf", "NUMBER")] = None,
    encoder_preset: Annotated[str | None, setting_flag("encode.preset", "--encoder-preset", "NAME")] = None,
    audio: Annotated[str | None, setting_flag("audio.source", "--audio", "auto|original|synced|none|FILE")] = None,
    pair: Annotated[str | None, setting_flag("pair.method", "--pair")] = None,
    timeline: Annotated[str | None, setting_flag("pair.timeline", "--timeline")] = None,
    offset: Annotated[str | None, setting_flag("pair.offset_s", "--offset", "SECONDS|auto")] = None,
    tail: Annotated[str | None, setting_flag("pair.tail", "--tail")] = None,
    face: Annotated[str | None, setting_flag("track.face", "--face", "changed|largest|all|INDEX")] = None,
    no_face: Annotated[str | None, setting_flag("track.no_face", "--no-face")] = None,
    jobs: Annotated[
        str,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N|auto",
            help="Processes that render and encode, 1 to 64; auto: one for each processor that this run may use. The "
            "file is the same.",
        ),
    ] = "1",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep finished segments if stopped, in a hidden folder beside FILE, and go on from them."
        ),
    ] = False,
    frames: Annotated[
        str | None,
        typer.Option(
            "--frames",
            metavar="A:B",
            help="For a quick look: only frames A to B - 1 of the result; open, negative and too large ends as in "
            "Python. Also times: 2s:3.5s, :10s, 1m30s:, -2s:.",
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            metavar="LINES|FACTOR",
            help="For a quick look: a smaller picture (480, or 0.5) with a fast encoder preset.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop when a video is damaged. Sets read.strict.")] = False,
    models: ModelsOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    debug_dir: Annotated[
        Path | None,
        typer.Option(
            "--debug-dir",
            metavar="FOLDER",
            help="Write mask, alpha, seam ring and overlay of every frame there, and a table, frames.csv.",
            readable=False,
        ),
    ] = None,
    report: ReportOption = None,
    gate: GateOption = False,
    junit: JunitOption = None,
    video: VideoOption = True,
    run_tag: Annotated[
        str | None,
        typer.Option(
            "--run-tag", metavar="NAME", help="Write them into FOLDER/NAME, so that several runs can be kept."
        ),
    ] = None,
    debug_format: Annotated[
        DebugForm | None,
        typer.Option("--debug-format", help="Pictures of the blended region (png), or videos in step with the output."),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Blend the new mouth of a lip-synced video into the original.

    ORIGINAL is real footage; SYNCED is the same footage after a lip-sync generator. The result is ORIGINAL with only
    the new mouth taken over. It appears under its name, and replaces what was there, only when it is complete. Nothing
    is ever asked, so scripts do not hang.

    With --report, --gate or --junit the finished file is measured as `lipblend evaluate` does; a missed pass mark
    changes the exit code, not the file.
    """
    flags = {
        "encode.encoder": Flag("--encoder", encoder),
        "encode.crf": Flag("--crf", crf),
        "encode.preset": Flag("--encoder-preset", encoder_preset),
        "audio.source": Flag("--audio", audio),
        "pair.method": Flag("--pair", pair),
        "pair.timeline": Flag("--timeline", timeline),
        "pair.offset_s": Flag("--offset", offset),
        "pair.tail": Flag("--tail", tail),
        "track.face": Flag("--face", face),
        "track.no_face": Flag("--no-face", no_face),
        "read.strict": Flag("--strict", True if strict else None),
    }
    given = {key: flag for key, flag in flags.items() if flag.value is not None}
    resolved = resolve_settings(preset, config, assignments or (), flags=given)
    analyses = chosen_cache(cache, no_cache)
    check_name(output, original)
    inputs = {"original": original, "synced video": synced, **({"config file": config} if config is not None else {})}
    check_reports(report, junit, inputs=inputs, outputs=(output,), video=video)

    if debug_format is not None and debug_dir is None:
        raise SettingsError("--debug-format is of no use without --debug-dir", hint="Add --debug-dir FOLDER.")
    if run_tag is not None and debug_dir is None:
        raise SettingsError(
            "--run-tag names a folder in --debug-dir, which is not given", hint="Add --debug-dir FOLDER."
        )
    if debug_dir is not None:
        check_folder(debug_dir)

    from lipblend.analysis.early import process_if_new
    from lipblend.segments.run_options import CompositeOptions, DebugOptions, wanted_jobs
    from lipblend.segments.spans import FrameRange

    processes = wanted_jobs(jobs)
    debug = None
    if debug_dir is not None:
        debug = DebugOptions(debug_dir, run_tag, debug_format.value if debug_format is not None else "png")
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
        debug=debug,
        models=models,
        cache=analyses,
    )
    console = Console(quiet=quiet, as_json=as_json)
    with (
        process_if_new(analyses, (original, synced)) as process,
        console.progress() as on_progress,
        _told_of_segments(output, shown=resume and not quiet),
    ):
        from lipblend.compositing import composite  # while the process imports what it needs

        result = composite(
            original,
            synced,
            output,
            settings=resolved.settings,
            options=options,
            on_progress=on_progress,
            process=process,
        )
    evaluated = result.evaluation
    if evaluated is None:
        console.finish(result.to_dict(), composite_summary(result))
        return
    written = write_files(evaluated, folder=report, junit=junit, video=video, gated=gate)
    data = {**result.to_dict(), "evaluation": verdict_dict(evaluated.record, written)}
    console.finish(data, f"{composite_summary(result)}\n\n{summary(evaluated.record, written, gated=gate)}")
    if gate:
        hold_gate(evaluated.record, shown=not quiet and not as_json)


@contextmanager
def _told_of_segments(output: Path, *, shown: bool) -> Iterator[None]:
    """Where a run is stopped, say that its finished segments are kept."""
    from lipblend.segments.kept import segments_folder

    try:
        yield
    except SettingsError:
        raise  # with these options they are of no use
    except BaseException:
        folder = segments_folder(output)
        if shown and folder.is_dir():
            print(f"finished segments are kept in {folder}; the same command goes on from them", file=sys.stderr)
        raise
