"""How the people of a clip look, learnt from the tried frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lipblend.lab.sweep.combination_trial import Pictures, Planned
from lipblend.lab.sweep.grid import Combination
from lipblend.lab.sweep.grid_analyses import Analysed, decoded_rows
from lipblend.quality.evaluation.person import FaceLook, LookLearner, look_frames
from lipblend.quality.evaluation.views import Blended, FrameTriple, frame_views
from lipblend.quality.view import FaceView
from lipblend.render.face_patch import face_matte

Looks = Mapping[int, Sequence[FaceLook]]
"""By the number of the shot."""


def looks_by_plan(group: Analysed) -> list[Looks]:
    """What `evaluate` learns of every shot, but from its tried frames; for the plan of each member of a group."""
    by_shot: dict[int, list[int]] = {}
    measured = group.rows
    for run in group.runs:
        by_shot.setdefault(run.shot, []).extend(row for row in measured if run.start <= row < run.stop)
    chosen = [(shot, row) for shot, rows in by_shot.items() for row in look_frames(rows)]
    first = {id(plan): (each, plan) for each, plan in reversed(group.members)}
    learners = {key: {shot: LookLearner() for shot in by_shot} for key in first}
    with decoded_rows(group, [row for _, row in chosen], None) as pictures:
        for (shot, row), each in zip(chosen, pictures, strict=True):
            for key, member in first.items():
                learners[key][shot].add(row, tuple(_views(row, each, *member)))
    found = {key: {shot: each.looks() for shot, each in shots.items()} for key, shots in learners.items()}
    return [found[id(plan)] for _, plan in group.members]


def _views(row: int, pictures: Pictures, combination: Combination, plan: Planned) -> Iterator[FaceView]:
    """The faces of a frame, without a result: a look is that of the two videos."""
    ours = pictures.original
    index = plan.rows[row].synced_index
    frames = FrameTriple(ours, pictures.synced, ours, plan.mapping, synced_index=index, bridging=pictures.bridging)
    for face in plan.rows[row].faces:
        matte = face_matte(ours, pictures.synced, face, combination.settings, plan.mapping.at(index))
        if matte is not None:
            yield from frame_views(frames, [Blended(face, matte, matte.alpha)])
