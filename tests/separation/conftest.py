"""Clips that the tests of Separator share, and with them the programs compiled for them."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def sources():
    """Six clips of three sources: two melodies in different registers, and clicks of noise."""
    rng = np.random.default_rng(0)
    time = np.arange(4000) / 8000
    clips = []
    for _ in range(6):
        low, high = (
            np.repeat(rng.choice(pitches, 8), 500) for pitches in ([200, 250, 300], [1500, 1800])
        )
        noise = rng.standard_normal(4000) * (np.arange(4000) % 1000 < 200)
        clips.append([np.sin(2 * np.pi * low * time), np.sin(2 * np.pi * high * time), noise])
    return np.array(clips)
