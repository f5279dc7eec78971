"""Files that were given in another order than the record in one of them knows."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import pytest

from lipblend.errors import InputMismatchError
from lipblend.output.run_record import RunRecord
from lipblend.quality.evaluation.file_order import ROLES, check_order

ORIGINAL, SYNCED, RESULT, OTHER = (Path(f"/videos/{name}.mp4") for name in ("take", "words", "done", "other"))
DIGESTS = {ORIGINAL: "0123456789abcdef" * 4, SYNCED: "fedcba9876543210" * 4, RESULT: "a" * 64, OTHER: "b" * 64}
RECORD = RunRecord("1.0", DIGESTS[ORIGINAL][:16], DIGESTS[SYNCED][:16], "natural", {}, 10, 64, 48)


def given(*paths: Path, record: RunRecord | None = RECORD) -> dict[str, SimpleNamespace]:
    """The files by role, with the record in `RESULT`."""
    tags = {RESULT: {"comment": record.to_text()}} if record is not None else {}
    return {
        role: SimpleNamespace(path=path, metadata=tags.get(path, {})) for role, path in zip(ROLES, paths, strict=True)
    }


@pytest.mark.parametrize("paths", list(permutations((ORIGINAL, SYNCED, RESULT))), ids=lambda paths: paths[0].stem)
def test_only_one_order_is_right(paths: tuple[Path, Path, Path]) -> None:
    if paths == (ORIGINAL, SYNCED, RESULT):
        check_order(given(*paths), DIGESTS.__getitem__)  # type: ignore[arg-type]
        return
    with pytest.raises(
        InputMismatchError, match=r"record in done\.mp4 .* original take\.mp4 .* video words\.mp4"
    ) as found:
        check_order(given(*paths), DIGESTS.__getitem__)  # type: ignore[arg-type]
    assert found.value.hint.endswith("/videos/take.mp4 /videos/words.mp4 /videos/done.mp4")


def test_what_the_record_does_not_know_is_not_refused() -> None:
    def never(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    check_order(given(SYNCED, ORIGINAL, RESULT, record=None), never)  # type: ignore[arg-type]
    for paths in ((OTHER, SYNCED, RESULT), (SYNCED, OTHER, RESULT), (RESULT, OTHER, SYNCED)):
        check_order(given(*paths), DIGESTS.__getitem__)  # type: ignore[arg-type]
    alike = {**DIGESTS, SYNCED: DIGESTS[ORIGINAL]}
    check_order(given(SYNCED, ORIGINAL, RESULT), alike.__getitem__)  # type: ignore[arg-type]
