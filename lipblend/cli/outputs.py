"""Check output paths before any work."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lipblend.errors import OutputError, SettingsError
from lipblend.runtime.addresses import address_of


def check_output_name(output: Path, original: Path) -> None:
    """Refuse an output path that does not name a file.

    Raises
    ------
    OutputError
        It is an address, a folder, has no suffix, or is not a valid file name.
    """
    if address := address_of(output):
        hint = "Name a file and upload it afterwards; lipblend does not use the network."
        raise OutputError(f"{address} is an address, not a file", hint=hint)
    name = f"{original.stem}_lipblend.mp4" if original.stem else "out.mp4"
    refuse_stream(output, example=name)
    try:
        if output.is_dir():
            raise OutputError(f"{output} names a folder", hint=f"Give a file name such as {output / name}.")
        exists = output.exists()
    except OSError as error:
        raise OutputError(f"{output} cannot be an output file: {error.strerror or error}") from error
    if not output.suffix and not exists:
        hint = f"Give a file name such as {output}.mp4, or {output / name} for a file in that folder."
        raise OutputError(f"{output} has no suffix to select the container", hint=hint)


def refuse_stream(output: Path, *, example: str) -> None:
    """Refuse standard output (``-``), devices and pipes.

    Raises
    ------
    OutputError
    """
    hint = f"An output appears only when it is complete, so it must be a file. Give a name such as {example}."
    if str(output) == "-":
        raise OutputError("- is standard output, not a file", hint=hint)
    if os.path.exists(output) and not os.path.isfile(output) and not os.path.isdir(output):
        raise OutputError(f"{output} is a device, a pipe or a socket, not a file", hint=hint)


def check_reports(
    folder: Path | None,
    junit: Path | None,
    *,
    inputs: Mapping[str, Path],
    outputs: Sequence[Path] = (),
    video: bool = True,
) -> None:
    """Refuse report paths that would overwrite an input or the output, or that cannot be written.

    Raises
    ------
    OutputError
    SettingsError
        ``--no-video`` was given without ``--report``.
    """
    if folder is None and not video:
        raise SettingsError("--no-video was given without --report", hint="Add --report FOLDER.")
    from lipblend.runtime.output_paths import check_folder_writable, same_file

    files: list[Path] = []
    if folder is not None:
        from lipblend.quality.report.report_files import REPORT_FILES

        check_folder_writable(folder)
        files = [folder / name for name in REPORT_FILES]
    for file in [*files, *([junit] if junit is not None else [])]:
        for role, path in inputs.items():
            if same_file(file, path):
                raise OutputError(f"{file} is the {role} of this run", hint="Choose another path for the report.")
        if any(same_file(file, path) for path in outputs):
            raise OutputError(f"{file} is the output of this run", hint="Choose another path for the report.")
    if junit is not None:
        if junit.is_dir():
            raise OutputError(f"{junit} is a folder", hint=f"Give a file name such as {junit / 'report.xml'}.")
        parent = junit.parent
        if not parent.is_dir() and (folder is None or not same_file(parent, folder)):
            raise OutputError(f"the folder {parent} does not exist", hint="Create it, or choose another path.")
        if parent.is_dir():
            check_folder_writable(parent)
