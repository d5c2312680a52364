// The lists and numbers around the twin: header, alarms, departures, orders, flow, events.

import { badge, byId, h, list, s, setClass, setText } from "./element.js";
import { clockSpeed, clockTime, dayName, now, shortTime, span } from "./clock.js";
import { view } from "./store.js";
import { post } from "./wire.js";

const RISK_MS = 30 * 60000;
const GRAVE_MS = 10 * 60000;
const CLOSED_SHOWN_MS = 3 * 3600000;
const NEWS_SHOWN = 80;
const OPEN = ["captured", "accepted", "released", "admitted", "held", "started"];

const count = (...names) => names.reduce((n, name) => n + (view.counts[name] ?? 0), 0);
const total = (name) => view.totals[name] ?? 0;

export function header() {
  const office = !view.layout && view.office;
  setText(byId("site"), view.layout?.site ?? view.name ?? "");
  setText(byId("role"), office ? `office for ${view.office.sites.join(", ")}` : `box ${view.name}`);
  document.title = `${view.layout?.site ?? view.name} · ${office ? "office" : "floor"}`;
  const people = Object.values(view.people).filter((p) => p.kind === "person");
  const busy = people.filter((p) => p.tasks.length).length;
  const onTime = total("audited_orders") ? Math.floor((1 - total("audited_missed") / total("audited_orders")) * 1000) / 10 : null;
  const last = (name) => (view.pulse[name] ?? [0]).slice(-1)[0];
  const shipped = count("shipped", "short_shipped");
  const tiles = office
    ? [["Open orders", count(...OPEN)], ["Shipped", shipped], ["Rejected", count("rejected")],
      ["On backorder", count("backordered")], ["Rolled", total("orders_rolled"), "", "second"],
      ["On time", onTime === null ? "–" : `${onTime}%`, "of audited", "second"]]
    : [["Open orders", count(...OPEN)], ["Shipped", shipped, "orders"], ["Loaded", total("loaded_hus"), "units"],
      ["Sorted", last("sorted"), "in 10 min", "second"],
      ["People", `${busy}/${people.length}`, "busy", "second"], ["Short", total("short_units"), "pieces"]];
  list(byId("kpis"), tiles, (t) => t[0], (t) => h("div", { class: t[3] ?? "" }, h("dt", {}, t[0]), h("dd")),
    (element, t) => {
      const text = `${t[1]}|${t[2] ?? ""}`;
      if (element.shown === text) return;
      element.shown = text;
      element.lastChild.replaceChildren(String(t[1]), t[2] ? h("small", {}, t[2]) : "");
    });
}

export function clock(live) {
  const at = now();
  setText(byId("time"), at ? clockTime(at) : "--:--:--");
  setText(byId("day"), at ? `${dayName(at)}${clockSpeed() > 1 ? ` · time ×${clockSpeed()}` : ""}` : "");
  setText(byId("link"), live ? "live" : "not live");
  setClass(byId("link"), live ? "link" : "link down");
}

const rank = (a) => (a.cleared_ms ? 2 : a.acknowledged_by ? 1 : 0);

export function alarms() {
  const rows = Object.values(view.alarms).sort((a, b) => rank(a) - rank(b) || a.priority - b.priority || b.raised_ms - a.raised_ms);
  const active = rows.filter((a) => !a.cleared_ms);
  const over = rows.filter((a) => a.cleared_ms);
  setText(byId("alarms-note"), `${active.length || "none"} active${over.length ? ` · ${over.length} over` : ""}`);
  byId("ack-over").hidden = over.length < 2;
  list(byId("alarms"), rows, (a) => `${a.alarm_id}:${a.raised_ms}`, alarmRow, (element, a) => {
    setClass(element, a.cleared_ms ? "over" : a.acknowledged_by ? "known" : "new");
    const seen = a.acknowledged_by ? ` · seen by ${a.acknowledged_by}` : "";
    const over = a.cleared_ms ? ` · over ${shortTime(a.cleared_ms)}` : ` · for ${span(now() - a.raised_ms)}`;
    setText(element.querySelector(".when"), `${a.source} · ${shortTime(a.raised_ms)}${over}${seen}`);
    element.querySelector("button").hidden = Boolean(a.acknowledged_by);
  });
  const counts = [1, 2, 3, 4].map((p) => [p, active.filter((a) => a.priority === p).length]).filter(([, n]) => n);
  list(byId("alarm-count"), counts, ([p]) => p, ([p]) => h("span", {}, badge(p, 18), h("b")),
    (element, [, n]) => setText(element.lastChild, n));
}

function alarmRow(a) {
  const button = h("button", { type: "button", title: "Acknowledge: seen, somebody is on it", onclick: () => acknowledge(a, button) }, "Ack");
  return h("li", {}, badge(a.priority), h("div", {}, h("div", { class: "text", title: a.text }, a.text),
    h("div", { class: "action", title: a.action }, a.action), h("div", { class: "when" })), button);
}

function operator() {
  const field = byId("operator");
  const by = field.value.trim();
  field.classList.toggle("wanted", !by);
  if (!by) field.focus();
  return by;
}

// Seen by a person, all that went by themselves.
export async function acknowledgeOver() {
  const by = operator();
  if (!by) return;
  for (const alarm of Object.values(view.alarms).filter((a) => a.cleared_ms)) {
    await post(`/api/alarms/${encodeURIComponent(alarm.alarm_id)}/acknowledge`, { by }).catch(() => null);
  }
}

async function acknowledge(alarm, button) {
  const by = operator();
  if (!by) return;
  button.disabled = true;
  try {
    await post(`/api/alarms/${encodeURIComponent(alarm.alarm_id)}/acknowledge`, { by });
  } catch (error) {
    setText(byId("alarms-note"), error.message);
  }
  button.disabled = false;
}

export function departures() {
  const at = now();
  const all = Object.values(view.departures);
  const open = relevant(all.filter((d) => !d.closed_ms).sort((a, b) => (a.cutoff_ms || Infinity) - (b.cutoff_ms || Infinity)));
  const gone = all.filter((d) => d.closed_ms && at - d.closed_ms < CLOSED_SHOWN_MS).sort((a, b) => b.closed_ms - a.closed_ms);
  list(byId("departures"), [...open.slice(0, 24), ...gone.slice(0, 12)], (d) => d.departure_id, departureRow, departureUpdate);
}

// Those with orders, and the next one of each route: a timetable is longer than a list that helps.
function relevant(open) {
  const routes = new Set();
  return open.filter((d) => {
    const first = !routes.has(d.route) && d.cutoff_ms > now() - RISK_MS;
    if (first) routes.add(d.route);
    return first || d.orders || d.units_packed;
  });
}

function departureRow(d) {
  return h("li", {}, h("div", { class: "name" }, h("span", { class: "risk-mark" }), h("span", {}, d.departure_id), h("small")),
    h("div", { class: "left" }),
    h("div", { class: "bar" }, h("i", { class: "packed" }), h("i", { class: "staged" }), h("i", { class: "loaded" })),
    h("div", { class: "count" }));
}

function departureUpdate(element, d) {
  const left = d.cutoff_ms - now();
  const behind = !d.closed_ms && d.cutoff_ms && d.units > d.units_loaded;
  const level = d.closed_ms ? (d.left_behind ? 3 : 0) : behind && left < GRAVE_MS ? 2 : behind && left < RISK_MS ? 3 : 0;
  setClass(element, [d.closed_ms ? "closed" : "", level && !d.closed_ms ? "risk" : ""].join(" ").trim());
  const [name, time, bar, number] = element.children;
  const mark = name.firstChild;
  if (mark.level !== level) {
    mark.replaceChildren(...(level ? [badge(level, 16)] : []));
    mark.level = level;
  }
  setText(name.lastChild, [d.route, d.carrier].filter((text) => text && !d.departure_id.includes(text)).join(" · "));
  const closed = d.left_behind ? `closed · ${d.left_behind} left behind` : "closed";
  time.replaceChildren(h("b", {}, d.cutoff_ms ? shortTime(d.cutoff_ms) : "–"),
    d.closed_ms ? `  ${closed}` : d.cutoff_ms ? (left > 0 ? `  in ${span(left)}` : `  ${span(left)} over`) : "");
  const whole = Math.max(d.units, d.units_packed, 1);
  ["units_packed", "units_staged", "units_loaded"].forEach((field, i) => {
    bar.children[i].style.width = `${Math.min(d[field] / whole, 1) * 100}%`;
  });
  setText(number, d.units || d.orders ? `${d.units_loaded} of ${d.units} · ${d.orders} orders` : "no orders yet");
}

export function orders() {
  const office = !view.layout;
  const rows = office
    ? [["captured", count("captured")], ["promised", count("accepted")], ["on hold", count("held")],
      ["at the site", count("released", "admitted", "started")], ["shipped", count("shipped")],
      ["shipped short", count("short_shipped"), 1], ["rejected", count("rejected", "refused"), 1]]
    : [["waiting", count("captured", "accepted", "released", "admitted")], ["in work", count("started")],
      ["shipped", count("shipped")], ["shipped short", count("short_shipped"), 1], ["rolled over", total("orders_rolled"), 1]];
  const top = Math.max(...rows.map((r) => r[1]), 1);
  setText(byId("orders-note"), `${count(...OPEN)} open`);
  list(byId("orders"), rows, (r) => r[0], (r) => h("div", {}, h("span", {}, r[0]), h("div", { class: "bar" }, h("i")),
    h("span", { class: "n" })), (element, [, n, abnormal]) => {
    element.children[1].firstChild.style.width = `${(n / top) * 100}%`;
    setText(element.children[2], n);
    setClass(element, abnormal && n ? "warn" : "");
  });
}

export function flow() {
  const names = view.layout ? [["tasks", "tasks"], ["sorted", "sorted"], ["loaded", "loaded"]] : [["shipped", "orders out"], ["loaded", "loaded"]];
  list(byId("flow"), names, (n) => n[0], (n) => h("figure", {}, h("figcaption", {}, n[1]),
    s("svg", { viewBox: "0 0 192 40", preserveAspectRatio: "none", role: "img", "aria-label": `${n[1]} per ten minutes` }), h("b")),
  (element, [name]) => {
    const series = view.pulse[name] ?? [];
    const key = series.join();
    if (element.shown === key) return;
    element.shown = key;
    const top = Math.max(...series, 1);
    element.children[1].replaceChildren(s("line", { x1: 0, x2: 192, y1: 39.5, y2: 39.5 }), ...series.map((n, i) => s("rect", {
      x: i * 4, width: 3, y: 39 - (n / top) * 38, height: (n / top) * 38, class: i === series.length - 1 ? "last" : "" })));
    setText(element.lastChild, series[series.length - 1] ?? 0);
  });
}

export function news() {
  const only = byId("news-warn").checked;
  const rows = view.news.filter((row) => !only || row.level).slice(-NEWS_SHOWN).reverse();
  list(byId("news"), rows, (row) => row.n, (row) => h("li", { class: row.level }, h("time", {}, clockTime(row.at_ms)),
    s("svg", { class: "mark", viewBox: "0 0 10 10", "aria-hidden": "true" }, row.level ? s("path", { d: "M5 0L10 9.5H0Z" }) : s("g")),
    h("span", { title: row.text }, row.text)), () => {});
}
