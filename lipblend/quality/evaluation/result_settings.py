"""Which settings a result is judged with: those given, those recorded in its file, or assumed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lipblend.output.recorded_settings import MOST_SHOWN, describe, recorded_values
from lipblend.output.run_record import RunRecord, find_record
from lipblend.settings import Settings
from lipblend.settings.catalogue import value_text
from lipblend.settings.presets import find_preset, preset_values
from lipblend.settings.resolve import flat_values, resolve_settings
from lipblend.video.info import VideoInfo

_WITHOUT_EFFECT = ("read.", "encode.", "audio.", "gate.")  # on the mattes
_MAX_SHOWN = 6


@dataclass(frozen=True)
class JudgedSettings:
    """Settings to judge with, and notes on where they come from."""

    settings: Settings
    notes: tuple[str, ...]


def settings_for(
    result: VideoInfo,
    *,
    claimed: Settings | None = None,
    config: Path | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    flags: Mapping[str, object] | None = None,
    assumed: str | None = None,
) -> JudgedSettings:
    """The settings to judge a result with.

    Parameters
    ----------
    result : VideoInfo
    claimed : Settings, optional
        Complete settings that the caller says the result was made with. They win over a record; notes say where they
        differ from it.
    config, overrides, flags
        As of `lipblend.settings.resolve.resolve_settings`: applied over the record, or over what is assumed without
        one. Not used with ``claimed``.
    assumed : str or None
        Preset that is assumed if there is no record; None for the plain defaults.

    Raises
    ------
    SettingsError
        A value in ``config`` or ``overrides`` is not allowed.
    """
    found = find_record(result.metadata)
    notes = [found.note] if found.note else []
    if found.record is None:
        return _without_record(claimed, config, overrides, flags, assumed, notes)
    values, doubts = recorded_values(found.record)
    recorded = resolve_settings(base=(values, "the record in the file")).settings
    if claimed is not None:
        differ = _differences(claimed, recorded)
        said = f"the options win over the record in the file ({describe(found.record, MOST_SHOWN)}): {differ}"
        return JudgedSettings(claimed, (*notes, *doubts, said) if differ else tuple(notes))
    source = (values, "the record in the file")
    settings = resolve_settings(None, config, overrides, flags=flags, base=source).settings
    notes += [f"judged with the settings recorded in the file: {describe(found.record, MOST_SHOWN)}", *doubts]
    if differ := _differences(settings, recorded):
        notes.append(f"options win over the record in the file: {differ}")
    return JudgedSettings(settings, tuple(notes))


def fit_note(record: RunRecord, sha256: Mapping[str, str], *, frames: int, width: int, height: int) -> str:
    """Why a record does not fit the files at hand; empty if it fits.

    Parameters
    ----------
    record : RunRecord
    sha256 : mapping of str to str
        Hexadecimal digests of the files by role: ``original`` and ``synced``; ``keep`` and ``matte`` if they
        were given.
    frames, width, height : int
        Of the result.
    """
    wrong = []
    for role, recorded in (("original", record.original), ("synced", record.synced)):
        if recorded and not sha256[role].startswith(recorded):
            name = "original" if role == "original" else "synced video"
            wrong.append(f"it was made from another {name} (SHA-256 {recorded}, not {sha256[role][: len(recorded)]})")
    if record.keep and not sha256.get("keep", "").startswith(record.keep):
        given = "another one is given" if "keep" in sha256 else "it is not given (--keep)"
        wrong.append(f"it was made with a matte of what stays the original's, and {given}")
    if not record.keep and "keep" in sha256:
        wrong.append("it was made without a matte of what stays the original's (--keep)")
    if record.matte and not sha256.get("matte", "").startswith(record.matte):
        given = "another one is given" if "matte" in sha256 else "it is not (--matte)"
        wrong.append(f"the alpha of its new mouth was given, and here {given}")
    if not record.matte and "matte" in sha256:
        wrong.append("its alpha was computed, not given (--matte)")
    if record.frames != frames:
        wrong.append(f"it was made of {record.frames} frames, and the file has {frames}")
    if (record.width, record.height) != (width, height):
        wrong.append(f"it was made at {record.width}x{record.height}, and the file has {width}x{height}")
    return f"the record in the file does not fit these files: {'; '.join(wrong)}" if wrong else ""


def _without_record(
    claimed: Settings | None,
    config: Path | None,
    overrides: Mapping[str, object] | Sequence[str],
    flags: Mapping[str, object] | None,
    assumed: str | None,
    notes: Sequence[str],
) -> JudgedSettings:
    if claimed is not None:
        return JudgedSettings(claimed, tuple(notes))
    # As a base, so that a preset and a record are laid below the same options in the same way.
    base = preset_values(find_preset(assumed)) if assumed is not None else {}
    settings = resolve_settings(None, config, overrides, flags=flags, base=(base, f"preset {assumed}")).settings
    what = f"preset {assumed}" if assumed is not None else "the default settings"
    more = " and the options given" if config is not None or overrides or flags else ""
    start = "" if notes else "no record in the file: "
    return JudgedSettings(settings, (*notes, f"{start}assumed {what}{more}"))


def _differences(given: Settings, recorded: Settings) -> str:
    """How settings differ from the recorded ones in what shapes the mattes; empty if they do not."""
    old = flat_values(recorded.model_dump())
    # The record never names the file of a model, so that naming it contradicts nothing.
    new = {
        key: value
        for key, value in flat_values(given.model_dump()).items()
        if value != old[key] and not key.startswith(_WITHOUT_EFFECT) and key not in ("restore.model", "occlusion.model")
    }
    texts = [f"{key}={value_text(value)} (recorded {value_text(old[key])})" for key, value in new.items()]
    more = [f"{len(texts) - _MAX_SHOWN} more"] if len(texts) > _MAX_SHOWN else []
    return ", ".join([*texts[:_MAX_SHOWN], *more])
