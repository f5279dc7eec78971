"""The settings that the analysis reads. It does not depend on any other, so a cached one can be reused."""

from __future__ import annotations

from typing import Any

from lipblend.settings import Settings

ANALYSIS_KEYS = (
    "read.strict",
    "pair.method",
    "pair.timeline",
    "pair.offset_s",
    "pair.locate",
    "track.min_face_px",
    "track.max_faces",
    "track.confidence",
    "track.every_s",
    "track.search_every_s",
    "track.cuts",
    "track.cut_threshold",
    "track.carry_s",
    "track.stand_in",
    "occlusion.method",
    "occlusion.hands",
    "occlusion.hands_confidence",
    "occlusion.model",
    "occlusion.model_every",
    "occlusion.person",
    "mask.region_source",
    "colour.space",
    "colour.interpret",
)
"""The only settings that `lipblend.analysis.analyse.analyse` may read (``colour.space``: only if it is ``lab``)."""


def analysis_values(settings: Settings) -> tuple[tuple[str, Any], ...]:
    """Key and value of every setting that the analysis reads."""
    pairs = [(key, *key.split(".")) for key in ANALYSIS_KEYS]
    return tuple((key, getattr(getattr(settings, group), name)) for key, group, name in pairs)


def analysis_settings(settings: Settings) -> Settings:
    """The settings, with all that the analysis does not read reset to their defaults."""
    values: dict[str, dict[str, Any]] = {}
    for key, value in analysis_values(settings):
        group, _, name = key.partition(".")
        values.setdefault(group, {})[name] = value
    return Settings.model_validate(values)
