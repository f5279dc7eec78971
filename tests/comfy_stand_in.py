"""A stand-in for the modules of ComfyUI that the node pack uses; only what the pack calls, with its argument names.

Written after the interface of ComfyUI (``comfy_api.latest``, ``comfy.utils``, ``folder_paths``), not copied from it.
Unknown arguments of a schema or an input are errors here, so that a misspelt one is found.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import pytest

PACK = Path(__file__).resolve().parents[1] / "integrations" / "comfyui"


@dataclass
class Slot:
    """An input or output of a schema."""

    kind: str
    id: str | None = None
    given: dict[str, Any] = field(default_factory=dict)


def type_named(kind: str, *allowed: str) -> Any:
    """A type with ``Input`` and ``Output``, which take these arguments besides those that all have."""

    def make(is_input: bool) -> Any:
        common = {"display_name", "tooltip"} | ({"optional", "default"} if is_input else set())

        def slot(id: str | None = None, **given: Any) -> Slot:
            unknown = set(given) - common - set(allowed)
            assert not unknown, f"{kind} has no {unknown}"
            assert id is not None or not is_input, f"an input of {kind} has no id"
            return Slot(kind, id, given)

        return staticmethod(slot)

    return type(kind, (), {"Input": make(True), "Output": make(False)})


@dataclass
class Schema:
    node_id: str
    display_name: str
    category: str
    inputs: list[Slot]
    outputs: list[Slot]
    description: str = ""
    is_output_node: bool = False


class NodeOutput:
    def __init__(self, *args: Any, ui: Any = None) -> None:
        self.args, self.ui = args, ui


class VideoFromFile:
    """A file or a buffer, or a part of one. As ComfyUI's own, `get_stream_source` knows nothing of the part."""

    def __init__(self, file: str | BytesIO, *, start_time: float = 0, duration: float = 0) -> None:
        self.file, self.start_time, self.duration = file, start_time, duration

    def get_stream_source(self) -> str | BytesIO:
        if isinstance(self.file, BytesIO):
            self.file.seek(0)
        return self.file

    def _stream(self, ask: Any) -> Any:
        with av.open(self.get_stream_source()) as container:
            return ask(container)

    def get_dimensions(self) -> tuple[int, int]:
        return self._stream(lambda container: (container.streams.video[0].width, container.streams.video[0].height))

    def get_duration(self) -> float:
        return self.duration or self._stream(lambda container: container.duration / av.time_base) - self.start_time

    def save_to(self, path: str) -> None:
        """Write the part, as ComfyUI does: encoded again."""
        with av.open(self.get_stream_source()) as source, av.open(path, "w") as target:
            video = source.streams.video[0]
            out = target.add_stream("libx264", rate=video.average_rate, options={"crf": "10"})
            out.width, out.height, out.pix_fmt = video.width, video.height, "yuv420p"
            for frame in source.decode(video):
                if self.start_time <= frame.time < self.start_time + self.get_duration() - 1e-6:
                    frame.pts = None
                    target.mux(out.encode(frame))
            target.mux(out.encode())


class ProgressBar:
    """Keeps what was shown; ``stop_at`` raises, as ComfyUI does when the user cancels."""

    shown: list[tuple[int, int | None]] = []  # noqa: RUF012
    stop_at: int | None = None

    def __init__(self, total: int) -> None:
        self.total = total

    def update_absolute(self, value: int, total: int | None = None) -> None:
        self.shown.append((value, total))
        if self.stop_at is not None and len(self.shown) >= self.stop_at:
            raise InterruptedError("cancelled")


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> ModuleType:
    """Put the stand-ins in the place of ComfyUI, its folders under ``folder``, and load the pack as ComfyUI does."""

    def module(name: str, **members: Any) -> ModuleType:
        made = ModuleType(name)
        made.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    numbers = ("min", "max", "step")
    io = ModuleType("io")
    io.__dict__.update(
        ComfyNode=object,
        Schema=Schema,
        NodeOutput=NodeOutput,
        Video=type_named("VIDEO"),
        Combo=type_named("COMBO", "options"),
        Int=type_named("INT", *numbers),
        Float=type_named("FLOAT", *numbers),
        String=type_named("STRING", "multiline"),
        Custom=type_named,
    )
    ui = ModuleType("ui")
    ui.__dict__.update(PreviewText=lambda text: {"text": (text,)})
    impl = ModuleType("InputImpl")
    impl.__dict__.update(VideoFromFile=VideoFromFile)
    latest = module("comfy_api.latest", io=io, ui=ui, InputImpl=impl, ComfyExtension=object)
    module("comfy_api", latest=latest)
    monkeypatch.setattr(ProgressBar, "shown", [])
    utils = module("comfy.utils", ProgressBar=ProgressBar)
    module("comfy", utils=utils)
    module(
        "folder_paths",
        get_temp_directory=lambda: str(folder / "temp"),
        get_output_directory=lambda: str(folder / "output"),
    )
    name = "lipblend_comfyui_pack"
    for part in (name, f"{name}.lipblend_nodes", f"{name}.video_files"):
        monkeypatch.delitem(sys.modules, part, raising=False)
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    assert spec is not None
    assert spec.loader is not None
    pack = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, pack)
    spec.loader.exec_module(pack)
    return pack
