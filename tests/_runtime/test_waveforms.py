"""Checks of clips: every layout, what belongs together, and every refusal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

from skbss._runtime.waveforms import check_sources, check_spectra, check_waveforms

LENGTH = 50


def sound(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def spectrum(*shape, dtype=np.complex64):
    return (sound(*shape) + 1j * sound(*shape, seed=1)).astype(dtype)


# Layouts of waveforms


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize(
    ("shape", "layout"),
    [((LENGTH,), "one"), ((3, LENGTH), "stack"), ((3, 2, LENGTH), "stack"), ((1,), "one")],
)
def test_one_clip_or_a_stack_of_clips(convert, shape, layout):
    x = convert(sound(*shape))
    clips = check_waveforms(x)
    assert clips.layout == layout
    each = clips.each()
    assert len(each) == (1 if layout == "one" else shape[0])
    assert all(isinstance(clip, jax.Array) == (convert is jnp.asarray) for clip in each)
    gathered = clips.gather(2 * clip for clip in each)
    assert type(gathered) is type(x)
    assert gathered.dtype == np.float32
    np.testing.assert_array_equal(gathered, 2 * x)


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_of_clips_of_unequal_length(convert, kind):
    given = kind([convert(sound(30)), convert(sound(2, 40)), convert(sound(30))])
    clips = check_waveforms(given)
    assert clips.layout == "list"
    gathered = clips.gather(clips.each())
    assert isinstance(gathered, list)
    for ours, theirs in zip(gathered, given, strict=True):
        assert isinstance(ours, jax.Array) == (convert is jnp.asarray)
        np.testing.assert_array_equal(ours, theirs)


def test_an_object_array_is_a_list():
    given = np.empty(2, object)
    given[:] = [sound(30), sound(40)]
    assert check_waveforms(given).layout == "list"


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize("shape", [(30,), (2, 30)])
def test_a_list_of_clips_of_one_shape_is_a_stack(convert, shape):
    given = [convert(sound(*shape)), convert(sound(*shape, seed=1))]
    clips = check_waveforms(given)
    assert clips.layout == "stack"
    assert isinstance(clips.arrays[0], jax.Array) == (convert is jnp.asarray)
    np.testing.assert_array_equal(clips.arrays[0], np.stack(given))


def test_a_list_of_numbers_is_one_clip():
    clips = check_waveforms([0.5, 1, -0.5])
    assert clips.layout == "one"
    np.testing.assert_array_equal(clips.each()[0], [0.5, 1, -0.5])


def test_a_list_has_one_precision():
    clips = check_waveforms([sound(30), sound(40, dtype=np.float64)])
    assert {clip.dtype for clip in clips.each()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float16, bool])
def test_all_but_single_precision_becomes_double(dtype):
    x = np.array([0, 1, 1, 0]).astype(dtype)
    clip = check_waveforms(x).each()[0]
    assert clip.dtype == np.float64
    np.testing.assert_array_equal(clip, [0, 1, 1, 0])


@pytest.mark.parametrize(("x64", "expected"), [(False, np.float32), (True, np.float64)])
def test_integers_of_jax_become_as_precise_as_jax_is(x64, expected):
    with jax.enable_x64(x64):
        assert check_waveforms(jnp.arange(5)).each()[0].dtype == expected


# Layouts of spectra


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize(
    ("shape", "layout"), [((5, 9), "one"), ((3, 5, 9), "stack"), ((3, 2, 5, 9), "stack")]
)
def test_spectra_of_one_clip_or_a_stack(convert, dtype, shape, layout):
    with jax.enable_x64(True):
        X = convert(spectrum(*shape, dtype=dtype))
        clips = check_spectra(X)
        assert clips.layout == layout
        gathered = clips.gather(clips.each())
        assert gathered.dtype == dtype
        np.testing.assert_array_equal(gathered, X)


def test_a_list_of_spectra_of_unequal_length():
    given = [spectrum(5, 9), spectrum(2, 6, 9, dtype=np.complex128)]
    clips = check_spectra(given)
    assert clips.layout == "list"
    assert {clip.dtype for clip in clips.each()} == {np.dtype(np.complex128)}
    np.testing.assert_array_equal(clips.each()[1], given[1])


@pytest.mark.parametrize("shape", [(5, 9), (3, 5, 9), (3, 2, 5, 9)])
def test_as_many_axes_before_frames_as_are_wanted(shape):
    assert check_spectra(spectrum(*shape), n_leading=2).arrays[0].shape == shape


# Refusals that waveforms and spectra share

CHECKS = [(check_waveforms, sound), (check_spectra, spectrum)]


@pytest.mark.parametrize(("check", "make"), CHECKS)
@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize(("value", "what"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_what_is_not_finite_is_named(check, make, convert, value, what):
    bad = make(3, 5, 9)
    bad[1, 1, 1] = value
    with pytest.raises(ValueError, match=f"^Input clips contains {what}"):
        check(convert(bad), name="clips")
    with pytest.raises(ValueError, match=rf"^Input clips\[1\] contains {what}"):
        check([convert(make(4, 9)), convert(bad[1])], name="clips")


@pytest.mark.parametrize(("check", "make"), CHECKS)
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_matrix])
def test_sparse_input_is_refused(check, make, kind):
    with pytest.raises(TypeError, match=r"Sparse data was passed.*dense data is required"):
        check(kind(make(5, 9)))


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize(
    ("shape", "what"), [((0,), "sample"), ((0, 9), "sample"), ((3, 0), "feature")]
)
def test_empty_clips_are_refused(convert, shape, what):
    with pytest.raises(ValueError, match=rf"Found array with 0 {what}\(s\)"):
        check_waveforms(convert(sound(*shape)))


@pytest.mark.parametrize("shape", [(0, 9), (5, 0), (3, 0, 9)])
def test_empty_spectra_are_refused(shape):
    with pytest.raises(ValueError, match=r"Found array with 0 (sample|feature)\(s\).*X is empty"):
        check_spectra(spectrum(*shape))


def test_an_empty_clip_in_a_list_is_refused():
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        check_waveforms([sound(5), sound(0)])
    with pytest.raises(ValueError, match=r"X\[1\] is empty"):
        check_spectra([spectrum(5, 9), spectrum(5, 0)])


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\): X holds no clip"):
        check_waveforms([])


def test_a_clip_that_is_not_there_is_refused():
    with pytest.raises(TypeError, match=r"X\[1\] must be an array, got None"):
        check_waveforms([np.ones(9), None])
    with pytest.raises(TypeError, match=r"X must be .* got None\. Where only isolated sources"):
        check_waveforms(None)


# Refusals of waveforms


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_complex_waveforms_are_refused(convert):
    with pytest.raises(ValueError, match="Complex data not supported"):
        check_waveforms(convert(spectrum(LENGTH)))


def test_text_is_refused():
    with pytest.raises(ValueError, match="could not convert string to float"):
        check_waveforms(np.array(["a", "b"]))


@pytest.mark.parametrize("x", [sound(2, 2, 2, LENGTH), jnp.ones((2, 2, 2, LENGTH)), jnp.ones(())])
def test_waveforms_of_another_shape_are_refused(x):
    message = r"X must have the shape \(length,\), \(n_clips, length\) or .*, got \("
    with pytest.raises(ValueError, match=message):
        check_waveforms(x)


def test_a_number_is_no_waveform():
    with pytest.raises(TypeError, match="Input should have at least 1 dimension"):
        check_waveforms(0.5)


def test_a_clip_of_another_shape_in_a_list_is_named():
    message = r"X\[1\] must have the shape \(\[n_channels,\] length\), got \(2, 2, 30\)"
    with pytest.raises(ValueError, match=message):
        check_waveforms([sound(30), sound(2, 2, 30)])


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize("shape", [(4000, 2), (100, 1), (3, 4000, 2)])
def test_time_before_channels_is_refused_with_the_way_out(convert, shape):
    given = convert(sound(*shape))
    with pytest.raises(ValueError, match=r"Time is the last axis of X.*np.swapaxes\(X, -1, -2\)"):
        check_waveforms(given)
    assert check_waveforms(np.swapaxes(given, -1, -2)).layout == "stack"


def test_time_before_channels_in_a_list_is_named():
    with pytest.raises(ValueError, match=r"Time is the last axis of X\[1\]"):
        check_waveforms([sound(2, 30), sound(4000, 2)])


# Refusals of spectra


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_real_spectra_are_refused_with_the_way_out(convert):
    with pytest.raises(ValueError, match=r"got an array of dtype float32: .*output='complex'"):
        check_spectra(convert(sound(5, 9)))


@pytest.mark.parametrize(
    ("shape", "n_leading", "message"),
    [
        ((9,), None, r"X must have the shape \(\.\.\. n_frames, n_freqs\), got \(9,\)"),
        ((9,), 2, r"the shape \(\[n_clips,\] \[n_channels,\] n_frames, n_freqs\), got \(9,\)"),
        ((2, 2, 2, 5, 9), 2, r"X must have the shape .*, got \(2, 2, 2, 5, 9\)"),
    ],
)
def test_spectra_of_another_shape_are_refused(shape, n_leading, message):
    with pytest.raises(ValueError, match=message):
        check_spectra(spectrum(*shape), n_leading=n_leading)


def test_a_clip_in_a_list_has_no_axis_of_clips():
    with pytest.raises(ValueError, match=r"X\[1\] must have the shape .*, got \(2, 2, 5, 9\)"):
        check_spectra([spectrum(2, 5, 9), spectrum(2, 2, 5, 9)], n_leading=2)


# Sources


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray, lambda y: y.tolist()])
def test_sources_of_one_clip(convert):
    clips = check_waveforms(sound(LENGTH))
    (sources,) = check_sources(convert(sound(3, LENGTH)), clips)
    assert sources.dtype == np.float32
    np.testing.assert_array_equal(sources, sound(3, LENGTH))


@pytest.mark.parametrize("shape", [(LENGTH,), (2, LENGTH)])
@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray, list, tuple])
def test_sources_of_a_stack(kind, shape):
    clips = check_waveforms(sound(4, *shape))
    y = sound(4, 3, *shape)
    checked = check_sources(kind(y), clips)
    assert [one.shape for one in checked] == 4 * [(3, *shape)]
    np.testing.assert_array_equal(np.stack(checked), y)


@pytest.mark.parametrize("as_objects", [False, True])
def test_sources_of_a_list(as_objects):
    clips = check_waveforms([sound(30), sound(2, 40)])
    y = [sound(3, 30), sound(3, 2, 40)]
    if as_objects:
        given = np.empty(2, object)
        given[:] = y
    else:
        given = y
    for ours, theirs in zip(check_sources(given, clips), y, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_sources_have_the_precision_of_their_clips():
    clips = check_waveforms(sound(2, LENGTH))
    checked = check_sources(sound(2, 3, LENGTH, dtype=np.float64), clips)
    assert {one.dtype for one in checked} == {np.dtype(np.float32)}


def test_as_many_clips_with_sources_as_mixtures():
    clips = check_waveforms(sound(4, LENGTH))
    message = "y holds the sources of 3 clips, but there are 4 clips in X"
    for y in (sound(3, 2, LENGTH), list(sound(3, 2, LENGTH))):
        with pytest.raises(ValueError, match=message):
            check_sources(y, clips)


@pytest.mark.parametrize(
    ("clip", "y", "got"),
    [
        ((LENGTH,), (3, LENGTH - 1), r"\(3, 49\)"),
        ((LENGTH,), (1, 3, LENGTH), r"\(1, 3, 50\)"),
        ((LENGTH,), (LENGTH,), r"\(50,\)"),
        ((LENGTH,), (), r"\(1,\)"),
    ],
)
def test_sources_of_another_shape_than_their_clip(clip, y, got):
    message = r"y must hold .* of a clip of shape \(50,\), .* shape \(n_sources, 50\), got " + got
    with pytest.raises(ValueError, match=message):
        check_sources(sound(*y), check_waveforms(sound(*clip)))


def test_sources_of_another_shape_are_named_in_a_stack():
    clips = check_waveforms(sound(2, 2, LENGTH))
    message = r"sources\[1\] must hold .*have the shape \(n_sources, 2, 50\), got \(3, 50\)"
    with pytest.raises(ValueError, match=message):
        check_sources([sound(3, 2, LENGTH), sound(3, LENGTH)], clips, name="sources")


def test_as_many_sources_in_every_clip():
    clips = check_waveforms(sound(2, LENGTH))
    message = r"y must hold as many sources in every clip, got \[2, 3\]"
    with pytest.raises(ValueError, match=message):
        check_sources([sound(3, LENGTH), sound(2, LENGTH)], clips)


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize(("value", "what"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_sources_that_are_not_finite(convert, value, what):
    y = sound(2, 3, LENGTH)
    y[1, 1, 1] = value
    clips = check_waveforms(sound(2, LENGTH))
    with pytest.raises(ValueError, match=f"Input y contains {what}"):
        check_sources(convert(y), clips)
    with pytest.raises(ValueError, match=rf"Input y\[1\] contains {what}"):
        check_sources([convert(y[0]), convert(y[1])], clips)


def test_lists_of_numbers_are_clips_of_their_lengths():
    clips = check_waveforms([[1.0, 2.0, 3.0], [4.0]])
    assert clips.layout == "list"
    assert [one.tolist() for one in clips.arrays] == [[1, 2, 3], [4]]
    with pytest.raises(ValueError, match=r"X\[0\] must be an array, .* lists of unequal lengths"):
        check_waveforms([[[1.0, 2.0], [3.0]]])


def test_a_path_is_no_recording():
    with pytest.raises(TypeError, match=r"X must hold the samples .*, got 'song.wav': read the"):
        check_waveforms("song.wav")
