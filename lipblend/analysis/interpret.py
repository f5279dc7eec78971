"""How to read the synced video's colour codes: by its tags, unless the pictures show that the tags are wrong.

Colours that both videos show of the same things, outside what the generator painted, are compared under every reading
of the codes. Between videos with the same transfer function, a reading other than that of the tags is taken if it
leaves less than half of the difference, over the colours on which the two readings disagree. Between SDR and HDR the
tags are only the starting point, since no tag tells how a picture was tone-mapped. The best reading gets an exposure
gain and, if much is left, a smooth curve per channel and a channel mix (`lipblend.analysis.lightfit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lipblend.analysis import colour_wording as wording
from lipblend.analysis import lightfit
from lipblend.analysis.evidence import ColourPairs, Evidence
from lipblend.analysis.readings import Reading, faults, light_path, other_light, same_light, swapped_only, tagged
from lipblend.errors import InputMismatchError
from lipblend.picture.codemap import CodeMap
from lipblend.picture.light import SDR
from lipblend.video.info import VideoInfo

Floats = npt.NDArray[np.float64]

_MIN_PAIRS = 400  # with fewer colours, tags are trusted
_MIN_DISAGREEMENT_LEVELS = 1.0  # colours on which two readings differ by less cannot decide between them
_MIN_DECISIVE_SHARE, _MIN_DECISIVE_PAIRS = 0.02, 200  # colours on which readings must disagree
_MAX_WEIGHT_LEVELS = 16.0  # a colour's weight is how far two readings differ, up to this
_MAX_REMAINING = 0.5  # measured: 0.71 and more for the wrong readings of eleven real pairs, 0.3 and less for right ones
_MIN_GAIN_LEVELS = 1.0
_MIN_PATCH_GAIN_LEVELS = 5.0  # on painted skin, which generators tint: a swap turns it blue
_MIN_PATCH_SHARE = 0.15  # of the painted skin that may have been swapped alone
_MAX_ERROR_LEVELS = 24.0
_EQUAL_RATIO, _EQUAL_LEVELS = 1.05, 0.1  # errors this close count as equal
_CLEARLY_BETTER, _MIN_IMPROVEMENT_LEVELS = 0.7, 0.25  # for another reading or a correction: both must hold
_SEARCH_PAIRS, _FIT_PAIRS = 4_000, 12_000
_MAX_EXPOSURE_STOPS = 3.0
_MAX_LEFT_LEVELS, _MAX_LEFT_SHARE = 5.0, 0.3  # if both are exceeded, the videos do not go together
_UNEXPLAINED_LEVELS = 8.0  # between videos of the same transfer function: other ones are tried too


@dataclass(frozen=True)
class Interpretation:
    """How a synced video's codes are read.

    Attributes
    ----------
    change : CodeMap or None
        None if the tags are right.
    notes : tuple of str
    found : dict
        For JSON: ``as_tagged``, and if that is false ``fault``, ``read_as``, ``undone``, ``before_levels``,
        ``after_levels``.
    """

    change: CodeMap | None = None
    notes: tuple[str, ...] = ()
    found: dict[str, Any] = field(default_factory=lambda: {"as_tagged": True})


def interpret(evidence: Evidence, original: VideoInfo, synced: VideoInfo, *, trust_tags: bool) -> Interpretation:
    """Find out how to read the synced video's codes.

    With ``trust_tags`` they are read as the tags say, and what the pictures show is only noted.

    Raises
    ------
    InputMismatchError
        If no reading makes the light of the two videos match.
    """
    by_tags = tagged(synced.colour, original.colour, original.height)
    pairs = evidence.unpainted
    if len(pairs) < _MIN_PAIRS:
        return _without_evidence(by_tags)
    if by_tags.through_light:
        whole = _by_light(by_tags, pairs, original, synced, trust_tags=trust_tags)
    else:
        whole = _by_codes(by_tags, pairs, trust_tags=trust_tags)
        is_deep = SDR not in (by_tags.kind, by_tags.target_kind) or max(original.layout.depth, synced.layout.depth) > 8
        if whole.change is None and is_deep and _median_error(by_tags.code_map(), pairs) > _UNEXPLAINED_LEVELS:
            whole = _by_light(by_tags, pairs, original, synced, trust_tags=trust_tags)
    return _with_patch(whole, by_tags, evidence.painted, trust_tags=trust_tags)


def _without_evidence(by_tags: Reading) -> Interpretation:
    if not by_tags.through_light:
        return Interpretation()
    return Interpretation(
        by_tags.code_map(), (wording.unchecked(by_tags),), {"as_tagged": True, "read_as": by_tags.text()}
    )


def _by_codes(by_tags: Reading, pairs: ColourPairs, *, trust_tags: bool) -> Interpretation:
    """Check matrix, range and channel order."""
    tagged_map = by_tags.code_map()
    candidates = same_light(by_tags)
    if not pairs.has_colour:  # then nothing can be said about matrices
        matrices = by_tags.matrix, by_tags.target_matrix
        candidates = (each for each in candidates if (each.matrix, each.target_matrix) == matrices)
    scored = [(_capped_error(each.code_map(), pairs), each) for each in candidates]
    least = min(error for error, _ in scored)
    # Of equally good readings, take the one with the fewest faults: with little colour, matrices hardly differ.
    near = [(error, each) for error, each in scored if error < least * _EQUAL_RATIO + _EQUAL_LEVELS]
    _, best = min(near, key=lambda pair: (faults(by_tags, pair[1]), pair[0]))
    errors = _errors_where_different(tagged_map, best.code_map(), pairs)
    if best == by_tags or errors is None or not _is_clearly_better(*errors):
        return Interpretation()
    if not best.swapped and _median_error_without_cast(tagged_map, pairs) <= _median_error(best.code_map(), pairs):
        return Interpretation()  # with few colours, a generator's tint looks like another matrix
    fault = wording.fault(by_tags, best)
    note = wording.fault_note(fault, errors, undone=not trust_tags)
    return Interpretation(
        None if trust_tags else best.code_map(), (note,), _record(fault, best, errors, undone=not trust_tags)
    )


def _by_light(
    by_tags: Reading, pairs: ColourPairs, original: VideoInfo, synced: VideoInfo, *, trust_tags: bool
) -> Interpretation:
    """Check transfer function and tone mapping, besides everything `_by_codes` checks."""
    if trust_tags:
        note = wording.light_by_tags(by_tags)
        return Interpretation(by_tags.code_map(), (note,), {"as_tagged": True, "read_as": by_tags.text()})
    few = pairs.thinned(_SEARCH_PAIRS)
    kept_codes = [
        each
        for each in same_light(by_tags)
        if each.target_matrix == by_tags.target_matrix and each.target_full == by_tags.target_full
    ]
    candidates = list(dict.fromkeys([by_tags, *kept_codes, *other_light(by_tags)]))
    errors = [_error_after_curve(each, few) for each in candidates]
    at = int(np.argmin(errors))
    if not (errors[at] < _CLEARLY_BETTER * errors[0] and errors[0] - errors[at] > _MIN_IMPROVEMENT_LEVELS):
        at = 0
    error_by_tags = _median_error(by_tags.code_map(), pairs)
    best = _with_exposure(candidates[at], few)
    change = best.code_map()
    error = _median_error(change, pairs)
    corrected = _corrected(best, pairs.thinned(_FIT_PAIRS))
    corrected_error = _median_error(corrected, pairs)
    # A reading that fits also holds for colours without evidence, in the mouth; a fitted curve may not.
    if corrected_error < _CLEARLY_BETTER * error and error - corrected_error > _MIN_IMPROVEMENT_LEVELS:
        change, error = corrected, corrected_error
    spread = float(np.median(_length(pairs.original - np.median(pairs.original, axis=0))))
    if error > _MAX_LEFT_LEVELS and error > _MAX_LEFT_SHARE * spread:
        raise InputMismatchError(
            f"the light of the two videos cannot be matched: after the best fit, colours that both show still differ "
            f"by {error:.1f} levels (8-bit; {_MAX_LEFT_LEVELS:g} allowed)",
            details=(
                *wording.tags(original, synced),
                f"best reading: {best.text()}; read by the tags they differ by {error_by_tags:.1f} levels",
            ),
            hint="Convert the synced video to the original's light (PQ, HLG or SDR) with one curve for the whole clip, "
            "or set colour.interpret to tags to trust the tags.",
        )
    note = wording.light_note(by_tags, best, error_by_tags, error)
    return Interpretation(change, (note,), _record("light", best, (error_by_tags, error), undone=True))


def _with_patch(whole: Interpretation, by_tags: Reading, painted: ColourPairs, *, trust_tags: bool) -> Interpretation:
    """Check for red and blue swapped in what the generator painted only."""
    if len(painted) < _MIN_DECISIVE_PAIRS:
        return whole
    base = whole.change or by_tags.code_map()
    swapped = [replace(base, to_rgb=each) for each in swapped_only(base.to_rgb, by_tags)]
    best = min(swapped, key=lambda each: _capped_error(each, painted))
    errors = _errors_where_better(base, best, painted)
    if errors is None:
        return whole
    note = wording.fault_note(wording.SWAPPED_PATCH, errors, undone=not trust_tags)
    patch = {
        "fault": wording.SWAPPED_PATCH,
        "undone": not trust_tags,
        "before_levels": errors[0],
        "after_levels": errors[1],
    }
    change = whole.change if trust_tags else replace(base, painted_to_rgb=best.to_rgb)
    return Interpretation(change, (*whole.notes, note), {**whole.found, "as_tagged": False, "patch": patch})


def _with_exposure(reading: Reading, pairs: ColourPairs) -> Reading:
    """The reading with the exposure gain that fits best, unless BT.2408's levels (gain 1) fit about as well."""
    if not reading.through_light:
        return reading

    def error(stops: float) -> float:
        return _capped_error(replace(reading, gain=2.0**stops).code_map(), pairs)

    coarse = np.arange(-_MAX_EXPOSURE_STOPS, _MAX_EXPOSURE_STOPS + 0.5, 0.5)
    best = float(coarse[int(np.argmin([error(each) for each in coarse]))])
    for step in (0.25, 0.125, 0.06, 0.03, 0.015):
        best = min((best - step, best, best + step), key=error)
    unchanged = error(0.0) - error(best) < _MIN_IMPROVEMENT_LEVELS
    return reading if unchanged else replace(reading, gain=2.0**best)


def _corrected(reading: Reading, pairs: ColourPairs) -> CodeMap:
    """A reading's map followed by a fitted correction."""
    path, plain = light_path(reading), reading.code_map()
    predicted, wanted = _rgb_of(reading, pairs)
    return lightfit.fit(predicted, wanted).after(path, plain)


def _error_after_curve(reading: Reading, pairs: ColourPairs) -> float:
    """Median error after fitting one curve for all channels, in 8-bit levels of R'G'B'."""
    predicted, wanted = _rgb_of(reading, pairs)
    return 255 * float(np.median(_length(wanted - lightfit.fit_shared(predicted, wanted).apply(predicted))))


def _rgb_of(reading: Reading, pairs: ColourPairs) -> tuple[Floats, Floats]:
    """R'G'B' 0..1 in the original's light: of the synced video by this reading, and of the original."""
    rgb = _affine(reading.into(), pairs.synced)
    path = reading.path()
    if path is not None:
        rgb = path.apply(rgb.astype(np.float32)[None])[0].astype(np.float64)
    out = reading.out()
    inverse = np.linalg.inv(out[:, :3])
    return rgb, _affine(np.column_stack([inverse, -inverse @ out[:, 3]]), pairs.original)


def _affine(matrix: Floats, rows: npt.NDArray[np.float32]) -> Floats:
    return np.asarray(rows.astype(np.float64) @ matrix[:, :3].T + matrix[:, 3])


def _mapped(change: CodeMap, pairs: ColourPairs) -> Floats:
    return np.asarray(change.apply(pairs.synced[None])[0], np.float64)


def _median_error(change: CodeMap, pairs: ColourPairs) -> float:
    """Median distance from the original, 8-bit levels."""
    return float(np.median(_length(_mapped(change, pairs) - pairs.original)))


def _median_error_without_cast(change: CodeMap, pairs: ColourPairs) -> float:
    """The same after subtracting the median difference of each channel."""
    difference = _mapped(change, pairs) - pairs.original
    return float(np.median(_length(difference - np.median(difference, axis=0))))


def _capped_error(change: CodeMap, pairs: ColourPairs) -> float:
    return float(np.minimum(_length(_mapped(change, pairs) - pairs.original), _MAX_ERROR_LEVELS).mean())


def _errors_where_different(first: CodeMap, second: CodeMap, pairs: ColourPairs) -> tuple[float, float] | None:
    """Weighted median errors of two maps where they disagree, 8-bit levels; None if they hardly do."""
    mapped = _mapped(first, pairs), _mapped(second, pairs)
    distance = _length(mapped[0] - mapped[1])
    decisive = distance > _MIN_DISAGREEMENT_LEVELS
    if np.count_nonzero(decisive) < max(_MIN_DECISIVE_PAIRS, _MIN_DECISIVE_SHARE * len(pairs)):
        return None
    weight = np.minimum(distance, _MAX_WEIGHT_LEVELS)[decisive]
    errors = (_length(each - pairs.original)[decisive] for each in mapped)
    first_error, second_error = (_weighted_median(each, weight) for each in errors)
    return first_error, second_error


def _errors_where_better(first: CodeMap, second: CodeMap, pairs: ColourPairs) -> tuple[float, float] | None:
    """Median errors of two maps over the pairs for which the second is clearly better; None if these are too few."""
    mapped = _mapped(first, pairs), _mapped(second, pairs)
    first_error, second_error = (_length(each - pairs.original) for each in mapped)
    decisive = _length(mapped[0] - mapped[1]) > _MIN_PATCH_GAIN_LEVELS
    better = (
        decisive & (second_error < _MAX_REMAINING * first_error) & (first_error - second_error > _MIN_PATCH_GAIN_LEVELS)
    )
    count = np.count_nonzero(better)
    if count < _MIN_DECISIVE_PAIRS or count < _MIN_PATCH_SHARE * np.count_nonzero(decisive):
        return None
    return float(np.median(first_error[better])), float(np.median(second_error[better]))


def _is_clearly_better(tagged_error: float, error: float) -> bool:
    return bool(error < _MAX_REMAINING * tagged_error and tagged_error - error > _MIN_GAIN_LEVELS)


def _weighted_median(values: Floats, weight: Floats) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _length(rows: Floats) -> Floats:
    return np.asarray(np.sqrt((rows**2).sum(-1)))


def _record(fault: str, reading: Reading, errors: Sequence[float], *, undone: bool) -> dict[str, Any]:
    return {
        "as_tagged": False, "fault": fault, "read_as": reading.text(), "undone": undone,
        "before_levels": round(errors[0], 2), "after_levels": round(errors[1], 2),
    }  # fmt: skip
