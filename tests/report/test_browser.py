"""The page in a real browser: no error, nothing too wide, every sound plays."""

import json
import re

import numpy as np
import pytest

from skbss.report import write_evaluation_page, write_separation_page
from tests.browser import browse, needs_chromium

pytestmark = needs_chromium

RATE = 8000
SECONDS = 1.5
# What the page looks like from inside, told to the frame around it.
PROBE = """<script>
Promise.all([...document.querySelectorAll("audio")].map((player) => new Promise((done) => {
  player.onloadedmetadata = () => done(player.duration);
  player.onerror = () => done(String(player.error.message));
  player.load();
}))).then((durations) => {
  parent.postMessage(JSON.stringify({
    durations,
    pictures: [...document.images].map((picture) => picture.naturalWidth),
    views: [...document.querySelectorAll(".view")].map((view) => {
      const box = view.getBoundingClientRect();
      return [box.width, box.height];
    }),
    width: innerWidth,
    content: document.documentElement.scrollWidth,
    background: getComputedStyle(document.body).backgroundColor,
  }), "*");
});
</script>"""
# A browser's window cannot be as narrow as a phone, but a frame in it can.
FRAMES = """<!doctype html><body><script>
const seen = [];
onmessage = (event) => {
  const windows = [...document.querySelectorAll("iframe")].map((frame) => frame.contentWindow);
  seen[windows.indexOf(event.source)] = JSON.parse(event.data);
  document.body.dataset.seen = JSON.stringify(seen);
};
</script>"""
FRAME = '<iframe src="probed.html" style="width: %dpx; height: 900px; border: 0"></iframe>'
DARK, LIGHT = (f"--blink-settings=preferredColorScheme={scheme}" for scheme in (0, 1))


def page(tmp_path, **options):
    time = np.arange(int(SECONDS * RATE)) / RATE
    sources = np.stack([0.4 * np.sin(2 * np.pi * f * time) for f in (300.0, 1200.0)])
    rng = np.random.default_rng(0)
    path = tmp_path / "page.html"
    write_separation_page(
        path,
        sources.sum(axis=0),
        sources,
        sample_rate=RATE,
        title="<script>alert(1)</script>" + "x" * 200,
        components=rng.random((5, 129)),
        activations=rng.random((50, 5)),
        labels=[0, 1, 1, 0, 1],
        loss_curve=[10.0, 3.0, 2.0],
        scores={"Mixture SI-SDR (dB)": [0.0, 1.0], "Separated SI-SDR (dB)": [10.0, 11.0]},
        command="skbss separate " + "y" * 200,
        **options,
    )
    return path


def evaluation(tmp_path):
    time = np.arange(int(SECONDS * RATE)) / RATE
    sources = np.stack([0.4 * np.sin(2 * np.pi * f * time) for f in (300.0, 1200.0)])
    path = tmp_path / "page.html"
    write_evaluation_page(
        path,
        sources,
        0.9 * sources + 0.1 * sources[::-1],
        sample_rate=RATE,
        mixture=sources.sum(axis=0),
        title="<script>alert(1)</script>" + "x" * 200,
        source_names=["<script>alert(1)</script>", "y" * 200],
        reference_files=["a.wav", "z" * 200],
        estimate_files=["b.wav", "z" * 200],
        scores={f"A score with a long name {k} (dB)": [0.0, np.nan] for k in range(6)},
        definitions={"A score with a long name 1 (dB)": "What it means. " * 20},
        command="skbss evaluate " + "y" * 200,
    )
    return path


def compared(tmp_path):
    rng = np.random.default_rng(0)
    references = 0.1 * rng.standard_normal((2, int(SECONDS * RATE)))
    return page(tmp_path, references=references)


def opened(path, tmp_path, *options):
    return browse(path.as_uri(), tmp_path, "--virtual-time-budget=5000", *options)


def seen(path, tmp_path, *options, widths=(1000,)):
    """What the page looks like from inside, for every width."""
    # The page forbids scripts other than its own: the probe has to take that away.
    text = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", path.read_text())
    assert text != path.read_text()
    probed = path.with_name("probed.html")
    probed.write_text(text.replace("</body>", PROBE + "</body>"))
    frame = path.with_name("frame.html")
    frame.write_text(FRAMES + "".join(FRAME % width for width in widths))
    document, console = opened(frame, tmp_path, *options)
    assert console == []
    found = re.search(r'data-seen="([^"]*)"', document)
    assert found, "the probe did not run"
    views = json.loads(found[1].replace("&quot;", '"'))
    assert [view["width"] for view in views] == list(widths)
    return views


def brightness(view):
    return sum(map(int, re.findall(r"\d+", view["background"])[:3]))


@pytest.mark.parametrize(
    ("write", "n_players", "n_views"), [(page, 3, 3), (compared, 5, 7), (evaluation, 5, 7)]
)
def test_the_console_stays_empty_and_the_script_runs(tmp_path, write, n_players, n_views):
    document, console = opened(write(tmp_path), tmp_path)
    assert console == []
    assert document.count("<audio") == n_players
    assert len(re.findall(r'class="view(?: difference)?"', document)) == n_views
    # The page's script adds the line that follows the sound.
    assert len(re.findall(r'<i hidden=""></i>', document)) == n_views


def test_the_console_would_show_a_forbidden_script(tmp_path):
    path = page(tmp_path)
    path.write_text(path.read_text().replace("</body>", "<script>1</script></body>"))
    _, console = opened(path, tmp_path)
    assert any("Content Security Policy" in line for line in console)


@pytest.mark.parametrize(
    ("write", "n_players", "n_views", "widths"),
    [
        (page, 3, 3, (740, 320)),
        (compared, 5, 7, (1280, 375)),
        (evaluation, 5, 7, (1280, 900, 320)),
    ],
)
def test_every_sound_plays_and_nothing_is_too_wide(tmp_path, write, n_players, n_views, widths):
    path = write(tmp_path)
    assert path.read_text().count("data:audio/flac;base64,") == n_players
    for view in seen(path, tmp_path, LIGHT, widths=widths):
        assert view["durations"] == pytest.approx([SECONDS] * n_players, abs=0.01)
        assert all(size > 0 for size in view["pictures"])
        assert view["content"] <= view["width"]
        assert len(view["views"]) == n_views
        assert all(across >= 200 and down >= 100 for across, down in view["views"])
        assert brightness(view) > 600


CLICK = """<script>
const click = (view, share) => {
  const box = view.getBoundingClientRect();
  view.dispatchEvent(new MouseEvent("click", { clientX: box.left + share * box.width }));
};
Promise.all(players.map((player) => new Promise((done) => {
  player.oncanplay = done;
  player.load();
}))).then(() => {
  const signal = document.querySelector(".compared");
  const [estimate, reference, difference] = signal.querySelectorAll(".view");
  click(difference, 0.5);
  click(reference, 0.25);
  setTimeout(() => {
    document.body.dataset.seen = JSON.stringify([
      ...players.map((player) => player.currentTime / player.duration),
    ]);
  }, 500);
});
</script>"""


def test_a_click_seeks_what_is_heard_there(tmp_path):
    path = evaluation(tmp_path)
    text = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", path.read_text())
    path.write_text(text.replace("</body>", CLICK + "</body>"))
    document, console = opened(path, tmp_path)
    assert console == []
    places = json.loads(re.search(r'data-seen="([^"]*)"', document)[1])
    # The difference belongs to both players of its source; the picture of one to that alone.
    assert places == pytest.approx([0, 0.5, 0.25, 0, 0], abs=0.02)


TAKE_OVER = """<script>
const [mixture, estimate, reference] = players;
const sounds = (player) => {
  // As if it played: in a browser without a screen time does not pass as sound does.
  let paused = false;
  Object.defineProperty(player, "paused", { get: () => paused });
  player.pause = () => { paused = true; };
};
Promise.all(players.map((player) => new Promise((done) => {
  player.oncanplay = done;
  player.load();
}))).then(() => {
  estimate.currentTime = 1;
  sounds(estimate);
  reference.dispatchEvent(new Event("play"));
  sounds(reference);
  mixture.dispatchEvent(new Event("play"));
  setTimeout(() => {
    document.body.dataset.seen = JSON.stringify([
      reference.currentTime, estimate.paused, reference.paused, mixture.currentTime,
    ]);
  }, 500);
});
</script>"""


def test_the_players_of_a_source_take_over_from_each_other(tmp_path):
    path = evaluation(tmp_path)
    text = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", path.read_text())
    path.write_text(text.replace("</body>", TAKE_OVER + "</body>"))
    document, console = opened(path, tmp_path)
    assert console == []
    # The reference goes on where the estimate was; the mixture begins where it stood.
    seen = json.loads(re.search(r'data-seen="([^"]*)"', document)[1])
    assert seen == [1, True, True, 0]


@pytest.mark.parametrize("write", [page, evaluation])
def test_dark_where_that_is_preferred(tmp_path, write):
    (view,) = seen(write(tmp_path), tmp_path, DARK)
    assert brightness(view) < 150


def test_what_is_too_long_for_flac_plays_as_mp3(tmp_path, monkeypatch):
    monkeypatch.setattr("skbss.report._players._LOSSLESS_BUDGET", 0)
    path = page(tmp_path)
    assert path.read_text().count("data:audio/mpeg;base64,") == 3
    (view,) = seen(path, tmp_path)
    assert view["durations"] == pytest.approx([SECONDS] * 3, abs=0.15)
