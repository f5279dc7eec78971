"""The synced picture in a box of the original: its face in place, its colours matched, broken frames bridged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.frame_mapping import FrameMapping, synced_cut
from lipblend.picture.frame_mappings import Mappings
from lipblend.picture.patch import Box, Patch, joined
from lipblend.picture.picture import Picture
from lipblend.picture.ycbcr import convert_colour, same_colour, ycbcr_matrix
from lipblend.plan.frame_plan import Bridge, BridgeEnd, FacePlan
from lipblend.stages.colour.membrane import membrane_patch
from lipblend.stages.colour.own_mouth import with_own_mouth
from lipblend.stages.detail.speckle import despeckled, is_speckled, speckle_tile
from lipblend.stages.registration.bend import bend_flow
from lipblend.stages.registration.flow import patch_along
from lipblend.stages.registration.morph import morph


@dataclass(frozen=True)
class SyncedPictures:
    """The synced pictures that one frame is made from.

    Attributes
    ----------
    own : Picture
        Of the frame itself. Where all faces are bridged, any picture of that size.
    index : int
        Its synced frame.
    others : mapping of int to Picture
        By synced frame: those of the frames that bridge it.
    mapping : FrameMapping or FrameMappings
        Where the original's pixels lie in them.
    """

    own: Picture
    index: int
    others: Mapping[int, Picture]
    mapping: Mappings

    @property
    def own_mapping(self) -> FrameMapping:
        """Where the original's pixels lie in the frame's own picture."""
        return self.mapping.at(self.index)


def matched_patch(pictures: SyncedPictures, original: Picture, original_patch: Patch, face: FacePlan) -> Patch:
    """The synced face in the place of the original's, in its encoding, with its colours matched by the plan.

    Parameters
    ----------
    pictures : SyncedPictures
    original : Picture
    original_patch : Patch
        Cut from it, with the changes of earlier faces; it gives the box.
    face : FacePlan

    Raises
    ------
    ValueError
        A picture that bridges the frame is missing.
    """
    if face.bridge is None:
        return _matched(pictures.own, pictures.own_mapping, original, original_patch, face, face.original)
    patches = [
        _matched(picture, pictures.mapping.at(end.synced_index), original, original_patch, end, face.original)
        for end, picture in bridge_pictures(face.bridge, pictures.others)
    ]
    return bridged(patches, face.bridge, original_patch.grid.box)


def lying_patch(pictures: SyncedPictures, original: Picture, original_patch: Patch, face: FacePlan) -> Patch | None:
    """The synced picture as the generator left it, if every pixel lies where it lies in the original; else None.

    None too where that is not asked for: without a footprint no part of the picture is known to be left as it was.
    """
    mapping = pictures.own_mapping.after(face.placement)
    if face.footprint is None or face.bridge is not None or face.bend is not None or face.left is not None:
        return None
    if not mapping.is_exact(original.size, pictures.own.size):
        return None
    return placed_patch(pictures.own, mapping, original, original_patch)


def bridge_pictures(bridge: Bridge, pictures: Mapping[int, Picture]) -> list[tuple[BridgeEnd, Picture]]:
    """The ends of a bridge with their pictures, which are given by synced frame.

    Raises
    ------
    ValueError
        One is missing.
    """
    missing = [end.synced_index for end in bridge.ends if end.synced_index not in pictures]
    if missing:
        raise ValueError(f"the pictures of synced frames {missing} are needed to bridge a broken one")
    return [(end, pictures[end.synced_index]) for end in bridge.ends]


def bridged(patches: Sequence[Patch], bridge: Bridge, box: Box) -> Patch:
    """What a bridge shows in a box, from a patch for each of its ends, the face in its place."""
    if len(patches) == 1:
        return patches[0]
    first, second = bridge.ends
    return morph(patches[0], patches[1], (first.synced, second.synced), bridge.share, box)


def placed_patch(picture: Picture, mapping: FrameMapping, original: Picture, original_patch: Patch) -> Patch:
    """A box of a synced picture at the original's size and in its encoding."""
    grid = original_patch.grid
    patch = synced_cut(picture.planes, picture.layout, grid.box, mapping, grid)
    if same_colour(picture.colour, original.colour):
        return patch
    reference = original_patch.whole()
    whole = convert_colour(patch.whole(), picture.colour, original.colour, original.height, reference=reference)
    return Patch.of(whole, grid)


def _matched(
    picture: Picture,
    mapping: FrameMapping,
    original: Picture,
    original_patch: Patch,
    source: FacePlan | BridgeEnd,
    mesh: Landmarks,
) -> Patch:
    patch = placed_patch(picture, mapping.after(source.placement), original, original_patch)
    tile = speckle_tile(mesh).clipped_to(original_patch.grid.box).within(original_patch.grid.box)
    if is_speckled(*(np.ascontiguousarray(each.luma[tile]) for each in (patch, original_patch))):
        patch = despeckled(patch)
    if source.bend is not None:
        patch = patch_along(patch, joined(*bend_flow(source.bend, original_patch.grid.box, mesh)))
    patch = source.colour.apply_patch(patch, ycbcr_matrix(original.colour, original.height))
    if source.membrane is not None:
        patch = patch + membrane_patch(source.membrane, original_patch.grid, mesh)
    return patch if source.mouth is None else with_own_mouth(patch, source.synced, source.mouth)
