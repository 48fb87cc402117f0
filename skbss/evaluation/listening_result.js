"use strict";
// What a rater takes away.

function resultOf(test, { rater, finished, ratings }) {
  return {
    format: "skbss-listening-test-ratings",
    version: 1,
    test: test.id,
    kind: test.kind,
    rater,
    finished,
    ratings,
  };
}

// Spreadsheets take a cell that begins with one of these for a formula.
function cell(value) {
  const text = String(value);
  const safe = /^['=+\-@\t]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

function asCSV({ ratings, ...head }) {
  const columns = ["test", "kind", "rater", "trial", "position", "scale", "stimulus", "plays", "rating"];
  const rows = ratings.map((rating) => columns.map((column) => cell({ ...head, ...rating }[column])).join(","));
  return `${[columns.join(","), ...rows].join("\r\n")}\r\n`;
}

function save({ test, rater }, text, type, extension) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = `ratings-${test.slice(0, 6)}-${rater.replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 40)}.${extension}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
