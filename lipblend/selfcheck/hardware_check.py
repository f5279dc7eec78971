"""Check which hardware encoders start on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from lipblend.output.hardware import HARDWARE_ENCODERS, family_of
from lipblend.selfcheck.environment import PythonRun, run_python
from lipblend.selfcheck.findings import Finding

HARDWARE_LIMIT_S = 20.0


def check_hardware(family: str, encoders: Sequence[str], run: PythonRun) -> Finding:
    """Check the result of `try_hardware` for a family of encoders. It is not a fault if none starts."""
    name = f"hardware encoders ({family})"
    lines = run.out.strip().splitlines()
    try:
        failures = json.loads(lines[-1]) if lines and run.code == 0 else None
    except ValueError:
        failures = None
    if failures is None:
        reason = f"the driver crashed Python ({run.killed_by})" if run.killed_by else run.last_line
        fix = f"Do not use {', '.join(encoders)} on this machine, or try a newer driver."
        return Finding(name, "warning", f"could not be tested: {reason}", fix)
    working = [each for each in encoders if not failures[each]]
    parts = [f"{', '.join(working)} can be used"] if working else []
    parts += [
        f"{', '.join(each for each in encoders if failures[each] == reason)} cannot be used: {reason}"
        for reason in dict.fromkeys(filter(None, failures.values()))
    ]
    return Finding(name, "ok", "; ".join(parts))


def try_hardware(encoders: Sequence[str]) -> PythonRun:
    """Try encoders of one family in a child process: a driver may hang or crash."""
    code = (
        "from lipblend.output.encoder_trial import try_encoder\n"
        "print(json.dumps({name: try_encoder(name) for name in sys.argv[1:]}))"
    )
    return run_python(code, *encoders, limit_s=HARDWARE_LIMIT_S)


def hardware_findings(
    missing: Callable[[Iterable[str]], list[str]], attempt: Callable[[Sequence[str]], PythonRun] = try_hardware
) -> Iterator[Finding]:
    """One finding per family of hardware encoders in this FFmpeg build.

    Parameters
    ----------
    missing : callable
        Returns those of the given encoders that FFmpeg lacks.
    attempt : callable
        `try_hardware`.
    """
    lacking = missing(HARDWARE_ENCODERS)
    families: dict[str, list[str]] = {}
    for encoder in HARDWARE_ENCODERS:
        if encoder not in lacking:
            families.setdefault(str(family_of(encoder)), []).append(encoder)
    if not families:
        yield Finding("hardware encoders", "ok", "none in this FFmpeg")
    for family, encoders in families.items():
        yield check_hardware(family, encoders, attempt(encoders))
