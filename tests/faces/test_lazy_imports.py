"""Imports that are put off until they are used."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from patience import HANG_S

from lipblend.faces.lazy_imports import lazy_imports


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose modules leave a file when they are loaded."""
    folder = tmp_path / "laterpackage"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for name in ("deep", "other"):
        (folder / f"{name}.py").write_text(
            f"from pathlib import Path\nPath(__file__).with_suffix('.loaded').touch()\nname = {name!r}\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("laterpackage")]:
        del sys.modules[name]


def test_only_what_is_named_loads_when_it_is_used(package: Path) -> None:
    before = list(sys.meta_path)
    with lazy_imports("laterpackage.deep"):
        deep = importlib.import_module("laterpackage.deep")
        other = importlib.import_module("laterpackage.other")
    assert sys.meta_path == before
    assert not (package / "deep.loaded").exists()
    assert (package / "other.loaded").exists()
    assert (deep.name, other.name) == ("deep", "other")
    assert (package / "deep.loaded").exists()


def test_what_is_not_loaded_is_seen_by_none_but_its_importer(package: Path) -> None:
    (package / "broken.py").write_text("raise OSError('a library is missing')\n")
    with lazy_imports("laterpackage.broken", "laterpackage.other"):
        broken = importlib.import_module("laterpackage.broken")
        assert importlib.import_module("laterpackage.other").name == "other"
    with lazy_imports("laterpackage.other"):
        pass
    inspect.getmodule(importlib)  # asks all of sys.modules for their files
    assert "laterpackage.broken" not in sys.modules
    assert "laterpackage.other" in sys.modules
    with pytest.raises(OSError, match="a library is missing"):
        print(broken.anything)


def test_nothing_is_left_in_place_after_a_failure(package: Path) -> None:
    before = list(sys.meta_path)
    with pytest.raises(ModuleNotFoundError, match="absent"), lazy_imports("laterpackage.absent"):
        importlib.import_module("laterpackage.absent")
    assert sys.meta_path == before
    importlib.import_module("laterpackage.deep")
    assert (package / "deep.loaded").exists()


@pytest.mark.slow
def test_a_landmarker_does_without_the_libraries_for_plots_and_sound() -> None:
    program = (
        "import sys, numpy\n"
        "from lipblend.faces.landmarker import FaceLandmarker\n"
        "from lipblend.faces.models import resolve_model\n"
        "with FaceLandmarker(resolve_model('face_landmarker'), max_faces=1, confidence=0.5) as found:\n"
        "    found.detect(numpy.zeros((32, 32, 3), numpy.uint8))\n"
        "print([name for name in ('matplotlib', '_sounddevice', 'ssl') if name in sys.modules])\n"
        "from mediapipe.tasks.python.vision import drawing_utils\n"
        "print(callable(drawing_utils.DrawingSpec))\n"
        "import matplotlib.pyplot as plot\n"
        "print(callable(plot.figure), 'matplotlib.figure' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["[]", "True", "True", "True"]
