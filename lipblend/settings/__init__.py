"""All settings: name, type, default, unit, range and help text, each defined once.

Command-line help, ``lipblend config show``, ``docs/settings.md`` and the validation of YAML files are generated from
these models. No default is repeated elsewhere in the package.

Names end in their unit: ``_px`` pixels, ``_frac`` fraction of the face width (mesh points 234 to 454), ``_s`` seconds.
"""

from __future__ import annotations

from lipblend.settings.base import Group
from lipblend.settings.clip_groups import (
    AudioSettings,
    EncodeSettings,
    FaultSettings,
    GateSettings,
    PairSettings,
    ReadSettings,
    SmoothSettings,
    TrackSettings,
)
from lipblend.settings.occlusion_group import OcclusionSettings
from lipblend.settings.picture_groups import (
    AlignSettings,
    AlphaSettings,
    BlendSettings,
    ColourSettings,
    DetailSettings,
    FootprintSettings,
    MaskSettings,
    RegionName,
    RestoreSettings,
    ReuseSettings,
    ShapeName,
)

__all__ = [
    "AlignSettings",
    "AlphaSettings",
    "AudioSettings",
    "BlendSettings",
    "ColourSettings",
    "DetailSettings",
    "EncodeSettings",
    "FaultSettings",
    "FootprintSettings",
    "GateSettings",
    "Group",
    "MaskSettings",
    "OcclusionSettings",
    "PairSettings",
    "ReadSettings",
    "RegionName",
    "RestoreSettings",
    "ReuseSettings",
    "Settings",
    "ShapeName",
    "SmoothSettings",
    "TrackSettings",
]


class Settings(Group):
    """All settings of a run."""

    read: ReadSettings = ReadSettings()
    pair: PairSettings = PairSettings()
    track: TrackSettings = TrackSettings()
    faults: FaultSettings = FaultSettings()
    occlusion: OcclusionSettings = OcclusionSettings()
    smooth: SmoothSettings = SmoothSettings()
    mask: MaskSettings = MaskSettings()
    footprint: FootprintSettings = FootprintSettings()
    alpha: AlphaSettings = AlphaSettings()
    colour: ColourSettings = ColourSettings()
    align: AlignSettings = AlignSettings()
    reuse: ReuseSettings = ReuseSettings()
    detail: DetailSettings = DetailSettings()
    restore: RestoreSettings = RestoreSettings()
    blend: BlendSettings = BlendSettings()
    encode: EncodeSettings = EncodeSettings()
    audio: AudioSettings = AudioSettings()
    gate: GateSettings = GateSettings()
