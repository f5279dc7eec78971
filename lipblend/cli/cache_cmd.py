"""``lipblend cache``."""

from __future__ import annotations

from lipblend.cli.command_app import JsonOption, command_app
from lipblend.cli.console import Console
from lipblend.cli.exits import handle_errors
from lipblend.cli.shared_options import CacheOption, cache_folder

app = command_app("Show or clear the cache of analyses.")


@app.command("show")
@handle_errors(stdout_required=True)
def show_command(cache: CacheOption = None, as_json: JsonOption = False) -> None:
    """Show the cache folder, the number of analyses in it, and their size."""
    from lipblend.analysis.cache import AnalysisCache, CacheState

    folder = cache_folder(cache, no_cache=False)
    state = AnalysisCache(folder).state() if folder is not None else CacheState(0, 0)
    data = {"folder": str(folder) if folder is not None else None, "entries": state.entries, "bytes": state.size_bytes}
    Console(as_json=as_json).finish(data, f"{_count(state.entries)}, {_size(state.size_bytes)}  {folder or 'off'}")


@app.command("clear")
@handle_errors(stdout_required=False)
def clear_command(cache: CacheOption = None, as_json: JsonOption = False) -> None:
    """Remove all analyses. Other files in the folder are kept."""
    from lipblend.analysis.cache import AnalysisCache, CacheState

    folder = cache_folder(cache, no_cache=False)
    removed = AnalysisCache(folder).clear() if folder is not None else CacheState(0, 0)
    data = {
        "folder": str(folder) if folder is not None else None, "removed": removed.entries, "bytes": removed.size_bytes,
    }  # fmt: skip
    Console(as_json=as_json).finish(data, f"{_count(removed.entries)} removed, {_size(removed.size_bytes)}")


def _count(entries: int) -> str:
    return f"{entries} {'analysis' if entries == 1 else 'analyses'}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
