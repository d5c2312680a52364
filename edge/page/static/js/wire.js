// The WebSocket to the page process: comes back by itself, and says when what is shown is not live.

import { setClock } from "./clock.js";
import { apply, replace, view } from "./store.js";

const SILENCE_MS = 2500;
const RETRY_MAX_MS = 5000;

let lastLine = 0;
let wasLive = 0;
let retryMs = 300;
let onChange = () => {};
export const counted = { messages: 0 };

export const isLive = () => view.up && performance.now() - lastLine < SILENCE_MS;
export const liveUntil = () => wasLive;

export function start(changed) {
  onChange = changed;
  connect();
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws?as=rows`);
  socket.onmessage = (event) => {
    retryMs = 300;
    lastLine = performance.now();
    hear(JSON.parse(event.data));
  };
  socket.onclose = () => {
    view.up = false;
    onChange();
    setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 1.7, RETRY_MAX_MS);
  };
}

function hear(line) {
  counted.messages += 1;
  if (line.t === "state") {
    replace(line.state);
    setClock(line.state);
  } else {
    view.up = line.up;
    setClock(line);
    if (line.t === "rows") apply(line.rows);
  }
  if (view.up) wasLive = Date.now();
  onChange();
}

// A write: the answer's JSON, or an Error whose message says what to do.
export const post = (path, body) => ask(path, {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
});

// A read of what is not part of the picture.
export const get = (path) => ask(path, {});

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("no connection to the page; try again");
  }
  const answer = await response.json().catch(() => ({ error: `status ${response.status}`, remedy: "try again" }));
  if (!response.ok) throw new Error(`${answer.error}. ${answer.remedy}`);
  return answer;
}
