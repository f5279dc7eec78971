"""Differences of HDR pictures in the steps of SDR ones."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.picture.hdr import PQ
from lipblend.picture.light import HLG, from_light, sdr_difference


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_the_same_step_of_light_counts_alike_however_it_is_coded(transfer: int, full: bool) -> None:
    """Four levels of SDR, from nearly black to white, are four levels whatever codes hold them."""
    scale, black = (255, 0) if full else (219, 16)
    sdr = np.linspace(8, 210, 30)
    luma = []
    for levels in (sdr, sdr + 4):
        light = (levels / scale) ** 2.4
        light = light ** (1 / 1.2) if transfer == HLG else light  # the display's part of it
        luma.append(black + scale * from_light(light, transfer))
    one, two = (np.dstack([each, np.full(30, 128.0), np.full(30, 128.0)]).astype(np.float32) for each in luma)
    found = sdr_difference(one, two, transfer, full=full)
    np.testing.assert_allclose(found[..., 0], 4, atol=0.15)
    assert np.ptp((two - one)[..., 0]) > 1
    tinted = one + np.float32([0, 2, -2])
    chroma = sdr_difference(one, tinted, transfer, full=full)[0, :, 1:]
    assert (chroma[:, 0] > 0).all()
    np.testing.assert_allclose(chroma[:, 0], -chroma[:, 1], rtol=1e-4)


def test_sdr_is_as_it_is() -> None:
    one, two = np.random.default_rng(1).uniform(16, 235, (2, 5, 7, 3)).astype(np.float32)
    np.testing.assert_array_equal(sdr_difference(one, two, 1, full=False), two - one)
