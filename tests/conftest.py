"""Meshes for every test: the canonical portrait's, found once, and made ones."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from lipblend import composite_job
from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, Landmarks
from lipblend.plan.frame_plan import FramePlan
from lipblend.runtime import child
from lipblend.runtime.native.scheduling import Scheduling, reschedule, scheduling_of
from tests.made import Shared
from tests.renders import row_of

# How long an example takes, and how fast examples are drawn, is the machine's affair.
settings.register_profile("lipblend", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lipblend")

SCHEDULED = pytest.StashKey[Scheduling | None]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that cost most first, so that no worker is left alone with one at the end."""
    costs: Counter[Path] = Counter()
    for item in items:
        mark = item.get_closest_marker("slow")
        if mark is not None:
            costs[item.path] += mark.args[0] if mark.args else 1
    items.sort(key=lambda item: -costs[item.path])


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """What a shell starts in the background or under nohup ignores SIGINT or SIGHUP; programs under test must not."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[SCHEDULED] = scheduling_of()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """No test leaves its thread scheduled otherwise: as a real-time one it would starve what runs beside it.

    Asked after the teardown of its fixtures: a test may pretend to run on another system, which has nothing of this.
    """
    yield
    before, after = item.stash[SCHEDULED], scheduling_of()
    if after != before:
        if before is not None:
            reschedule(0, before)
        pytest.fail(f"{before} became {after}", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def no_analyses_kept() -> None:
    """No test reads or fills the user's cache; those that are about it name a folder."""
    os.environ["LIPBLEND_CACHE"] = "off"


@pytest.fixture(scope="session")
def shared_material(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Clips and analyses that are made once a run."""
    return Shared(tmp_path_factory)


@pytest.fixture(autouse=True)
def first_pass_once(request: pytest.FixtureRequest, shared_material: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pass of `composite` in this process, and once for each pair of videos and its settings.

    A process of its own costs more than the short clips of most tests; those marked ``apart`` have it, as users do.
    """
    if request.node.get_closest_marker("apart") is None:
        monkeypatch.setattr(composite_job, "analyse_apart", shared_material.analysis)


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """(768, 768, 3) uint8 RGB: the NASA portrait of scikit-image, its face about 220 px wide."""
    from skimage import data

    return np.ascontiguousarray(cv2.resize(data.astronaut()[0:308, 70:378], (768, 768), interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope="session")
def face(portrait: np.ndarray) -> Landmarks:
    """The portrait's mesh."""
    from lipblend.faces.landmarker import FaceLandmarker
    from lipblend.faces.models import resolve_model

    with FaceLandmarker(resolve_model("face_landmarker"), max_faces=1, confidence=0.5) as landmarker:
        return Landmarks(landmarker.detect(portrait)[0])


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The child processes that a test starts; none is left at its end."""
    started: list[subprocess.Popen[bytes]] = []
    start = child._start

    def noted(*given: object) -> subprocess.Popen[bytes]:
        started.append(start(*given))  # type: ignore[arg-type]
        return started[-1]

    monkeypatch.setattr(child, "_start", noted)
    yield started
    assert all(process.returncode is not None for process in started), "a child process is left"


@pytest.fixture(scope="session")
def transformed() -> Callable[..., Landmarks]:
    """A mesh scaled, turned about a point, moved, or with the mouth opened downwards."""

    def apply(
        mesh: Landmarks,
        *,
        scale: float = 1.0,
        angle_rad: float = 0.0,
        shift: tuple[float, float] = (0.0, 0.0),
        jaw_px: float = 0.0,
    ) -> Landmarks:
        points = mesh.points.astype(np.float64)
        if jaw_px:
            below = np.clip((points - mesh.mouth_centre) @ mesh.y_axis / (0.3 * mesh.face_width_px), 0, 1)
            inner = np.zeros(len(points))
            inner[list(LIPS_INNER[11:])] = 1
            inner[list(LIPS_OUTER[11:])] = 1
            points = points + np.maximum(below, inner)[:, None] * mesh.y_axis * jaw_px
        turn = np.array([[np.cos(angle_rad), -np.sin(angle_rad)], [np.sin(angle_rad), np.cos(angle_rad)]])
        points = (points @ turn.T) * scale + shift
        return Landmarks(points.astype(np.float32))

    return apply


@pytest.fixture
def row(face: Landmarks, transformed: Callable[..., Landmarks]) -> FramePlan:
    """The portrait's mesh, and the same with the mouth opened, as a row of a plan."""
    return row_of(face, transformed(face, jaw_px=0.1 * face.face_width_px))


@pytest.fixture
def own_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder of the test's own, also for temporary files, and leave no films of image sequences in them."""
    monkeypatch.chdir(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield temporary
    assert not list(temporary.glob("lipblend-given-*"))
