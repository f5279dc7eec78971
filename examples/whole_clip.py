"""Composite a clip, measure the result, and print what a script would act on.

From the checkout, after scripts/lipblend has made .venv:

    .venv/bin/python examples/whole_clip.py original.mp4 synced.mp4 out.mp4

or with any Python in which `pip install .` was run.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lipblend import CompositeOptions, LipblendError, composite, evaluate, resolve_settings


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        print("usage: whole_clip.py ORIGINAL.mp4 SYNCED.mp4 OUT.mp4", file=sys.stderr)
        return 2
    original, synced, output = map(Path, arguments)
    settings = resolve_settings("natural", None, {"encode.crf": "18"}).settings
    try:
        result = composite(original, synced, output, settings=settings, options=CompositeOptions(jobs=2))
        record = evaluate(original, synced, output, settings=settings).record
    except LipblendError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{result.blended} of {result.frames} frames carry the new mouth")
    for verdict in record.verdicts:
        if verdict.value is not None:  # measured
            print(f"{verdict.key}: {verdict.value:.4g}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
