"""AmplitudeNormalizer: levels, shapes, what shares a gain."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss import AmplitudeNormalizer


@pytest.fixture
def clips():
    return np.random.default_rng(0).standard_normal((3, 2, 50)) * np.arange(1, 4)[:, None, None]


@pytest.mark.parametrize("level", [1.0, 0.25])
@pytest.mark.parametrize(
    ("measure", "measured"), [("peak", lambda x: abs(x)), ("rms", lambda x: np.sqrt(np.mean(x**2)))]
)
def test_levels(clips, measure, measured, level):
    model = AmplitudeNormalizer(measure, level=level)
    for clip, found in zip(clips, model.fit_transform(clips), strict=True):
        assert measured(found).max() == pytest.approx(level)
        np.testing.assert_allclose(found / found[0, 0], clip / clip[0, 0])
    each = AmplitudeNormalizer(measure, level=level, channels_together=False).fit_transform(clips)
    np.testing.assert_allclose(each.reshape(6, 50), model.transform(clips.reshape(6, 50)))


@pytest.mark.parametrize("measure", ["peak", "rms"])
def test_channels_of_a_source(clips, measure):
    model = AmplitudeNormalizer(measure, channels_together="per_source")
    # (n_clips, n_sources, n_channels, length)
    sources = np.stack([clips, 2 * clips[::-1]])
    together = AmplitudeNormalizer(measure)
    expected = [together.fit_transform(one) for one in sources]
    np.testing.assert_array_equal(model.fit_transform(sources), expected)
    unequal = model.transform([sources[0], sources[1, ..., :20]])
    np.testing.assert_array_equal(unequal[0], expected[0])
    assert unequal[1].shape == (3, 2, 20)
    each = AmplitudeNormalizer(measure, channels_together=False).transform(clips)
    for mono in (clips, clips[0], clips[0, 0]):
        found = model.transform(mono)
        np.testing.assert_array_equal(found, each[(0,) * (3 - mono.ndim)])
    with pytest.raises(ValueError, match=r"must have the shape \(\[n_clips,\] n_sources, \["):
        model.fit(sources[None])
    with pytest.raises(ValueError, match="must have the shape"):
        together.fit(sources)


@pytest.mark.parametrize("level", [1e-30, 1e30])
def test_the_level_does_not_matter(clips, level):
    for measure in ("peak", "rms"):
        model = AmplitudeNormalizer(measure)
        found = model.fit_transform((level * clips).astype(np.float32))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, model.transform(clips), rtol=1e-5)


def test_silence_lists_and_jax(clips):
    model = AmplitudeNormalizer("rms")
    assert (model.fit_transform(np.zeros(5)) == 0).all()
    first, second = model.transform([clips[0], clips[1, :, :20]])
    np.testing.assert_array_equal(first, model.transform(clips)[0])
    assert second.shape == (2, 20)
    found = model.transform(jnp.asarray(clips))
    assert isinstance(found, jax.Array)
    np.testing.assert_allclose(found, model.transform(clips), rtol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"measure": "loudness"}, ValueError),
        ({"level": 0}, ValueError),
        ({"channels_together": 1}, TypeError),
        ({"channels_together": "per source"}, ValueError),
    ],
)
def test_refusals(parameters, error):
    with pytest.raises(error, match=f"{next(iter(parameters))}"):
        AmplitudeNormalizer(**parameters).fit(np.ones(5))
