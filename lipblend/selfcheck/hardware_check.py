"""Which encoders for graphics hardware start on this machine: a part of the doctor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from lipblend.output.hardware import HARDWARE_ENCODERS, family_of
from lipblend.selfcheck.environment import Ran, run_python
from lipblend.selfcheck.findings import Finding

HARDWARE_LIMIT_S = 20.0


def check_hardware(family: str, encoders: Sequence[str], ran: Ran) -> Finding:
    """Judge how the process ended that tried a family's encoders (see `try_hardware`). None starting is no fault."""
    name = f"hardware encoders ({family})"
    lines = ran.out.strip().splitlines()
    try:
        failed = json.loads(lines[-1]) if lines and ran.code == 0 else None
    except ValueError:
        failed = None
    if failed is None:
        ended = f"the driver brings Python down ({ran.killed_by})" if ran.killed_by else ran.last_line
        mend = f"Do not use {', '.join(encoders)} here; a newer driver may help."
        return Finding(name, "warning", f"could not be tried: {ended}", mend)
    parts = (
        [f"{', '.join(working)} can be used"] if (working := [each for each in encoders if not failed[each]]) else []
    )
    parts += [
        f"{', '.join(each for each in encoders if failed[each] == words)} cannot: {words}"
        for words in dict.fromkeys(filter(None, failed.values()))
    ]
    return Finding(name, "ok", "; ".join(parts))


def try_hardware(encoders: Sequence[str]) -> Ran:
    """Try encoders of one family in a process of its own: a driver may hang, or bring the process down."""
    code = (
        "from lipblend.output.encoder_trial import try_encoder\n"
        "print(json.dumps({name: try_encoder(name) for name in sys.argv[1:]}))"
    )
    return run_python(code, *encoders, limit_s=HARDWARE_LIMIT_S)


def hardware_findings(
    missing: Callable[[Iterable[str]], list[str]], attempt: Callable[[Sequence[str]], Ran] = try_hardware
) -> Iterator[Finding]:
    """One finding for each family of hardware encoders that this FFmpeg has.

    Parameters
    ----------
    missing : callable
        Gives those of some names that are not there.
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
