"""The page that compares estimates with references."""

import re

import numpy as np
import pytest

from skbss.report import evaluation_page, write_evaluation_page

RATE = 8000


@pytest.fixture(scope="module")
def sources():
    time = np.arange(RATE) / RATE
    return np.stack([0.4 * np.sin(2 * np.pi * f * time) for f in (300.0, 1200.0)])


def found(pattern, page):
    return re.findall(pattern, page)


def test_every_source_has_two_players_and_three_pictures(sources):
    page = evaluation_page(sources, 0.5 * sources, sample_rate=RATE)
    assert found(r'<audio [^>]*aria-label="([^"]*)"', page) == [
        "Source 1, estimate", "Source 1, reference", "Source 2, estimate", "Source 2, reference",
    ]  # fmt: skip
    assert page.count('class="view"') == 4
    assert page.count('class="view difference"') == 2


def test_the_mixture_is_heard_where_it_is_known(sources):
    mixture = sources.sum(axis=0)
    page = evaluation_page(sources, sources, sample_rate=RATE, mixture=mixture)
    assert 'aria-label="Mixture"' in page
    assert "all sources together" in page
    named = evaluation_page(
        sources, sources, sample_rate=RATE, mixture=mixture, mixture_file="mix.wav"
    )
    assert "mix.wav" in named


def test_the_level_of_an_estimate_is_told(sources):
    page = evaluation_page(sources, [0.1 * sources[0], 0 * sources[1]], sample_rate=RATE)
    assert "\N{MINUS SIGN}20.0 dB of the reference" in page
    assert "silent" in page
    files = {"estimate_files": ["e1", "e2"], "reference_files": ["r1", "r2"]}
    page = evaluation_page(sources, 0.1 * sources, sample_rate=RATE, **files)
    assert found(r'<p class="small">([er]\d[^<]*)</p>', page) == [
        "e1 · \N{MINUS SIGN}20.0 dB of the reference", "r1",
        "e2 · \N{MINUS SIGN}20.0 dB of the reference", "r2",
    ]  # fmt: skip


def test_scores_come_with_their_definitions(sources):
    page = evaluation_page(
        sources,
        sources,
        sample_rate=RATE,
        scores={"SDR (dB)": [1.0, 2.0]},
        definitions={"SDR (dB)": "Signal to distortion."},
    )
    assert found(r"<td>([^<]*)</td>", page) == ["1.0", "2.0", "1.5"]
    assert found(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page) == [
        ("SDR (dB)", "Signal to distortion.")
    ]


def test_nothing_is_said_of_scores_where_there_are_none(sources):
    assert "Scores" not in evaluation_page(sources, sources, sample_rate=RATE)


@pytest.mark.parametrize("shape", [(1, 1), (2, 7), (3, 2, 300), (9, 1, 600)])
def test_any_number_of_sources_channels_and_samples(shape):
    references = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    page = evaluation_page(references, -references, sample_rate=RATE)
    assert page.count("<audio") == 2 * shape[0]


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e30])
def test_any_level(level):
    references = level * np.random.default_rng(0).uniform(-1, 1, (2, 4000)).astype(np.float32)
    assert evaluation_page(references, references[::-1], sample_rate=RATE)


def test_the_same_input_gives_the_same_page(sources):
    pages = [evaluation_page(sources, 0.5 * sources, sample_rate=RATE) for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"references": []}, r"references\[0\] must have shape"),
        ({"estimates": []}, "estimates must hold at least one source"),
        ({"estimates": np.zeros((3, RATE))}, "estimates must hold 2 sources, got 3"),
        ({"estimates": np.zeros((2, 9))}, r"shape of the references, .* estimates\[0\] has \(9,\)"),
        ({"estimates": np.full((2, RATE), np.inf)}, "estimates must hold finite samples"),
        ({"references": [np.zeros(4), np.zeros(5)]}, r"first reference, \(4,\); references\[1\]"),
        ({"mixture": np.zeros(9)}, r"mixture\[0\] has \(9,\)"),
        ({"sample_rate": -1}, "sample_rate must be positive"),
        ({"source_names": ["one"]}, "source_names must hold 2 names"),
        ({"reference_files": ["one"]}, "reference_files must hold 2 names"),
        ({"estimate_files": ["one"]}, "estimate_files must hold 2 names"),
        ({"scores": {"SDR": [1.0]}}, r"scores\['SDR'\] must hold one number per source"),
    ],
)
def test_arguments_that_do_not_fit_together_are_refused(sources, changed, message):
    options = {"references": sources, "estimates": sources, "sample_rate": RATE, **changed}
    with pytest.raises(ValueError, match=message):
        evaluation_page(**options)


def test_the_page_is_written_as_it_is_returned(sources, tmp_path):
    path = tmp_path / "page.html"
    write_evaluation_page(path, sources, sources, sample_rate=RATE, title="Für Elise")
    expected = evaluation_page(sources, sources, sample_rate=RATE, title="Für Elise")
    assert path.read_bytes() == expected.encode("utf-8")
