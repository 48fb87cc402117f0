"use strict";
const at = (id) => document.getElementById(id);
const test = JSON.parse(at("test").textContent);
const MUSHRA = test.kind === "mushra";
const STORE = `skbss-listening-test-${test.id}`;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

// What was done so far; the trials follow from the rater's name.
let state = null;
let trials = [];
let names = new Map(); // what a sound of this trial is called, by its id
let isKept = true;

let isDrawn = true;

const player = new Player(drawSoon);

function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  const { data, ...rest } = properties;
  for (const [name, value] of Object.entries(rest)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  Object.assign(node.dataset, data);
  node.append(...children);
  return node;
}

// ---- what is kept

function keep() {
  try {
    if (state) localStorage.setItem(STORE, JSON.stringify(state));
    else localStorage.removeItem(STORE);
  } catch {
    isKept = false; // a page opened from a file may not be allowed to
  }
}

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(STORE));
    const isWhole = Number.isInteger(found.at) && Array.isArray(found.ratings) && found.now instanceof Object;
    return isWhole && typeof found.rater === "string" ? found : null;
  } catch {
    return null;
  }
}

addEventListener("beforeunload", (event) => {
  if (state && !isKept) event.preventDefault();
});

// ---- the start

function showPart(id) {
  document.body.className = id;
  for (const part of ["start", "trial", "done"]) at(part).hidden = part !== id;
  scrollTo(0, 0);
}

function showStart() {
  player.stop();
  const earlier = kept();
  at("resume").hidden = !earlier;
  if (earlier) {
    const total = trialsOf(test, earlier.rater).length;
    at("resume-title").textContent =
      earlier.at >= total
        ? `The ratings of ${earlier.rater} are complete`
        : `The test of ${earlier.rater} is not finished (${earlier.at} of ${total} trials)`;
    at("continue").textContent = earlier.at >= total ? "Show them" : "Continue";
  }
  at("who").hidden = Boolean(earlier);
  at("where").textContent = "Listening test";
  at("progress").hidden = true;
  showPart("start");
}

function begin(next) {
  state = next;
  trials = trialsOf(test, state.rater);
  keep();
  showNext();
}

at("who").addEventListener("submit", (event) => {
  event.preventDefault();
  let rater = at("rater").value.normalize().replace(/\s+/g, " ").trim();
  if (!rater) {
    const drawn = crypto.getRandomValues(new Uint8Array(4));
    rater = `rater-${[...drawn].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
  begin({ rater, at: 0, ratings: [], now: {} });
});
at("continue").addEventListener("click", () => begin(kept()));
at("discard").addEventListener("click", () => {
  keep();
  at("rater").value = "";
  showStart();
});
at("sample").addEventListener("click", async () => {
  const name = test.items[0].reference;
  if (!player.buffers.has(name) && !(await player.load([name]))) return;
  if (player.playing) player.stop();
  else player.play(name);
});

// ---- one trial

// Ratings and numbers of plays of the trial at hand, by the id of the sound.
function now(stimulus) {
  return (state.now[stimulus] ??= { rating: null, plays: 0 });
}

function showNext() {
  player.stop();
  const trial = trials[state.at];
  at("progress").hidden = false;
  at("progress").max = trials.length;
  at("progress").value = state.at;
  if (!trial) {
    showDone();
    return;
  }
  const alike = trials.filter((each) => each.practice === trial.practice);
  const count = `${alike.indexOf(trial) + 1} of ${alike.length}`;
  at("where").textContent = `${trial.practice ? "Practice" : "Trial"} ${count} · ${trial.item.name}`;
  at("practice").hidden = !trial.practice;
  at("scale").textContent = trial.scale.title;
  at("question").textContent = trial.scale.question;
  at("hint").textContent = trial.scale.hint;
  at("next").textContent = state.at === trials.length - 1 ? "Finish" : "Next";
  at("repeat").checked = MUSHRA;
  player.setRepeat(MUSHRA);
  names = new Map();
  if (trial.scale.open) {
    names.set(trial.item.reference, "Reference");
    if (trial.item.mixture) names.set(trial.item.mixture, "Mixture");
  }
  const told = [...names.keys()];
  trial.stimuli.forEach((stimulus, k) => names.set(stimulus, MUSHRA ? `Sound ${LETTERS[k] ?? k + 1}` : "Sound"));
  at("open").replaceChildren(...(MUSHRA ? told : [...trial.stimuli, ...told]).map(playButton));
  at("toggle").hidden = !MUSHRA;
  at("board").replaceChildren(...(MUSHRA ? sliders(trial) : choices(trial)));
  at("keys").textContent = MUSHRA
    ? `Keys: 1 to ${Math.min(trial.stimuli.length, 9)} play a sound, R the reference, arrow keys rate the current one, P pauses.`
    : "Keys: 1 to 5 rate, P plays and pauses.";
  showPart("trial");
  at("question").focus();
  showProgress();
  loadSounds();
}

async function loadSounds() {
  const buttons = [at("toggle"), ...document.querySelectorAll("[data-sound]")];
  for (const button of buttons) button.disabled = true;
  try {
    if (!(await player.load([...names.keys()]))) return;
  } catch (error) {
    at("todo").textContent = `This browser can not play the sounds (${error.message}): try another one.`;
    return;
  }
  for (const button of buttons) button.disabled = false;
  showSound();
}

function playButton(name) {
  const label = element("span", { className: "name", textContent: names.get(name) });
  const sign = element("span", { className: "sign", ariaHidden: "true" });
  return element(
    "button",
    { type: "button", className: "sound", ariaPressed: "false", data: { sound: name }, onclick: () => pressed(name) },
    sign,
    label,
  );
}

function pressed(name) {
  if (player.playing && player.current === name) {
    player.stop();
    return;
  }
  if (!player.buffers.has(name)) return;
  player.play(name);
  if (trials[state.at].stimuli.includes(name)) {
    now(name).plays += 1;
    keep();
  }
  showProgress();
}

function labelOf(value) {
  const share = (value - test.lowest) / (test.highest - test.lowest);
  return test.labels[Math.min(Math.floor(share * test.labels.length), test.labels.length - 1)];
}

function rate(stimulus, value) {
  now(stimulus).rating = value;
  keep();
  showProgress();
}

// Only the sound that is heard can be rated, as ITU-R BS.1534-3 asks for in section 5.4.
function sliders(trial) {
  const scale = element("div", { className: "labels", ariaHidden: "true" });
  scale.append(...test.labels.map((label) => element("span", { textContent: label })));
  const rows = trial.stimuli.map((stimulus) => {
    const name = names.get(stimulus);
    const given = now(stimulus).rating;
    const slider = element("input", {
      type: "range",
      min: test.lowest,
      max: test.highest,
      step: 1,
      ariaLabel: `Rating of ${name.toLowerCase()}`,
      disabled: true,
    });
    slider.value = given ?? (test.lowest + test.highest) / 2;
    const output = element("output", { ariaHidden: "true" });
    const take = () => {
      rate(stimulus, Number(slider.value));
      slider.ariaValueText = `${slider.value}, ${labelOf(slider.value)}`;
    };
    slider.addEventListener("input", take);
    // The middle, where the slider begins, is an answer too.
    slider.addEventListener("click", take);
    slider.addEventListener("keydown", (event) => {
      if (event.key === "Enter") take();
    });
    if (given === null) slider.ariaValueText = "not rated";
    const track = element("div", { className: "track" }, slider);
    track.addEventListener("click", () => slider.disabled && pressed(stimulus));
    const row = element("div", { className: "stimulus", ariaLabel: name, data: { stimulus } }, playButton(stimulus), track, output);
    row.setAttribute("role", "group");
    return row;
  });
  return [scale, ...rows];
}

function choices(trial) {
  const [stimulus] = trial.stimuli;
  const options = test.labels.map((label, k) => {
    const value = test.lowest + k;
    const input = element("input", { type: "radio", name: "rating", value, checked: now(stimulus).rating === value });
    input.addEventListener("change", () => rate(stimulus, value));
    return element("label", { className: "choice" }, input, element("b", { textContent: value }), element("span", { textContent: label }));
  });
  const group = element("fieldset", { className: "choices", data: { stimulus } });
  group.append(element("legend", { className: "unseen", textContent: "Your rating" }), ...options);
  return [group];
}

function listed(stimuli) {
  if (!MUSHRA) return "the sound";
  return stimuli.map((stimulus) => names.get(stimulus).replace("Sound ", "")).join(", ");
}

// What is still to be done, and the ratings as they stand.
function showProgress() {
  const { stimuli } = trials[state.at];
  const unheard = stimuli.filter((stimulus) => !now(stimulus).plays);
  const unrated = stimuli.filter((stimulus) => now(stimulus).rating === null);
  const words = [];
  if (unheard.length) words.push(`Still to be played: ${listed(unheard)}.`);
  if (unrated.length) words.push(`Still to be rated: ${listed(unrated)}.`);
  if (at("todo").textContent !== words.join(" ")) at("todo").textContent = words.join(" ");
  at("next").disabled = words.length > 0;
  for (const row of at("board").querySelectorAll(".stimulus")) {
    const { rating } = now(row.dataset.stimulus);
    row.classList.toggle("rated", rating !== null);
    row.querySelector("output").textContent = rating ?? "–";
  }
}

function drawSoon() {
  if (isDrawn) requestAnimationFrame(showSound);
  isDrawn = false;
}

// Which sound is heard, and where it is.
function showSound() {
  isDrawn = true;
  const { playing, current } = player;
  at("sample").ariaPressed = String(playing);
  for (const button of document.querySelectorAll("[data-sound]")) {
    const isCurrent = button.dataset.sound === current;
    button.ariaPressed = String(isCurrent && playing);
    button.classList.toggle("current", isCurrent);
    const row = button.closest(".stimulus");
    if (!row) continue;
    row.classList.toggle("current", isCurrent);
    row.querySelector("input").disabled = !isCurrent;
  }
  at("toggle").ariaLabel = playing ? "Pause" : "Play";
  at("toggle").ariaPressed = String(playing);
  const duration = player.buffers.size ? player.duration : 0;
  if (document.activeElement !== at("position") || playing) {
    at("position").value = duration ? (1000 * player.position) / duration : 0;
  }
  at("position").ariaValueText = `${player.position.toFixed(1)} of ${duration.toFixed(1)} seconds`;
  at("time").textContent = `${player.position.toFixed(1)} / ${duration.toFixed(1)} s`;
  if (playing) drawSoon();
}

function toggle() {
  if (player.playing) player.stop();
  else pressed(player.current ?? [...names.keys()].find((name) => !MUSHRA === trials[state.at].stimuli.includes(name)));
}

at("toggle").addEventListener("click", toggle);
at("repeat").addEventListener("change", () => player.setRepeat(at("repeat").checked));
at("position").addEventListener("input", () => player.seek((player.duration * at("position").value) / 1000));

at("next").addEventListener("click", () => {
  const trial = trials[state.at];
  if (!trial.practice) {
    const number = trials.filter((each) => !each.practice).indexOf(trial) + 1;
    trial.stimuli.forEach((stimulus, k) => {
      const { rating, plays } = now(stimulus);
      state.ratings.push({ trial: number, position: k + 1, scale: trial.scale.name, stimulus, rating, plays });
    });
  }
  state.at += 1;
  state.now = {};
  if (state.at === trials.length) state.finished = new Date().toISOString();
  keep();
  showNext();
});

document.addEventListener("keydown", (event) => {
  if (at("trial").hidden || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const digit = Number(event.key);
  if (event.key.toLowerCase() === "p") {
    toggle();
  } else if (MUSHRA && event.key.toLowerCase() === "r") {
    pressed(trials[state.at].item.reference);
  } else if (MUSHRA && digit >= 1 && digit <= trials[state.at].stimuli.length) {
    const row = at("board").querySelectorAll(".stimulus")[digit - 1];
    if (!player.playing || player.current !== row.dataset.stimulus) pressed(row.dataset.stimulus);
    requestAnimationFrame(() => row.querySelector("input").focus());
  } else if (!MUSHRA && digit >= test.lowest && digit <= test.highest) {
    at("board").querySelector(`input[value="${digit}"]`).click();
  }
});

// ---- the end

function showDone() {
  at("where").textContent = `Listening test · ${state.rater}`;
  at("text").value = JSON.stringify(resultOf(test, state), null, 1);
  showPart("done");
  at("done-title").focus();
}

at("json").addEventListener("click", () => save(resultOf(test, state), at("text").value, "application/json", "json"));
at("csv").addEventListener("click", () => {
  const result = resultOf(test, state);
  save(result, asCSV(result), "text/csv", "csv");
});
at("again").addEventListener("click", () => {
  state = null;
  keep();
  at("rater").value = "";
  showStart();
});

showStart();
