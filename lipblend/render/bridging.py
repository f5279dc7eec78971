"""Decode the pictures that bridge broken synced frames, for callers that hold the other pictures already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lipblend.picture.picture import Picture
from lipblend.render.frame import NO_PICTURES
from lipblend.video.video import Video


def bridging_pictures(synced: Video, wanted: Sequence[Sequence[int]]) -> Iterator[Mapping[int, Picture]]:
    """The pictures that bridge each of some rows, in their order.

    Parameters
    ----------
    synced : Video
    wanted : sequence of sequence of int
        `FramePlan.bridging_indices` of the rows. For a row that needs none, nothing is decoded, and none is given.
    """
    groups = synced.groups([indices for indices in wanted if indices])
    for indices in wanted:
        yield {index: synced.picture(frame) for index, frame in next(groups).items()} if indices else NO_PICTURES
