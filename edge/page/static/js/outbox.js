// Reports wait here until the server has them: kept over a reload, sent in order, safe to send twice.

const KEY = "handheld-outbox";
const WAITING_MAX = 50;
const RETRY_MS = 1500;

let waiting = JSON.parse(localStorage.getItem(KEY) ?? "[]");
let sending = false;
let onChange = () => {};
let onAnswer = () => {};

const keep = () => {
  localStorage.setItem(KEY, JSON.stringify(waiting));
  onChange(waiting.length);
};

export function watch(changed, answered) {
  onChange = changed;
  onAnswer = answered;
  onChange(waiting.length);
  send();
}

export const inFlight = (taskId) => waiting.some((entry) => entry.about === taskId);

export function add(path, body, about) {
  if (waiting.length >= WAITING_MAX) return false;
  waiting.push({ path, body, about });
  keep();
  send();
  return true;
}

// A refusal is an answer: the entry leaves and the person is told. No answer: it stays and is tried again.
async function send() {
  if (sending) return;
  sending = true;
  while (waiting.length) {
    const entry = waiting[0];
    try {
      const response = await fetch(entry.path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(entry.body) });
      if (response.status >= 500) throw new Error(`status ${response.status}`);
      const answer = await response.json();
      waiting = waiting.slice(1);
      keep();
      onAnswer(entry, response.ok, answer);
    } catch {
      onChange(waiting.length, true);
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
  sending = false;
}
