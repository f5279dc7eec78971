"""Material that several tests share: made once a run, whichever worker of pytest-xdist needs it first."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import pytest

from lipblend.analysis.cache import analyse_cached
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo

Note = TypeVar("Note")
_NOTE = "note.pickle"


class Shared:
    """A folder of things made, each under the digest of what it was made from; for one run of the tests.

    What lies in it is for reading only: a test that changes a file takes a copy.
    """

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        base = factory.getbasetemp()
        # The workers' folders lie in one of the run's.
        self._folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "shared"
        self._folder.mkdir(exist_ok=True)

    def folder(self, *key: object, make: Callable[[Path], Note]) -> tuple[Path, Note]:
        """The folder that `make` fills, and what it says of it; made now, if no worker has.

        Two workers may be at it together: then the first one's is taken, so that none has to wait.
        """
        place = self._folder / sha256(repr(key).encode()).hexdigest()[:16]
        if not place.is_dir():
            unfinished = Path(tempfile.mkdtemp(dir=self._folder))
            note = make(unfinished)
            (unfinished / _NOTE).write_bytes(pickle.dumps(note))
            try:
                unfinished.rename(place)
            except OSError:
                if not place.is_dir():
                    raise
                shutil.rmtree(unfinished)
        return place, pickle.loads((place / _NOTE).read_bytes())

    def sample(self, *, frames: int, size: int, seed: int = 1) -> SamplePair:
        """`lipblend.selfcheck.sample.make_sample`."""
        folder, pair = self.folder(
            "sample", frames, size, seed, make=lambda at: make_sample(at, frames=frames, size=size, seed=seed)
        )
        clips = {name: folder / getattr(pair, name).name for name in ("original", "synced", "truth")}
        return replace(pair, **clips)

    def analysis(
        self,
        original: VideoInfo,
        synced: VideoInfo,
        *,
        model: Path,
        settings: Settings,
        on_frame: Callable[[int], None],
        process: object = None,
    ) -> ClipAnalysis:
        """`lipblend.analysis.analyse.analyse`, by what is in the files; every frame is reported, as by that.

        A ``process`` that was started early is left alone.
        """
        told = []

        def tell(done: int) -> None:
            told.append(done)
            on_frame(done)

        cache = self._folder / "analyses"
        found = analyse_cached(original, synced, model=model, settings=settings, on_frame=tell, cache=cache)
        for done in () if told else range(1, len(found.times_s) + 1):
            on_frame(done)
        return found
