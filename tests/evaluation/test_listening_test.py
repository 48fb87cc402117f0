"""A listening test: equally loud, blind, escaped, checked before anything is written."""

import base64
import io
import json
import re
import warnings

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss.evaluation import listening_test
from skbss.evaluation._anchors import make_anchor, usual_anchors
from skbss.evaluation._loudness import loudness

RATE = 16_000
LENGTH = RATE
HOSTILE = "<script>alert(1)</script>"


def noise(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape or (LENGTH,))


def voice(seed=0, n_channels=None):
    """Noise bursts: sound with pauses."""
    bursts = noise(seed, *(() if n_channels is None else (n_channels, LENGTH)))
    return bursts * (np.sin(2 * np.pi * 3 * np.arange(LENGTH) / RATE) > 0)


@pytest.fixture
def arguments():
    """Arguments of a small test."""
    references = {"first": voice(0), "second": 0.01 * voice(1)}
    return {
        "estimates": {
            "quiet NMF": {name: 1e-3 * (s + 0.1 * noise(2)) for name, s in references.items()},
            "loud NMF": {name: 50 * (s + noise(3)) for name, s in references.items()},
        },
        "references": references,
        "mixtures": {name: s + noise(4) for name, s in references.items()},
        "sample_rate": RATE,
    }


def write(folder, arguments, **options):
    options = {**arguments, **options}
    return listening_test(options.pop("estimates"), options.pop("references"), folder, **options)


def key_of(folder):
    return json.loads((folder / "key.json").read_text(encoding="utf-8"))


def page_of(folder):
    return (folder / "index.html").read_text(encoding="utf-8")


def data_of(folder):
    found = re.search(r'<script type="application/json" id="test">(.*?)</script>', page_of(folder))
    return json.loads(found[1])


def sounds_of(folder):
    """Samples and sample rate by the drawn name."""
    pattern = r'<script type="text/plain" id="sound-(\w+)">data:audio/flac;base64,([\w+/=]+)<'
    return {
        name: soundfile.read(io.BytesIO(base64.b64decode(data)), always_2d=True)
        for name, data in re.findall(pattern, page_of(folder))
    }


# ---- loudness


@pytest.mark.parametrize("rate", [8_000, 22_050.5, 44_100, 48_000])
def test_a_sine_has_the_loudness_that_the_recommendation_says(rate):
    tone = np.sin(2 * np.pi * 997 * np.arange(int(3 * rate)) / rate)[np.newaxis]
    # ITU-R BS.1770-5, Annex 1: 0 dB full scale, 997 Hz, on one channel.
    assert loudness(tone, rate) == pytest.approx(-3.01, abs=0.01)
    assert loudness(np.vstack([tone, tone]), rate) == pytest.approx(0, abs=0.01)


def test_pauses_do_not_make_a_sound_less_loud():
    tone = np.sin(2 * np.pi * 997 * np.arange(5 * RATE) / RATE)[np.newaxis]
    paused = np.hstack([tone, np.zeros((1, 20 * RATE))])
    assert loudness(paused, RATE) == pytest.approx(loudness(tone, RATE), abs=0.3)


@given(st.floats(1e-12, 1e12), st.integers(0, 100))
@settings(deadline=None, max_examples=20)
def test_a_gain_adds_to_the_loudness(gain, seed):
    sound = noise(seed, 1, 6000)
    raised = loudness(gain * sound, RATE) - loudness(sound, RATE)
    assert raised == pytest.approx(20 * np.log10(gain), abs=1e-6)


def test_silence_is_infinitely_quiet():
    assert loudness(np.zeros((2, 100)), RATE) == -np.inf


# ---- anchors


@pytest.mark.parametrize(("name", "cutoff"), [("low_pass_3500", 3500), ("low_pass_7000", 7000)])
def test_low_passes_fit_the_mask(name, cutoff):
    rate = 44_100
    impulse = np.zeros((1, 4097))
    impulse[0, 2048] = 1
    response = make_anchor(name, impulse, None, rate, None)
    assert np.argmax(response) == 2048  # in step with the reference
    gain = np.abs(np.fft.rfft(response[0]))
    frequencies = np.fft.rfftfreq(4097, 1 / rate)
    gain_db = 20 * np.log10(np.maximum(gain, 1e-9))
    assert np.abs(gain_db[frequencies <= cutoff]).max() < 0.1
    assert gain_db[frequencies >= cutoff * 4 / 3.5].max() < -25
    assert gain_db[frequencies >= cutoff * 4.5 / 3.5].max() < -50


def test_musical_noise_is_as_loud_as_what_it_is_added_to():
    sound = voice(0, 2)
    noisy = make_anchor("musical_noise", sound, None, RATE, np.random.default_rng(0))
    added = noisy - sound
    assert loudness(added, RATE) == pytest.approx(loudness(sound, RATE), abs=1e-6)
    power = np.abs(np.fft.rfft(added[0])) ** 2
    assert np.sort(power)[-len(power) // 10 :].sum() > 0.2 * power.sum()


@pytest.mark.parametrize(
    ("kind", "scales", "rate", "has_mixtures", "expected"),
    [
        ("mushra", ["quality"], 44_100, False, ("low_pass_3500", "low_pass_7000")),
        ("mushra", ["quality"], 16_000, True, ("low_pass_3500", "mixture")),
        ("mos", ["quality"], 44_100, True, ("low_pass_3500", "mixture")),
        ("mos", ["artifacts"], 44_100, False, ("low_pass_3500", "musical_noise")),
        ("mushra", ["quality"], 8_000, False, ("musical_noise",)),
    ],
)
def test_usual_anchors(kind, scales, rate, has_mixtures, expected):
    assert usual_anchors(kind, scales, rate, has_mixtures=has_mixtures) == expected


# ---- sounds


def test_all_sounds_are_equally_loud_and_none_clips(arguments, tmp_path):
    write(tmp_path, arguments)
    sounds = sounds_of(tmp_path)
    levels = [loudness(samples.T, rate) for samples, rate in sounds.values()]
    assert np.ptp(levels) < 0.05
    peak = max(np.abs(samples).max() for samples, _ in sounds.values())
    assert 0.97 < peak < 0.99
    # Two open ones for each of two items; and rated the systems, the reference and three anchors.
    assert len(sounds) == 2 * (2 + 2 + 1 + 3)


def test_the_sounds_are_those_of_the_key(arguments, tmp_path):
    write(tmp_path, arguments)
    sounds, key = sounds_of(tmp_path), key_of(tmp_path)
    for name, told in key["stimuli"].items():
        item = ["first", "second"][told["item"]]
        source = {
            **{system: arguments["estimates"][system] for system in arguments["estimates"]},
            "reference": arguments["references"],
            "mixture": arguments["mixtures"],
        }.get(told["system"])
        if source is not None:
            expected = 10 ** (told["gain_db"] / 20) * source[item]
            np.testing.assert_allclose(sounds[name][0][:, 0], expected, atol=3e-3)


def test_bytes_do_not_tell_which_sound_is_the_hidden_reference(arguments, tmp_path):
    write(tmp_path, arguments)
    uris = re.findall(r"base64,([\w+/=]+)<", page_of(tmp_path))
    assert len(uris) == len(set(uris))


@pytest.mark.parametrize("n_channels", [1, 2, 5])
@pytest.mark.parametrize("rate", [4_000, 22_050, 96_000])
def test_any_sample_rate_and_number_of_channels(tmp_path, rate, n_channels):
    length = int(0.6 * rate)
    reference = noise(0, n_channels, length)
    estimates = {"system": {"item": reference + noise(1, n_channels, length)}}
    listening_test(estimates, {"item": reference}, tmp_path, sample_rate=rate)
    for samples, played in sounds_of(tmp_path).values():
        assert 8_000 <= played <= 48_000
        assert samples.shape == (0.6 * played, 2 if n_channels == 2 else 1)


@pytest.mark.parametrize("level", [1e-200, 1e200])
def test_any_level(tmp_path, level):
    reference = level * voice()
    listening_test({"a": {"x": reference}}, {"x": reference}, tmp_path, sample_rate=RATE)
    peaks = [np.abs(samples).max() for samples, _ in sounds_of(tmp_path).values()]
    assert all(peak > 0.1 for peak in peaks)


@pytest.mark.parametrize("level", [0, 1e-12])
def test_an_estimate_that_can_not_be_heard_stays_so(arguments, tmp_path, level):
    arguments["estimates"]["loud NMF"]["second"] = level * voice(5)
    with pytest.warns(UserWarning, match="'loud NMF' is silent in item 'second'"):
        write(tmp_path, arguments)
    (name,) = (
        name for name, told in key_of(tmp_path)["stimuli"].items() if told["gain_db"] is None
    )
    assert np.abs(sounds_of(tmp_path)[name][0]).max() <= 2**-14  # dither


# ---- blinding


def test_the_page_names_no_system(arguments, tmp_path):
    write(tmp_path, arguments)
    page = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page_of(tmp_path))
    assert "NMF" not in page
    assert "low_pass" not in page
    assert "musical" not in page
    told = data_of(tmp_path)
    for item in told["items"]:
        assert item["stimuli"] == sorted(item["stimuli"])
    names = [name for item in told["items"] for name in item["stimuli"]]
    assert sorted(names) == sorted(key_of(tmp_path)["stimuli"])
    assert re.findall(r'id="sound-(\w+)"', page) == sorted(re.findall(r'id="sound-(\w+)"', page))


def test_the_same_arguments_give_the_same_files_and_others_give_other_names(arguments, tmp_path):
    for folder in ("a", "b"):
        write(tmp_path / folder, arguments)
    assert page_of(tmp_path / "a") == page_of(tmp_path / "b")
    assert key_of(tmp_path / "a") == key_of(tmp_path / "b")
    write(tmp_path / "seed", arguments, random_state=1)
    arguments["references"]["first"][0] += 1e-9
    write(tmp_path / "sound", arguments)
    names = [set(key_of(tmp_path / folder)["stimuli"]) for folder in ("a", "seed", "sound")]
    assert not names[0] & names[1]
    assert not names[0] & names[2]
    tests = {key_of(tmp_path / folder)["test"] for folder in ("a", "seed", "sound")}
    assert len(tests) == 3


def test_no_random_state_draws_anew(arguments, tmp_path):
    for folder in ("a", "b"):
        write(tmp_path / folder, arguments, random_state=None)
    assert key_of(tmp_path / "a")["test"] != key_of(tmp_path / "b")["test"]


# ---- the page


def test_hostile_names_are_text(tmp_path):
    references = {(HOSTILE, "voice</script>"): voice()}
    estimates = {HOSTILE: {(HOSTILE, "voice</script>"): voice(1)}}
    listening_test(
        estimates,
        references,
        tmp_path,
        sample_rate=RATE,
        title=HOSTILE + "\x1b[31m\u202e\udcff",
        instructions=f"{HOSTILE}\n\n</div>{HOSTILE}",
    )
    page = page_of(tmp_path)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\u202e\\udcff</h1>" in page
    assert page.count("</script>") == page.count("<script")
    (item,) = data_of(tmp_path)["items"]
    assert item["name"] == f"{HOSTILE} · voice</script>"
    (told,) = key_of(tmp_path)["items"]
    assert (told["task"], told["source"]) == (HOSTILE, "voice</script>")


def test_nothing_is_asked_of_the_network(arguments, tmp_path):
    write(tmp_path, arguments)
    page = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page_of(tmp_path))
    assert not re.search(r"https?:|src=|//[a-z]|url\(|@import|fetch\(|XMLHttp|WebSocket", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2


def test_mos_lets_raters_compare_only_where_asked_to(arguments, tmp_path):
    for kind in ("mushra", "mos"):
        write(tmp_path / kind, arguments, kind=kind)
    scales = {kind: data_of(tmp_path / kind)["scales"] for kind in ("mushra", "mos")}
    assert [scale["open"] for scale in scales["mushra"]] == [True] * 4
    assert [scale["name"] for scale in scales["mos"] if scale["open"]] == ["separation", "timbre"]


def test_what_the_reader_is_told(arguments, tmp_path):
    write(tmp_path, arguments, scales=["timbre"], n_practice=2, instructions="One.\n\nTwo\nlines.")
    page = page_of(tmp_path)
    assert "<p>One.</p>\n<p>Two lines.</p>" in page
    assert "<li>2 trials and 2 for practice</li>" in page
    assert "<li>5 sounds in each</li>" in page
    assert "<li>1 question</li>" in page


def test_paragraphs_of_any_platform(arguments, tmp_path):
    write(tmp_path, arguments, instructions="One.\r\n \r\nTwo\r\nlines.\r\n")
    assert "<p>One.</p>\n<p>Two lines.</p>" in page_of(tmp_path)


# ---- refusals


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kind": "abx"}, ValueError, "kind must be 'mushra' or 'mos', got 'abx'"),
        ({"scales": []}, ValueError, "scales must be one or more of quality, separation"),
        ({"scales": ["quality", "quality"]}, ValueError, "each once"),
        ({"scales": ["loudness"]}, ValueError, r"got \['loudness'\]"),
        ({"scales": "quality"}, TypeError, "sequence of str"),
        ({"sample_rate": 0}, ValueError, "sample_rate must be a positive number"),
        ({"sample_rate": "44100"}, ValueError, "sample_rate must be a positive number"),
        ({"sample_rate": True}, ValueError, "sample_rate must be a positive number"),
        ({"instructions": ["Listen."]}, TypeError, "instructions must be a str or None"),
        ({"anchors": ["low"]}, ValueError, "anchors must be among .*; got 'low'"),
        ({"anchors": "mixture"}, TypeError, "anchors must be a sequence"),
        ({"anchors": ["low_pass_7000"]}, ValueError, "needs a sample_rate above 16000 Hz"),
        ({"anchors": ["mixture"], "mixtures": None}, ValueError, "needs mixtures"),
        ({"n_items": 0}, ValueError, "n_items must be an integer from 1 to 2, got 0"),
        ({"n_items": 1.0}, ValueError, "n_items must be an integer"),
        ({"n_practice": 3}, ValueError, "n_practice must be an integer from 0 to 2"),
        ({"references": {}}, ValueError, "at least one item"),
        ({"references": [voice()]}, TypeError, "references must map items"),
        ({"references": {1: voice()}}, TypeError, "An item must be named by a str"),
        ({"references": {"": voice()}}, TypeError, "not empty"),
        ({"references": {"first": np.zeros(LENGTH)}}, ValueError, "'first'.*is silent"),
        ({"references": {"first": np.full(LENGTH, np.nan)}}, ValueError, "contains NaN"),
        ({"references": {"first": np.ones((1, 2, 3))}}, ValueError, "must have shape"),
        ({"references": {"first": voice()[:7000]}}, ValueError, "lasts 0.438 s"),
        ({"estimates": {}}, ValueError, "at least one system"),
        ({"estimates": voice()}, TypeError, "estimates must map systems"),
        ({"estimates": {"a": voice()}}, TypeError, r"estimates\['a'\] must map items"),
        ({"estimates": {"a": {"first": voice()}}}, ValueError, "lacks the item 'second'"),
        ({"mixtures": {"first": voice()}}, ValueError, "mixtures lacks the item 'second'"),
        ({"estimates": {"reference": {}}}, ValueError, "must not be called 'reference'"),
        ({"estimates": {"mixture": {}}}, ValueError, "must not be called 'mixture'"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    arguments, tmp_path, options, error, message
):
    if list(options) == ["references"] and isinstance(options["references"], dict):
        estimates = {"a": dict.fromkeys(options["references"], voice())}
        if options["references"]:
            estimates["a"] = dict(options["references"])
        options = {**options, "estimates": estimates, "mixtures": None}
    with pytest.raises(error, match=message):
        write(tmp_path / "out", arguments, **options)
    assert not (tmp_path / "out").exists()


def test_estimates_of_another_shape_are_refused(arguments, tmp_path):
    arguments["estimates"]["loud NMF"]["second"] = voice()[:-1]
    with pytest.raises(ValueError, match=r"\['second'\] must have the shape of its reference"):
        write(tmp_path, arguments)
    arguments["estimates"]["loud NMF"]["second"] = voice()
    arguments["estimates"]["loud NMF"]["third"] = voice()
    with pytest.raises(ValueError, match="holds 'third', which is no item"):
        write(tmp_path, arguments)


def test_items_that_are_shown_alike_are_refused(tmp_path):
    references = {"a · b": voice(), ("a", "b"): voice(1)}
    with pytest.raises(ValueError, match="shown as 'a · b'"):
        listening_test({"x": references}, references, tmp_path, sample_rate=RATE)


def test_sounds_of_different_channels_are_refused(tmp_path):
    references = {"mono": voice(), "stereo": voice(1, 2)}
    with pytest.raises(ValueError, match="same number of channels"):
        listening_test({"x": references}, references, tmp_path, sample_rate=RATE)


def test_what_no_page_holds_is_refused(tmp_path):
    reference = {"long": np.zeros(8000 * 60 * 40)}
    with pytest.raises(ValueError, match="cut the items to about 10 s"):
        listening_test(
            {str(k): reference for k in range(4)}, reference, tmp_path / "out", sample_rate=8000
        )
    assert not (tmp_path / "out").exists()


def test_what_listeners_can_not_bear_is_warned_of(tmp_path):
    reference = {"long": np.tile(noise(0, 8000), 13)}
    with pytest.warns(UserWarning, match="lasts 13.0 s: ITU-R BS.1534-3 recommends at most 12 s"):
        listening_test({"a": reference}, reference, tmp_path / "a", sample_rate=8000)
    reference = {"short": noise(0, 8000)}
    systems = {str(k): reference for k in range(11)}
    with pytest.warns(UserWarning, match="13 sounds are rated in a trial"):
        listening_test(systems, reference, tmp_path / "b", sample_rate=8000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        listening_test(systems, reference, tmp_path / "c", sample_rate=8000, kind="mos")
