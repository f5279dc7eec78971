"""Statistics of the faces of clips: reading them, comparing them, and writing what was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lipblend.analysis.face_reading import read_faces
from lipblend.errors import InputError, OutputError, SettingsError
from lipblend.faces.landmarks import MESH_POINTS, POINTS_68, Indices
from lipblend.faces.models import resolve_model
from lipblend.facestats.clip_faces import ClipFaces, clip_faces
from lipblend.facestats.clip_names import plot_names, short_names
from lipblend.facestats.clip_outliers import MIN_CLIPS, Outlier, clip_values, find_outliers
from lipblend.facestats.face_plot import clip_svg
from lipblend.facestats.face_summary import Spread, plain_numbers, summarise
from lipblend.facestats.face_values_csv import face_values_csv
from lipblend.facestats.landmark_files import check_landmark_name, write_landmarks
from lipblend.facestats.landmark_rows import LandmarkRows, landmark_rows
from lipblend.facestats.reference_fit import Fit
from lipblend.facestats.reference_mesh import Reference, load_reference
from lipblend.facestats.score_plot import scores_svg
from lipblend.runtime.files import write_atomically
from lipblend.runtime.output_paths import check_file_writable, check_folder_writable, make_folder, same_file
from lipblend.runtime.progress import OnProgress, Progress, no_progress
from lipblend.settings import TrackSettings
from lipblend.video.probe import probe

EVERY_FRAME = TrackSettings(face="all", every_s=0.0)
"""Face tracking for statistics: interpolated landmarks do not shake."""
CSV_NAME, JSON_NAME, SCORES_NAME = "faces.csv", "faces.json", "comparison.svg"


@dataclass(frozen=True)
class FacesOptions:
    """What is measured and written.

    Attributes
    ----------
    track : TrackSettings
    models : Path, optional
    csv, plot, folder, landmarks : Path, optional
        Files of the values, the plot and the landmarks; a folder of all plots, values and statistics.
    points : int
        478 for the whole mesh, or 68 for the 68-point view; of ``landmarks``.
    reference : Path, optional
        What meshes are brought onto, see `lipblend.facestats.reference_mesh.load_reference`.
    fit : {"rigid", "similarity", "affine"}
    overwrite : bool
    """

    track: TrackSettings = EVERY_FRAME
    models: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    folder: Path | None = None
    landmarks: Path | None = None
    points: int = MESH_POINTS
    reference: Path | None = None
    fit: Fit = "similarity"
    overwrite: bool = True


@dataclass(frozen=True)
class FacesResult:
    """What was found.

    Attributes
    ----------
    clips : tuple of ClipFaces
        The files that could be read, in order.
    failures : tuple of (Path, InputError)
        The others.
    residuals : tuple of Spread or None
        For each clip, the residual of the reference in its pixels.
    reference : Reference, optional
    outliers : tuple of Outlier
        Their ``clip`` counts in ``clips``.
    notes : tuple of str
    """

    clips: tuple[ClipFaces, ...]
    failures: tuple[tuple[Path, InputError], ...]
    residuals: tuple[Spread | None, ...]
    reference: Reference | None
    outliers: tuple[Outlier, ...]
    notes: tuple[str, ...]

    @property
    def has_faces(self) -> bool:
        """Whether any clip shows a face."""
        return any(clip.faces for clip in self.clips)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the values of the frames, ready for JSON."""
        files = [_clip_dict(clip, spread) for clip, spread in zip(self.clips, self.residuals, strict=True)]
        for path, error in self.failures:
            files.append({"path": str(path), "error": {"message": error.message, "hint": error.hint}})
        outliers = [{**asdict(each), "clip": str(self.clips[each.clip].path)} for each in self.outliers]
        reference = None
        if self.reference is not None:
            reference = {"text": self.reference.text, "width_px": self.reference.width_px}
        data = {"files": files, "reference": reference, "outliers": outliers, "notes": list(self.notes)}
        plain: dict[str, Any] = plain_numbers(data)
        return plain


def face_statistics(
    files: Sequence[Path], options: FacesOptions | None = None, *, on_progress: OnProgress = no_progress
) -> FacesResult:
    """Measure the faces of clips, and write the files that are asked for, unless no clip shows a face.

    A file that cannot be read does not stop the others, unless it is the only one.

    Raises
    ------
    SettingsError, InputError, ModelError, OutputError
    NoFaceError
        The reference shows none.
    """
    options = options or FacesOptions()
    _check(files, options)
    model = resolve_model("face_landmarker", options.models)
    reference = None
    if options.reference is not None:
        reference = load_reference(options.reference, model=model, track=options.track)
    clips: list[ClipFaces] = []
    failures: list[tuple[Path, InputError]] = []
    residuals: list[Spread | None] = []
    rows: LandmarkRows | None = None
    for number, file in enumerate(files, start=1):
        stage = "faces" if len(files) == 1 else f"faces, video {number} of {len(files)}"
        try:
            clip, found = _read(file, model, options, reference, stage, on_progress)
        except InputError as error:
            if len(files) == 1:
                raise
            failures.append((file, error))
            continue
        clips.append(clip)
        residuals.append(None if found is None else found.residual())
        rows = found
    outliers, notes = _compare(clips)
    result = FacesResult(tuple(clips), tuple(failures), tuple(residuals), reference, outliers, notes)
    if result.has_faces:
        _write(result, rows, options)
    return result


def _read(
    file: Path, model: Path, options: FacesOptions, reference: Reference | None, stage: str, on_progress: OnProgress
) -> tuple[ClipFaces, LandmarkRows | None]:
    """The faces of a file; and its landmarks, if they are asked for or brought onto a reference."""
    info = probe(file)
    reading = read_faces(
        info, model, options.track, on_frame=lambda done: on_progress(Progress(stage, done, info.frame_count))
    )
    clip = clip_faces(reading, options.track)
    if reference is None and options.landmarks is None:
        return clip, None
    whole = options.landmarks is not None and options.points == MESH_POINTS
    kept: Indices = tuple(range(MESH_POINTS)) if whole else tuple(POINTS_68.tolist())
    return clip, landmark_rows(reading, options.track, kept=kept, reference=reference, fit=options.fit)


def _compare(clips: Sequence[ClipFaces]) -> tuple[tuple[Outlier, ...], tuple[str, ...]]:
    """Outliers among the clips with a face, and what is to be said about that."""
    shown = [number for number, clip in enumerate(clips) if clip.faces]
    if len(clips) < 2:
        return (), ()
    if len(shown) < MIN_CLIPS:
        return (), (f"{len(shown)} clips show a face: {MIN_CLIPS} or more are compared for outliers",)
    values = compared_values([clips[number] for number in shown])
    return tuple(replace(each, clip=shown[each.clip]) for each in find_outliers(values)), ()


def compared_values(clips: Sequence[ClipFaces]) -> list[dict[str, float]]:
    """What is compared of clips that show a face."""
    found = [(clip.main_statistics, clip.size) for clip in clips]
    return [clip_values(main, size) for main, size in found if main is not None]


def _clip_dict(clip: ClipFaces, residual: Spread | None) -> dict[str, Any]:
    main = clip.main_statistics
    faces = [
        {"shot": each.shot, "face": each.face, "start": each.start, **summarise([each]).to_dict()}
        for each in clip.faces
    ]
    return {
        "path": str(clip.path),
        "size": list(clip.size),
        "frames": len(clip.times_s),
        "shots": [list(shot) for shot in clip.shots],
        "faces": faces,
        "main": None if main is None else main.to_dict(),
        "compared": None if main is None else clip_values(main, clip.size),
        "residual_px": None if residual is None else asdict(residual),
        "notes": list(clip.notes),
    }


def _check(files: Sequence[Path], options: FacesOptions) -> None:
    """Check the outputs, before any work."""
    for path, flag, instead in (
        (options.plot, "--plot", "Use --out FOLDER for several."),
        (options.landmarks, "--landmarks", "Run it for each video."),
    ):
        if path is not None and len(files) > 1:
            raise SettingsError(f"{flag} takes one video, not {len(files)}", hint=instead)
    if options.points not in (MESH_POINTS, len(POINTS_68)):
        raise SettingsError(f"there are no {options.points} points", hint=f"Use {MESH_POINTS} or {len(POINTS_68)}.")
    if options.landmarks is not None:
        check_landmark_name(options.landmarks)
    inputs = [*files, *([options.reference] if options.reference is not None else [])]
    outputs = [path for path in (options.csv, options.plot, options.landmarks) if path is not None]
    if options.folder is not None:
        names = [*plot_names(files, {SCORES_NAME}), CSV_NAME, JSON_NAME, SCORES_NAME]
        check_folder_writable(options.folder, files=names, overwrite=options.overwrite)
        for name in names:
            if any(same_file(options.folder / name, each) for each in [*inputs, *outputs]):
                raise OutputError(f"{options.folder / name} is named twice", hint="Choose another folder.")
    for number, path in enumerate(outputs):
        check_file_writable(path, inputs=inputs, overwrite=options.overwrite, example="faces.csv")
        if any(same_file(path, other) for other in outputs[:number]):
            raise OutputError(f"{path} is named twice", hint="Give each output its own name.")


def _write(result: FacesResult, rows: LandmarkRows | None, options: FacesOptions) -> None:
    overwrite = options.overwrite
    values = face_values_csv(result.clips) if options.csv is not None or options.folder is not None else b""
    if options.csv is not None:
        write_atomically(options.csv, values, overwrite=overwrite)
    if options.plot is not None:
        write_atomically(options.plot, _bytes(clip_svg(result.clips[0])), overwrite=overwrite)
    if options.landmarks is not None and rows is not None:
        write_landmarks(options.landmarks, rows, overwrite=overwrite)
    if options.folder is not None:
        make_folder(options.folder)
        names = plot_names([clip.path for clip in result.clips], {SCORES_NAME})
        for name, clip in zip(names, result.clips, strict=True):
            write_atomically(options.folder / name, _bytes(clip_svg(clip)), overwrite=overwrite)
        shown = [clip for clip in result.clips if clip.faces]
        if len(shown) >= MIN_CLIPS:
            scores = scores_svg(short_names([clip.path for clip in shown]), compared_values(shown))
            write_atomically(options.folder / SCORES_NAME, _bytes(scores), overwrite=overwrite)
        write_atomically(options.folder / CSV_NAME, values, overwrite=overwrite)
        text = json.dumps(result.to_dict(), indent=1) + "\n"
        write_atomically(options.folder / JSON_NAME, _bytes(text), overwrite=overwrite)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
