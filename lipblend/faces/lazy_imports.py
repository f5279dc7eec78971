"""Lazy imports of modules that a library imports but lipblend never uses.

MediaPipe imports ``matplotlib.pyplot`` for drawing functions: 0.3 of its 0.8 s. The standard library's ``LazyLoader``
inserts a module that loads itself on first use.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType


class _LazyFinder:
    """Finds the named modules where Python would, with a lazy loader."""

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
def lazy_imports(*names: str) -> Iterator[None]:
    """Load the named modules on first use if they are imported within the with-block.

    Modules already imported stay as they are, and modules that are not installed still fail at once. A package is
    loaded as soon as one of its modules is imported, so name the innermost module. Modules not loaded by the end of the
    block are removed from ``sys.modules``: code that scans it, such as `inspect`, would load them, or fail to.
    """
    new = [name for name in names if name not in sys.modules]
    finder = _LazyFinder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in new:
            if type(sys.modules.get(name, sys)) is not ModuleType:
                del sys.modules[name]
