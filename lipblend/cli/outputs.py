"""What may be given as an output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lipblend.errors import OutputError, SettingsError
from lipblend.runtime.addresses import address_of


def check_name(output: Path, original: Path) -> None:
    """Refuse an output that names no file.

    Raises
    ------
    OutputError
        It is a folder, has no suffix, or is no name that this system can hold.
    """
    if address := address_of(output):
        hint = "Name a file, and upload it when it is done: lipblend never uses the network."
        raise OutputError(f"{address} is an address, not a file", hint=hint)
    name = f"{original.stem}_lipblend.mp4" if original.stem else "out.mp4"
    try:
        if output.is_dir():
            raise OutputError(f"{output} names a folder", hint=f"Give a file name such as {output / name}.")
        exists = output.exists()
    except OSError as error:
        raise OutputError(f"{output} cannot be an output: {error.strerror or error}") from error
    if not output.suffix and not exists:
        hint = f"Give a file name such as {output}.mp4, or {output / name} for a file in that folder."
        raise OutputError(f"{output} has no suffix, which would name the container", hint=hint)


def check_reports(
    folder: Path | None,
    junit: Path | None,
    *,
    inputs: Mapping[str, Path],
    outputs: Sequence[Path] = (),
    video: bool = True,
) -> None:
    """Refuse places for a report that would cost an input or an output, or that cannot be written, before any work.

    Raises
    ------
    OutputError
    SettingsError
        A report is to be without its video, and none is asked for.
    """
    if folder is None and not video:
        raise SettingsError("--no-video is of no use without --report", hint="Add --report FOLDER.")
    files: list[Path] = []
    if folder is not None:
        from lipblend.quality.report.report_files import REPORT_FILES

        check_folder(folder)
        files = [folder / name for name in REPORT_FILES]
    for file in [*files, *([junit] if junit is not None else [])]:
        for role, path in inputs.items():
            if _same(file, path):
                raise OutputError(f"{file} is the {role} of this run", hint="Give the report another name.")
        if any(_same(file, path) for path in outputs):
            raise OutputError(f"{file} is the output of this run", hint="Give the report another name.")
    if junit is not None:
        if junit.is_dir():
            raise OutputError(f"{junit} is a folder", hint=f"Give a file name such as {junit / 'report.xml'}.")
        parent = junit.parent
        if not parent.is_dir() and (folder is None or not _same(parent, folder)):
            raise OutputError(f"the folder {parent} does not exist", hint="Create it first.")
        if parent.is_dir():
            from lipblend.runtime.places import check_place

            check_place(parent)


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made or written into, before any work.

    Raises
    ------
    OutputError
    """
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise OutputError(f"{folder} cannot be a folder: {existing} is a file", hint="Name another folder.")
    from lipblend.runtime.places import check_place

    check_place(folder)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))
