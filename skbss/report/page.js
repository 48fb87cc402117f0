"use strict";
// One player sounds at a time; a line in its spectrogram follows it, and a click there seeks.
const players = [...document.querySelectorAll("audio")];
for (const player of players) {
  const view = player.closest(".signal").querySelector(".view");
  const line = document.createElement("i");
  view.append(line);
  const follow = () => {
    const share = player.duration ? player.currentTime / player.duration : 0;
    line.style.left = `${100 * share}%`;
    line.hidden = share === 0;
    if (!player.paused) requestAnimationFrame(follow);
  };
  player.addEventListener("play", () => {
    for (const other of players) if (other !== player) other.pause();
    follow();
  });
  player.addEventListener("seeked", follow);
  player.addEventListener("timeupdate", follow);
  view.addEventListener("click", (event) => {
    const box = view.getBoundingClientRect();
    if (player.duration) player.currentTime = player.duration * (event.clientX - box.left) / box.width;
  });
  line.hidden = true;
}
