"""Image sequences and standard input as inputs of commands: each becomes a temporary video before the command runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from lipblend.cli.console import Console
from lipblend.output.given_videos import DEFAULT_RATE, videos_of
from lipblend.runtime.stand_ins import STDIN, is_pattern

P = ParamSpec("P")
R = TypeVar("R")


def _rate_option(name: str) -> Any:
    return typer.Option(
        name,
        metavar="FPS",
        help="Frame rate of inputs that are image sequences (%06d.png): 25, 23.976 or 24000/1001. Default: that of the "
        f"other video, else {DEFAULT_RATE}.",
        show_default=False,
    )


RateOption = Annotated[str | None, _rate_option("--rate")]
InputRateOption = Annotated[str | None, _rate_option("--input-rate")]
"""For a command whose ``--rate`` is that of its output."""


def takes_sequences(
    *names: str, rate: str = "rate", check: Callable[[Mapping[str, Any]], None] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a command: patterns of pictures and ``-`` among its inputs become temporary videos.

    If the command has a parameter ``crop``, the pictures of ``synced`` have the rate that this record tells.

    Parameters
    ----------
    *names : str
        Parameters that hold a path, a list of paths, or None.
    rate : str
        Another parameter (`RateOption`), which only this decorator uses.
    check : callable, optional
        Called with all parameters before pictures or standard input are read, if there are any: what is wrong with the
        outputs is said at once.
    """

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            given: dict[str, Any] = {name: kwargs[name] for name in names if kwargs.get(name) is not None}
            paths = [path for value in given.values() for path in (value if isinstance(value, list) else [value])]
            fps = kwargs.get(rate)
            console = Console(quiet=bool(kwargs.get("quiet")), as_json=bool(kwargs.get("as_json")))
            if check is not None and any(path == STDIN or is_pattern(path) for path in paths):
                check(kwargs)
            own = _crop_rates(kwargs.get("crop"), kwargs.get("synced"))
            with videos_of(paths, fps if isinstance(fps, str) else None, console.progress, own) as videos:
                for name, value in given.items():
                    kwargs[name] = [videos[each] for each in value] if isinstance(value, list) else videos[value]
                return command(*args, **kwargs)

        return run

    return decorate


def _crop_rates(record: object, synced: object) -> dict[Path, Fraction]:
    """The rate of a synced crop of pictures, by the record of the crop, if that tells it."""
    if not isinstance(record, Path) or not isinstance(synced, Path):
        return {}
    from lipblend.crops.read_places import rates_by_record

    return rates_by_record(record, synced)
