"use strict";
// One player sounds at a time; a line in its spectrogram follows it, and a click there seeks.
// Players of one source share the picture of their difference, and take over from each other.
const players = [...document.querySelectorAll("audio")];
const lines = new Map();
for (const view of document.querySelectorAll(".view")) {
  const line = document.createElement("i");
  line.hidden = true;
  view.append(line);
  lines.set(view, line);
}
for (const player of players) {
  const signal = player.closest(".signal");
  const own = player.closest(".panel") || signal;
  const views = new Set([own.querySelector(".view"), ...signal.querySelectorAll(".difference")]);
  const follow = () => {
    const share = player.duration ? player.currentTime / player.duration : 0;
    for (const view of views) {
      lines.get(view).style.left = `${100 * share}%`;
      lines.get(view).hidden = share === 0;
    }
    if (!player.paused) requestAnimationFrame(follow);
  };
  player.addEventListener("play", () => {
    for (const other of players) {
      if (other === player || other.paused) continue;
      if (signal.contains(other)) player.currentTime = other.currentTime;
      other.pause();
    }
    follow();
  });
  player.addEventListener("seeked", follow);
  player.addEventListener("timeupdate", follow);
  for (const view of views) {
    view.addEventListener("click", (event) => {
      const box = view.getBoundingClientRect();
      if (player.duration) player.currentTime = player.duration * (event.clientX - box.left) / box.width;
    });
  }
}
