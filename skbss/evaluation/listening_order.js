"use strict";
// What every rater hears in which order: a function of the test and of the rater's name alone.

// Numbers from 0 to 1 that a text decides: its FNV-1a hash seeds the generator mulberry32.
function randomFrom(text) {
  let state = 0x811c9dc5;
  for (let k = 0; k < text.length; k += 1) state = Math.imul(state ^ text.charCodeAt(k), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(values, random) {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const chosen = Math.floor(random() * (last + 1));
    [result[last], result[chosen]] = [result[chosen], result[last]];
  }
  return result;
}

// All trials of one rater: one question after another, as in the list of scales; within each the
// items in random order.
function trialsOf(test, rater) {
  const random = randomFrom(`${test.id}\n${rater}`);
  const order = shuffled(test.items, random);
  const trials = [];
  const add = (scale, items, practice) => {
    if (test.kind === "mushra") {
      for (const item of items) {
        trials.push({ scale, item, practice, stimuli: shuffled(item.stimuli, random) });
      }
      return;
    }
    const pairs = items.flatMap((item) => item.stimuli.map((stimulus) => ({ item, stimulus })));
    const chosen = practice ? shuffled(pairs, random).slice(0, items.length) : shuffled(pairs, random);
    for (const { item, stimulus } of chosen) {
      trials.push({ scale, item, practice, stimuli: [stimulus] });
    }
  };
  // Items that this rater does not hear later serve best to practise.
  add(test.scales[0], [...order].reverse().slice(0, test.n_practice), true);
  const items = order.slice(0, test.n_items);
  for (const scale of test.scales) add(scale, shuffled(items, random), false);
  return trials;
}
