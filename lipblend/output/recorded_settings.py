"""From settings to the record of a run, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from lipblend.errors import SettingsError
from lipblend.output.run_record import DIGEST_DIGITS, PLAIN, RunRecord
from lipblend.settings import Settings
from lipblend.settings.catalogue import FILE_SETTINGS, setting_specs, value_text
from lipblend.settings.presets import DEFAULT_PRESET, find_preset, list_presets, preset_values
from lipblend.settings.resolve import flat_values, resolve_settings

MOST_SHOWN = 12
"""Settings in a note; a record may hold hundreds."""


@dataclass(frozen=True)
class WrittenPart:
    """What of the whole output a run writes.

    Attributes
    ----------
    frames : range
        Frame numbers in the whole output.
    whole : bool
        These are all.
    width, height : int
        Size as shown.
    proxy : str
        Size of the proxy as it was requested; empty for full size.
    """

    frames: range
    whole: bool
    width: int
    height: int
    proxy: str = ""


def run_record(
    settings: Settings,
    preset: str | None,
    *,
    original: str,
    synced: str,
    part: WrittenPart,
    keep: str = "",
    matte: str = "",
    crop: str = "",
    root: str = "",
    occluder: Sequence[str] = (),
) -> RunRecord:
    """The record of a run.

    Parameters
    ----------
    settings : Settings
    preset : str or None
        The preset that they started from; None for the plain defaults.
    original, synced : str
        SHA-256 of the inputs, hexadecimal; empty if unknown.
    part : WrittenPart
    keep : str
        SHA-256 of the matte of what stayed the original's; empty without one.
    matte : str
        SHA-256 of the alpha of the new mouth that was given; empty if it was computed.
    crop : str
        SHA-256 of the record of the synced face crop; empty without one.
    root : str
        First digits of that of the video that a chain of runs began with; empty if this is the first.
    occluder : sequence of str
        SHA-256 of ``occlusion.model`` and of its mapping file; empty without one.

    Raises
    ------
    SettingsError
        There is no such preset.
    """
    values = flat_values(settings.model_dump())
    base = flat_values(resolve_settings(preset).settings.model_dump())
    texts = {key: exact_text(value) for key, value in values.items() if value != base[key]}
    model, mapping = occluder or ("", "")
    return RunRecord(
        version=version("lipblend"),
        original=original[:DIGEST_DIGITS],
        synced=synced[:DIGEST_DIGITS],
        preset=preset or "",
        settings={key: text for key, text in texts.items() if _is_kept(key, text)},
        frames=len(part.frames),
        width=part.width,
        height=part.height,
        restored=settings.restore.model != "none",
        part=None if part.whole else (part.frames.start, part.frames.stop),
        proxy=part.proxy,
        keep=keep[:DIGEST_DIGITS],
        matte=matte[:DIGEST_DIGITS],
        crop=crop[:DIGEST_DIGITS],
        root=root,
        occluder=model[:DIGEST_DIGITS],
        occluder_mapping=mapping[:DIGEST_DIGITS],
    )


def recorded_values(record: RunRecord) -> tuple[dict[str, object], list[str]]:
    """The values of a record, by dotted key, all of them allowed; and notes on those that cannot be used.

    Pass marks and names of files are never taken from a record: whoever judges a file chooses the marks, and no file
    says what is to be opened.
    """
    notes = []
    name = record.preset
    if name and name not in {preset.name for preset in list_presets()}:
        notes.append(f"there is no preset '{name}', which the record names: {DEFAULT_PRESET} is used in its place")
        name = DEFAULT_PRESET
    values = preset_values(find_preset(name)) if name else {}
    usable = {key: text for key, text in record.settings.items() if _is_kept(key, text)}
    if not _allowed({**values, **usable}):  # take what is allowed by itself
        usable = {key: text for key, text in usable.items() if _allowed({**values, key: text})}
        usable = usable if _allowed({**values, **usable}) else {}
    if dropped := [key for key in record.settings if key not in usable]:
        more = [f"{len(dropped) - MOST_SHOWN} more"] if len(dropped) > MOST_SHOWN else []
        notes.append(f"settings of the record that cannot be used: {', '.join([*dropped[:MOST_SHOWN], *more])}")
    if record.version != version("lipblend"):
        notes.append(
            f"the record was written by lipblend {record.version or '(no version)'}, and this is "
            f"{version('lipblend')}: presets and defaults may have changed"
        )
    if record.restored:
        notes.append(
            "the record says that a restoration model was used, but not which: --set restore.model=FILE names it"
        )
    if record.occluder:
        mapping = f", its mapping file {record.occluder_mapping}..." if record.occluder_mapping else ""
        notes.append(
            f"the record says that an occluder model was used (SHA-256 {record.occluder}...{mapping}): "
            "--set occlusion.model=FILE names it"
        )
    return {**values, **_parsed(usable)}, notes


def describe(record: RunRecord, most: int | None = None) -> str:
    """The settings of a record in words: ``preset natural, alpha.gamma=2``, with at most ``most`` of the settings.

    Those that shape the picture come first.
    """
    ordered = sorted(record.settings, key=lambda key: key.startswith(("read.", "encode.", "audio.")))
    texts = [f"{key}={record.settings[key]}" for key in ordered]
    shown = texts[:most]
    more = [f"{len(texts) - len(shown)} more"] if len(shown) < len(texts) else []
    model = ["a restoration model"] if record.restored else []
    return ", ".join([f"preset {record.preset}" if record.preset else "default settings", *shown, *more, *model])


def describe_run(record: RunRecord) -> str:
    """All of a record in words."""
    parts = [f"lipblend {record.version}", describe(record)]
    if record.part is not None:
        parts.append(f"frames {record.part[0]} to {record.part[1] - 1} only")
    if record.proxy:
        parts.append(f"a proxy of size {record.proxy}")
    known = [
        f"{role} {digest}" for role, digest in (("original", record.original), ("synced", record.synced)) if digest
    ]
    known += [f"matte of what stays {record.keep}"] if record.keep else []
    known += [f"alpha of the new mouth {record.matte}"] if record.matte else []
    known += [f"record of the crop {record.crop}"] if record.crop else []
    known += [f"first original {record.root}"] if record.root else []
    files = [f"from {', '.join(known)} (SHA-256)"] if known else []
    return "; ".join([*parts, *files, f"{record.frames} frames of {record.width}x{record.height}"])


def _is_kept(key: str, text: str) -> bool:
    """Whether a setting belongs into a record."""
    if key not in setting_specs() or key.startswith("gate.") or key in ("restore.model", "occlusion.model"):
        return False
    return text in FILE_SETTINGS[key] if key == "audio.source" else PLAIN.fullmatch(text) is not None


def exact_text(value: Any) -> str:
    """The value as ``--set`` reads it, with all digits of a number."""
    text = value_text(value)
    return repr(value) if isinstance(value, float) and float(text) != value else text


def _parsed(texts: Mapping[str, str]) -> dict[str, object]:
    """Lists as lists; other texts are converted with all settings."""
    lists = {key for key, spec in setting_specs().items() if spec.kind == "list"}
    return {key: text.split(",") if key in lists else text for key, text in texts.items()}


def _allowed(values: Mapping[str, object]) -> bool:
    try:
        resolve_settings(None, None, values)
    except SettingsError:
        return False
    return True
