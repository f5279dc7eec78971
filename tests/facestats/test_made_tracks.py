"""Tracks made by hand: people and shots of a clip, and clips against each other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from heads import head

from lipblend.analysis.face_reading import FaceReading
from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.cli.faces_text import faces_text
from lipblend.facestats.clip_faces import ClipFaces, clip_faces
from lipblend.facestats.clip_names import plot_names, short_names
from lipblend.facestats.face_values_csv import face_values_csv
from lipblend.facestats.faces_job import EVERY_FRAME, FacesResult, _compare, compared_values
from lipblend.facestats.landmark_rows import landmark_rows
from lipblend.facestats.reference_mesh import reference_of
from lipblend.facestats.score_plot import scores_svg

Meshes = dict[int, np.ndarray]


def reading(
    tracks: list[Meshes], frames: int, *, starts: tuple[int, ...] = (0,), undetected: tuple[int, ...] = (), name="a.mp4"
) -> FaceReading:
    """What was read of a clip of 25 frames/s, 400x300, that starts at 7 s."""
    table = FaceTable()
    made = {
        number: FaceTrack.of(list(each), list(each.values()), [None] * len(each), [None] * len(each), table=table)
        for number, each in enumerate(tracks)
    }
    info = SimpleNamespace(path=Path(name), upright_size=(400, 300), warnings=("odd",))
    return FaceReading(
        video=SimpleNamespace(info=info),  # type: ignore[arg-type]
        times_s=7.0 + np.arange(frames) / 25,
        durations_s=np.full(frames, 0.04),
        detected=np.array([frame not in undetected for frame in range(frames)]),
        tracks=made,
        shot_starts=np.array(starts),
        notes=("odd", "cut short"),
    )


def test_shots_states_times_and_notes() -> None:
    left = {frame: head(x=100.0 + frame) for frame in range(10)}
    right = {frame: head(x=300.0) for frame in (0, 1, 2, 3, 6, 7)}
    clip = clip_faces(reading([right, left], 10, starts=(0, 6), undetected=(1, 7, 8)), EVERY_FRAME)
    assert [(each.shot, each.face, each.start) for each in clip.faces] == [(0, 0, 0), (0, 1, 0), (1, 0, 6), (1, 1, 6)]
    states = [each.state.tolist() for each in clip.faces]
    assert states == [[2, 1, 2, 2, 2, 2], [2, 1, 2, 2, 0, 0], [2, 1, 1, 2], [2, 1, 0, 0]]
    assert clip.faces[2].values["x_px"].tolist() == pytest.approx([106, 107, 108, 109], abs=1e-3)
    assert clip.faces[2].times_s[0] == pytest.approx(6 / 25)
    assert clip.notes == ("odd", "cut short")
    assert clip.shots == ((0, 6), (6, 10))
    lines = face_values_csv([clip]).decode().splitlines()
    assert lines[0].startswith("file,shot,face,frame,time_s,state,x_px,")
    assert lines[1 + 6 + 5] == "a.mp4,0,1,5,0.200000,missed,,,,,,,,,,"
    assert len(lines) == 1 + 6 + 6 + 4 + 4


def test_the_parts_of_one_person_are_one_face_with_a_gap() -> None:
    first = {frame: head(x=100.0) for frame in range(5)}
    later = {frame: head(x=110.0) for frame in range(20, 25)}
    (face,) = clip_faces(reading([first, later], 25), EVERY_FRAME).faces
    assert np.flatnonzero(face.state == 0).tolist() == list(range(5, 20))


def test_landmark_rows_are_brought_onto_the_reference() -> None:
    track = {frame: head(width=80 + 5 * frame, x=100.0 + 9 * frame, tilt=4.0 * frame) for frame in range(4)}
    front = head(width=200.0, x=500.0)
    read, reference = reading([track], 4, undetected=(2,)), reference_of(front, "")
    rows = landmark_rows(read, EVERY_FRAME, kept=(5, 1), reference=reference, fit="similarity")
    assert rows.frame.tolist() == [0, 1, 2, 3]
    assert rows.time_s.tolist() == pytest.approx([0, 0.04, 0.08, 0.12])
    assert rows.state.tolist() == [2, 2, 1, 2]
    assert rows.points[3] == pytest.approx(track[3][[5, 1]])
    assert rows.aligned is not None
    assert rows.aligned.points[3] == pytest.approx(front[[5, 1]], abs=0.05)
    assert rows.aligned.residual_px.max() < 0.05
    rigid = landmark_rows(read, EVERY_FRAME, kept=(5, 1), reference=reference, fit="rigid")
    assert rigid.residual().median > 10  # type: ignore[union-attr]
    alone = landmark_rows(reading([], 4), EVERY_FRAME, kept=(5, 1), fit="rigid")
    assert (len(alone), alone.points.shape, alone.residual()) == (0, (0, 2, 2), None)


def clips() -> list[ClipFaces]:
    """Six clips: the second without a face, the fifth looks aside."""
    rng = np.random.default_rng(1)
    found = []
    for number in range(6):
        meshes = {
            frame: head(turn=30.0 if number == 4 else 0.0) + rng.normal(0, 0.2, (478, 2)).astype(np.float32)
            for frame in range(12)
        }
        read = reading([] if number == 1 else [meshes], 12, name=f"clips/{number}.mp4")
        found.append(clip_faces(read, EVERY_FRAME))
    return found


def test_the_table_marks_the_clip_that_differs_and_names_the_one_without_a_face() -> None:
    made = clips()
    outliers, notes = _compare(made)
    assert notes == ()
    assert {(each.clip, each.key) for each in outliers} >= {(4, "yaw_deg")}
    assert {each.clip for each in outliers} == {4}
    result = FacesResult(tuple(made), (), (None,) * 6, None, outliers, notes)
    text = faces_text(result)
    table = text[text.index("main faces of") :].splitlines()
    assert "turned to the right (+" in table[5]
    assert "*" in table[5]
    assert table[2].endswith("no face")
    assert not any("*" in line for line in (table[1], *table[3:5], table[6]))
    (yaw,) = [each for each in result.to_dict()["outliers"] if each["key"] == "yaw_deg"]
    assert yaw["clip"] == str(Path("clips/4.mp4"))


def test_the_plot_of_scores_names_the_outlier_in_red() -> None:
    shown = [clip for clip in clips() if clip.faces]
    text = scores_svg(["<0>", "2", "3", "aside", "5"], compared_values(shown))
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    red = [each for each in root.iter(f"{space}circle") if each.get("fill") == "#cc3311"]
    assert red
    assert all((each[0].text or "").startswith("aside: ") for each in red)
    assert "aside" in [each.text for each in root.iter(f"{space}text")]


def test_names_tell_clips_apart() -> None:
    files = [Path("a/x/1.mp4"), Path("b/x/1.mp4"), Path("b/y/2.mp4")]
    assert short_names(files) == [str(file) for file in files]
    assert short_names(files[1:]) == ["1.mp4", "2.mp4"]
    assert short_names([files[0], files[0]]) == ["1.mp4", "1.mp4"]
    assert plot_names(files) == ["x-1.svg", "x-1-2.svg", "2.svg"]
    assert plot_names([Path("comparison.mp4")], {"comparison.svg"}) == ["comparison-2.svg"]
    assert plot_names([Path("/1.mp4"), Path("/1.mov")]) == ["1.svg", "1-2.svg"]
