"""Notes for the summary about how a synced video's light and colours are read."""

from __future__ import annotations

from collections.abc import Sequence

from lipblend.analysis.readings import KIND_NAMES, MATRIX_NAMES, Reading
from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED
from lipblend.video.info import VideoInfo

SWAPPED = "the synced video's red and blue are swapped"
SWAPPED_PATCH = "red and blue are swapped in what the generator painted"


def fault(by_tags: Reading, found: Reading) -> str:
    """What is wrong with the tags or the channel order, given the right reading."""
    faults = [SWAPPED] if found.swapped else []
    if (found.full, found.target_full) != (by_tags.full, by_tags.target_full):
        if found.target_full == by_tags.target_full:
            faults.append(
                f"the synced video's codes are of {_range(found.full)} range, not {_range(by_tags.full)} as tagged"
            )
        else:
            synced, original = _range(found.full), _range(found.target_full)
            faults.append(f"the ranges are not what the tags say (synced {synced}, original {original})")
    matrices = found.matrix, found.target_matrix
    if matrices != (by_tags.matrix, by_tags.target_matrix) and not (found.swapped and matrices[0] == matrices[1]):
        synced, original = (_name(each) for each in matrices)
        if found.target_matrix == by_tags.target_matrix:
            faults.append(f"the synced video's colours are coded by {synced}, not {_name(by_tags.matrix)} as tagged")
        elif synced == original:
            faults.append("the matrices of the two videos are the same, not different as tagged")
        else:
            faults.append(f"the synced video's colours are coded by {synced} where the original's are by {original}")
    return "; ".join(faults)


def fault_note(what: str, errors: Sequence[float], *, undone: bool) -> str:
    """A fault, the errors that show it (by the tags, and by the reading found), and the action taken."""
    action = "corrected" if undone else "not corrected (colour.interpret is tags)"
    values = f"colours that both show differ by {errors[0]:.1f} levels as tagged, {errors[1]:.1f} as read now"
    return f"{what} ({values}): {action}"


def light_note(by_tags: Reading, best: Reading, error_by_tags: float, error: float) -> str:
    """How the light of the two videos was matched."""
    synced, original = (KIND_NAMES[kind] for kind in (by_tags.kind, by_tags.target_kind))
    if best.through_light:
        what = f"the synced video's light ({KIND_NAMES[best.kind]}) was converted to the original's ({original})"
    else:
        what = f"the synced video has the original's {original} codes, although tagged {synced}: they were kept"
    swapped = f"; {SWAPPED}: corrected" if best.swapped else ""
    return (
        f"{what}; colours that both show differ by {error:.1f} levels ({error_by_tags:.1f} by the tags alone){swapped}"
    )


def light_by_tags(by_tags: Reading) -> str:
    """Light was converted according to the tags."""
    synced, original = (KIND_NAMES[kind] for kind in (by_tags.kind, by_tags.target_kind))
    return f"the synced video's light ({synced}) was converted to the original's ({original}) by the tags alone"


def unchecked(by_tags: Reading) -> str:
    """The same if there was nothing to check it with."""
    return f"{light_by_tags(by_tags)}; too little is visible beside the faces to check it"


def tags(original: VideoInfo, synced: VideoInfo) -> tuple[str, str]:
    """The colour tags of both videos, one line each."""
    return f"original  {_tag_text(original)}", f"synced    {_tag_text(synced)}"


def _tag_text(info: VideoInfo) -> str:
    colour = info.colour
    value_range = {RANGE_FULL: "full", RANGE_LIMITED: "limited"}.get(colour.range, "not given")
    return (
        f"{info.path.name}: matrix {colour.matrix}, primaries {colour.primaries}, transfer {colour.transfer} "
        f"(ITU-T H.273; 2 is not given), range {value_range}, {info.layout.depth} bits"
    )


def _range(full: bool) -> str:
    return "full" if full else "limited"


def _name(matrix: int) -> str:
    return MATRIX_NAMES.get(matrix, f"matrix {matrix}")
