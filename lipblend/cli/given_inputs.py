"""Image sequences and standard input as inputs of commands: each becomes a temporary video before the command runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from lipblend.cli.console import Console
from lipblend.output.given_videos import DEFAULT_RATE, videos_of

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


def takes_sequences(*names: str, rate: str = "rate") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a command: patterns of pictures and ``-`` among its inputs become temporary videos.

    Parameters
    ----------
    *names : str
        Parameters that hold a path, a list of paths, or None.
    rate : str
        Another parameter (`RateOption`), which only this decorator uses.
    """

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            given: dict[str, Any] = {name: kwargs[name] for name in names if kwargs.get(name) is not None}
            paths = [path for value in given.values() for path in (value if isinstance(value, list) else [value])]
            fps = kwargs.get(rate)
            console = Console(quiet=bool(kwargs.get("quiet")), as_json=bool(kwargs.get("as_json")))
            with videos_of(paths, fps if isinstance(fps, str) else None, console.progress) as videos:
                for name, value in given.items():
                    kwargs[name] = [videos[each] for each in value] if isinstance(value, list) else videos[value]
                return command(*args, **kwargs)

        return run

    return decorate
