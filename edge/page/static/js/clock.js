// The site's clock: what the runtime said last, carried on by this browser's own.

let heardAt = performance.now();
let siteMs = 0;
let speed = 1;
let running = false;
let zone;

export function setClock(line) {
  const live = line.up !== false;
  const drift = line.now_ms - now();
  // Small differences are the network's; following them would make everything on the belts tremble.
  const jumped = Math.abs(drift) > 1500 * line.speed || line.speed !== speed || live !== running || siteMs === 0;
  siteMs = jumped ? line.now_ms : now() + drift / 8;
  heardAt = performance.now();
  speed = line.speed;
  running = live;
}

export const now = () => siteMs + (running ? (performance.now() - heardAt) * speed : 0);
export const clockSpeed = () => speed;

export function setZone(name) {
  if (name === zone) return;
  zone = name;
  formats.clear();
}

const formats = new Map();

function format(kind, options) {
  if (!formats.has(kind)) {
    const all = { hourCycle: "h23", ...options };
    try {
      formats.set(kind, new Intl.DateTimeFormat("en-GB", { ...all, timeZone: zone }));
    } catch {
      formats.set(kind, new Intl.DateTimeFormat("en-GB", all));
    }
  }
  return formats.get(kind);
}

export const clockTime = (ms) => format("s", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);
export const shortTime = (ms) => format("m", { hour: "2-digit", minute: "2-digit" }).format(ms);
export const dayName = (ms) => format("d", { weekday: "short", day: "numeric", month: "short" }).format(ms);

export function span(ms) {
  const minutes = Math.floor(Math.abs(ms) / 60000);
  if (minutes >= 600) return `${Math.round(minutes / 60)} h`;
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
  if (minutes >= 10) return `${minutes} min`;
  return `${minutes}:${String(Math.floor(Math.abs(ms) / 1000) % 60).padStart(2, "0")}`;
}
