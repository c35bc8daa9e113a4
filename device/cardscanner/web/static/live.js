// The live view. The box draws it only while somebody looks, so it is fetched only while it can be seen.

import { ask } from "/static/api.js";
import { attempt } from "/static/dialogs.js";
import { byId, el, icon, text, withCode } from "/static/dom.js";
import { isAdmin, on, part, store } from "/static/store.js";

const ELSEWHERE = "/static/icon.svg";
const AGAIN_MS = 2000;

let shown = false;
let running = false;
let again = null;
let hints = [];

export function prepareLive() {
  byId("live-image").addEventListener("error", () => {
    if (!running) return;
    running = false;
    clearTimeout(again);
    again = setTimeout(update, AGAIN_MS);
  });
  document.addEventListener("visibilitychange", update);
  byId("scanning-button").addEventListener("click", toggleScanning);
  on("state", () => { update(); showRunning(); showHints(store.state.hints ?? hints); });
  on("hints", showHints);
  on("online", update);
  on("offline", () => { update(); showHints(hints); });
}

/** Whether the scan view is the one on the screen. */
export function lookAtLive(yes) {
  shown = yes;
  update();
}

export async function toggleScanning() {
  if (!isAdmin() || !store.state) return;
  const wanted = !store.state.scanning;
  const button = byId("scanning-button");
  button.disabled = true;
  await attempt(async () => {
    await ask("/api/scanning", { body: { on: wanted } });
    assume(wanted);
  });
  button.disabled = false;
}

/** Shown at once; the box confirms it with its next state. */
function assume(scanning) {
  store.state = { ...store.state, scanning, paused: !scanning };
  showRunning();
  showHints(hints);
}

function update() {
  const camera = part("camera");
  const away = !store.online || (camera !== null && camera.condition === "bad");
  const wanted = shown && !away && store.state !== null && document.visibilityState === "visible";
  showAway(camera);
  const image = byId("live-image");
  image.hidden = !wanted;
  if (wanted === running) return;
  running = wanted;
  clearTimeout(again);
  // Only another source ends the stream: a removed one goes on in the background.
  image.src = wanted ? `/live.mjpeg?since=${Date.now()}` : ELSEWHERE;
}

function showAway(camera) {
  const gone = !store.online || camera?.condition === "bad";
  byId("live-away").hidden = !gone;
  if (!gone) return;
  text("live-away-words", store.online ? camera.words : "The box does not answer");
  byId("live-away-fix").replaceChildren(...withCode((store.online && camera.fix) || ""));
}

function showRunning() {
  const { scanning } = store.state;
  const line = byId("running");
  line.dataset.on = scanning;
  line.textContent = scanning ? "Scanning" : "Scanning is stopped";
  const button = byId("scanning-button");
  button.hidden = !isAdmin();
  button.classList.toggle("main", !scanning);
  button.replaceChildren(icon(scanning ? "stop" : "play"), scanning ? "Stop" : "Start scanning");
}

/** What would help scanning; nothing while it is stopped, or while nobody knows. */
function showHints(fresh) {
  hints = fresh;
  const told = store.online && store.state?.scanning ? hints : [];
  const usual = (each) => each.hint === "no_card";
  byId("hints").replaceChildren(
    ...told.map((each) => el("li", { class: usual(each) ? "usual" : null }, icon("hint"), each.words)),
  );
}
