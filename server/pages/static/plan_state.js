// Asks for the plan's state until the clip has confirmed it. Stops by itself.
"use strict";

(() => {
  const place = document.getElementById("plan-state");
  if (!place || !place.dataset.poll) return;
  let wait = 2000;
  const ask = async () => {
    try {
      const answer = await fetch(place.dataset.poll, { headers: { "x-refresh": "1" }, redirect: "manual" });
      if (answer.type === "opaqueredirect") return;
      if (answer.ok) {
        const text = await answer.text();
        if (place.innerHTML.trim() !== text.trim()) place.innerHTML = text;
        if (answer.headers.get("x-plan-waiting") === "no") return;
      }
    } catch {
      // Out of reach for now: the next question may be answered.
    }
    wait = Math.min(wait * 1.25, 15000);
    setTimeout(ask, wait);
  };
  setTimeout(ask, wait);
})();
