"""Imports put off until they are used, for what a library imports and we never need.

MediaPipe imports ``matplotlib.pyplot`` for drawings that nobody asks for: 0.3 of its 0.8 s. The standard library's
``LazyLoader`` puts a module in place that loads itself when something of it is used.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Finder:
    """Finds the named modules where Python would, and makes them load later."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._names:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@contextmanager
def put_off(*names: str) -> Iterator[None]:
    """Modules of these names that are imported within the with-block are loaded when first used.

    A module that is imported already stays as it is, one that is not installed is missing at once. Packages are loaded
    as soon as a module of theirs is, so name what lies deepest. Only those who imported them hold what is not loaded at
    the end: whoever looks through ``sys.modules``, as `inspect` does, would load them, or fail to.
    """
    new = [name for name in names if name not in sys.modules]
    finder = _Finder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in new:
            if type(sys.modules.get(name, sys)) is not ModuleType:
                del sys.modules[name]
