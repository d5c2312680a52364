// From the layout to a drawing: where zones, racks, belts, the sorter's loop and its lanes are, in pixels.

export class Path {
  constructor(points) {
    this.points = points;
    this.steps = [];
    this.length = 0;
    for (let i = 1; i < points.length; i += 1) {
      const step = Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]);
      this.steps.push(step);
      this.length += step;
    }
  }

  // The point so many pixels from the start; before it and behind the end, the end points.
  at(distance) {
    let left = Math.max(distance, 0);
    for (let i = 0; i < this.steps.length; i += 1) {
      if (left <= this.steps[i] && this.steps[i] > 0) {
        const [a, b] = [this.points[i], this.points[i + 1]];
        const t = left / this.steps[i];
        return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
      }
      left -= this.steps[i];
    }
    return this.points[this.points.length - 1];
  }

  // SVG path data with rounded corners.
  draw(radius = 9) {
    const p = this.points;
    let d = `M${p[0][0]} ${p[0][1]}`;
    for (let i = 1; i < p.length - 1; i += 1) {
      const a = toward(p[i], p[i - 1], radius);
      const b = toward(p[i], p[i + 1], radius);
      d += `L${a[0]} ${a[1]}Q${p[i][0]} ${p[i][1]} ${b[0]} ${b[1]}`;
    }
    const end = p[p.length - 1];
    return `${d}L${end[0]} ${end[1]}`;
  }
}

function toward(from, to, distance) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const t = Math.min(distance, length / 2) / length;
  return [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t];
}

const RACK = /^(.+)-(\d{2})-(\d{2})-(\d)$/;

export const laneKey = (machine, lane) => `${machine}/L${String(lane).padStart(2, "0")}`;

export function plan(layout, width, height) {
  const narrow = width < 620;
  const edge = narrow ? 6 : 14;
  const drawing = { width, height, narrow, zones: {}, racks: {}, places: {}, belts: {}, sorters: {}, robots: {}, mm: {} };
  const sorters = layout.machines.filter((m) => m.kind === "sorter");
  const conveyors = layout.machines.filter((m) => m.kind === "conveyor");
  const zoneHeight = Math.round(height * (narrow ? 0.3 : 0.37));
  zones(drawing, layout, edge, edge, width - 2 * edge, zoneHeight);
  const top = edge + zoneHeight + 14;
  const dock = docks(drawing, layout, edge, width - 2 * edge, height);
  const each = (height - top - dock) / Math.max(sorters.length, 1);
  sorters.forEach((sorter, i) => {
    const feeding = conveyors.filter((c) => c.feeds === sorter.machine_id);
    loop(drawing, layout, sorter, feeding, { x: edge, y: top + i * each, w: width - 2 * edge, h: each });
  });
  for (const place of layout.places) placeAt(drawing, layout, place);
  for (const robot of layout.machines.filter((m) => m.kind === "robot")) robotAt(drawing, layout, robot);
  drawing.locate = (location, zone) => locate(drawing, location, zone);
  return drawing;
}

function zones(drawing, layout, x, y, w, h) {
  const weights = layout.zones.map((zone) => {
    const aisles = layout.racks.filter((r) => r.zone === zone.zone).reduce((n, r) => n + r.aisles + 1.5, 0);
    const receives = layout.places.some((p) => p.zone === zone.zone && p.kind === "receiving");
    return { zone, receives, weight: aisles || (receives ? 2.6 : 0) };
  }).filter((entry) => entry.weight).sort((a, b) => leftmost(layout, a.zone) - leftmost(layout, b.zone));
  const gap = drawing.narrow ? 5 : 10;
  const total = weights.reduce((n, entry) => n + entry.weight, 0);
  const space = w - gap * (weights.length - 1);
  let left = x;
  for (const { zone, receives, weight } of weights) {
    const box = { zone: zone.zone, receives, x: left, y, w: (space * weight) / total, h };
    drawing.zones[zone.zone] = box;
    racks(drawing, layout.racks.filter((r) => r.zone === zone.zone), box);
    left += box.w + gap;
  }
}

// Zones that only ship are a strip along the bottom; returns the room they take.
function docks(drawing, layout, x, w, height) {
  const shipping = layout.zones.filter((z) => !drawing.zones[z.zone] && layout.places.some((p) => p.zone === z.zone && p.kind === "dock"));
  const h = drawing.narrow ? 30 : 26;
  shipping.forEach((zone, i) => {
    const each = w / shipping.length;
    drawing.zones[zone.zone] = { zone: zone.zone, x: x + i * each, y: height - h - 5, w: each - 4, h, dock: true };
  });
  return shipping.length ? h + 9 : 4;
}

function leftmost(layout, zone) {
  const xs = [...layout.racks, ...layout.places].filter((p) => p.zone === zone.zone).map((p) => p.x_mm);
  return Math.min(...xs, 1e9);
}

function racks(drawing, blocks, box) {
  const pad = drawing.narrow ? 6 : 14;
  const columns = blocks.reduce((n, rack) => n + rack.aisles + 1.5, -1.5);
  const step = (box.w - 2 * pad) / Math.max(columns, 1);
  let left = box.x + pad;
  for (const rack of blocks) {
    const block = { ...rack, left, step, top: box.y + 26, bottom: box.y + box.h - (drawing.narrow ? 34 : 46) };
    block.right = left + rack.aisles * step;
    drawing.racks[rack.prefix] = block;
    left += (rack.aisles + 1.5) * step;
  }
}

function loop(drawing, layout, sorter, feeding, box) {
  const { narrow } = drawing;
  const gap = narrow ? 13 : 30;
  const beltGap = narrow ? 29 : 22;
  const stations = feeding.map((c) => {
    const zone = layout.zones.find((z) => z.conveyor === c.machine_id);
    const room = drawing.zones[zone?.zone ?? c.zone];
    return { machine: c, zone, x: room ? room.x + room.w / 2 : box.x + box.w / 2, room };
  }).sort((a, b) => a.x - b.x);
  const back = box.y + beltGap * stations.length + (narrow ? 14 : 26);
  const line = back + (narrow ? 24 : 34);
  const join = (i) => box.x + 8 + gap * i;
  const merge = join(stations.length);
  const scan = merge + gap;
  stations.forEach(({ machine, zone, x, room }, i) => {
    const from = room ? room.y + room.h : box.y;
    const level = box.y + 6 + beltGap * i;
    const path = new Path([[x, from - 8], [x, level], [join(i), level], [join(i), line - 7]]);
    const label = narrow ? [join(i) + 16, level + 19] : [x + 10, level - 4];
    drawing.belts[machine.machine_id] = { path, label, flat: [x - 14, join(i) + 14, level], station: zone?.pack_station };
    if (zone?.pack_station) drawing.places[zone.pack_station] = [x - (narrow ? 25 : 41), from - 18];
  });
  const lanes = sorter.lanes;
  const firstLane = scan + (narrow ? 16 : 46);
  const end = box.x + box.w - (narrow ? 4 : 12);
  const pitch = (end - 12 - firstLane) / Math.max(lanes.length - 1, 1);
  const bottom = box.y + box.h - (narrow ? 72 : 48);
  const drawn = { box, line, back, scan, merge, end, pitch, bottom, lanes: {} };
  lanes.forEach((lane, i) => {
    const key = laneKey(sorter.machine_id, lane.lane);
    const x = firstLane + pitch * i;
    drawn.lanes[lane.lane] = { ...lane, key, x, top: line + 16, bottom, w: Math.min(pitch * 0.62, 30) };
    drawing.places[key] = narrow ? [x, bottom - 32] : [x + Math.min(pitch / 2, 24), bottom - 12];
    drawing.mm[key] = [lane.x_mm, lane.y_mm];
  });
  drawn.infeed = new Path([[join(0), line], [scan, line]]);
  drawn.track = new Path([[scan, line], [end, line]]);
  drawn.round = new Path([[end, line], [end, back], [merge, back], [merge, line], [scan, line]]);
  drawing.sorters[sorter.machine_id] = drawn;
}

function placeAt(drawing, layout, place) {
  drawing.mm[place.location] = [place.x_mm, place.y_mm];
  if (drawing.places[place.location]) return;
  const room = drawing.zones[place.zone];
  if (room?.dock) drawing.places[place.location] = [room.x + room.w / 2, room.y + 10];
  else if (room) drawing.places[place.location] = [place.kind === "home" ? room.x + room.w - 26 : room.x + room.w / 2, room.y + room.h - 20];
  else drawing.places[place.location] = [drawing.width / 2, drawing.height - 20];
}

function robotAt(drawing, layout, robot) {
  const block = Object.values(drawing.racks).find((r) => r.robot && r.zone === robot.zone);
  const room = drawing.zones[robot.zone];
  const edge = room ? room.x + room.w - 6 : drawing.width;
  const top = room ? room.y + 16 : 16;
  if (block) drawing.robots[robot.machine_id] = { x: (block.left + block.right) / 2 - block.step * 0.2, y: block.bottom + 6, edge, top };
  else if (room) drawing.robots[robot.machine_id] = { x: edge - 24, y: room.y + room.h - 34, edge, top };
}

// Where a location is drawn, and where it is in the building; null for one the drawing does not know.
function locate(drawing, location, zone) {
  const match = RACK.exec(location);
  const block = match && drawing.racks[match[1]];
  if (block) {
    const [aisle, bay] = [Number(match[2]), Number(match[3])];
    const x = block.left + (aisle - 0.28) * block.step;
    const y = block.bottom - ((bay - 0.5) / block.bays) * (block.bottom - block.top);
    return { at: [x, y], mm: [block.x_mm + (aisle - 1) * block.aisle_mm, block.y_mm + (bay - 1) * block.bay_mm] };
  }
  if (drawing.places[location]) return { at: drawing.places[location], mm: drawing.mm[location] ?? null };
  const room = drawing.zones[zone];
  return room ? { at: [room.x + room.w / 2, room.y + room.h - 16], mm: null } : null;
}
