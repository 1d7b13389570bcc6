// Draws the charts of a page when they come into view. Without it the tables say the same.
const bundle = document.querySelector("meta[name=charts]")?.content;
const shared = JSON.parse(document.getElementById("charts-config")?.textContent ?? "{}");
const begun = new WeakSet();

const draw = async (place) => {
  if (begun.has(place)) return;
  begun.add(place);
  await import(bundle);
  const reader = place.nextElementSibling;
  const drawing = document.createElement("div");
  drawing.className = "drawing";
  place.append(drawing);
  await window.vegaEmbed(drawing, JSON.parse(place.querySelector("script").textContent), {
    mode: "vega-lite",
    renderer: "svg",
    ast: true, // expressions are interpreted: the content security policy forbids eval
    actions: false,
    defaultStyle: false,
    tooltip: (handler, event, item, words) => {
      reader.textContent = words ?? "";
    },
    config: { ...shared, font: getComputedStyle(document.body).fontFamily },
  });
  place.dataset.drawn = "yes";
};

const begin = (place) =>
  draw(place).catch((error) => {
    place.hidden = true; // the table stays
    console.error(error);
  });

if (bundle) {
  const places = document.querySelectorAll(".vega");
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) if (entry.isIntersecting) begin(entry.target);
    },
    { rootMargin: "400px" },
  );
  for (const place of places) seen.observe(place);
  // What is printed before it was looked at.
  addEventListener("beforeprint", () => places.forEach(begin));
}
