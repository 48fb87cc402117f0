"""What all clips have in common."""

import hashlib
import re
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
from scipy.signal import correlate

from skbss.datasets import load_band, load_piano_notes, load_two_speakers

FOLDER = resources.files("skbss.datasets")
LOADERS = {
    "piano_notes": load_piano_notes,
    "band": load_band,
    "two_speakers": load_two_speakers,
    "two_speakers in a room": lambda **options: load_two_speakers(room=True, **options),
}


@pytest.fixture(params=LOADERS, scope="module")
def load(request):
    return LOADERS[request.param]


@pytest.fixture(scope="module")
def clip(load):
    return load()


def pieces(clip):
    """Pairs of a mixture and its sources."""
    yield clip.mixture, clip.sources
    if "train_sources" in clip:
        yield clip.train_mixture, clip.train_sources


def test_the_mixture_is_exactly_the_sum_of_the_sources(clip):
    for mixture, sources in pieces(clip):
        np.testing.assert_array_equal(sources.sum(axis=0), mixture)


def test_every_source_has_a_name(clip):
    for mixture, sources in pieces(clip):
        assert len(sources) == len(clip.source_names) == len(set(clip.source_names))
        assert sources.shape[1:] == mixture.shape


def test_no_sample_is_clipped_and_none_is_wasted(clip):
    for mixture, sources in pieces(clip):
        loudest = max(np.abs(mixture).max(), np.abs(sources).max())
        assert 0.7 < loudest < 0.95


def test_begins_and_ends_in_silence(clip):
    for mixture, sources in pieces(clip):
        for waveform in (mixture, *sources):
            assert np.abs(waveform[..., :5]).max() < 1e-3
            assert np.abs(waveform[..., -5:]).max() < 1e-3


def test_every_source_is_heard_and_has_no_offset(clip):
    for _, sources in pieces(clip):
        level = np.sqrt(np.square(sources).mean(axis=-1))
        assert level.min() > 0.5 * level.max()
        assert (np.abs(sources.mean(axis=-1)) < 1e-2 * level).all()


@pytest.mark.parametrize("dtype", [np.float32, "float64"])
def test_dtype(load, dtype):
    for mixture, sources in pieces(load(dtype=dtype)):
        assert mixture.dtype == sources.dtype == np.dtype(dtype)


def test_both_types_hold_the_same_waveforms(load, clip):
    for (_, single), (_, double) in zip(pieces(clip), pieces(load(dtype=np.float64)), strict=True):
        np.testing.assert_allclose(single, double, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.int16, np.float16, "complex64", None])
def test_other_types_are_refused(load, dtype):
    with pytest.raises(ValueError, match=r"dtype must be float32 or float64, got .* instead"):
        load(dtype=dtype)


def test_a_caller_can_not_change_the_next_one_s_clip(load, clip):
    first = load()
    first.sources[:] = 0
    np.testing.assert_array_equal(load().sources, clip.sources)


def test_the_description_tells_the_numbers_of_the_clip(clip):
    description = re.sub(r"\s+", " ", clip.DESCR)
    assert f":Sources: {len(clip.sources)} ({', '.join(clip.source_names)}" in description
    assert f":Sample rate: {clip.sample_rate} Hz" in description
    for mixture, _ in pieces(clip):
        assert f"({mixture.shape[-1]} samples)" in description


def test_the_license_comes_with_the_clip(clip):
    assert clip.license in clip.DESCR
    assert clip.license_text.startswith(f"SPDX-License-Identifier: {clip.license}\n")
    assert "Copyright (c)" in clip.license_text
    assert "Permission is hereby granted, free of charge" in clip.license_text
    assert "DISCLAIM" in clip.license_text or "WITHOUT WARRANTY" in clip.license_text


@pytest.mark.parametrize("load", [load_band, load_two_speakers])
def test_what_is_trained_on_is_not_what_is_separated(load):
    clip = load()
    for source, training in zip(clip.sources, clip.train_sources, strict=True):
        overlap = np.abs(correlate(source, training, method="fft")).max()
        assert overlap < 0.5 * np.linalg.norm(source) * np.linalg.norm(training)


def test_the_files_are_those_of_the_manifest():
    lines = (FOLDER / "clips" / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    expected = {name: checksum for checksum, name in map(str.split, lines)}
    actual = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (FOLDER / "clips").iterdir()
        if file.name != "SHA256SUMS"
    }
    assert actual == expected


def test_the_files_are_small():
    assert sum(len(file.read_bytes()) for file in (FOLDER / "clips").iterdir()) < 2.5e6


def test_importing_loads_nothing_heavy():
    heavy = {"jax", "librosa", "soundfile", "matplotlib", "scipy.signal"}
    program = f"import sys, skbss.datasets; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
