"""Light: differences of HDR pictures in levels of SDR."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.picture.hdr import PQ
from lipblend.picture.light import HLG, from_light, sdr_difference


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_equal_steps_of_light_give_equal_differences(transfer: int, full: bool) -> None:
    """Four levels of SDR, from nearly black to white."""
    scale, black = (255, 0) if full else (219, 16)
    sdr = np.linspace(8, 210, 30)
    luma = []
    for levels in (sdr, sdr + 4):
        light = (levels / scale) ** 2.4
        light = light ** (1 / 1.2) if transfer == HLG else light  # without the display's part of it
        luma.append(black + scale * from_light(light, transfer))
    grey = np.full(30, 128.0)
    original, synced = (np.dstack([each, grey, grey]).astype(np.float32) for each in luma)
    np.testing.assert_allclose(sdr_difference(original, synced, transfer, full=full)[..., 0], 4, atol=0.15)
    assert np.ptp((synced - original)[..., 0]) > 1
    tinted = original + np.float32([0, 2, -2])
    chroma = sdr_difference(original, tinted, transfer, full=full)[0, :, 1:]
    assert (chroma[:, 0] > 0).all()
    np.testing.assert_allclose(chroma[:, 0], -chroma[:, 1], rtol=1e-4)


def test_sdr_is_a_plain_difference() -> None:
    original, synced = np.random.default_rng(1).uniform(16, 235, (2, 5, 7, 3)).astype(np.float32)
    np.testing.assert_array_equal(sdr_difference(original, synced, 1, full=False), synced - original)
