"""The nodes: crop, composite, evaluate. Videos go through as files, never as a batch of frames in memory."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from comfy_api.latest import InputImpl, io, ui

import lipblend
from lipblend.cropping.crop_job import check_size
from lipblend.cropping.crop_profiles import PROFILES, profile_with
from lipblend.settings.catalogue import setting_specs
from lipblend.settings.presets import DEFAULT_PRESET, list_presets

from .video_files import one_clear_message, path_of, progress_bar, report_folder, work_folder

_LOG = logging.getLogger(__name__)
CATEGORY = "video/lipblend"
NO_PROFILE, OF_PROFILE = "none", "profile"
SOUNDS = ("auto", "original", "synced", "none")
CONTAINERS = ("mp4", "mov", "mkv")
CropRecord = io.Custom("LIPBLEND_CROP")
"""Path of the JSON record of a crop, str."""


class LipblendCrop(io.ComfyNode):
    """A steady square crop of a face, for a generator."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="LipblendCrop",
            display_name="Lipblend Crop",
            category=CATEGORY,
            description="Cut a steady square crop of a face out of a video, for a lip-sync generator.",
            inputs=[
                io.Video.Input("video", tooltip="The original footage."),
                io.Combo.Input(
                    "profile",
                    options=[NO_PROFILE, *PROFILES],
                    default=NO_PROFILE,
                    tooltip="Size, margin, rate and mode for a generator.",
                ),
                io.Int.Input(
                    "size", default=0, min=0, max=4096, step=8, tooltip="Side in pixels; 0: that of the profile."
                ),
                io.Float.Input(
                    "margin",
                    default=-1.0,
                    min=-1.0,
                    max=4.0,
                    step=0.05,
                    tooltip="Room on each side, in sizes of the face; below 0: that of the profile.",
                ),
                io.Combo.Input(
                    "mode",
                    options=[OF_PROFILE, "fixed", "follow", "aligned"],
                    default=OF_PROFILE,
                    tooltip="fixed: one box for each shot; follow: a box that follows the face; aligned: upright.",
                ),
                io.String.Input(
                    "rate", default=OF_PROFILE, tooltip="Frames per second (25, 30000/1001), original, or profile."
                ),
            ],
            outputs=[io.Video.Output(display_name="crop"), CropRecord.Output(display_name="record")],
        )

    @classmethod
    def execute(cls, video: Any, profile: str, size: int, margin: float, mode: str, rate: str) -> io.NodeOutput:
        """Write the crop and its record to the temporary folder."""
        with one_clear_message():
            chosen = profile_with(
                None if profile == NO_PROFILE else profile,
                size=size or None,
                margin=margin if margin >= 0 else None,
                mode=None if mode == OF_PROFILE else mode,
                rate=None if rate.strip() in ("", OF_PROFILE) else rate,
            )
            check_size(chosen.size)
            folder = work_folder()
            made = lipblend.crop_video(
                path_of(video, folder, "original"),
                folder / "crop.mp4",
                folder / "crop.json",
                options=lipblend.CropOptions(profile=chosen),
                on_progress=progress_bar(),
            )
        return io.NodeOutput(InputImpl.VideoFromFile(str(made.output)), str(made.record))


class LipblendComposite(io.ComfyNode):
    """The original with the mouth of the lip-synced video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs; presets and sound sources are those that lipblend has."""
        sound = setting_specs()["audio.source"]  # it may also be a path, which a node has no use for
        return io.Schema(
            node_id="LipblendComposite",
            display_name="Lipblend Composite",
            category=CATEGORY,
            description="Blend the mouth of a lip-synced video back into the original.",
            inputs=[
                io.Video.Input("original", tooltip="The real footage."),
                io.Video.Input("synced", tooltip="What the generator returned: the whole picture, or the crop."),
                io.Combo.Input("preset", options=[each.name for each in list_presets()], default=DEFAULT_PRESET),
                io.Combo.Input("audio", options=list(SOUNDS), default=sound.default, tooltip=sound.help),
                io.Combo.Input("container", options=list(CONTAINERS), default=CONTAINERS[0]),
                io.String.Input(
                    "settings",
                    multiline=True,
                    default="",
                    tooltip="Other settings, one key=value a line, as for --set; lines that start with # are left out.",
                ),
                CropRecord.Input("crop", optional=True, tooltip="If synced is a crop: the record of Lipblend Crop."),
                io.Video.Input("keep", optional=True, tooltip="Grey matte of what stays the original's; white stays."),
            ],
            outputs=[
                io.Video.Output(display_name="result"),
                io.String.Output(display_name="summary"),
                io.String.Output(display_name="path"),
            ],
        )

    @classmethod
    def execute(
        cls,
        original: Any,
        synced: Any,
        preset: str,
        audio: str,
        container: str,
        settings: str,
        crop: str | None = None,
        keep: Any = None,
    ) -> io.NodeOutput:
        """Write the result to the temporary folder; Save Video with format and codec `auto` copies it as it is."""
        with one_clear_message():
            flags = {} if audio == setting_specs()["audio.source"].default else {"audio.source": audio}
            resolved = lipblend.resolve_settings(preset, None, assignments(settings), flags=flags)
            folder = work_folder()
            made = lipblend.composite(
                path_of(original, folder, "original"),
                path_of(synced, folder, "synced"),
                folder / f"result.{container}",
                settings=resolved.settings,
                options=lipblend.CompositeOptions(
                    preset=preset,
                    crop=None if crop is None else Path(crop),
                    keep=None if keep is None else path_of(keep, folder, "keep"),
                ),
                on_progress=progress_bar(),
            )
        text = summary(made)
        _LOG.info("%s", text)  # also in the console: nothing may be connected to the summary
        return io.NodeOutput(InputImpl.VideoFromFile(str(made.output)), text, str(made.output))


class LipblendEvaluate(io.ComfyNode):
    """What a viewer may notice of a result."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="LipblendEvaluate",
            display_name="Lipblend Evaluate",
            category=CATEGORY,
            description="Measure a composite, and write a report to the output folder.",
            inputs=[
                io.Video.Input("original"),
                io.Video.Input("synced"),
                io.Video.Input("result", tooltip="From Lipblend Composite, or of any other tool."),
                CropRecord.Input("crop", optional=True, tooltip="If synced is a crop: the record of Lipblend Crop."),
            ],
            outputs=[
                io.String.Output(display_name="headline"),
                io.Float.Output(display_name="score"),
                io.String.Output(display_name="report folder"),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, original: Any, synced: Any, result: Any, crop: str | None = None) -> io.NodeOutput:
        """Measure; the score is 0 to 100, or NaN if the result shows nothing that could be judged."""
        from lipblend.quality.report import gate_text, write_report

        with one_clear_message():
            folder = work_folder()
            evaluated = lipblend.evaluate(
                path_of(original, folder, "original"),
                path_of(synced, folder, "synced"),
                path_of(result, folder, "result"),
                options=lipblend.EvaluateOptions(crop=None if crop is None else Path(crop)),
                on_progress=progress_bar(),
            )
            reports = report_folder()
            write_report(reports, evaluated)
            text = gate_text(evaluated.record, gated=False)
        found = evaluated.record.headline
        score = float("nan") if found is None else float(found.score)
        return io.NodeOutput(text, score, str(reports), ui=ui.PreviewText(text))


NODES = (LipblendCrop, LipblendComposite, LipblendEvaluate)


def assignments(text: str) -> list[str]:
    """The ``key=value`` lines of a text, without empty lines and those that start with ``#``."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def summary(made: lipblend.CompositeResult) -> str:
    """What was done, in lines: nothing that was skipped or done by a second-best method is left out."""
    lines = [f"{made.blended} of {made.frames} frames blended, {made.width} x {made.height}, sound: {made.audio}"]
    lines += [f"left as the original: {count} frames ({reason})" for reason, count in made.passed_through.items()]
    lines += [f"second-best method: {count} frames ({stage})" for stage, count in made.fallbacks.items()]
    if made.faults.broken:
        lines.append(f"broken synced frames: {made.faults.broken}, of these {made.faults.bridged} bridged")
    return "\n".join([*lines, *(f"note: {note}" for note in made.notes)])
