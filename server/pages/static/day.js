// The reader under the day's figure. The page is complete without it.
"use strict";

(() => {
  const prepare = () => {
    const look = document.getElementById("look");
    const timeline = document.getElementById("timeline");
    if (!look || !timeline || !look.hidden) return;
    const { names, states, angles, words: said } = JSON.parse(document.getElementById("moments").textContent);
    const slider = document.getElementById("moment");
    const words = document.getElementById("moment-words");
    const plot = timeline.querySelector(".plot.tall");
    const cursor = document.createElement("div");
    cursor.className = "cursor";
    cursor.hidden = true;
    timeline.append(cursor);
    look.hidden = false;

    const tell = (index) => {
      const angle = angles[index];
      let text = `${names[index]} · ${states[index] ?? said.to_come}`;
      if (angle !== null) text += ` · ${(angle < 0 ? said.backward : said.forward).replace("{angle}", Math.abs(angle))}`;
      words.textContent = text;
      slider.setAttribute("aria-valuetext", text);
      cursor.hidden = false;
      cursor.style.left = `${plot.offsetLeft + (plot.offsetWidth * (index + 0.5)) / names.length}px`;
    };

    slider.addEventListener("input", () => tell(Number(slider.value)));
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      const index = Math.floor(((event.clientX - box.left) / box.width) * names.length);
      slider.value = String(Math.min(names.length - 1, Math.max(0, index)));
      tell(Number(slider.value));
    });
    const measured = angles.findLastIndex((angle) => angle !== null);
    const told = measured < 0 ? states.findLastIndex((state) => state !== null) : measured;
    slider.value = String(Math.max(0, told));
    tell(Number(slider.value));
  };

  prepare();
  document.addEventListener("plumbline:fresh", prepare);
})();
