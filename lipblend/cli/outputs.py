"""What may be given as an output."""

from __future__ import annotations

from pathlib import Path

from lipblend.errors import OutputError


def check_name(output: Path, original: Path) -> None:
    """Refuse an output that names no file.

    Raises
    ------
    OutputError
        It is a folder, has no suffix, or is no name that this system can hold.
    """
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
