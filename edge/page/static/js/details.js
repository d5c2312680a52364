// What is behind a machine, lane, unit, person or order; and the commands, which never sit on the overview.

import { byId, h } from "./element.js";
import { clockTime, now, shortTime, span } from "./clock.js";
import { condition } from "./floor.js";
import { view } from "./store.js";
import { get, post } from "./wire.js";

const SURE_MS = 4000;
const LISTED = 12;
const LINK_MS = 2000;

export function show(kind, id) {
  const content = { machine, lane, unit, person, order }[kind]?.(id);
  if (!content) return;
  const dialog = byId("details");
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const facts = content.facts.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  dialog.replaceChildren(h("div", { class: "top" }, h("h2", {}, content.title), close),
    h("dl", {}, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])),
    ...(content.more ? [content.more] : []),
    ...(content.actions ? [actions(content.actions, content.note)] : []));
  if (!dialog.open) dialog.showModal();
}

// Each button asks once more; a command without a name is not sent.
function actions(entries, note) {
  const said = h("div", { class: "said", role: "status" });
  const buttons = entries.map(([label, path, body]) => {
    const button = h("button", { type: "button" }, label);
    let sureUntil = 0;
    button.addEventListener("click", async () => {
      const by = byId("operator").value.trim();
      if (!by) {
        said.textContent = "Enter your name beside the alarms first.";
        return;
      }
      if (performance.now() > sureUntil) {
        sureUntil = performance.now() + SURE_MS;
        button.textContent = `${label}: sure?`;
        button.classList.add("sure");
        setTimeout(() => { button.textContent = label; button.classList.remove("sure"); }, SURE_MS);
        return;
      }
      sureUntil = 0;
      said.textContent = await post(path, { ...body, by }).then((a) => `${label}: ${a.result}`, (error) => error.message);
    });
    return button;
  });
  return h("div", { class: "actions" }, h("p", {}, note), ...buttons, said);
}

function machine(id) {
  const m = view.machines[id];
  if (!m) return null;
  const command = (label, name) => [label, `/api/machines/${encodeURIComponent(id)}/command`, { command: name, args: [] }];
  return {
    title: id,
    facts: [["kind", m.kind], ["zone", m.zone], ["state", `${m.state} (${condition(m).text})`], ["link", m.link],
      ["since", m.since_ms ? `${clockTime(m.since_ms)}, ${span(now() - m.since_ms)} ago` : ""], ["reason", m.reason], ["job", m.job],
      ["flow", m.flow], ["time so far", spent(m)],
      ["zones", Object.values(view.zones || {}).filter((z) => z.machine_id === id).map((z) => `${z.zone}: ${z.fault.replace("_", " ") || "accumulating"}`).join(", ")],
      ["jobs done", m.kind === "robot" ? m.jobs_done : ""],
      ["on the belt", m.kind === "conveyor" ? `${Math.round(m.belt_ms / 1000)} s (learned)` : ""],
      ["one round", m.kind === "sorter" ? `${Math.round(m.round_ms / 1000)} s (learned)` : ""]],
    more: linkTable(id),
    note: "Commands go to the WES, which checks them. The PLC alone is responsible for safety.",
    actions: [command("Reset", "RESET"), command("Start", "START"), command("Stop", "STOP"), command("Hold", "HOLD"),
      command("Unhold", "UNHOLD")],
  };
}

// How the link does, kept true while the dialog shows it.
function linkTable(id) {
  const box = h("div", { class: "figures" });
  const refresh = async () => {
    const link = await get(`/api/machines/${encodeURIComponent(id)}/link`).catch(() => null);
    if (link) box.replaceChildren(linkCounts(link), ...(Object.keys(link.classes).length ? [pollCycles(link)] : []));
    setTimeout(() => { if (box.isConnected && byId("details").open) refresh(); }, LINK_MS);
  };
  refresh();
  return box;
}

const row = (cell, words) => h("tr", {}, ...words.map((word) => h(cell, {}, String(word))));
const table = (head, rows) => h("table", {}, h("thead", {}, row("th", head)), h("tbody", {}, ...rows.map((words) => row("td", words))));

function linkCounts(link) {
  return table(["link", "tags good", "uncertain", "bad", "lost", "unanswered"],
    [[link.link, link.tags.good, link.tags.uncertain, link.tags.bad, link.links_lost, link.unanswered]]);
}

function pollCycles(link) {
  const ms = (value) => `${Math.round(value)} ms`;
  return table(["poll", "plan", "took p50", "max", "late"], Object.entries(link.classes).map(([name, cycle]) =>
    [name, ms(cycle.plan_ms), ms(cycle.took_ms.p50), ms(cycle.took_ms.max), `${cycle.late} of ${cycle.cycles}`]));
}

function spent(m) {
  const ms = { ...m.spent_ms, [m.time]: (m.spent_ms[m.time] || 0) + (m.timed_ms ? now() - m.timed_ms : 0) };
  const whole = Object.values(ms).reduce((sum, part) => sum + part, 0);
  return whole ? Object.entries(ms).filter(([, part]) => part).map(([name, part]) => `${Math.round((100 * part) / whole)} % ${name}`).join(", ") : "";
}

function lane(key) {
  const row = view.lanes[key];
  if (!row) return null;
  const command = (label, name) => [label, `/api/machines/${encodeURIComponent(row.machine_id)}/command`, { command: name, args: [row.lane] }];
  const units = Object.values(view.units).filter((u) => u.at === "lane" && u.machine_id === row.machine_id && u.lane === row.lane);
  return {
    title: `${row.machine_id} lane ${row.lane}`,
    facts: [["routes", row.routes.join(", ") || row.holder || row.role], ["units", `${row.count} of ${row.capacity}`],
      ["state", [row.jam && "jam", row.full && "full", row.rate_limited && "rate limited", !row.enabled && "disabled"].filter(Boolean).join(", ") || "normal"],
      ["in it", units.slice(-LISTED).map((u) => `${u.hu_id} (${u.order_id || "no order"})`).join(", ")]],
    note: "Commands go to the WES, which checks them.",
    actions: [row.enabled ? command("Disable", "LANE_DISABLE") : command("Enable", "LANE_ENABLE"), command("Clear jam", "CLEAR_JAM")],
  };
}

function unit(id) {
  const u = view.units[id];
  return u && {
    title: u.hu_id.includes("#") ? "Unit without a readable label" : `Unit ${u.hu_id}`,
    facts: [["order", u.order_id], ["departure", u.departure_id], ["route", u.route], ["pieces", u.units || ""],
      ["where", `${u.at} ${u.machine_id}${u.lane ? ` lane ${u.lane}` : ""}`], ["since", clockTime(u.since_ms)],
      ["why this lane", u.reason], ["result", u.result], ["staged", u.staged ? "yes" : "no"]],
  };
}

function person(id) {
  const p = view.people[id];
  if (!p) return null;
  const tasks = p.tasks.map(({ task, reason, started }) => [`${task.kind}${started ? ", started" : ""}`,
    `${task.quantity} × ${task.sku || task.hu_id} · ${task.source} → ${task.target} · due ${shortTime(task.due_ms)} · because ${reason}`]);
  return { title: id, facts: [["skills", p.skills.join(", ")], ["zones", p.zones.join(", ")], ["last seen at", p.location],
    ["done", p.done], ["paused", p.paused ? "yes" : ""], ...tasks], ...(p.kind === "vehicle" ? vehicle(id) : {}) };
}

function vehicle(id) {
  const action = (label, kind) => [label, `/api/vehicles/${encodeURIComponent(id)}/action`, { kind }];
  return { note: "It pauses where it is and keeps its order. Its own scanners alone are responsible for safety.",
    actions: [action("Pause", "pause"), action("Resume", "resume")] };
}

function order(id) {
  const o = view.orders[id];
  const path = (what) => `/api/orders/${encodeURIComponent(id)}/${what}`;
  return o && {
    title: id,
    facts: [["customer", o.customer], ["status", o.status.replace("_", " ")], ["route", o.route], ["departure", o.departure_id],
      ["due", o.due_ms ? clockTime(o.due_ms) : ""], ["priority", o.priority], ["lines", o.lines],
      ["pieces", `${o.units}, packed ${o.packed}, loaded ${o.loaded}, short ${o.short}`], ["units", `${o.hus}, loaded ${o.hus_loaded}`],
      ["rolled", o.rolled || ""], ["holds", o.holds.join(", ")], ["reason", o.reason]],
    note: "Changes go to the OMS, which answers yes or no.",
    actions: [["Cancel order", path("cancel"), {}], o.holds.length
      ? ["Lift hold", path("unhold"), { hold_id: o.holds[0] }] : ["Hold", path("hold"), { hold_id: "desk", reason: "held at the desk" }]],
  };
}
