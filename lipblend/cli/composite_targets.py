"""What ``-o`` of `composite` and `crop` may name besides a video file: an image sequence, or standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lipblend.cli.console import Console
from lipblend.cli.outputs import check_output_name
from lipblend.cli.usage_hints import is_video_name
from lipblend.errors import OutputError, SettingsError
from lipblend.runtime.stand_ins import STDIN, as_given, check_folders_unnumbered, facts_of, is_pattern
from lipblend.runtime.standard_output import StreamForm, stream_path

if TYPE_CHECKING:
    from lipblend.composite_result import CompositeResult
    from lipblend.output.picture_sequence import SequenceOutput
    from lipblend.runtime.numbered_publishing import UnfinishedFolder

DepthOption = Annotated[
    int | None,
    typer.Option(
        "--depth",
        metavar="8|16",
        help="Bits of an image sequence (-o out/%06d.png). Default: 16 if the original has more than 8, else 8.",
        show_default=False,
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="nut|y4m",
        help="Format of a video on standard output (-o -). Default: nut.",
        show_default=False,
    ),
]

_FILM = "film.mkv"
_LOSSLESS, _RAW = "ffv1", "rawvideo"
_FORMS = ("nut", "y4m")
_DEPTHS = (8, 16)
_NEED_FILE = ("resume", "report", "gate", "junit")
"""Parameters of commands that need a video file."""
_ENCODING = {
    "encoder": "encode.encoder", "crf": "encode.crf", "encoder_preset": "encode.preset", "audio": "audio.source",
}  # fmt: skip
"""Settings by the parameter of their flag."""


@dataclass(frozen=True)
class SpecialOutput:
    """How ``-o`` was given, checked against the options beside it.

    Attributes
    ----------
    given : Path
        As given.
    form : str or None
        Container on standard output; None for others.
    depth : int or None
        Of an image sequence, as given.
    """

    given: Path
    form: StreamForm | None = None
    depth: int | None = None

    @property
    def is_stream(self) -> bool:
        """Whether it is standard output."""
        return self.form is not None

    @property
    def is_sequence(self) -> bool:
        """Whether it is an image sequence."""
        return self.form is None and is_pattern(self.given)

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The settings given by flags, and those that this output needs.

        Raises
        ------
        SettingsError
            They contradict each other.
        """
        if not self.is_stream and not self.is_sequence:
            return dict(given)
        if self.form == "nut":
            return {"encode.encoder": _LOSSLESS, **given}
        what = "an image sequence" if self.is_sequence else "y4m"
        if given.get("audio.source", "none") != "none":
            raise SettingsError(f"{what} cannot hold sound", hint="Leave out --audio, or write a video.")
        for key, flag in (
            ("encode.encoder", "--encoder"),
            ("encode.crf", "--crf"),
            ("encode.preset", "--encoder-preset"),
        ):
            if key in given:
                raise SettingsError(f"{flag} does not apply to {what}: it is lossless", hint=f"Leave out {flag}.")
        return {**given, "encode.encoder": _LOSSLESS if self.is_sequence else _RAW, "audio.source": "none"}


def special_output(
    output: Path, *, form: str | None, depth: int | None, excluded: Mapping[str, object], as_json: bool
) -> SpecialOutput:
    """Check ``-o`` with the options that only some outputs take.

    Parameters
    ----------
    output : Path
    form, depth : str, int or None
        Values of ``--format`` and ``--depth``.
    excluded : mapping of str to object
        Options that need a video file at the end, by name; true if given.
    as_json : bool
        Whether ``--json`` was given.

    Raises
    ------
    SettingsError
    OutputError
        Standard output is a terminal; it is a single picture; a folder is named by a pattern.
    """
    check_folders_unnumbered(output, OutputError)
    is_stream, is_sequence = output == STDIN, is_pattern(output)
    if form is not None and not is_stream:
        raise SettingsError("--format was given, but the output is not standard output (-o -)", hint="Leave it out.")
    if form is not None and form not in _FORMS:
        raise SettingsError(f"--format {form} is not allowed", hint=f"Use {' or '.join(_FORMS)}.")
    if depth is not None and (not is_sequence or output.suffix.lower() == ".exr"):
        raise SettingsError(
            "--depth was given, but the output is no sequence of PNG or TIFF pictures", hint="Leave it out."
        )
    if depth is not None and depth not in _DEPTHS:
        raise SettingsError(f"--depth {depth} is not allowed", hint="Use 8 or 16.")
    if not is_stream and not is_sequence:
        _check_no_picture(output)
        return SpecialOutput(output)
    what = "standard output" if is_stream else "an image sequence"
    if refused := next((name for name, value in excluded.items() if value), None):
        raise SettingsError(
            f"{refused} cannot be used with {what}", hint=f"Leave out {refused}, or write a video file."
        )
    if is_sequence:
        return SpecialOutput(output, depth=depth)
    if as_json:
        raise SettingsError("--json cannot be used with standard output: the video goes there", hint="Leave it out.")
    if sys.stdout is not None and sys.stdout.isatty():
        raise OutputError("standard output is a terminal", hint="Pipe the video into a command, or name a file.")
    return SpecialOutput(output, cast(StreamForm, form or "nut"))


def check_before_reading(given: Mapping[str, Any]) -> None:
    """Check the output of a command before its pictures or standard input are read.

    Parameters
    ----------
    given : mapping of str to Any
        The command's parameters: ``output``, ``original``, perhaps ``synced``, ``overwrite``, ``depth`` ...

    Raises
    ------
    SettingsError, OutputError
        See `special_output`, `lipblend.cli.outputs.check_output_name` and what checks files and sequences.
    """
    excluded = {f"--{name}": given.get(name) for name in _NEED_FILE}
    form, depth, as_json = given["stream_format"], given["depth"], given["as_json"]
    target = special_output(given["output"], form=form, depth=depth, excluded=excluded, as_json=as_json)
    target.settings({key: given[name] for name, key in _ENCODING.items() if given.get(name) is not None})
    if target.is_stream:
        return
    check_output_name(target.given, given["original"])
    from lipblend.output.encoders import container_format
    from lipblend.output.picture_sequence import SequenceOutput
    from lipblend.runtime.output_paths import check_file_writable

    sources = [given[name] for name in ("original", "synced") if name in given]
    if target.is_sequence:
        SequenceOutput(target.given, 8, given["overwrite"]).check(sources)
    else:
        container_format(target.given)
        check_file_writable(target.given, inputs=sources, overwrite=given["overwrite"])


def _check_no_picture(output: Path) -> None:
    if is_video_name(output.name) or not output.suffix:
        return
    from lipblend.output.picture_sequence import SUFFIXES

    if output.suffix.lower() in SUFFIXES:
        raise OutputError(
            f"{output} names one picture, and each frame needs its own",
            hint=f"Number them, such as {output.with_suffix('') / f'%06d{output.suffix}'}; or name a video.",
        )


@contextmanager
def opened(
    target: SpecialOutput, sources: Sequence[Path], originally: Path, *, overwrite: bool
) -> Iterator[tuple[Path, Finish]]:
    """The path that the run writes to, and what finishes its output.

    Parameters
    ----------
    target : SpecialOutput
    sources : sequence of Path
        The original and the synced video, as they are read.
    originally : Path
        The original, as it is read.
    overwrite : bool

    Raises
    ------
    OutputError
        See `lipblend.output.picture_sequence.SequenceOutput.check`.
    """
    if target.form is not None:
        yield stream_path(target.form), Finish(target)
    elif not target.is_sequence:
        yield target.given, Finish(target)
    else:
        from lipblend.output.picture_sequence import SequenceOutput, picture_bits

        sequence = SequenceOutput(target.given, picture_bits(target.given, target.depth, originally), overwrite)
        sequence.check([Path(as_given(str(path))) for path in sources])
        facts = facts_of(originally)
        with sequence.unfinished() as folder:
            yield folder.path / _FILM, Finish(target, sequence, folder, None if facts is None else facts.first)


@dataclass(frozen=True)
class Finish:
    """The end of a run: an image sequence is written from the film that the run made.

    Attributes
    ----------
    target : SpecialOutput
    sequence, folder : optional
        The sequence, and the hidden folder that holds the film.
    first : int or None
        Number of the original's first picture, if it is a sequence.
    """

    target: SpecialOutput
    sequence: SequenceOutput | None = None
    folder: UnfinishedFolder | None = None
    first: int | None = None

    def __call__(self, result: CompositeResult, console: Console, *, part: bool) -> CompositeResult:
        """Finish the output; returns the result with its name, and with notes.

        Parameters
        ----------
        result : CompositeResult
        console : Console
        part : bool
            Whether only a part of the frames was rendered.

        Raises
        ------
        OutputError
            A picture cannot be written.
        """
        from lipblend.runtime.progress import Progress

        notes = list(result.notes)
        if self.target.form == "y4m" or self.target.is_sequence:
            notes.append(f"{'y4m' if self.target.is_stream else 'an image sequence'} holds no sound, subtitles or tags")
        if self.sequence is not None and self.folder is not None:
            own = self.first is not None and result.timeline == "original" and not part
            first = self.first if own and self.first is not None else 1
            with console.progress() as show:
                notes += self.sequence.write(
                    result.output,
                    self.folder,
                    first,
                    lambda done: show(Progress("write pictures", done, result.frames)),
                )
        return replace(result, output=self.target.given, notes=tuple(notes))
