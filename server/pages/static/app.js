// Registers the service worker, where there is such a thing.
"use strict";

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/app-worker.js").catch(() => {}); // the pages work without it
}
