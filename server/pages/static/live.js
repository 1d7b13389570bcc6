// Keeps the marked parts of a page up to date while it is looked at. Leaves alone what is being used.
"use strict";

(() => {
  const every = Number(document.currentScript.dataset.every) * 1000;

  const inUse = (part) =>
    part.contains(document.activeElement) || part.matches(":hover") || part.querySelector("details[open]") !== null;

  const refresh = async () => {
    if (document.visibilityState !== "visible") return;
    const answer = await fetch(location.href, { headers: { "x-refresh": "1" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") {
      location.reload();
      return;
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (next && !inUse(part) && next.innerHTML !== part.innerHTML) part.innerHTML = next.innerHTML;
    }
    document.dispatchEvent(new Event("plumbline:fresh"));
  };

  const again = () => {
    refresh()
      .catch(() => {}) // out of reach for now: the next one may succeed
      .finally(() => setTimeout(again, every));
  };
  setTimeout(again, every);
})();
