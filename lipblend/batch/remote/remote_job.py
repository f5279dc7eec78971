"""A job whose files are at addresses: its inputs are fetched, its output is made here and published when complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from lipblend.batch.job_spec import JobOutcome, JobSpec
from lipblend.batch.listing.job_settings import with_own_files
from lipblend.batch.listing.list_paths import is_address
from lipblend.batch.local_output import REPORT_PAGE, existing_local, held, locked, recorded_outcome
from lipblend.batch.remote.remote_files import RemoteFile, RemoteOptions
from lipblend.batch.remote.remote_lock import RemoteLock
from lipblend.batch.remote.remote_record import (
    look_remote,
    remote_inputs,
    report_address,
    write_remote_record,
)
from lipblend.batch.remote.scratch_folder import ScratchFolder
from lipblend.batch.remote.store_errors import shown_address
from lipblend.runtime.output_lock import OutputLock
from lipblend.runtime.progress import OnProgress, Progress

Make = Callable[[JobSpec], JobOutcome]

_REPORT = "report"


class RemoteJob:
    """One job with addresses.

    Parameters
    ----------
    spec : JobSpec
    options : RemoteOptions
    stopped : Event
        Ends waiting and transfers with a `StoppedError`.
    on_progress : callable
        Told how many files were fetched and published.
    """

    def __init__(self, spec: JobSpec, options: RemoteOptions, stopped: Event, on_progress: OnProgress) -> None:
        self._spec, self._options, self._stopped, self._on_progress = spec, options, stopped, on_progress
        self._scratch = ScratchFolder(options, stopped)
        self._output = RemoteFile(spec.output, options) if is_address(spec.output) else None
        report = RemoteFile(spec.report, options) if spec.report is not None and is_address(spec.report) else None
        self._published = self._output or report  # None if nothing is
        self._lock: OutputLock | RemoteLock | None = None

    @property
    def lost(self) -> bool:
        """Whether another run has taken over the output, while this machine could not refresh its lock."""
        return self._lock is not None and self._lock.lost

    def run(self, make: Make, *, force: bool, lock_wait_s: float) -> JobOutcome:
        """Run it to its end.

        Parameters
        ----------
        make : callable
            Makes the output of a job whose files are local, and records it.
        force : bool
            Also if it is up to date.
        lock_wait_s : float
            How long to wait for another run that has the output's lock.

        Raises
        ------
        LipblendError
            A file cannot be fetched or published, or the output is locked.
        StoppedError
        """
        if not force and (fresh := self.existing()) is not None:
            return fresh  # without a lock, which costs more requests than looking
        with self.locked(lock_wait_s) as lock:
            self._lock = lock
            if not force and (fresh := self.existing()) is not None:
                return fresh  # the run that had the lock has made it
            return self.run_unlocked(make, force=force)

    def run_unlocked(self, make: Make, *, force: bool) -> JobOutcome:
        """`run`, of an output that is not up to date, and whose lock whoever calls this holds."""
        with ExitStack() as use:
            made = None
            if self._published is not None:
                made = use.enter_context(self._scratch.unfinished(self._published))
            local, versions = fetched_job(
                self._spec, self._options, self._scratch, use, made=made, on_progress=self._on_progress
            )
            kept = None if force or self._output is None else existing_local(local)
            if kept is not None and kept.status == "skipped":  # it could not be published when it was made
                kept = replace(kept, status="passed", reason="")
            outcome = kept or make(local)
            if outcome.status in ("passed", "gate"):
                if isinstance(self._lock, RemoteLock):
                    self._lock.check_held()
                self._publish(local, versions)
        if self._published is not None and outcome.status in ("passed", "gate"):
            self._scratch.discard(self._published)
        self._scratch.prune()
        return self.addressed(outcome, local)

    def existing(self) -> JobOutcome | None:
        """The outcome if the output is up to date."""
        spec = self._spec
        why, record = look_remote(spec, self._options)
        if why:
            return None
        local = "" if spec.report is None else str(Path(spec.report) / REPORT_PAGE)
        return recorded_outcome(spec, record, self._shown_report() or local)

    @contextmanager
    def locked(self, wait_s: float) -> Iterator[OutputLock | RemoteLock]:
        """Hold the lock of the output."""
        if self._output is None:
            with locked(self._spec, wait_s, self._stopped) as lock:
                yield lock
        else:
            output = self._output
            with held(lambda: RemoteLock(output), wait_s, self._stopped) as remote_lock:
                yield remote_lock

    def _publish(self, local: JobSpec, versions: Mapping[str, str]) -> None:
        """Bring report and output to their places, and record them last."""
        spec = self._spec
        todo: list[tuple[Path, RemoteFile]] = []
        if spec.report is not None and local.report is not None and is_address(spec.report):
            folder = Path(local.report)
            todo += [
                (path, RemoteFile(f"{spec.report.rstrip('/')}/{path.relative_to(folder).as_posix()}", self._options))
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            ]
        if self._output is not None:
            todo.append((Path(local.output), self._output))
        for number, (path, file) in enumerate(todo):
            self._on_progress(Progress("publish", number, len(todo)))
            file.publish(path, self._stopped)
        write_remote_record(spec, local, versions, self._options)

    def addressed(self, outcome: JobOutcome, local: JobSpec) -> JobOutcome:
        """An outcome that names addresses instead of files in the scratch folder."""
        spec = self._spec
        pairs = [*zip(_places(local), _places(spec), strict=True)]
        names = {made: shown_address(given) for made, given in pairs if made != given}
        data = _renamed(outcome.to_dict(), names)
        page = self._shown_report()
        return JobOutcome.from_dict(
            {**data, "output": spec.output, "report": page if page and data["report"] else data["report"]}
        )

    def _shown_report(self) -> str:
        page = report_address(self._spec)
        return "" if page is None else shown_address(page)


def fetched_job(
    spec: JobSpec,
    options: RemoteOptions,
    scratch: ScratchFolder,
    use: ExitStack,
    *,
    made: Path | None,
    on_progress: OnProgress,
) -> tuple[JobSpec, dict[str, str]]:
    """The same job on local files, which stay until ``use`` is closed; and the versions of the inputs by role.

    Parameters
    ----------
    spec, options, scratch, use
    made : Path or None
        Local path of the output, if that lies at an address, and beside it of the report; None if nothing does.
    on_progress : callable
    """
    inputs = remote_inputs(spec)
    copies, versions = dict[str, str](), dict[str, str]()
    for number, (role, address) in enumerate(inputs.items()):
        on_progress(Progress("fetch", number, len(inputs)))
        fetched = use.enter_context(scratch.fetched(RemoteFile(address, options)))
        copies[address], versions[role] = str(fetched.path), fetched.version
    output, report = spec.output, spec.report
    if made is not None:
        output = str(made) if is_address(output) else output
        report = str(made.with_name(_REPORT)) if report is not None and is_address(report) else report
    return replace(
        spec,
        original=copies.get(spec.original, spec.original),
        synced=copies.get(spec.synced, spec.synced),
        crop=_copied(spec.crop, copies),
        keep=_copied(spec.keep, copies),
        matte=_copied(spec.matte, copies),
        settings=with_own_files(spec.settings, lambda text: copies.get(text, text)),
        output=output,
        report=report,
    ), versions


def _copied(text: str | None, copies: Mapping[str, str]) -> str | None:
    return None if text is None else copies.get(text, text)


def _places(spec: JobSpec) -> list[str]:
    sound = str(spec.settings.get("audio.source", ""))
    more = (spec.crop, spec.keep, spec.matte, spec.report)
    return [spec.original, spec.synced, spec.output, sound, *(each or "" for each in more)]


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Plain data with other names in its texts."""
    if isinstance(value, str):
        for made, given in names.items():
            value = value.replace(made, given)
        return value
    if isinstance(value, Mapping):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(each, names) for each in value]
    return value
