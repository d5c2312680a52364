// The twin, drawn: what stands still, and the state of each machine and lane on it.

import { s, setClass, setText, toggle } from "./element.js";
import { shortTime } from "./clock.js";

const RUNNING = new Set(["EXECUTE", "IDLE", "COMPLETE", "COMPLETING", "STARTING", "RESETTING", "UNHOLDING", "UNSUSPENDING"]);
const WORDS = { EXECUTE: "running", IDLE: "idle", STARTING: "starting", RESETTING: "resetting", COMPLETE: "complete" };
const GRAVE = new Set(["ABORTED", "ABORTING"]);

// How bad it is (0 = normal, else a priority) and in which words.
export function condition(machine) {
  if (machine.link === "lost") return { level: 2, text: "link lost" };
  if (GRAVE.has(machine.state)) return { level: 1, text: machine.state.toLowerCase() };
  if (machine.link === "unknown" || machine.state === "UNKNOWN") return { level: 0, text: "no word yet" };
  if (RUNNING.has(machine.state)) return { level: 0, text: WORDS[machine.state] ?? machine.state.toLowerCase() };
  return { level: 3, text: machine.state.toLowerCase() };
}

export function draw(svg, drawing, layout, choose) {
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${drawing.width} ${drawing.height}`);
  const parts = { lanes: {}, tags: {}, routes: [], narrow: drawing.narrow };
  setClass(svg, drawing.narrow ? "narrow" : "");
  svg.append(s("defs", {}, hatch()), ...Object.values(drawing.zones).map((zone) => zoneShape(drawing, zone)));
  for (const [id, belt] of Object.entries(drawing.belts)) svg.append(beltShape(drawing, id, belt, parts, choose));
  for (const [id, sorter] of Object.entries(drawing.sorters)) {
    const machine = layout.machines.find((m) => m.machine_id === id);
    svg.append(sorterShape(drawing, machine, sorter, parts, choose));
  }
  for (const [id, robot] of Object.entries(drawing.robots)) svg.append(robotShape(drawing, id, robot, parts, choose));
  parts.people = s("g", { class: "people" });
  parts.units = s("g", { class: "units" });
  svg.append(parts.people, parts.units);
  return parts;
}

function hatch() {
  return s("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    s("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "hatch" }));
}

function zoneShape(drawing, zone) {
  const group = s("g", { class: "zone" },
    s("rect", { x: zone.x, y: zone.y, width: zone.w, height: zone.h, rx: 4, class: "room" }),
    s("text", { x: zone.x + (drawing.narrow ? 4 : 8), y: zone.y + 17, class: "zone-name" }, zone.zone));
  if (zone.dock) {
    for (let x = zone.x + 70; x < zone.x + zone.w - 40; x += 90) {
      group.append(s("path", { d: `M${x} ${zone.y + zone.h}v-5h34v5`, class: "door" }));
    }
  }
  if (zone.receives) {
    for (let y = zone.y + 40; y < zone.y + zone.h - 50; y += 50) group.append(s("path", { d: `M${zone.x} ${y}h6v30h-6`, class: "door" }));
  }
  for (const rack of Object.values(drawing.racks).filter((r) => r.zone === zone.zone)) {
    for (let aisle = 0; aisle < rack.aisles; aisle += 1) {
      group.append(s("rect", {
        x: rack.left + aisle * rack.step, y: rack.top, width: Math.max(rack.step * 0.46, 2),
        height: rack.bottom - rack.top, class: rack.robot ? "rack cell" : "rack",
      }));
    }
  }
  return group;
}

function tag(parts, id, x, y, anchor, choose) {
  const mark = s("path", { class: "mark", d: "" });
  const name = s("tspan", { class: "machine-name" }, id);
  const state = s("tspan", { class: "machine-state", dx: 6 });
  const text = s("text", { x, y, "text-anchor": anchor, class: "machine" }, name, state);
  const group = s("g", { class: "tag", tabindex: 0, role: "button", "aria-label": `${id}, details`,
    onclick: () => choose("machine", id), onkeydown: (e) => e.key === "Enter" && choose("machine", id) }, mark, text);
  parts.tags[id] = { group, mark, state, name, x, y, anchor };
  return group;
}

function beltShape(drawing, id, belt, parts, choose) {
  const d = belt.path.draw();
  const [x, y] = belt.path.points[0];
  const group = s("g", { class: "belt" }, s("path", { d, class: "belt-edge" }), s("path", { d, class: "belt-bed" }),
    s("path", { d: `M${belt.flat[0]} ${belt.flat[2]}H${belt.flat[1]}`, class: "belt-zones",
      "stroke-dasharray": `1.5 ${Math.max(Math.abs(belt.flat[1] - belt.flat[0]) / 7 - 1.5, 8)}` }));
  const w = drawing.narrow ? 34 : 58;
  group.append(s("rect", { x: x - w / 2, y: y - 14, width: w, height: 15, rx: 2, class: "station" }));
  if (belt.station) group.append(s("text", { x, y: y - 3, "text-anchor": "middle", class: "station-name" }, belt.station));
  const [stop] = belt.path.points.slice(-1);
  group.append(s("path", { d: `M${stop[0] - 7} ${stop[1] - 4}H${stop[0] + 7}`, class: "stop" }));
  group.append(tag(parts, id, ...belt.label, "start", choose));
  return group;
}

function sorterShape(drawing, machine, sorter, parts, choose) {
  const group = s("g", { class: "sorter" });
  const infeed = sorter.infeed.draw();
  const round = `${sorter.track.draw()}${sorter.round.draw(12).replace(/^M[^A-Z]+/, "")}`;
  for (const d of [infeed, round]) {
    group.append(s("path", { d, class: "belt-edge" }), s("path", { d, class: "belt-bed" }));
  }
  for (const lane of Object.values(sorter.lanes)) group.append(laneShape(drawing, machine, lane, parts, choose));
  group.append(s("path", { d: `M${sorter.scan} ${sorter.line - 12}V${sorter.line + 12}`, class: "scanner" }),
    s("path", { d: `M${sorter.scan - 5} ${sorter.line - 12}h10M${sorter.scan - 5} ${sorter.line + 12}h10`, class: "scanner" }));
  const middle = (sorter.merge + sorter.end) / 2;
  group.append(s("path", { d: `M${middle + 5} ${sorter.back - 4}l-8 4l8 4`, class: "arrow" }));
  for (const run of routeRuns(sorter)) group.append(routeShape(drawing, sorter, run, parts));
  const x = drawing.narrow ? sorter.scan + 8 : sorter.scan + 14;
  group.append(tag(parts, machine.machine_id, x, (sorter.back + sorter.line) / 2 + 4, "start", choose));
  return group;
}

function laneShape(drawing, machine, lane, parts, choose) {
  const { key } = lane;
  const left = lane.x - lane.w / 2;
  const height = lane.bottom - lane.top;
  const fill = s("rect", { x: left + 2, width: lane.w - 4, y: lane.bottom, height: 0, class: "fill" });
  const cover = s("rect", { x: left, y: lane.top, width: lane.w, height, class: "cover" });
  const count = s("text", { x: lane.x, y: lane.bottom - 4, "text-anchor": "middle", class: "lane-count" });
  const mark = s("g", { class: "lane-mark" }, s("path", { d: "" }), s("text", { x: lane.x, "text-anchor": "middle" }));
  const group = s("g", { class: "lane", tabindex: 0, role: "button", "aria-label": `lane ${lane.lane}, details`,
    onclick: () => choose("lane", key), onkeydown: (e) => e.key === "Enter" && choose("lane", key) },
  s("path", { d: `M${lane.x} ${lane.top - 16}V${lane.top}`, class: "chute" }),
  s("rect", { x: left, y: lane.top, width: lane.w, height, class: "lane-bed" }), fill, cover,
  s("path", { d: `M${left} ${lane.top}V${lane.bottom}H${left + lane.w}V${lane.top}`, class: "lane-edge" }),
  s("text", { x: lane.x, y: lane.top + 12, "text-anchor": "middle", class: "lane-number" }, String(lane.lane)), count, mark);
  parts.lanes[key] = { group, fill, count, mark, lane, height };
  return group;
}

// Lanes side by side that serve the same route share one label.
function routeRuns(sorter) {
  const runs = [];
  for (const lane of Object.values(sorter.lanes)) {
    const name = lane.routes.join(" + ");
    const last = runs[runs.length - 1];
    if (last && name && last.name === name) last.lanes.push(lane);
    else runs.push({ name, lanes: [lane], route: lane.routes[0] });
  }
  return runs;
}

function routeShape(drawing, sorter, run, parts) {
  const first = run.lanes[0];
  const last = run.lanes[run.lanes.length - 1];
  const x = (first.x + last.x) / 2;
  const y = sorter.bottom;
  const name = run.name;
  const text = { route: run.route, key: first.key };
  const group = s("g", { class: "route" },
    s("path", { d: `M${first.x - first.w / 2} ${y + 5}H${last.x + last.w / 2}`, class: "route-edge" }));
  if (drawing.narrow) {
    const label = s("text", { class: "route-name", "text-anchor": "start", transform: `translate(${x + 3} ${y + 10}) rotate(90)` },
      name.replace(/^UK-/, ""));
    parts.routes.push({ ...text, label, time: null });
    group.append(label);
    return group;
  }
  // A lane alone is narrow: its route breaks at the hyphen.
  const words = run.lanes.length === 1 && name.length > 8 ? name.split(/(?<=-)/, 2) : [name];
  const label = s("text", { "text-anchor": "middle", class: "route-name" },
    ...words.map((word, i) => s("tspan", { x, y: y + (words.length === 1 ? 22 : 16 + 12 * i) }, word)));
  if (!name) label.replaceChildren();
  if (!name) [["x", x], ["y", y + 22]].forEach(([key, value]) => label.setAttribute(key, value));
  const time = s("text", { x, y: y + 42, "text-anchor": "middle", class: "route-time" });
  parts.routes.push({ ...text, label, time });
  group.append(label, time);
  return group;
}

function robotShape(drawing, id, robot, parts, choose) {
  const { x, y } = robot;
  const arm = s("g", { class: "robot" },
    s("path", { d: `M${x - 8} ${y + 12}h16M${x} ${y + 12}v-6l-7 -8l9 -8` }), s("circle", { cx: x, cy: y + 6, r: 3 }),
    s("circle", { cx: x - 7, cy: y - 2, r: 2.4 }), s("path", { d: `M${x - 1} ${y - 12}l5 -1l1 5` }));
  const label = tag(parts, id, robot.edge, drawing.narrow ? robot.top : y + 26, "end", choose);
  return s("g", {}, arm, label);
}

// The shapes of the priorities, r pixels around their middle.
const MARKS = {
  1: (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`,
  2: (x, y, r) => `M${x} ${y - 1.1 * r}l${1.2 * r} ${2.1 * r}h${-2.4 * r}Z`,
  3: (x, y, r) => `M${x} ${y - 1.3 * r}l${1.3 * r} ${1.3 * r}l${-1.3 * r} ${1.3 * r}l${-1.3 * r} ${-1.3 * r}Z`,
  4: (x, y, r) => `M${x - 1.1 * r} ${y}a${1.1 * r} ${1.1 * r} 0 1 1 ${2.2 * r} 0a${1.1 * r} ${1.1 * r} 0 1 1 ${-2.2 * r} 0Z`,
};

export function paint(parts, view) {
  for (const [id, part] of Object.entries(parts.tags)) {
    const machine = view.machines[id];
    if (!machine) continue;
    const { level, text } = condition(machine);
    setText(part.state, machine.job && level === 0 && !parts.narrow ? machine.job.split(" from ")[0] : text);
    setClass(part.group, level ? `tag abnormal p${level}` : "tag");
    const shift = level && part.anchor === "start" ? 14 : 0;
    part.name.parentNode.setAttribute("x", part.x + shift);
    const length = part.name.parentNode.getComputedTextLength();
    const left = part.x + shift - { start: 0, middle: length / 2 + 6, end: length + 6 }[part.anchor];
    part.mark.setAttribute("d", level ? MARKS[level](left - 9, part.y - 4, 5) : "");
  }
  for (const [key, part] of Object.entries(parts.lanes)) paintLane(part, view.lanes[key]);
  const next = nextCutoffs(view);
  for (const { route, time, label, key } of parts.routes) {
    if (!route) {
      setText(label, view.lanes[key]?.holder || view.lanes[key]?.role || "");
    } else if (time) {
      setText(time, next[route] ? shortTime(next[route]) : "");
    }
  }
}

function paintLane(part, row) {
  if (!row) return;
  const { lane } = part;
  const part_ = Math.min(row.count / Math.max(row.capacity, 1), 1);
  const height = Math.round(part_ * (part.height - 18));
  part.fill.setAttribute("y", lane.bottom - height);
  part.fill.setAttribute("height", height);
  setText(part.count, row.count || "");
  toggle(part.count, "inside", height > 16);
  const level = row.jam ? 2 : row.full ? 3 : !row.enabled ? 4 : 0;
  toggle(part.group, "off", !row.enabled);
  setClass(part.mark, level ? `lane-mark p${level}` : "lane-mark");
  const [shape, letter] = [part.mark.firstChild, part.mark.lastChild];
  const y = lane.top + 29;
  shape.setAttribute("d", level ? MARKS[level](lane.x, y, Math.min(lane.w / 2.6, 8)) : "");
  letter.setAttribute("y", y + (level === 2 ? 6 : 3.7));
  setText(letter, row.jam ? "J" : row.full ? "F" : !row.enabled ? "–" : "");
}

function nextCutoffs(view) {
  const next = {};
  for (const d of Object.values(view.departures)) {
    if (!d.closed_ms && d.cutoff_ms && !(next[d.route] < d.cutoff_ms)) next[d.route] = d.cutoff_ms;
  }
  return next;
}
