// The person's screen: one task at a time, scan first, the server is the only judge.

import { byId, h, setText } from "./element.js";
import { feel } from "./feedback.js";
import { add, inFlight, watch } from "./outbox.js";

const WAIT_MS = 15000;
const PAUSE_MS = 1500;
const SKILLS = ["pick", "pack", "load", "carry", "putaway", "replenish"];
const PROBLEMS = [["SHORT", "Not enough"], ["EMPTY", "Nothing there"], ["DAMAGED", "Damaged"], ["WRONG_ITEM", "Wrong goods"]];
const WHOLE = new Set(["pack", "load", "carry"]);
const WORDS = {
  pick: { go: "Go to", scan: "Scan the goods", into: (t) => `into unit …${t.hu_id.slice(-6)} for ${t.order_id}` },
  pack: { go: "Pack at", scan: "Scan the unit", into: (t) => `close, label, put on ${t.target}` },
  load: { go: "Load from", scan: "Scan the unit", into: (t) => `into ${t.departure_id || t.target}` },
  carry: { go: "Carry from", scan: "Scan the unit", into: (t) => `to ${t.target}` },
  putaway: { go: "Put away from", scan: "Scan the goods", into: (t) => `to ${t.target}` },
  replenish: { go: "Bring down from", scan: "Scan the goods", into: (t) => `to pick face ${t.target}` },
};

const query = new URLSearchParams(location.search);
const stored = JSON.parse(localStorage.getItem("handheld") ?? "{}");
const me = {
  person: query.get("person") ?? stored.person ?? "",
  skills: (query.get("skills")?.split(",") ?? stored.skills) || SKILLS,
  zones: (query.get("zones")?.split(",") ?? stored.zones) || ["*"],
};
const at = { task: null, reason: "", step: "", quantity: 0, scanned: "", problem: null, last: "", run: 0, asking: null };
const path = (rest) => `/api/people/${encodeURIComponent(me.person)}/${rest}`;

function say(kind, text, quiet) {
  const word = byId("word");
  word.className = kind;
  setText(word, text);
  if (!quiet) feel(kind);
}

function online(yes) {
  byId("net").className = yes ? "net" : "net down";
  setText(byId("net"), yes ? "online" : "offline");
}

const post = (rest, body) => fetch(path(rest), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

// --- signing on

function signOnScreen(text) {
  at.run += 1;
  byId("leave").hidden = true;
  const name = h("input", { class: "text", autocomplete: "off", autocapitalize: "off", value: me.person, "aria-label": "Badge" });
  const zone = h("input", { class: "text", autocomplete: "off", value: me.zones.join(","), "aria-label": "Zones" });
  const ticks = SKILLS.map((skill) => h("input", { type: "checkbox", value: skill, checked: me.skills.includes(skill) }));
  const go = (event) => {
    event.preventDefault();
    me.person = name.value.trim();
    me.zones = zone.value.split(",").map((z) => z.trim()).filter(Boolean);
    me.skills = ticks.filter((t) => t.checked).map((t) => t.value);
    if (me.person && me.zones.length && me.skills.length) signOn();
    else say("bad", "Scan your badge, choose skills and zones.");
  };
  byId("screen").replaceChildren(h("form", { onsubmit: go, class: "choices" },
    h("label", { class: "scan" }, "Scan your badge", name),
    h("div", { class: "ticks" }, ticks.map((tick) => h("label", {}, tick, tick.value))),
    h("label", { class: "scan" }, "Zones, * for all", zone), h("button", { class: "big main", type: "submit" }, "Sign on")));
  name.focus();
  if (text) say("note", text, true);
}

async function signOn() {
  localStorage.setItem("handheld", JSON.stringify(me));
  setText(byId("who"), me.person);
  setText(byId("zones"), `zone ${me.zones.join(", ")}`);
  byId("leave").hidden = false;
  at.run += 1;
  const run = at.run;
  waitScreen("Signing on");
  while (run === at.run) {
    try {
      const response = await post("sign-on", { skills: me.skills, zones: me.zones, location: stored.location ?? "HOME" });
      if (response.ok) {
        online(true);
        say("good", `Signed on as ${me.person}`);
        loop(run);
        return;
      }
      if (response.status === 401) {
        location.href = "/sign-in";
        return;
      }
      const answer = await response.json();
      if (response.status < 500) {
        signOnScreen(answer.error);
        return;
      }
    } catch { /* not reached: tried again below */ }
    online(false);
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

// --- the loop: ask for the next task, show it, wait until it is out of hand

async function loop(run) {
  while (run === at.run) {
    try {
      at.asking = new AbortController();
      const response = await fetch(`${path("task")}?after=${encodeURIComponent(at.last)}&wait_ms=${at.task ? 0 : WAIT_MS}`,
        { cache: "no-store", signal: at.asking.signal });
      online(response.status < 500);
      if (run !== at.run) return;
      if (response.status === 404) {
        signOnScreen("You are not signed on any more.");
        return;
      }
      if (response.status === 200) take(await response.json());
      else if (response.status === 204) gone();
    } catch (error) {
      if (error.name !== "AbortError") online(false);
    }
    await new Promise((done) => setTimeout(done, at.task || byId("net").className !== "net" ? PAUSE_MS : 0));
  }
}

function take({ task, reason }) {
  if (inFlight(task.task_id)) {
    at.last = task.task_id;
    return;
  }
  if (at.task?.task_id === task.task_id) return;
  if (at.task) say("note", "This task went to somebody else; here is another one.");
  Object.assign(at, { task, reason, step: task.barcode ? "scan" : "quantity", quantity: task.quantity, scanned: "", problem: null });
  post(`tasks/${encodeURIComponent(task.task_id)}/start`, {}).catch(() => online(false));
  taskScreen();
}

function gone() {
  if (at.task) {
    at.task = null;
    say("note", "The task was taken back.");
  }
  waitScreen("No task right now");
}

function waitScreen(title, text = "The next one comes by itself.") {
  byId("screen").replaceChildren(h("div", { class: "wait" }, h("b", {}, title), text));
}

// --- one task

const words = () => WORDS[at.task.kind] ?? { go: at.task.kind, scan: "Scan", into: (t) => t.target };

function taskScreen() {
  const t = at.task;
  const whole = WHOLE.has(t.kind);
  const asks = at.step === "problem";
  byId("screen").replaceChildren(...[
    h("div", { class: "kind" }, h("b", {}, t.kind), h("span", {}, words().go), h("span", {}, t.departure_id)),
    h("div", { class: `place${t.source.length > 13 || asks ? " long" : ""}` }, t.source),
    whole ? h("div", { class: "what" }, h("b", {}, `unit …${t.hu_id.slice(-6)}`), " ", h("small", {}, t.order_id))
      : h("div", { class: "what" }, h("b", {}, `${t.quantity} × ${t.sku}`), " ", h("small", {}, t.lot ? `lot ${t.lot}` : "")),
    asks ? null : h("div", { class: "goal" }, words().into(t)),
    asks ? null : h("div", { class: "steps", "aria-hidden": "true" }, h("i", { class: at.step === "scan" ? "now" : "past" }),
      h("i", { class: at.step === "quantity" ? "now" : "" })),
    h("div", { class: "grow" }), ...{ problem: problems, scan: scanField, quantity: confirm }[at.step](whole)].filter(Boolean));
  byId("scan")?.focus();
}

function step(name) {
  at.step = name;
  taskScreen();
}

const problemButton = () => h("div", { class: "row" }, h("button", { type: "button", id: "problem", onclick: () => step("problem") }, "Problem"));

function scanField() {
  const field = h("input", { id: "scan", inputmode: "none", autocomplete: "off", enterkeyhint: "done", placeholder: at.task.barcode });
  field.addEventListener("keydown", (event) => event.key === "Enter" && scanned(field));
  const text = at.problem ? "Scan the label of the place to confirm the problem" : words().scan;
  return [h("label", { class: "scan" }, text, field), problemButton()];
}

function scanned(field) {
  const code = field.value.trim();
  field.value = "";
  if (!code) return;
  if (code !== at.task.barcode) {
    say("bad", `Wrong label. Expected ${at.task.barcode}. Nothing was booked.`);
    return;
  }
  at.scanned = code;
  if (at.problem || at.task.quantity === 1) {
    done();
    return;
  }
  say("good", `Right. Take ${at.task.quantity}.`);
  step("quantity");
}

function confirm(whole) {
  return [whole ? null : amount(), h("button", { class: "big main", id: "done", type: "button", onclick: done },
    whole ? "Done" : `Done: ${at.quantity}`), problemButton()];
}

function amount() {
  const change = (n) => {
    at.quantity = Math.min(Math.max(at.quantity + n, 0), at.task.quantity);
    taskScreen();
  };
  return h("div", { class: "amount" }, h("button", { class: "big", type: "button", "aria-label": "one less", onclick: () => change(-1) }, "−"),
    h("output", {}, String(at.quantity), h("small", {}, `of ${at.task.quantity}`)),
    h("button", { class: "big", type: "button", "aria-label": "one more", onclick: () => change(1) }, "+"));
}

function problems(whole) {
  const back = () => {
    at.problem = null;
    step(at.task.barcode && !at.scanned ? "scan" : "quantity");
  };
  return [h("div", { class: "goal" }, whole ? "What is wrong?" : "How many could you take, and what is wrong?"), whole ? null : amount(),
    h("div", { class: "choices two" }, PROBLEMS.map(([reason, text]) => h("button", { type: "button", onclick: () => report(reason, whole) }, text))),
    h("div", { class: "row" }, h("button", { type: "button", onclick: back }, "Back"))];
}

// A problem is a report like any other: with a quantity, and with a scan if the task wants one.
function report(reason, whole) {
  if (whole || reason === "EMPTY") at.quantity = 0;
  if (at.quantity === at.task.quantity) {
    say("note", `You took all ${at.quantity}? Lower the number first.`);
    return;
  }
  at.problem = reason;
  if (at.task.barcode && !at.scanned) step("scan");
  else done();
}

function done() {
  if (at.quantity < at.task.quantity && !at.problem) {
    say("note", "Fewer than asked: say what is wrong.");
    step("problem");
    return;
  }
  const body = { quantity: at.quantity, scanned: at.scanned, reason: at.problem ?? "" };
  if (!add(path(`tasks/${encodeURIComponent(at.task.task_id)}/done`), body, at.task.task_id)) {
    say("bad", "Too many reports wait for the network. Find a better place first.");
    return;
  }
  at.last = at.task.task_id;
  at.task = null;
  say("", "", true);
  waitScreen("Sending");
}

function answered(entry, ok, answer) {
  online(true);
  if (ok) {
    say("good", "Done.");
    if (!at.task) waitScreen("Done");
    return;
  }
  say("bad", `${answer.detail || answer.error}. ${answer.remedy}`);
  at.last = "";
  at.asking?.abort();
}

function queued(n, failed) {
  const banner = byId("queue");
  banner.hidden = n === 0 || !failed;
  if (!failed) return;
  online(false);
  setText(banner, `${n} ${n === 1 ? "report waits" : "reports wait"} for the network; sent by itself`);
  if (!at.task) waitScreen("Kept on this handheld", "Nothing is lost. It is sent as soon as there is a network.");
}

async function signOff() {
  at.run += 1;
  await post("sign-off", { reason: "signed off at the handheld" }).catch(() => online(false));
  at.task = null;
  setText(byId("who"), "Handheld");
  setText(byId("zones"), "");
  signOnScreen("Signed off.");
}

// A scanner types: whatever is focused, its keys belong to the scan field.
document.addEventListener("keydown", (event) => {
  const field = byId("scan");
  if (field && document.activeElement !== field && event.key.length === 1 && document.activeElement?.tagName !== "INPUT") field.focus();
});
addEventListener("offline", () => online(false));
document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
byId("leave").addEventListener("click", signOff);
watch(queued, answered);
if (me.person && query.get("person")) signOn();
else signOnScreen();
