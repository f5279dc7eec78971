"""Which setting or preset is worth trying after a missed gate, from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lipblend.errors import SettingsError
from lipblend.quality.hints import HINTS, Hint, Try, Value
from lipblend.quality.record import Evaluation, PartResult
from lipblend.quality.report.sentences import WEAK_VISIBILITY, capitalised, sentence_of, when_text
from lipblend.quality.report.wording import visible_parts
from lipblend.settings import Settings
from lipblend.settings.catalogue import value_text
from lipblend.settings.presets import DEFAULT_PRESET, find_preset, preset_values
from lipblend.settings.resolve import flat_values

_MAX_PARTS = 3
_LASTING_SHARE = 0.5  # of the blended frames
_FAULTY_SHARE = 0.5  # of the frames in which a part is seen

_OF_ALPHA = ("mask", "alpha", "footprint")  # settings that only shape the computed alpha

_FOREIGN = (
    "This file was not made by lipblend with these settings, so no setting can be named: make it with `lipblend "
    "composite ORIGINAL SYNCED -o OUT.mp4`, and judge that. If it is lipblend's, name its settings (--preset, "
    "--settings-from)."
)


@dataclass(frozen=True)
class Advice:
    """One thing worth trying, or why there is none.

    Attributes
    ----------
    parts : tuple of str
        Keys of the visible parts that it is for.
    setting, preset : str
        What to set; empty if not.
    now, value : Value or None
        Of the setting: as it is, and to try.
    text : str
        As one or two sentences.
    """

    parts: tuple[str, ...]
    setting: str
    preset: str
    now: Value | None
    value: Value | None
    text: str

    @property
    def option(self) -> str:
        """``--set KEY=VALUE`` or ``--preset NAME``; empty if nothing is worth trying."""
        if self.preset:
            return f"--preset {self.preset}"
        return f"--set {self.setting}={value_text(self.value)}" if self.setting else ""


def advice(record: Evaluation) -> tuple[Advice, ...]:
    """What to try against the worst visible parts of a result that misses the headline's mark; else nothing.

    If no part is visible by itself, the most visible ones count. Parts for which the same is worth trying share it.
    """
    score = next((verdict for verdict in record.verdicts if verdict.key == "score"), None)
    if not record.judged or record.headline is None or score is None or score.passed is not False:
        return ()
    weak = tuple(part for part in record.headline.parts if part.visibility >= WEAK_VISIBILITY)
    parts = (visible_parts(record.headline) or weak)[:_MAX_PARTS]
    if not parts:
        return ()
    if record.matte == "difference":
        return (Advice(tuple(part.key for part in parts), "", "", None, None, _FOREIGN),)
    return tuple(_merged(record, parts, [_of_part(record, part) for part in parts]))


def advice_lines(record: Evaluation) -> list[str]:
    """The sentences, for a terminal and JUnit XML."""
    return [each.text for each in advice(record)]


def advice_dicts(record: Evaluation) -> list[dict[str, Any]]:
    """The same as plain data, for report.json and ``--json``; what does not apply is None."""
    return [
        {
            "parts": list(each.parts),
            "setting": each.setting or None,
            "now": _listed(each.now),
            "value": _listed(each.value),
            "preset": each.preset or None,
            "text": each.text,
        }
        for each in advice(record)
    ]


def _of_part(record: Evaluation, part: PartResult) -> Advice:
    """What to try against one part; the text says only what to do."""
    hint = HINTS.get(part.key, Hint((), "this version does not know it"))
    rows = _seen_rows(record, part)
    faulty = sum(any(fault in record.rows[index].faults for fault in hint.faults) for index in rows)
    if faulty > _FAULTY_SHARE * len(rows):
        text = (
            f"no setting of lipblend changes this: {faulty} of {len(rows)} synced frames there are broken themselves. "
            "Make them anew with the generator."
        )
        return Advice((part.key,), "", "", None, None, text)
    blended = sum(row.blended for row in record.rows)
    seen = "lasting" if not part.seen or len(rows) >= _LASTING_SHARE * blended else "short"
    for each in hint.tries:
        if record.matte == "given" and each.name.partition(".")[0] in _OF_ALPHA:
            continue  # the alpha that was given takes their place
        if each.seen in ("any", seen) and (found := _worth(each, record.settings)) is not None:
            return replace(found, parts=(part.key,))
    return Advice((part.key,), "", "", None, None, f"no setting of lipblend is known to change this: {hint.otherwise}.")


def _seen_rows(record: Evaluation, part: PartResult) -> list[int]:
    """Frames in which a part is seen; the worst one if it is nowhere seen by itself."""
    found = sorted({index for span in part.seen for index in range(span.first, span.last + 1)})
    return found or [part.worst]


def _worth(each: Try, settings: Mapping[str, Any]) -> Advice | None:
    """What a `Try` comes to with these settings; None if it is set already, or not allowed with the others."""
    if not each.values:
        if _is_tried(each.name, settings):
            return None
        return Advice((), "", each.name, None, None, f"try --preset {each.name}, it {each.why}.")
    group, _, name = each.name.partition(".")
    now = _plain(settings.get(group, {}).get(name))
    if now is None or (each.instead_of and now not in each.instead_of):
        return None
    for value in each.values:
        if _improves(value, now, each.way) and _allowed(settings, group, name, value):
            text = f"try --set {each.name}={value_text(value)} (now {value_text(now)}), it {each.why}."
            return Advice((), each.name, "", now, value, text)
    return None


def _is_tried(preset: str, settings: Mapping[str, Any]) -> bool:
    """Whether at least half of what distinguishes a preset from the default one is set."""
    usual, now = preset_values(find_preset(DEFAULT_PRESET)), flat_values(settings)
    special = {key: value for key, value in preset_values(find_preset(preset)).items() if value != usual.get(key)}
    same = sum(bool(_plain(now.get(key)) == _plain(value)) for key, value in special.items())
    return 2 * same >= len(special)


def _improves(value: Value, now: Value, way: str) -> bool:
    if way == "set":
        return value != now
    if isinstance(value, (str, tuple)) or isinstance(now, (str, tuple)):
        return False
    return value > now if way == "raise" else value < now


def _allowed(settings: Mapping[str, Any], group: str, name: str, value: Value) -> bool:
    """Whether a value is allowed together with all others."""
    try:
        Settings.model_validate({**settings, group: {**settings[group], name: value}})
    except SettingsError:
        return False
    return True


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _plain(value: Any) -> Any:
    """A recorded value as settings hold it: lists as tuples."""
    return tuple(value) if isinstance(value, list) else value


def _merged(record: Evaluation, parts: Sequence[PartResult], found: Sequence[Advice]) -> Iterator[Advice]:
    """One piece of advice where several parts ask for the same, with what is seen and where."""
    done: set[str] = set()
    for each in found:
        if each.text in done:
            continue
        done.add(each.text)
        same = [part for part, other in zip(parts, found, strict=True) if other.text == each.text]
        what = "; ".join(f"{sentence_of(part.key)}, {when_text(record, part)}" for part in same)
        yield replace(each, parts=tuple(part.key for part in same), text=f"{capitalised(what)}: {each.text}")
