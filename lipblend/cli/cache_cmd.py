"""``lipblend cache``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipblend.cli.command_app import JsonOption, command_app
from lipblend.cli.console import Console
from lipblend.cli.exits import handle_errors
from lipblend.cli.shared_options import CacheOption, cache_folder
from lipblend.settings.amount_words import age_seconds, storage_bytes, storage_text

if TYPE_CHECKING:
    from lipblend.analysis.cache_folder import CacheState

app = command_app("Show, prune or clear the cache of analyses.")

MaxSizeOption = Annotated[
    str | None,
    typer.Option(
        "--max-size",
        metavar="SIZE",
        help="Size that may stay, such as 10G or 500M; 0 removes all (default: the limit that `lipblend cache info` "
        "shows).",
        show_default=False,
    ),
]
UnusedOption = Annotated[
    str | None,
    typer.Option(
        "--unused",
        metavar="AGE",
        help="Remove what was not used for longer, such as 30d, 12h or 2w (default: 60 days, as each run does).",
        show_default=False,
    ),
]


@app.command("info")
@handle_errors(stdout_required=True)
def info_command(cache: CacheOption = None, as_json: JsonOption = False) -> None:
    """Show the cache folder, how many analyses it holds, their size and its limit, and when they were used.

    The limit is 2 GB, or what the variable LIPBLEND_CACHE_SIZE says (10G). Every run that stores an analysis keeps it.
    """
    from lipblend.analysis.cache_folder import CacheFolder, CacheState, cache_limit

    folder, limit = cache_folder(cache, no_cache=False), cache_limit()
    state = CacheFolder(folder).state() if folder is not None else CacheState(0, 0)
    data = {
        "folder": _folder_text(folder), "entries": state.entries, "bytes": state.size_bytes, "max_bytes": limit,
        "oldest_use": _time_text(state.oldest_s), "newest_use": _time_text(state.newest_s),
    }  # fmt: skip
    lines = [
        f"folder     {folder or 'off'}",
        f"analyses   {state.entries}",
        f"size       {storage_text(state.size_bytes)} of {storage_text(limit)}",
    ]
    if state.entries:
        lines.append(f"last used  {data['oldest_use']} to {data['newest_use']}")
    Console(as_json=as_json).finish(data, "\n".join(lines))


@app.command("prune")
@handle_errors(stdout_required=False)
def prune_command(
    cache: CacheOption = None,
    max_size: MaxSizeOption = None,
    unused: UnusedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove old analyses, then the least recently used ones until the rest fits. Safe beside other runs."""
    from lipblend.analysis.cache_folder import MAX_UNUSED_S, CacheFolder, CacheState, cache_limit

    max_bytes = cache_limit() if max_size is None else storage_bytes(max_size, "--max-size")
    max_unused_s = MAX_UNUSED_S if unused is None else age_seconds(unused, "--unused")
    folder = cache_folder(cache, no_cache=False)
    removed = left = CacheState(0, 0)
    if folder is not None:
        removed = CacheFolder(folder).prune(max_bytes=max_bytes, max_unused_s=max_unused_s)
        left = CacheFolder(folder).state()
    data = _removed_data(folder, removed) | {
        "entries_left": left.entries, "bytes_left": left.size_bytes, "max_bytes": max_bytes,
    }  # fmt: skip
    text = f"{_removed_text(removed)}; {_count(left.entries)} left, {storage_text(left.size_bytes)}"
    Console(as_json=as_json).finish(data, text)


@app.command("clear")
@handle_errors(stdout_required=False)
def clear_command(cache: CacheOption = None, as_json: JsonOption = False) -> None:
    """Remove all analyses. Other files in the folder are kept."""
    from lipblend.analysis.cache_folder import CacheFolder, CacheState

    folder = cache_folder(cache, no_cache=False)
    removed = CacheFolder(folder).clear() if folder is not None else CacheState(0, 0)
    Console(as_json=as_json).finish(_removed_data(folder, removed), _removed_text(removed))


def _removed_data(folder: Path | None, removed: CacheState) -> dict[str, Any]:
    return {"folder": _folder_text(folder), "removed": removed.entries, "bytes": removed.size_bytes}


def _removed_text(removed: CacheState) -> str:
    return f"{_count(removed.entries)} removed, {storage_text(removed.size_bytes)}"


def _folder_text(folder: Path | None) -> str | None:
    return None if folder is None else str(folder)


def _time_text(used_s: float | None) -> str | None:
    """``2026-01-31T12:00:00Z``."""
    return None if used_s is None else datetime.fromtimestamp(used_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _count(entries: int) -> str:
    return f"{entries} {'analysis' if entries == 1 else 'analyses'}"
