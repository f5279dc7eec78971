"""What is said to people of how a synced video's light and colours are read."""

from __future__ import annotations

from collections.abc import Sequence

from lipblend.analysis.readings import KIND_NAMES, MATRIX_NAMES, Reading
from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED
from lipblend.video.info import VideoInfo

SWAPPED = "the synced video's red and blue are swapped"
SWAPPED_PATCH = "red and blue are swapped in what the generator painted"


def fault(plain: Reading, found: Reading) -> str:
    """What is wrong with the tags, or the channels, where another reading than theirs is right."""
    said = [SWAPPED] if found.swapped else []
    if (found.full, found.target_full) != (plain.full, plain.target_full):
        if found.target_full == plain.target_full:
            said.append(
                f"the synced video's codes are of {_range(found.full)} range, not {_range(plain.full)} as tagged"
            )
        else:
            theirs, ours = _range(found.full), _range(found.target_full)
            said.append(f"the ranges are not what the tags say (synced {theirs}, original {ours})")
    matrices = found.matrix, found.target_matrix
    if matrices != (plain.matrix, plain.target_matrix) and not (found.swapped and matrices[0] == matrices[1]):
        theirs, ours = (MATRIX_NAMES.get(each, f"matrix {each}") for each in matrices)
        if found.target_matrix == plain.target_matrix:
            said.append(f"the synced video's colours are coded by {theirs}, not {_name(plain.matrix)} as tagged")
        elif theirs == ours:
            said.append("the matrices of the two videos are the same, not different as tagged")
        else:
            said.append(f"the synced video's colours are coded by {theirs} where the original's are by {ours}")
    return "; ".join(said)


def fault_note(what: str, told: Sequence[float], *, undone: bool) -> str:
    """A fault, the values that show it, and what was done."""
    done = "undone" if undone else "left as it is (colour.interpret is tags)"
    values = f"where both show the same they differ by {told[0]:.1f} levels as tagged, {told[1]:.1f} so read"
    return f"{what} ({values}): {done}"


def light_note(plain: Reading, best: Reading, before: float, left: float) -> str:
    """How light was brought together."""
    synced, original = (KIND_NAMES[kind] for kind in (plain.kind, plain.target_kind))
    if best.through_light:
        what = f"the synced video's light ({KIND_NAMES[best.kind]}) was brought to the original's ({original})"
    else:
        what = f"the synced video has the original's {original} codes, though it is tagged {synced}: they were kept"
    swapped = f"; {SWAPPED}: undone" if best.swapped else ""
    return (
        f"{what}; where both show the same they differ by {left:.1f} levels (by the tags alone {before:.1f}){swapped}"
    )


def light_by_tags(plain: Reading) -> str:
    """Light was converted as the tags say."""
    synced, original = (KIND_NAMES[kind] for kind in (plain.kind, plain.target_kind))
    return f"the synced video's light ({synced}) was brought to the original's ({original}) by the tags alone"


def unseen(plain: Reading) -> str:
    """The same, where there was nothing to check it by."""
    return f"{light_by_tags(plain)}: too little is seen beside the faces to check it"


def tags(original: VideoInfo, synced: VideoInfo) -> tuple[str, str]:
    """The colour tags of both videos, a line each."""
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
