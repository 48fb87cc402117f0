"""The page as a document: what it says, what it escapes, what it never asks for."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from skbss._runtime import recorded_waveform
from skbss.report import (
    _players,
    _spectrogram,
    evaluation_page,
    separation_page,
    write_separation_page,
)

RATE = 8000
HOSTILE = '<script>alert("1")</script>\x1b[31m\n\u202e&amp;\udcff'
SHOWN = '<script>alert("1")</script>\\x1b[31m\\n\\u202e&amp;\\udcff'


@pytest.fixture(scope="module")
def sources():
    time = np.arange(RATE) / RATE
    return np.stack([0.4 * np.sin(2 * np.pi * f * time) for f in (300.0, 1200.0)])


@pytest.fixture(scope="module")
def full_page(sources):
    rng = np.random.default_rng(0)
    return separation_page(
        sources.sum(axis=0),
        sources,
        sample_rate=RATE,
        title=HOSTILE,
        subtitle=HOSTILE,
        source_names=[HOSTILE, "voice"],
        files=["mixture.wav", "a?b.wav", "voice.wav"],
        components=rng.random((4, 129)),
        activations=rng.random((50, 4)),
        labels=[0, 1, 1, 0],
        loss_curve=[10.0, 3.0, 2.0],
        loss_iterations=[0, 10, 20],
        scores={"SI-SDR (dB)": [12.34, -np.inf]},
        definitions={"SI-SDR (dB)": HOSTILE},
        settings={HOSTILE: HOSTILE},
        command=HOSTILE,
        notes=[HOSTILE],
    )


@pytest.fixture(scope="module")
def compared_page(sources):
    return separation_page(
        sources.sum(axis=0),
        0.5 * sources,
        sample_rate=RATE,
        references=list(sources),
        source_names=[HOSTILE, "voice"],
        files=["mixture.wav", "a?b.wav", "voice.wav"],
    )


@pytest.fixture(scope="module")
def judged_page(sources):
    return evaluation_page(
        sources,
        0.5 * sources,
        sample_rate=RATE,
        mixture=sources.sum(axis=0),
        title=HOSTILE,
        subtitle=HOSTILE,
        source_names=[HOSTILE, "voice"],
        reference_files=[HOSTILE, "voice.wav"],
        estimate_files=[HOSTILE, "voice.wav"],
        mixture_file=HOSTILE,
        scores={HOSTILE: [12.34, -np.inf]},
        definitions={HOSTILE: HOSTILE},
        settings={HOSTILE: HOSTILE},
        command=HOSTILE,
        notes=[HOSTILE],
    )


@pytest.fixture(params=["full_page", "compared_page", "judged_page"])
def any_page(request):
    return request.getfixturevalue(request.param)


class Document(HTMLParser):
    """Tags with their attributes, and text by the tag around it."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self, page):
        super().__init__()
        self.tags, self.open, self.text = [], [], {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)

    def attributes(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def test_every_tag_is_closed(any_page):
    assert Document(any_page).open == []


def test_the_only_script_is_the_page_s_own(any_page):
    document = Document(any_page)
    assert len(document.attributes("script")) == 1
    assert not any("alert" in text for text in document.text["script"])
    assert "<script>alert" not in any_page


def test_hostile_names_are_shown_as_text(any_page):
    texts = Document(any_page).text
    assert SHOWN in ("".join(texts["h1"]), "".join(texts["h3"][1:2]))
    assert any_page.encode("utf-8")
    assert not any(ord(c) < 32 and c != "\n" for c in any_page)


def test_nothing_is_asked_of_the_network(any_page):
    document = Document(any_page)
    loaded = [
        attrs[key]
        for _, attrs in document.tags
        for key in ("src", "srcset", "poster", "data", "action", "xlink:href")
        if key in attrs
    ]
    assert loaded
    assert all(address.startswith("data:") for address in loaded)
    assert [link["href"] for link in document.attributes("link")] == ["data:,"]
    without_sound = re.sub(r"base64,[A-Za-z0-9+/=]+", "", any_page)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", without_sound)


def test_links_lead_to_the_files_beside_the_page(full_page):
    links = [link["href"] for link in Document(full_page).attributes("a")]
    assert links == ["mixture.wav", "a%3Fb.wav", "voice.wav"]


def test_it_can_be_read_without_seeing(any_page):
    document = Document(any_page)
    assert document.attributes("html") == [{"lang": "en"}]
    assert all(picture["alt"] for picture in document.attributes("img"))
    assert all(player["aria-label"] for player in document.attributes("audio"))
    for drawing in document.attributes("svg"):
        assert drawing.get("aria-hidden") == "true" or drawing.get("aria-label")
    levels = [int(tag[1]) for tag, _ in document.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_one_player_and_one_spectrogram_for_mixture_and_every_source(full_page):
    document = Document(full_page)
    assert len(document.attributes("audio")) == 3
    assert len(document.attributes("img")) == 3


def test_scores_are_tabled_with_their_mean(full_page):
    cells = Document(full_page).text["td"]
    assert cells == ["12.3", "\N{MINUS SIGN}∞", "\N{MINUS SIGN}∞"]


def test_any_metric_can_be_tabled(sources):
    page = separation_page(
        sources.sum(axis=0),
        sources,
        sample_rate=RATE,
        scores={"STOI": [0.876, np.nan], "PESQ": [3.0, -0.5], "SDR (dB)": [np.inf, np.nan]},
        definitions={"STOI": "How much is understood."},
    )
    cells = Document(page).text["td"]
    assert cells == [
        "0.876", "3.00", "∞",
        "\N{EN DASH}", "\N{MINUS SIGN}0.500", "\N{EN DASH}",
        "0.876", "1.25", "∞",
    ]  # fmt: skip
    assert Document(page).text["dd"][0] == "How much is understood."
    assert "the mean leaves it out" in page


def test_without_gaps_nothing_is_said_about_them(full_page):
    assert "the mean leaves it out" not in full_page


def test_references_are_heard_beside_their_estimates(compared_page):
    document = Document(compared_page)
    assert document.open == []
    players = [player["aria-label"] for player in document.attributes("audio")]
    assert players[0] == "Mixture"
    assert players[3:] == ["voice, estimate", "voice, reference"]
    assert "<script>alert" not in compared_page
    # A spectrogram of each, the difference, and its scale.
    assert len(document.attributes("img")) == 1 + 2 * 4
    assert all(picture["alt"] for picture in document.attributes("img"))
    assert compared_page.count("red is what the estimate has too much") == 1


def test_the_page_without_references_speaks_of_none(full_page):
    assert "Reference" not in full_page
    assert "difference" not in re.sub(
        r"<style>.*?</style>|<script>.*?</script>", "", full_page, flags=re.DOTALL
    )


def test_a_reference_is_shown_as_it_would_be_as_an_estimate(sources):
    page = separation_page(
        sources.sum(axis=0), sources, sample_rate=RATE, references=sources.copy()
    )
    document = Document(page)
    sounds = [player["src"] for player in document.attributes("audio")]
    pictures = [picture["src"] for picture in document.attributes("img")]
    assert sounds[1::2] == sounds[2::2]
    # Mixture, then estimate, reference, difference and scale of every source.
    assert pictures[1::4] == pictures[2::4]
    assert pictures[3] == pictures[7]


def test_the_same_input_gives_the_same_page(sources):
    pages = [separation_page(sources.sum(axis=0), sources, sample_rate=RATE) for _ in range(2)]
    assert pages[0] == pages[1]


def test_versions_name_no_user_or_folder(any_page):
    assert "skbss " in any_page
    assert "scikit-learn " in any_page
    assert "/home" not in any_page
    assert "/root" not in any_page


@pytest.mark.parametrize("shape", [(1,), (7,), (2, 300), (6, 2000)])
def test_any_length_and_number_of_channels(shape):
    sound = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    page = separation_page(sound, [sound], sample_rate=RATE)
    assert len(Document(page).attributes("audio")) == 2


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e30])
def test_any_level(level):
    sound = level * np.random.default_rng(0).uniform(-1, 1, 4000).astype(np.float32)
    assert Document(separation_page(sound, [sound], sample_rate=RATE)).open == []


@pytest.mark.parametrize("rate", [100, 11_025, 22_050.5, 44_100, 192_000])
def test_any_sample_rate(rate):
    sound = np.random.default_rng(0).uniform(-1, 1, 4000)
    assert Document(separation_page(sound, [sound], sample_rate=rate)).open == []


def test_weak_components_are_counted_where_there_are_too_many_to_show(sources):
    page = separation_page(
        sources.sum(axis=0),
        sources,
        sample_rate=RATE,
        components=np.ones((60, 129)),
        activations=np.ones((10, 60)),
        labels=np.zeros(60, int),
    )
    assert "12 weaker components are not shown" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_rate": 0}, "sample_rate must be positive"),
        ({"source_names": ["one"]}, "source_names must hold 2 names, got 1"),
        ({"files": ["one"]}, "files must hold 3 names, got 1"),
        ({"components": np.ones((2, 9))}, "must be given together"),
        (
            {"components": np.ones((3, 9)), "activations": np.ones((5, 2))},
            r"got \(3, 9\) and \(5, 2\)",
        ),
        (
            {"components": np.ones((3, 9)), "activations": np.ones((5, 3))},
            "labels must say which of the 2 sources",
        ),
        (
            {"components": np.ones((2, 9)), "activations": np.ones((5, 2)), "labels": [0, 2]},
            "source indices from 0 to 1",
        ),
        ({"scores": {"SDR": [1.0]}}, r"one number per source \(2\), got 1"),
        ({"references": np.zeros((1, RATE))}, "references must hold 2 sources, got 1"),
        ({"references": np.zeros((2, 9))}, r"shape of the mixture, .* references\[0\] has \(9,\)"),
        ({"references": np.full((2, RATE), np.nan)}, "references must hold finite samples"),
    ],
)
def test_arguments_that_do_not_fit_together_are_refused(sources, options, message):
    with pytest.raises(ValueError, match=message):
        separation_page(sources.sum(axis=0), sources, **{"sample_rate": RATE, **options})


@pytest.mark.parametrize(
    ("mixture", "estimates", "message"),
    [
        (np.zeros((2, 3, 4)), [np.zeros(4)], "mixture must have shape"),
        (np.zeros(0), [np.zeros(0)], "hold samples"),
        (np.zeros(4), [np.zeros(5)], r"sources\[0\] has \(5,\)"),
        (np.zeros(4), [], "at least one source"),
        (np.array([0.0, np.nan]), [np.zeros(2)], "mixture must hold finite samples"),
    ],
)
def test_waveforms_that_do_not_fit_together_are_refused(mixture, estimates, message):
    with pytest.raises(ValueError, match=message):
        separation_page(mixture, estimates, sample_rate=RATE)


def test_the_page_is_written_as_it_is_returned(sources, tmp_path):
    path = tmp_path / "page.html"
    write_separation_page(path, sources.sum(axis=0), sources, sample_rate=RATE, title="Für Elise")
    expected = separation_page(sources.sum(axis=0), sources, sample_rate=RATE, title="Für Elise")
    assert path.read_bytes() == expected.encode("utf-8")


def test_files_give_the_page_of_their_arrays(sources, tmp_path):
    single = sources.astype(np.float32)
    paths = [tmp_path / f"{name}.wav" for name in ("mixture", "one", "two")]
    waveforms = [single.sum(axis=0), *single]
    for path, waveform in zip(paths, waveforms, strict=True):
        soundfile.write(path, waveform, RATE, subtype="FLOAT")
    files = separation_page(paths[0], [str(path) for path in paths[1:]], sample_rate=RATE)
    assert files == separation_page(waveforms[0], waveforms[1:], sample_rate=RATE)
    soundfile.write(paths[1], np.array([0.0, np.nan]), RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match="must hold finite samples"):
        separation_page(paths[1], paths[1:2], sample_rate=RATE)


@pytest.mark.parametrize(
    "budgets",
    [
        pytest.param((1e9, 1e9), id="lossless"),
        pytest.param((0, 1e9), id="compressed"),
        pytest.param((0, 3 * 6000 * 3.0), id="the first three seconds"),
    ],
)
def test_recordings_are_never_read_as_a_whole(monkeypatch, tmp_path, sources, budgets):
    largest = 4000
    monkeypatch.setattr(recorded_waveform, "_BLOCK", largest)
    monkeypatch.setattr(_spectrogram, "_FRAMES_PER_BLOCK", 50)
    monkeypatch.setattr(_players, "_LOSSLESS_BUDGET", budgets[0])
    monkeypatch.setattr(_players, "_COMPRESSED_BUDGET", budgets[1])
    read = []

    class Counted(recorded_waveform.RecordedWaveform):
        def __getitem__(self, index):
            samples = super().__getitem__(index)
            read.append(samples.shape[-1])
            return samples

    estimates = np.tile(sources, 5)
    soundfile.write(tmp_path / "mixture.wav", estimates.sum(axis=0), RATE, subtype="FLOAT")
    recordings = [Counted(tmp_path / "mixture.wav")]
    for k, estimate in enumerate(estimates):
        soundfile.write(tmp_path / f"{k}.wav", estimate, RATE, subtype="FLOAT")
        recordings.append(Counted(tmp_path / f"{k}.wav"))
    page = separation_page(recordings[0], recordings[1:], sample_rate=RATE)
    assert max(read) == largest
    whole = [recording[:, :] for recording in recordings]
    assert max(read) == 5 * RATE
    assert page == separation_page(whole[0], whole[1:], sample_rate=RATE)
