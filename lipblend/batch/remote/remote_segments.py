"""A long clip at addresses, rendered in segments by several machines that share no folder.

Until the output is joined, its finished segments and the analysis lie in a hidden folder beside it. Their names begin
with a digest of all that they depend on, so that those of other inputs, settings or programs are never joined, and
those of an interrupted run are found again. Whoever orders these steps holds the output's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event

from lipblend.batch.job_child import Step
from lipblend.batch.job_spec import JobOutcome, JobSpec
from lipblend.batch.listing.list_paths import is_address
from lipblend.batch.remote.remote_files import RemoteFile, RemoteOptions
from lipblend.batch.remote.remote_job import RemoteJob, fetched_job
from lipblend.batch.remote.scratch_folder import ScratchFolder
from lipblend.errors import InputError, LipblendError
from lipblend.runtime.files import UnfinishedFile
from lipblend.runtime.output_paths import make_folder
from lipblend.runtime.progress import OnProgress, Progress
from lipblend.segments.kept_segments import portable_key, segment_path

_SUFFIX = ".lipblend-parts"
_PARTS = "parts"

Make = Callable[[JobSpec, Step, OnProgress], JobOutcome]
"""Does a step of a job whose files are local, and whose folder of segments is its own."""


@dataclass(frozen=True)
class Parts:
    """What a job is rendered from, the same on all machines.

    Attributes
    ----------
    key : str
        `lipblend.segments.kept_segments.portable_key`.
    count : int
        Segments.
    analysis : str
        Name of the cached analysis.
    versions : mapping of str to str
        Of the remote inputs, by role.
    """

    key: str
    count: int
    analysis: str
    versions: Mapping[str, str]

    @classmethod
    def of(cls, outcome: JobOutcome) -> Parts:
        """Those that `RemoteSegments.prepare` has found."""
        return cls(**outcome.details[_PARTS])


class RemoteSegments:
    """The steps of one job.

    Parameters
    ----------
    spec : JobSpec
    options : RemoteOptions
    cache : Path
        Folder of this machine's analyses.
    stopped : Event
        Ends transfers with a `StoppedError`.
    on_progress : callable
    """

    def __init__(
        self, spec: JobSpec, options: RemoteOptions, cache: Path, stopped: Event, on_progress: OnProgress
    ) -> None:
        self._spec, self._options, self._cache = spec, options, cache
        self._stopped, self._on_progress = stopped, on_progress
        self._job = RemoteJob(spec, options, stopped, on_progress)
        self._scratch = ScratchFolder(options, stopped)
        self._output = RemoteFile(spec.output if is_address(spec.output) else f"file://{spec.output}", options)
        self._folder = parts_folder(spec, options)

    def prepare(self, make: Make) -> JobOutcome:
        """Analyse the clip, publish the analysis, and remove parts of other inputs or settings.

        Returns the outcome of the step "prepare", with what `Parts.of` reads.
        """
        with ExitStack() as use:
            local, versions = self._fetched(use, "prepare")
            outcome = make(local, "prepare", self._on_progress)
            key = portable_key(Path(local.output))
            if outcome.status != "passed" or key is None:
                return self._job.addressed(outcome, local)
            analysis = Path(outcome.details["analysis"])
            parts = Parts(key, int(outcome.details["segments"]), analysis.name, versions)
            there = self._folder.names_within()
            for name in there:
                if not name.startswith(key):
                    self._folder.within(name).remove()
            if analysis.is_file() and _analysis_name(parts) not in there:
                self._folder.within(_analysis_name(parts)).publish(analysis, self._stopped)
        self._scratch.discard(self._output, "prepare")
        return replace(outcome, details={_PARTS: asdict(parts)})

    def render(self, make: Make, wanted: range, parts: Parts) -> JobOutcome:
        """Render segments that are not beside the output yet, and publish each as soon as it is finished."""
        there = self._folder.names_within()
        missing = [number for number in wanted if _segment_name(parts, number) not in there]
        if not missing:
            return JobOutcome(self._spec.name, self._spec.output, "passed")
        place = f"{wanted.start}-{wanted.stop}"
        with ExitStack() as use:
            local, versions = self._fetched(use, place)
            self._check(versions, parts)
            self._fetch_analysis(parts)
            todo = range(missing[0], missing[-1] + 1)

            def advance(progress: Progress) -> None:
                self._publish_finished(Path(local.output), missing, parts)
                self._on_progress(progress)

            outcome = make(local, todo, advance)
            if outcome.status == "passed":
                self._publish_finished(Path(local.output), missing, parts)
                if missing:
                    raise LipblendError(f"segment {missing[0]} was not rendered")
        if outcome.status == "passed":
            self._scratch.discard(self._output, place)
        return self._job.addressed(outcome, local)

    def join(self, make: Make, parts: Parts, *, force: bool) -> JobOutcome:
        """Fetch all segments, join them, publish the output, and remove the parts."""

        def joined(local: JobSpec) -> JobOutcome:
            self._fetch_analysis(parts)
            output = Path(local.output)
            prepared = make(local, "prepare", self._on_progress)
            if prepared.status != "passed":
                return prepared
            self._check_key(output, parts)
            self._fetch_segments(output, parts)
            return make(local, "join", self._on_progress)

        outcome = self._job.run_unlocked(joined, force=force)
        if outcome.status in ("passed", "gate"):
            self._folder.remove_within()
        return outcome

    def _fetched(self, use: ExitStack, place: str) -> tuple[JobSpec, dict[str, str]]:
        """The job on local files, its output in a folder of this step, and without a report."""
        made = use.enter_context(self._scratch.unfinished(self._output, place))
        local, versions = fetched_job(
            self._spec, self._options, self._scratch, use, made=made, on_progress=self._on_progress
        )
        return replace(local, output=str(made), report=None), versions

    def _check(self, versions: Mapping[str, str], parts: Parts) -> None:
        changed = [role for role, version in parts.versions.items() if versions.get(role) != version]
        if changed:
            raise InputError(f"{changed[0]} changed while it was rendered", hint="Run the same command again.")

    def _check_key(self, output: Path, parts: Parts) -> None:
        if portable_key(output) != parts.key:
            raise LipblendError(
                "this worker plans other pictures than the one that analysed the clip",
                hint="Use workers with equal processors and libraries, or --split off.",
            )

    def _fetch_analysis(self, parts: Parts) -> None:
        path = self._cache / parts.analysis
        if path.is_file():
            return
        file = self._folder.within(_analysis_name(parts))
        if file.look() is not None:  # else it could not be stored, and every machine makes its own
            make_folder(self._cache, mode=0o700)
            self._fetch(file, path, private=True)

    def _fetch_segments(self, output: Path, parts: Parts) -> None:
        for number in range(parts.count):
            self._on_progress(Progress("fetch", number, parts.count))
            self._fetch(self._folder.within(_segment_name(parts, number)), segment_path(output, number))

    def _fetch(self, file: RemoteFile, path: Path, *, private: bool = False) -> None:
        with UnfinishedFile(path, private=private) as made:
            file.fetch(made.path, self._stopped)
            made.publish(overwrite=True)

    def _publish_finished(self, output: Path, missing: list[int], parts: Parts) -> None:
        """Publish segments that are finished, and take them from ``missing``."""
        for number in list(missing):
            path = segment_path(output, number)
            if path.is_file():
                self._check_key(output, parts)
                self._folder.within(_segment_name(parts, number)).publish(path, self._stopped)
                missing.remove(number)


def parts_folder(spec: JobSpec, options: RemoteOptions) -> RemoteFile:
    """The hidden folder beside a job's output where its parts lie until they are joined."""
    output = spec.output if is_address(spec.output) else f"file://{spec.output}"
    return RemoteFile(output, options).beside(_SUFFIX)


def _segment_name(parts: Parts, number: int) -> str:
    return f"{parts.key}-{number:06d}.segment"


def _analysis_name(parts: Parts) -> str:
    return f"{parts.key}-{parts.analysis}"
