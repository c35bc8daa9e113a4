// How every part of the box is, what it consists of, and caring for it.

import { ask, askFile } from "/static/api.js";
import { byId, el, icon, text, withCode } from "/static/dom.js";
import { attempt, note, sure } from "/static/dialogs.js";
import { on, ring, store } from "/static/store.js";
import { CONDITIONS, PARTS, many, span } from "/static/words.js";

let drawn = "";

export function prepareState() {
  on("state", showState);
  byId("reload-button").addEventListener("click", reload);
  byId("restart-button").addEventListener("click", restart);
  byId("bug-button").addEventListener("click", saveBug);
}

export function reload() {
  return attempt(async () => {
    await ask("/api/reload", { method: "POST" });
    store.pending = [];
    ring("pending");
    note("The box reads its settings and cards again.");
  });
}

async function restart() {
  const words = "Scanning stops for some seconds. Everything scanned so far is kept.";
  if (!(await sure("Restart the scanner?", words, "Restart"))) return;
  await attempt(async () => {
    await ask("/api/restart", { method: "POST" });
    note("The scanner starts again. This page comes back by itself.");
  });
}

async function saveBug() {
  const button = byId("bug-button");
  button.disabled = true;
  await attempt(async () => {
    const { bytes, name } = await askFile("/api/bug", {});
    const address = URL.createObjectURL(bytes);
    el("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    note(`Saved as ${name}.`);
  });
  button.disabled = false;
}

function showState() {
  const { parts } = store.state;
  const troubled = parts.filter((each) => each.condition === "bad" || each.condition === "warning");
  const worst = troubled.some((each) => each.condition === "bad") ? "bad" : "warn";
  byId("nav-mark").hidden = !troubled.length;
  byId("nav-mark").className = `mark ${worst}`;
  byId("nav-mark").replaceChildren(el("span", { class: "unseen" }, troubled.length ? `${troubled.length} to look at` : ""));
  text("overall", troubled.length ? `${many(troubled.length, "part needs", "parts need")} a look.` : "Everything is in order.");
  const gist = JSON.stringify(parts);
  if (gist !== drawn) {
    drawn = gist;
    byId("parts").replaceChildren(...[...parts].sort(worstFirst).map(partRow));
  }
  showVersions();
}

const ORDER = ["bad", "warning", "ok", "off"];
const worstFirst = (one, other) => ORDER.indexOf(one.condition) - ORDER.indexOf(other.condition);

function partRow(part) {
  const how = CONDITIONS[part.condition] ?? CONDITIONS.warning;
  return el("li", { class: `part ${how.tone}` },
    icon(how.icon),
    el("div", {},
      el("h2", {}, PARTS[part.part] ?? part.part, el("span", { class: "part-condition" }, how.words)),
      el("p", {}, ...withCode(part.words)),
      part.fix ? el("p", { class: "fix" }, ...withCode(part.fix)) : null));
}

function showVersions() {
  const { state, versions } = store.state;
  const facts = [["Device", store.me.device], ["Program", store.me.version]];
  for (const [name, value] of Object.entries(versions ?? {})) facts.push([name.replaceAll("_", " "), value]);
  if (state?.uptime_s !== undefined) facts.push(["Running for", span(state.uptime_s)]);
  byId("versions").replaceChildren(...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value ?? "–"))]));
}
