"""The listening test in a real browser: rated by its own controls, saved, read back."""

import base64
import hashlib
import html
import http.server
import json
import re
import threading
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

from skbss.evaluation import listening_test, read_ratings
from tests.browser import browse, needs_chromium

pytestmark = needs_chromium

RATE = 8000
SECONDS = 0.6
HOSTILE = "<script>alert(1)</script>"
# What the probes below are made of. `rateTrial(f)` plays every sound of a trial, rates it f(id),
# and goes on.
TOOLS = """
const $ = (id) => document.getElementById(id);
const until = async (isDone) => { while (!isDone()) await new Promise((r) => setTimeout(r, 5)); };
const ready = () => until(() => {
  const button = document.querySelector("[data-sound]");
  return !$("trial").hidden && button && !button.disabled;
});
const enter = (rater) => { $("rater").value = rater; $("who").requestSubmit(); };
const hear = async (button) => {
  button.click();
  await until(() => button.classList.contains("current"));
};
const firstSounds = async () => {
  enter("Ann");
  await ready();
  return document.querySelectorAll("#board button");
};
async function rateTrial(rating) {
  await ready();
  for (const row of document.querySelectorAll("#board [data-stimulus]")) {
    const id = row.dataset.stimulus;
    await hear(document.querySelector(`[data-sound="${id}"]`));
    const slider = row.querySelector("input[type=range]");
    if (slider) {
      slider.value = rating(id);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    } else {
      row.querySelector(`input[value="${rating(id)}"]`).click();
    }
  }
  $("next").click();
}
async function rateAll(rating) {
  while ($("done").hidden) await rateTrial(rating);
  return JSON.parse($("text").value);
}
"""
FRAME = """<!doctype html><body><script>
onmessage = (event) => { document.body.dataset.seen = event.data; fetch("/seen"); };
</script><iframe src="probed.html" style="width: %dpx; height: 800px; border: 0"></iframe>
<img src="/hold" alt=""></body>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the folder; the frame's last picture comes when the probe has told what it saw."""

    def __init__(self, seen, *args, **options):
        self.seen = seen
        super().__init__(*args, **options)

    def do_GET(self):
        if self.path == "/seen":
            self.seen.set()
        elif self.path == "/hold":
            self.seen.wait(30)
        else:
            super().do_GET()
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


@contextmanager
def server(folder):
    seen = threading.Event()
    handler = partial(Handler, seen, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            seen.set()
            running.shutdown()
            thread.join()


def probe(folder, tmp_path, steps, *options, width=1000):
    """What `steps`, the body of an asynchronous function in the page, returns."""
    script = f"""
    (async () => {{ {TOOLS} {steps} }})().catch((error) => String(error)).then(
      (result) => parent.postMessage(JSON.stringify(result ?? null), "*"));"""
    # The page forbids scripts other than its own: the probe becomes one more of them.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = (folder / "index.html").read_text(encoding="utf-8")
    allowed = page.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    assert allowed != page
    probed = allowed.replace("</body>", f"<script>{script}</script></body>")
    (folder / "probed.html").write_text(probed, encoding="utf-8", newline="\n")
    (folder / "frame.html").write_text(FRAME % width)
    with server(folder) as address:
        document, console = browse(
            f"{address}/frame.html",
            tmp_path,
            "--autoplay-policy=no-user-gesture-required",
            *options,
        )
    assert console == []
    found = re.search(r'data-seen="([^"]*)"', document)
    assert found, "the probe did not run"
    return json.loads(html.unescape(found[1]))


def write_test(folder, kind="mushra", names=("low", "high"), **options):
    time = np.arange(int(SECONDS * RATE)) / RATE
    rng = np.random.default_rng(0)
    references = {
        name: np.sin(2 * np.pi * f * time) for name, f in zip(names, (300.0, 1200.0), strict=True)
    }
    estimates = {
        system: {name: s + noise * rng.standard_normal(s.size) for name, s in references.items()}
        for system, noise in {"fine": 0.02, "bad": 0.3}.items()
    }
    listening_test(
        estimates, references, folder, sample_rate=RATE, kind=kind,
        mixtures=dict.fromkeys(references, sum(references.values())), **options,
    )  # fmt: skip
    return json.loads((folder / "key.json").read_text())


def points(key, of_system):
    """JavaScript that rates every sound as its system deserves."""
    given = {name: of_system[told["system"]] for name, told in key["stimuli"].items()}
    return f"(id) => ({json.dumps(given)})[id]"


@pytest.mark.parametrize("saved", ["json", "csv"])
def test_mushra_ratings_come_back(tmp_path, saved):
    key = write_test(tmp_path / "test", scales=["quality", "separation"], n_practice=1)
    deserved = {"reference": 100, "fine": 81, "bad": 34, "mixture": 7}
    steps = f"enter('=Ann \"A\"'); const told = await rateAll({points(key, deserved)});"
    steps += "$('json').click(); $('csv').click();"  # under the page's own policy
    steps += "return " + ("told;" if saved == "json" else "asCSV(told);")
    told = probe(tmp_path / "test", tmp_path, steps)
    path = tmp_path / f"saved.{saved}"
    path.write_text(json.dumps(told) if saved == "json" else told, newline="")
    ratings = read_ratings(path, tmp_path / "test")
    assert ratings.raters == ['=Ann "A"']
    assert {(row["metric"], row["task"], row["system"]): row["value"] for row in ratings.rows} == {
        (f"listening_{scale}", item, system): value
        for scale in ("quality", "separation")
        for item in ("low", "high")
        for system, value in deserved.items()
    }
    assert {row["plays"] for row in ratings.rows} == {1}
    assert sorted({row["trial"] for row in ratings.rows}) == [1, 2, 3, 4]
    assert all(row["hidden_reference"] == (row["system"] == "reference") for row in ratings.rows)
    assert ratings.failed_raters() == []


def test_mos_ratings_come_back(tmp_path):
    key = write_test(tmp_path / "test", kind="mos", scales=["timbre", "artifacts"])
    deserved = {"reference": 5, "fine": 4, "bad": 2, "mixture": 1, "musical_noise": 3}
    told = probe(
        tmp_path / "test", tmp_path, f"enter(''); return rateAll({points(key, deserved)});"
    )
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(told))
    ratings = read_ratings(path, tmp_path / "test" / "key.json")
    assert re.fullmatch(r"rater-[0-9a-f]{8}", ratings.raters[0])
    assert len(ratings.rows) == 2 * 2 * 5
    assert all(row["value"] == deserved[row["system"]] for row in ratings.rows)


def test_the_order_follows_from_the_rater(tmp_path):
    write_test(tmp_path / "test", scales=["quality", "separation"])
    steps = """
    const order = (rater) =>
      trialsOf(test, rater).map((t) => [t.scale.name, t.item.name, ...t.stimuli]);
    return ["Ann", "Ann", "Bob", "Cleo", "Dan"].map(order);"""
    first, again, *others = probe(tmp_path / "test", tmp_path, steps)
    assert first == again
    assert first not in others
    assert [trial[0] for trial in first] == ["quality", "quality", "separation", "separation"]
    assert sorted(sorted(trial[2:]) for trial in first[:2]) == sorted(
        sorted(trial[2:]) for trial in others[0][:2]
    )


def test_every_rater_hears_some_of_the_items(tmp_path):
    write_test(tmp_path / "test", scales=["quality", "separation"], n_items=1, n_practice=1)
    steps = """return [..."abcdefghij"].map((rater) =>
      trialsOf(test, rater).map((t) => [t.practice, t.scale.name, t.item.name]));"""
    plans = probe(tmp_path / "test", tmp_path, steps)
    for practice, *trials in plans:
        assert [trial[:2] for trial in trials] == [[False, "quality"], [False, "separation"]]
        (item,) = {trial[2] for trial in trials}
        assert practice == [True, "quality", {"low": "high", "high": "low"}[item]]
    assert {plan[1][2] for plan in plans} == {"low", "high"}


def test_a_rater_goes_on_only_after_everything_was_played_and_rated(tmp_path):
    write_test(tmp_path / "test", scales=["quality"])
    steps = """
    enter("Ann");
    await ready();
    const seen = [[$("next").disabled, $("todo").textContent]];
    const rows = [...document.querySelectorAll(".stimulus")];
    seen.push(rows.map((row) => row.querySelector("input").disabled));
    for (const row of rows) await hear(row.querySelector("button"));
    seen.push([$("next").disabled, $("todo").textContent]);
    seen.push(rows.map((row) => row.querySelector("input").disabled));
    for (const row of rows) row.querySelector("input").dispatchEvent(new Event("input"));
    seen.push([$("next").disabled, $("todo").textContent]);
    return seen;"""
    start, locked, played, one_free, rated = probe(tmp_path / "test", tmp_path, steps)
    todo = "Still to be played: A, B, C, D. Still to be rated: A, B, C, D."
    assert start == [True, todo]
    assert locked == [True] * 4
    assert played == [True, "Still to be rated: A, B, C, D."]
    assert one_free == [True, True, True, False]
    assert rated == [False, ""]


def test_keys_play_rate_and_pause(tmp_path):
    write_test(tmp_path / "test", scales=["quality"])
    steps = """
    const press = (key) => document.activeElement.dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true }));
    enter("Ann");
    await ready();
    press("2");
    const row = document.querySelectorAll(".stimulus")[1];
    await until(() => document.activeElement === row.querySelector("input"));
    const seen = [player.playing, names.get(player.current)];
    press("Enter");
    seen.push(row.querySelector("output").textContent);
    press("r");
    seen.push(names.get(player.current));
    press("p");
    seen.push(player.playing);
    return seen;"""
    seen = probe(tmp_path / "test", tmp_path, steps)
    assert seen == [True, "Sound B", "50", "Reference", False]


def test_another_sound_goes_on_at_the_same_position(tmp_path):
    write_test(tmp_path / "test", scales=["quality"])
    steps = """
    const [first, second] = await firstSounds();
    await hear(first);
    await until(() => player.position > 0.2);
    second.click();
    const between = player.position;
    await until(() => player.position > 0.4);
    player.stop();
    const stopped = player.position;
    await new Promise((r) => setTimeout(r, 50));
    return [between, stopped, player.position, player.duration];"""
    between, stopped, later, duration = probe(tmp_path / "test", tmp_path, steps)
    assert duration == pytest.approx(SECONDS, abs=0.001)
    assert 0.2 < between < 0.4 < stopped == later < SECONDS


def test_changes_may_follow_faster_than_the_clock_tells(tmp_path):
    write_test(tmp_path / "test", scales=["quality"])
    steps = """
    const [first, second] = await firstSounds();
    await hear(first);
    const { currentTime } = player.context;
    Object.defineProperty(player.context, "currentTime", { get: () => currentTime });
    for (let k = 0; k < 10; k += 1) {
      [second, first][k % 2].click();
      await new Promise((r) => setTimeout(r, 3));
    }
    return [player.playing, player.current === first.dataset.sound];"""
    assert probe(tmp_path / "test", tmp_path, steps) == [True, True]


def test_what_is_heard_fades_in_and_out(tmp_path):
    write_test(tmp_path / "test", scales=["quality"])
    # The same player on a context that renders what would be heard.
    steps = """
    const [first, second] = await firstSounds();
    const { buffers } = player;
    const offline = new OfflineAudioContext(1, 8000, 8000);
    offline.resume = () => {};
    player.context = offline;
    player.buffers = new Map([...buffers.keys()].map((name) => {
      const buffer = new AudioBuffer({ length: 4800, sampleRate: 8000 });
      buffer.getChannelData(0).fill(name === second.dataset.sound ? 0.5 : 1);
      return [name, buffer];
    }));
    player.play(first.dataset.sound);
    const { resume } = OfflineAudioContext.prototype;
    const during = async (time, command) => {
      await offline.suspend(time);
      command();
      resume.call(offline);
    };
    during(0.1, () => player.play(second.dataset.sound));
    during(0.3, () => player.stop());
    const heard = await offline.startRendering();
    return [...heard.getChannelData(0)];"""
    heard = np.array(probe(tmp_path / "test", tmp_path, steps))
    levels, counts = np.unique(heard.round(4), return_counts=True)
    assert set(levels[counts > 100]) == {0.0, 0.5, 1.0}
    # Three turns of at most 5 ms from one level to the next, two of them down to silence.
    assert np.abs(np.diff(heard)).max() < 0.06
    assert (np.count_nonzero(heard == 1), np.count_nonzero(heard == 0.5)) == pytest.approx(
        (0.1 * RATE, 0.2 * RATE), abs=0.02 * RATE
    )


def test_progress_survives_a_reload_and_can_be_discarded(tmp_path):
    key = write_test(tmp_path / "test", scales=["quality"])
    rating = points(key, {"reference": 100, "fine": 81, "bad": 34, "mixture": 7})
    # The second visit to the page finds what the first one kept.
    steps = f"""
    if (!$("resume").hidden) {{
      const found = $("resume-title").textContent;
      $("continue").click();
      const told = await rateAll({rating});
      $("again").click();
      return [found, told.rater, told.ratings.length, $("who").hidden, localStorage.length];
    }}
    enter("Ann");
    await rateTrial({rating});
    await ready();
    location.reload();
    return new Promise(() => {{}});"""
    seen = probe(tmp_path / "test", tmp_path, steps)
    assert seen == ["The test of Ann is not finished (1 of 2 trials)", "Ann", 8, False, 0]


def test_it_works_where_nothing_can_be_kept(tmp_path):
    key = write_test(tmp_path / "test", scales=["quality"])
    rating = points(key, {"reference": 100, "fine": 81, "bad": 34, "mixture": 7})
    steps = f"""
    Object.defineProperty(window, "localStorage", {{ get() {{ throw new Error("forbidden"); }} }});
    enter("Ann");
    const told = await rateAll({rating});
    return [told.ratings.length, isKept];"""
    assert probe(tmp_path / "test", tmp_path, steps) == [8, False]


@pytest.mark.parametrize("kind", ["mushra", "mos"])
def test_the_untouched_page_writes_nothing_to_the_console(tmp_path, kind):
    write_test(tmp_path / "test", kind=kind, names=(HOSTILE, "x" * 200), title=HOSTILE)
    with server(tmp_path / "test") as address:
        for place in ((tmp_path / "test" / "index.html").as_uri(), f"{address}/index.html"):
            document, console = browse(place, tmp_path)
            assert console == []
            # The script has run: it shows the start.
            assert '<section id="start" aria-labelledby="start-title">' in document


def test_the_console_would_show_a_forbidden_script(tmp_path):
    write_test(tmp_path / "test")
    path = tmp_path / "test" / "index.html"
    path.write_text(path.read_text().replace("</body>", "<script>1</script></body>"))
    _, console = browse(path.as_uri(), tmp_path)
    assert any("Content Security Policy" in line for line in console)


@pytest.mark.parametrize("kind", ["mushra", "mos"])
@pytest.mark.parametrize("width", [1280, 320])
def test_nothing_is_too_wide_and_hostile_names_are_text(tmp_path, kind, width):
    key = write_test(
        tmp_path / "test", kind=kind, names=(HOSTILE, "x" * 200), title=HOSTILE, scales=["timbre"],
        n_practice=1, instructions=HOSTILE,
    )  # fmt: skip
    rating = points(key, dict.fromkeys(("reference", "fine", "bad", "mixture"), 3))
    steps = f"""
    const wide = () => document.documentElement.scrollWidth;
    const seen = {{ width: innerWidth, start: wide(), title: $("title").textContent }};
    seen.prose = document.querySelector(".prose").textContent.trim();
    enter("y".repeat(80));
    seen.trials = [];
    seen.names = [];
    while ($("done").hidden) {{
      await ready();
      seen.trials.push(wide());
      seen.names.push($("where").textContent);
      await rateTrial({rating});
    }}
    seen.done = wide();
    return seen;"""
    seen = probe(tmp_path / "test", tmp_path, steps, width=width)
    assert seen["width"] == width
    assert max([seen["start"], seen["done"], *seen["trials"]]) <= width
    assert seen["title"] == seen["prose"] == HOSTILE
    assert any(name.endswith(f" · {HOSTILE}") for name in seen["names"])


def test_dark_and_light(tmp_path):
    write_test(tmp_path / "test")
    steps = "return getComputedStyle(document.body).backgroundColor;"
    dark, light = (
        probe(tmp_path / "test", tmp_path, steps, f"--blink-settings=preferredColorScheme={scheme}")
        for scheme in (0, 1)
    )
    brightness = [sum(map(int, re.findall(r"\d+", color)[:3])) for color in (dark, light)]
    assert brightness[0] < 150
    assert brightness[1] > 600
