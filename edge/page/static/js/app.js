// The operator's page: the wire in, the panels and the twin out, frame by frame.

import { byId, setText } from "./element.js";
import { setZone } from "./clock.js";
import { book } from "./book.js";
import { show } from "./details.js";
import { draw, paint } from "./floor.js";
import { plan } from "./geometry.js";
import { forget, move, unitsShown } from "./motion.js";
import { acknowledgeOver, alarms, clock, departures, flow, header, news, orders } from "./panels.js";
import { dirty, view } from "./store.js";
import { counted, isLive, liveUntil, start } from "./wire.js";

const FRAME_MS = 30;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const hooks = { units: 0, messages: 0, fps: 0 };
window.__edge = hooks;

let drawing = null;
let parts = null;
let lastFrame = 0;
let frames = 0;

const needs = (...sections) => dirty.has("all") || sections.some((section) => dirty.has(section));

function layOut() {
  const svg = byId("floor");
  const box = svg.parentNode.getBoundingClientRect();
  if (!view.layout || box.width < 50) return;
  setZone(view.layout.timezone);
  forget();
  drawing = plan(view.layout, Math.round(box.width), Math.round(box.height));
  parts = draw(svg, drawing, view.layout, show);
  paint(parts, view);
}

function render() {
  const office = !view.layout && Boolean(view.office);
  if (needs("layout", "office")) {
    document.body.classList.toggle("office", office);
    byId("book-panel").hidden = !office;
    byId("twin-panel").hidden = office;
    layOut();
  }
  if (needs("counts", "totals", "people", "pulse")) header();
  if (needs("alarms")) alarms();
  if (needs("departures")) departures();
  if (needs("counts", "totals")) orders();
  if (needs("pulse")) flow();
  if (needs("news")) news();
  if (office && needs("orders")) book(show);
  if (parts && needs("machines", "lanes", "departures")) paint(parts, view);
  dirty.clear();
}

function stale() {
  const live = isLive();
  const banner = byId("stale");
  document.body.classList.toggle("stale", !live);
  banner.hidden = live;
  if (!live) {
    const since = liveUntil() ? `since ${new Date(liveUntil()).toLocaleTimeString()}` : "yet";
    setText(banner, `Not live ${since}: what you see is old. Trying to reach the runtime; work on the floor goes on.`);
  }
  clock(live);
}

function second() {
  stale();
  alarms();
  departures();
  hooks.fps = frames;
  frames = 0;
  if (calm.matches) glide(0);
}

function glide(step) {
  if (parts && !byId("twin-panel").hidden) move(parts, drawing, view, step, show);
  hooks.units = unitsShown();
  hooks.messages = counted.messages;
}

function frame(time) {
  requestAnimationFrame(frame);
  const step = time - lastFrame;
  if (step < FRAME_MS) return;
  lastFrame = time;
  frames += 1;
  if (dirty.size) render();
  if (!calm.matches && isLive()) glide(Math.min(step, 500));
}

function theme(change) {
  const wish = localStorage.getItem("theme") ?? "system";
  const next = change ? { system: "light", light: "dark", dark: "system" }[wish] : wish;
  localStorage.setItem("theme", next);
  const dark = next === "dark" || (next === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  setText(byId("theme"), { system: "Theme: auto", light: "Theme: light", dark: "Theme: dark" }[next]);
}

function remember(field) {
  field.value = localStorage.getItem("operator") ?? "";
  field.addEventListener("input", () => {
    localStorage.setItem("operator", field.value.trim());
    field.classList.remove("wanted");
  });
}

theme(false);
byId("theme").addEventListener("click", () => theme(true));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme(false));
remember(byId("operator"));
byId("ack-over").addEventListener("click", acknowledgeOver);
byId("news-warn").addEventListener("change", () => dirty.add("news"));
byId("book-filter").addEventListener("input", () => dirty.add("orders"));
byId("details").addEventListener("click", (event) => event.target === event.currentTarget && event.currentTarget.close());
new ResizeObserver(layOut).observe(byId("twin-panel"));
start(stale);
setInterval(second, 1000);
requestAnimationFrame(frame);
