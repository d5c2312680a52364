// What moves: units between two events, and people between two tasks. Events are the truth, the way between is drawn.

import { clockSpeed, now } from "./clock.js";
import { s, setClass, setText } from "./element.js";

const UNIT_W = 11;
const UNIT_H = 8;
const QUEUE = 14;
const SETTLE_MS = 900;
const EASE_MS = 180;
const FOOT_MM_S = 1200;

const shown = new Map();
const walkers = new Map();

export const unitsShown = () => shown.size;

export function forget() {
  shown.clear();
  walkers.clear();
}

// Moves everything to where it is at this frame; `step` is the time since the last one, 0 for no easing.
export function move(parts, drawing, view, step, choose) {
  const at = now();
  const queues = lineUp(view);
  const seen = new Set();
  for (const unit of Object.values(view.units)) {
    const target = place(unit, drawing, view, queues, at);
    if (!target) continue;
    seen.add(unit.hu_id);
    let dot = shown.get(unit.hu_id);
    if (!dot) {
      dot = { x: target[0], y: target[1], element: unitShape(unit, choose) };
      shown.set(unit.hu_id, dot);
      parts.units.append(dot.element);
    }
    ease(dot, target, step);
    dot.element.setAttribute("transform", `translate(${dot.x.toFixed(1)} ${dot.y.toFixed(1)})`);
    setClass(dot.element, strange(unit) ? "unit strange" : "unit");
  }
  sweep(shown, seen);
  people(parts, drawing, view, at, step, choose);
}

const strange = (unit) => unit.hu_id.includes("#") || unit.at === "missing";

function ease(dot, [x, y], step) {
  const far = Math.hypot(x - dot.x, y - dot.y);
  const share = step === 0 || far > 400 ? 1 : 1 - Math.exp(-step / EASE_MS);
  dot.x += (x - dot.x) * share;
  dot.y += (y - dot.y) * share;
}

function sweep(table, seen) {
  for (const [key, dot] of table) {
    if (!seen.has(key)) {
      dot.element.remove();
      table.delete(key);
    }
  }
}

function unitShape(unit, choose) {
  return s("g", { class: "unit", "data-unit": unit.hu_id, onclick: () => choose("unit", unit.hu_id) },
    s("rect", { x: -UNIT_W / 2, y: -UNIT_H / 2, width: UNIT_W, height: UNIT_H, rx: 1.5 }));
}

// Units on a belt stand one behind the other: the one that came first is in front.
function lineUp(view) {
  const belts = {};
  for (const unit of Object.values(view.units)) {
    if (unit.at === "belt" || unit.at === "exit") (belts[unit.machine_id] ??= []).push(unit);
  }
  const place_ = new Map();
  for (const units of Object.values(belts)) {
    units.sort((a, b) => (a.at === b.at ? a.since_ms - b.since_ms : a.at === "exit" ? -1 : 1));
    units.forEach((unit, i) => place_.set(unit.hu_id, i));
  }
  return place_;
}

// Where a unit is drawn now; null when it lies in a lane's stack or nobody knows.
function place(unit, drawing, view, queues, at) {
  const age = Math.max(at - unit.since_ms, 0);
  const machine = view.machines[unit.machine_id];
  const belt = drawing.belts[unit.machine_id];
  const sorter = drawing.sorters[unit.machine_id];
  if (belt && (unit.at === "belt" || unit.at === "exit")) {
    const share = unit.at === "exit" ? 1 : Math.min(age / machine.belt_ms, 1);
    const room = belt.path.length - QUEUE * queues.get(unit.hu_id);
    return belt.path.at(Math.min(share * belt.path.length, Math.max(room, 4)));
  }
  if (!sorter) return null;
  if (unit.at === "infeed") return sorter.infeed.at(Math.min(age / machine.infeed_ms, 1) * sorter.infeed.length);
  if (unit.at === "round") return sorter.round.at(Math.min(age / machine.round_ms, 0.99) * sorter.round.length);
  if (unit.at === "sorter") return onTrack(unit, sorter, view, age);
  if (unit.at === "lane" && age < SETTLE_MS * Math.max(clockSpeed(), 1)) return intoLane(unit, sorter, view);
  return null;
}

function onTrack(unit, sorter, view, age) {
  const lane = sorter.lanes[unit.lane];
  const guide = lane ?? Object.values(sorter.lanes).at(-1);
  const row = view.lanes[guide.key];
  const way = guide.x - sorter.scan;
  const gone = (age / (row?.lane_ms ?? 10000)) * way;
  return sorter.track.at(Math.min(gone, lane ? way : sorter.track.length));
}

function intoLane(unit, sorter, view) {
  const lane = sorter.lanes[unit.lane];
  const row = lane && view.lanes[lane.key];
  if (!row) return null;
  const level = Math.min(row.count / Math.max(row.capacity, 1), 1) * (lane.bottom - lane.top - 18);
  return [lane.x, lane.bottom - Math.max(level, UNIT_H / 2)];
}

function people(parts, drawing, view, at, step, choose) {
  const seen = new Set();
  const crowd = new Map();
  for (const person of Object.values(view.people)) {
    if (drawing.robots[person.person_id]) continue;
    const target = whereabouts(person, drawing, view, at);
    if (!target) continue;
    const spot = `${Math.round(target.end[0])}:${Math.round(target.end[1])}`;
    const nth = crowd.get(spot) ?? 0;
    crowd.set(spot, nth + 1);
    seen.add(person.person_id);
    let dot = walkers.get(person.person_id);
    if (!dot) {
      dot = { x: target.at[0], y: target.at[1], element: personShape(person, choose) };
      walkers.set(person.person_id, dot);
      parts.people.append(dot.element);
    }
    ease(dot, [target.at[0] - nth * 15, target.at[1]], step);
    dot.element.setAttribute("transform", `translate(${dot.x.toFixed(1)} ${dot.y.toFixed(1)})`);
    const task = person.tasks[0];
    setClass(dot.element, task ? "person busy" : "person");
    setText(dot.element.lastChild, shortName(person.person_id));
  }
  sweep(walkers, seen);
}

// A vehicle on a node that the drawing does not know stands where goods leave.
const dock = (drawing) => Object.values(drawing.zones).find((zone) => zone.dock)?.zone;

// "picker-A5" is A5 on the floor; the whole name is one click away.
const shortName = (id) => (id.length <= 5 ? id : /[A-Z]?\d+$/.exec(id)?.[0] ?? id.slice(0, 5));

function personShape(person, choose) {
  return s("g", { class: "person", tabindex: 0, role: "button", "aria-label": `${person.person_id}, details`,
    onclick: () => choose("person", person.person_id),
    onkeydown: (e) => e.key === "Enter" && choose("person", person.person_id) },
  s("circle", { r: 8, class: "touch" }), s("circle", { cy: -4.2, r: 2.7 }),
  s("path", { d: "M-4.8 6.2v-3.4a4.8 4.4 0 0 1 9.6 0v3.4Z" }), s("text", { y: 14.5, "text-anchor": "middle" }));
}

// On the way from the last known place to the current task, as fast as people walk.
function whereabouts(person, drawing, view, at) {
  const assignment = person.tasks[0];
  const home = drawing.locate(person.location, person.zones[0] === "*" ? "" : person.zones[0])
    ?? (person.kind === "vehicle" ? drawing.locate("", dock(drawing)) : null);
  if (!assignment) return home && { at: home.at, end: home.at };
  const goal = drawing.locate(assignment.task.source, assignment.task.zone) ?? home;
  if (!goal) return null;
  if (!home || person.location === assignment.task.source) return { at: goal.at, end: goal.at };
  const mm = home.mm && goal.mm ? Math.abs(home.mm[0] - goal.mm[0]) + Math.abs(home.mm[1] - goal.mm[1]) : 12000;
  const share = Math.min((at - assignment.since_ms) / ((mm / (view.layout.walk_mm_s || FOOT_MM_S)) * 1000 + 500), 1);
  const t = Math.max(share, 0);
  return { at: [home.at[0] + (goal.at[0] - home.at[0]) * t, home.at[1] + (goal.at[1] - home.at[1]) * t], end: goal.at };
}
