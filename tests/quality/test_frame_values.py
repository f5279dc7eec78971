"""The values of a frame in little memory."""

from __future__ import annotations

import copy
import pickle
import tracemalloc

import pytest

from lipblend.quality.frame_values import FrameValues

VALUES = {f"measure_{number}": number / 3 for number in range(50)}


def test_it_is_the_mapping_it_was_made_from() -> None:
    values = FrameValues(VALUES)
    assert values == VALUES
    assert list(values.items()) == list(VALUES.items())
    assert {**values, "more": 1.0} == {**VALUES, "more": 1.0}
    assert values.get("missing") is None
    assert "missing" not in values
    with pytest.raises(KeyError):
        values["missing"]
    assert FrameValues({}) == {}
    assert eval(repr(values)) == VALUES
    for other in (copy.copy(values), pickle.loads(pickle.dumps(values))):
        assert other == values


def test_a_frame_takes_less_than_a_kilobyte() -> None:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [FrameValues({key: value + at for key, value in VALUES.items()}) for at in range(200)]
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(kept) == 200
    assert taken < 200 * 1000
