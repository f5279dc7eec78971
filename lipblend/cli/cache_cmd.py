"""``lipblend cache``."""

from __future__ import annotations

from lipblend.cli.console import Console
from lipblend.cli.exits import guarded, guarded_maker
from lipblend.cli.shared_options import CacheOption, JsonOption, chosen_cache, command_app

app = command_app("Show or clear the analyses that are kept between two runs.")


@app.command("show")
@guarded
def show_command(cache: CacheOption = None, as_json: JsonOption = False) -> None:
    """Show the folder, how many analyses are in it, and how large they are together."""
    from lipblend.analysis.cache import AnalysisCache, CacheState

    folder = chosen_cache(cache, no_cache=False)
    state = AnalysisCache(folder).state() if folder is not None else CacheState(0, 0)
    data = {"folder": str(folder) if folder is not None else None, "entries": state.entries, "bytes": state.size_bytes}
    Console(as_json=as_json).finish(data, f"{_counted(state.entries)}, {_size(state.size_bytes)}  {folder or 'off'}")


@app.command("clear")
@guarded_maker
def clear_command(cache: CacheOption = None, as_json: JsonOption = False) -> None:
    """Remove all analyses. Other files in the folder are left alone."""
    from lipblend.analysis.cache import AnalysisCache, CacheState

    folder = chosen_cache(cache, no_cache=False)
    gone = AnalysisCache(folder).clear() if folder is not None else CacheState(0, 0)
    data = {"folder": str(folder) if folder is not None else None, "removed": gone.entries, "bytes": gone.size_bytes}
    Console(as_json=as_json).finish(data, f"{_counted(gone.entries)} removed, {_size(gone.size_bytes)}")


def _counted(entries: int) -> str:
    return f"{entries} {'analysis' if entries == 1 else 'analyses'}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
