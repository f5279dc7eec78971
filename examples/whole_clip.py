"""Composite a clip, measure the result, and print what a script would act on.

python examples/whole_clip.py original.mp4 synced.mp4 out.mp4
"""

from __future__ import annotations

import sys
from pathlib import Path

from lipblend import CompositeOptions, LipblendError, composite, evaluate, resolve_settings


def main(original: Path, synced: Path, output: Path) -> int:
    settings = resolve_settings("natural", None, {"encode.crf": "18"}).settings
    try:
        result = composite(original, synced, output, settings=settings, options=CompositeOptions(jobs=2))
        record = evaluate(original, synced, output, settings=settings).record
    except LipblendError as error:
        print(f"{error.message}. {error.hint}", file=sys.stderr)
        return error.exit_code
    print(f"{result.blended} of {result.frames} frames carry the new mouth")
    for verdict in record.verdicts:
        print(f"{verdict.key}: {verdict.value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
