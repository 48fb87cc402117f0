"""Recordings in files, read where they are looked at."""

import numpy as np
import pytest
import soundfile

from skbss._runtime import recorded_waveform
from skbss._runtime.recorded_waveform import RecordedWaveform, in_blocks


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_slices_are_those_of_the_array(tmp_path, kind):
    rng = np.random.default_rng(0)
    path = tmp_path / f"x.{kind}"
    soundfile.write(path, rng.uniform(-0.5, 0.5, (1000, 3)), 8000)
    expected = soundfile.read(path, dtype="float32")[0].T
    recorded = RecordedWaveform(path)
    assert recorded.shape == expected.shape
    assert len(recorded) == recorded.shape[0] == 3
    assert recorded.ndim == 2
    for time in (slice(None), slice(10, 20), slice(990, 2000), slice(-5, None), slice(7, 3)):
        for channels in (slice(None), slice(1, 3)):
            found = recorded[channels, time]
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, expected[channels, time])


@pytest.mark.parametrize("shape", [(10,), (2, 10), (2, 9)])
def test_blocks_are_the_whole(monkeypatch, shape):
    monkeypatch.setattr(recorded_waveform, "_BLOCK", 3)
    x = np.arange(np.prod(shape)).reshape(shape)
    blocks = list(in_blocks(x))
    assert max(block.shape[-1] for block in blocks) == 3
    np.testing.assert_array_equal(np.concatenate(blocks, axis=-1), x)


@pytest.mark.parametrize("length", [0, 2, 3, 7, 10, 11])
def test_blocks_end_where_they_are_told_to(monkeypatch, length):
    monkeypatch.setattr(recorded_waveform, "_BLOCK", 3)
    x = np.arange(20).reshape(2, 10)
    blocks = list(in_blocks(x, length))
    np.testing.assert_array_equal(np.concatenate([x[:, :0], *blocks], axis=-1), x[:, :length])
    assert max([block.shape[-1] for block in blocks], default=0) == min(3, length)
