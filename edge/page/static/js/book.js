// The office's book of orders: the last ones that changed, with a filter.

import { byId, h, list, setClass, setText } from "./element.js";
import { shortTime } from "./clock.js";
import { view } from "./store.js";

const SHOWN = 120;
const ABNORMAL = new Set(["rejected", "refused", "short_shipped", "backordered", "held"]);

export function book(choose) {
  const wanted = byId("book-filter").value.trim().toLowerCase();
  const all = Object.values(view.orders);
  const found = all.filter((o) => !wanted
    || `${o.order_id} ${o.customer} ${o.route} ${o.departure_id} ${o.status}`.toLowerCase().includes(wanted));
  found.sort((a, b) => b.at_ms - a.at_ms || (a.order_id < b.order_id ? 1 : -1));
  setText(byId("book-count"), `${Math.min(found.length, SHOWN)} of ${all.length} latest`);
  list(byId("book"), found.slice(0, SHOWN), (o) => o.order_id, (o) => row(o, choose), update);
}

function row(order, choose) {
  return h("tr", { tabindex: 0, onclick: () => choose("order", order.order_id),
    onkeydown: (e) => e.key === "Enter" && choose("order", order.order_id) },
  h("td", {}, order.order_id), h("td"), h("td"), h("td"), h("td", { class: "status" }),
  h("td", {}, h("div", { class: "bar" }, h("i", { class: "packed" }), h("i", { class: "loaded" }))), h("td", { class: "number" }), h("td"));
}

function update(element, o) {
  const cells = element.children;
  const rolled = o.rolled ? ` · rolled ${o.rolled}×` : "";
  [o.customer, o.route, o.departure_id || "–", o.status.replace("_", " ") + rolled].forEach((text, i) => setText(cells[i + 1], text));
  const bar = cells[5].firstChild.children;
  const whole = Math.max(o.units, 1);
  const done = o.status === "shipped" || o.status === "short_shipped";
  bar[0].style.width = `${Math.min(o.packed / whole, 1) * 100}%`;
  bar[1].style.width = `${done ? 100 : Math.min(o.loaded / whole, 1) * 100}%`;
  setText(cells[6], o.short ? `${o.units} (−${o.short})` : o.units);
  setText(cells[7], o.due_ms ? shortTime(o.due_ms) : "");
  setClass(element, ABNORMAL.has(o.status) || o.rolled ? "warn" : "");
}
