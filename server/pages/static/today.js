// The list by keyboard, and finding in it at once. Without this the page works by links and forms.
"use strict";

(() => {
  const list = document.getElementById("live-list");
  if (!list) return;
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  const keys = document.getElementById("keys");
  const keysOn = document.getElementById("keys-on");
  const letters = JSON.parse(list.dataset.letters);
  const plain = (words) =>
    [...words.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").trim().replace(/\s+/g, " ")]
      .map((letter) => letters[letter] ?? letter)
      .join("");
  const rows = () => [...list.querySelectorAll(".row")].filter((row) => !row.hidden);
  const link = (row) => row.querySelector("h3 a");
  const rowOf = (element) => element?.closest?.(".row") ?? null;

  const remember = (name, value) => {
    try {
      if (value === undefined) return sessionStorage.getItem(name);
      sessionStorage.setItem(name, value);
    } catch {} // a browser that keeps nothing: begin anew each time
    return null;
  };

  // --- finding ---
  const narrow = () => {
    const wanted = plain(find.value);
    for (const row of list.querySelectorAll(".row")) row.hidden = !row.dataset.find.includes(wanted);
    for (const part of list.querySelectorAll(".part")) part.hidden = part.querySelector(".row:not([hidden])") === null;
    const total = list.querySelectorAll(".row").length;
    found.textContent = wanted
      ? list.dataset.found.replace("{shown}", rows().length).replace("{total}", total)
      : "";
  };
  find.addEventListener("input", narrow);
  find.form.addEventListener("submit", (event) => {
    if (new URL(location.href).searchParams.has("q")) return; // not everybody is on the page
    event.preventDefault();
    if (rows().length) link(rows()[0]).focus();
  });
  document.addEventListener("plumbline:fresh", () => find.value && narrow());

  // --- moving ---
  const go = (row) => {
    if (!row) return;
    link(row).focus();
    row.scrollIntoView({ block: "nearest" });
  };
  const step = (by) => {
    const all = rows();
    const at = all.indexOf(rowOf(document.activeElement) ?? document.getElementById(remember("today-row") ?? ""));
    go(all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))]);
  };
  list.addEventListener("focusin", (event) => {
    const row = rowOf(event.target);
    if (row) remember("today-row", row.id);
  });
  const dismiss = (row) => {
    const details = row?.querySelector(".dismiss");
    if (!details) return;
    details.open = true;
    details.querySelector("input[type=text]").focus();
  };
  list.addEventListener("toggle", (event) => {
    if (!event.target.matches(".dismiss") || !event.target.open) return;
    for (const other of list.querySelectorAll(".dismiss[open]")) if (other !== event.target) other.open = false;
  }, true);

  const close = () => {
    const open = list.querySelector("details[open]");
    if (open) {
      open.open = false;
      go(rowOf(open));
    } else if (document.activeElement === find) {
      find.value = "";
      narrow();
      step(0);
    } else keys.open = false;
  };

  const acts = {
    j: () => step(1),
    k: () => step(-1),
    x: () => dismiss(rowOf(document.activeElement)),
    u: () => document.querySelector("[data-undo]")?.click(),
    "/": () => find.focus(),
    "?": () => {
      keys.open = !keys.open;
      if (keys.open) keys.querySelector("summary").focus();
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      close();
      return;
    }
    if (!keysOn.checked || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  delete keys.dataset.waits; // its place was kept, so that nothing moves
  try {
    keysOn.checked = localStorage.getItem("today-keys") !== "off";
    keysOn.addEventListener("change", () => localStorage.setItem("today-keys", keysOn.checked ? "on" : "off"));
  } catch {} // as above

  // --- where one was ---
  const back = () => {
    const row = document.getElementById(location.hash.slice(1) || (remember("today-row") ?? ""));
    if (row && list.contains(row) && document.activeElement === document.body) go(row);
  };
  window.addEventListener("pageshow", back);
  for (const form of document.querySelectorAll("form[method=post]"))
    form.addEventListener("submit", () => form.setAttribute("aria-busy", "true"));

  const offline = document.getElementById("offline");
  const tell = () => {
    offline.hidden = navigator.onLine;
  };
  window.addEventListener("online", tell);
  window.addEventListener("offline", tell);
  tell();
})();
