"""The page in a real browser: no error, nothing too wide, every sound plays."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from skbss.report import write_separation_page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

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
    width: innerWidth,
    content: document.documentElement.scrollWidth,
    background: getComputedStyle(document.body).backgroundColor,
  }), "*");
});
</script>"""
# A browser's window cannot be as narrow as a phone, but a frame in it can.
FRAME = """<!doctype html><body><script>
onmessage = (event) => { document.body.dataset.seen = event.data; };
</script><iframe src="probed.html" style="width: %dpx; height: 900px; border: 0"></iframe>"""


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


def browse(path, tmp_path, *options):
    """The document as the browser has it in the end, and what it wrote to its console."""
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
        "--virtual-time-budget=5000", "--dump-dom", *options, path.as_uri(),
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    return result.stdout, console


def seen(path, tmp_path, *options, width=1000):
    # The page forbids scripts other than its own: the probe has to take that away.
    text = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", path.read_text())
    assert text != path.read_text()
    probed = path.with_name("probed.html")
    probed.write_text(text.replace("</body>", PROBE + "</body>"))
    frame = path.with_name("frame.html")
    frame.write_text(FRAME % width)
    document, console = browse(frame, tmp_path, *options)
    assert console == []
    found = re.search(r'data-seen="([^"]*)"', document)
    assert found, "the probe did not run"
    return json.loads(found[1].replace("&quot;", '"'))


def test_the_console_stays_empty_and_the_script_runs(tmp_path):
    document, console = browse(page(tmp_path), tmp_path)
    assert console == []
    assert document.count('class="view"') == 3
    # The page's script adds the line that follows the sound.
    assert len(re.findall(r'<i hidden=""></i>', document)) == 3


def test_the_console_would_show_a_forbidden_script(tmp_path):
    path = page(tmp_path)
    path.write_text(path.read_text().replace("</body>", "<script>1</script></body>"))
    _, console = browse(path, tmp_path)
    assert any("Content Security Policy" in line for line in console)


@pytest.mark.parametrize("width", [1280, 740, 375, 320])
def test_every_sound_plays_and_nothing_is_too_wide(tmp_path, width):
    view = seen(page(tmp_path), tmp_path, width=width)
    assert view["width"] == width
    assert view["durations"] == pytest.approx([SECONDS] * 3, abs=0.01)
    assert all(size > 0 for size in view["pictures"])
    assert view["content"] <= view["width"]


def test_dark_and_light(tmp_path):
    path = page(tmp_path)
    dark, light = (
        seen(path, tmp_path, f"--blink-settings=preferredColorScheme={scheme}")["background"]
        for scheme in (0, 1)
    )
    brightness = [sum(map(int, re.findall(r"\d+", color)[:3])) for color in (dark, light)]
    assert brightness[0] < 150
    assert brightness[1] > 600


@pytest.mark.parametrize("encoding", ["FLAC", "MP3"])
def test_both_encodings_play(tmp_path, monkeypatch, encoding):
    if encoding == "MP3":
        monkeypatch.setattr("skbss.report._players._LOSSLESS_BUDGET", 0)
    path = page(tmp_path)
    kind = {"FLAC": "audio/flac", "MP3": "audio/mpeg"}[encoding]
    assert path.read_text().count(f"data:{kind};base64,") == 3
    view = seen(path, tmp_path)
    assert view["durations"] == pytest.approx([SECONDS] * 3, abs=0.15)
