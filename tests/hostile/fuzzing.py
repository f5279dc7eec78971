"""Run fuzz cases in two worker processes. As a program (see scripts/fuzz): ``fuzzing.py [N] [SEED]``."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fuzz_worker
import mutations
import seeds
from fuzz_worker import HANG_S

HERE = Path(__file__).resolve().parent
WORKERS = 2
MAX_PEAK_MB = 1500
"""Maximum resident memory of a case."""

Answer = dict[str, Any]


class _Worker:
    """A worker process, restarted if it dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, base: int, number: int) -> Answer:
        """Run one case. If the worker dies or hangs, that is a fault of the case."""
        if self._process is None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{base} {number}\n".encode())
            process.stdin.flush()
        if not select.select([process.stdout], [], [], HANG_S)[0]:
            return self._died(base, number, f"no answer after {HANG_S} s")
        line = process.stdout.readline()
        if not line:
            return self._died(base, number, f"the process died with {process.wait()}")
        answer: Answer = json.loads(line)
        if answer["peak_mb"] > MAX_PEAK_MB:
            answer["faults"].append(f"{answer['peak_mb']} MB of memory")
        return answer

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._log.close()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
        return subprocess.Popen(
            [sys.executable, str(HERE / "fuzz_worker.py"), str(self._folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment,
        )  # fmt: skip

    def _died(self, base: int, number: int, how: str) -> Answer:
        self._log.seek(0)
        said = self._log.read()[-3000:].decode("utf-8", "replace")
        self.stop()
        return {"base": base, "number": number, "code": None, "faults": [how], "stderr": said, "what": "", "peak_mb": 0}


def run_cases(
    base: int, count: int, folder: Path, on_answer: Callable[[Answer], None] = lambda _: None
) -> list[Answer]:
    """Run cases 0 to `count` - 1 of a base seed; the answers are unordered."""
    (folder / "seeds").mkdir()
    seeds.make_seeds(folder / "seeds")
    numbers = itertools.count()
    answers: list[Answer] = []
    lock = threading.Lock()

    def work() -> None:
        worker = _Worker(folder)
        try:
            for number in _below(numbers, count, lock):
                answer = worker.ask(base, number)
                with lock:
                    answers.append(answer)
                    on_answer(answer)
        finally:
            worker.stop()

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _below(numbers: Iterator[int], count: int, lock: threading.Lock) -> Iterator[int]:
    while True:
        with lock:
            number = next(numbers)
        if number >= count:
            return
        yield number


def show_case(base: int, number: int) -> None:
    """Run one case in this process, with tracebacks, and keep its files."""
    folder = Path(tempfile.mkdtemp(prefix="lipblend-fuzz-"))
    os.environ["LIPBLEND_DEBUG"] = "1"
    answer = fuzz_worker.run_case(fuzz_worker.make_case(base, number, seeds.make_seeds(folder)), folder)
    print(answer.pop("stderr"), answer, f"files: {folder}", sep="\n")


def main() -> None:
    """Print each fault and a summary; exit with 1 if there was a fault."""
    if sys.argv[1:2] == ["--case"]:
        show_case(int(sys.argv[2]), int(sys.argv[3]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    base = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    folder = Path(tempfile.mkdtemp(prefix="lipblend-fuzz-"))

    def show(answer: Answer) -> None:
        if answer["faults"]:
            print(
                f"FAULT {base} {answer['number']}: {answer['faults']} {answer['what']}\n{answer['stderr']}", flush=True
            )

    try:
        answers = run_cases(base, count, folder, show)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(answers)} cases of seed {base} ({len(mutations.DAMAGES)} kinds of damage)")
    for code, number in sorted(Counter(str(answer["code"]) for answer in answers).items()):
        print(f"  exit code {code}: {number}")
    slowest = max(answers, key=lambda answer: answer.get("seconds", HANG_S))
    print(f"  slowest {slowest.get('seconds', HANG_S):.1f} s (case {slowest['number']}), "
          f"most memory {max(answer['peak_mb'] for answer in answers)} MB")  # fmt: skip
    faults = sum(bool(answer["faults"]) for answer in answers)
    print(f"  faults: {faults}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
