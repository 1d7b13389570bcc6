// Shows a kind page when there is no connection. Keeps static files alone: never a page or an answer about a person.
"use strict";

const NAME = `plumbline-${KEPT.map((one) => one.split("v=")[1]).join("-")}`;

self.addEventListener("install", (event) => {
  const fresh = KEPT.map((one) => new Request(one, { cache: "reload", credentials: "omit" }));
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(fresh))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== NAME).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const address = new URL(request.url);
  if (address.origin !== location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match(KEPT[0])));
  } else if (KEPT.includes(address.pathname + address.search)) {
    event.respondWith(caches.match(request).then((found) => found ?? fetch(request)));
  }
});
