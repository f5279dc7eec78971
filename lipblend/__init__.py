"""Blend a lip-synced mouth back into the original video without a visible seam.

The public Python API, in the order of its story. Everything is loaded when it is first used, so that
``import lipblend`` costs nothing.

====================================  ================================================================================
`composite`                           the whole job: two videos in, one out
`open_pair`, `Pair.analyse`           open the original and the synced video; track, align and measure them
`make_plan`                           what every output frame will use
`render_frame`, `compose`             one frame: the change, and the picture with the change
`evaluate`                            measure a finished result
`FrameBlender`, `blend_frame`         single frames as numpy arrays, in the place of a generator's own paste-back
`crop`, `paste_back`, `face_matrix`   a face crop of one frame as arrays, out to a generator and back
`crop_video`                          a steady crop of a whole video, with the record that brings it back
`given_videos`                        image sequences and standard input in the place of videos, for all of these
`Settings`, `resolve_settings`        how the picture is made; with presets and files
====================================  ================================================================================

    from pathlib import Path
    from lipblend import composite, resolve_settings

    settings = resolve_settings("natural").settings
    result = composite(Path("orig.mp4"), Path("synced.mp4"), Path("out.mp4"), settings=settings)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lipblend.analysis.clip_analysis import ClipAnalysis as ClipAnalysis
    from lipblend.composite_options import CompositeOptions as CompositeOptions
    from lipblend.composite_options import DebugOptions as DebugOptions
    from lipblend.composite_result import CompositeResult as CompositeResult
    from lipblend.compositing import composite as composite
    from lipblend.cropping.crop_arrays import crop as crop
    from lipblend.cropping.crop_arrays import face_matrix as face_matrix
    from lipblend.cropping.crop_arrays import paste_back as paste_back
    from lipblend.cropping.crop_job import crop_video as crop_video
    from lipblend.cropping.crop_options import CropOptions as CropOptions
    from lipblend.errors import LipblendError as LipblendError
    from lipblend.frame_blender import FrameBlender as FrameBlender
    from lipblend.frame_blender import blend_frame as blend_frame
    from lipblend.output.given_videos import given_videos as given_videos
    from lipblend.pair import Pair as Pair
    from lipblend.pair import open_pair as open_pair
    from lipblend.picture.picture import Picture as Picture
    from lipblend.plan.frame_plan import FramePlan as FramePlan
    from lipblend.plan.frame_plan import Plan as Plan
    from lipblend.plan.make_plan import make_plan as make_plan
    from lipblend.quality.evaluation.evaluate import EvaluateOptions as EvaluateOptions
    from lipblend.quality.evaluation.evaluate import evaluate as evaluate
    from lipblend.render.frame import FrameResult as FrameResult
    from lipblend.render.frame import compose as compose
    from lipblend.render.frame import render_frame as render_frame
    from lipblend.runtime.progress import Progress as Progress
    from lipblend.settings import Settings as Settings
    from lipblend.settings.frame_range import FrameRange as FrameRange
    from lipblend.settings.resolve import resolve_settings as resolve_settings
    from lipblend.stages.detail.restore import load_restorer as load_restorer
    from lipblend.video.video import Video as Video

_HOMES = {
    "ClipAnalysis": "lipblend.analysis.clip_analysis",
    "CompositeOptions": "lipblend.composite_options",
    "CompositeResult": "lipblend.composite_result",
    "CropOptions": "lipblend.cropping.crop_options",
    "DebugOptions": "lipblend.composite_options",
    "EvaluateOptions": "lipblend.quality.evaluation.evaluate",
    "FrameBlender": "lipblend.frame_blender",
    "FramePlan": "lipblend.plan.frame_plan",
    "FrameRange": "lipblend.settings.frame_range",
    "FrameResult": "lipblend.render.frame",
    "LipblendError": "lipblend.errors",
    "Pair": "lipblend.pair",
    "Picture": "lipblend.picture.picture",
    "Plan": "lipblend.plan.frame_plan",
    "Progress": "lipblend.runtime.progress",
    "Settings": "lipblend.settings",
    "Video": "lipblend.video.video",
    "blend_frame": "lipblend.frame_blender",
    "compose": "lipblend.render.frame",
    "composite": "lipblend.compositing",
    "crop": "lipblend.cropping.crop_arrays",
    "crop_video": "lipblend.cropping.crop_job",
    "evaluate": "lipblend.quality.evaluation.evaluate",
    "face_matrix": "lipblend.cropping.crop_arrays",
    "given_videos": "lipblend.output.given_videos",
    "load_restorer": "lipblend.stages.detail.restore",
    "make_plan": "lipblend.plan.make_plan",
    "open_pair": "lipblend.pair",
    "paste_back": "lipblend.cropping.crop_arrays",
    "render_frame": "lipblend.render.frame",
    "resolve_settings": "lipblend.settings.resolve",
}

__all__ = [
    "ClipAnalysis",
    "CompositeOptions",
    "CompositeResult",
    "CropOptions",
    "DebugOptions",
    "EvaluateOptions",
    "FrameBlender",
    "FramePlan",
    "FrameRange",
    "FrameResult",
    "LipblendError",
    "Pair",
    "Picture",
    "Plan",
    "Progress",
    "Settings",
    "Video",
    "__version__",
    "blend_frame",
    "compose",
    "composite",
    "crop",
    "crop_video",
    "evaluate",
    "face_matrix",
    "given_videos",
    "load_restorer",
    "make_plan",
    "open_pair",
    "paste_back",
    "render_frame",
    "resolve_settings",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        metadata = importlib.import_module("importlib.metadata")
        try:
            return metadata.version("lipblend")
        except metadata.PackageNotFoundError:
            raise AttributeError("lipblend is not installed: its version is unknown") from None
    if name not in _HOMES:
        raise AttributeError(f"module 'lipblend' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
