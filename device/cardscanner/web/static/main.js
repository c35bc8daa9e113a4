// The page: who is there, which view is shown, and the line to the box.

import { ask, setToken, whenLoggedOut } from "/static/api.js";
import { enterAccount, prepareAccount } from "/static/account.js";
import { prepareActs, scanned } from "/static/acts.js";
import { prepareAppearance } from "/static/appearance.js";
import { prepareCorrecting } from "/static/correct.js";
import { note, prepareDialogs } from "/static/dialogs.js";
import { byId, text } from "/static/dom.js";
import { prepareDoor, sayAtLogin } from "/static/door.js";
import { lookAtLive, prepareLive } from "/static/live.js";
import { enterSearch, prepareSearch } from "/static/search.js";
import { prepareSessions, refresh } from "/static/session.js";
import { enterSettings, prepareSettings } from "/static/settings.js";
import { prepareShortcuts } from "/static/shortcuts.js";
import { prepareState } from "/static/state.js";
import { isAdmin, ring, store } from "/static/store.js";
import { Stream } from "/static/stream.js";

const KNOCK_MS = 2000;
const LOST = "The connection to the box is lost; trying again … Nothing is lost: what was scanned is kept on the box.";
const VIEWS = {
  scan: { title: "Scan", enter: () => {} },
  search: { title: "Search", enter: enterSearch },
  state: { title: "State", enter: () => {} },
  settings: { title: "Settings", enter: enterSettings, admin: true },
  account: { title: "Account", enter: enterAccount },
};

const stream = new Stream("/api/stream", { heard, connected, lost, loggedOut: () => leave("Please log in again.") });
let program = null;

async function knock() {
  try {
    settle(await ask("/api/me"), false);
  } catch (error) {
    text("connecting-words", error.message);
    setTimeout(knock, KNOCK_MS);
  }
}

/** Show what fits the answer of /api/me: claim, log in, or the page itself. */
function settle(me, moveFocus = true) {
  store.me = me;
  setToken(me.csrf);
  text("device", me.device ?? "");
  // After an update the box has another page than the one that runs here.
  if (program !== null && me.version !== program) location.reload();
  program = me.version;
  if (me.user) enter(moveFocus);
  else showOnly(me.claimed ? "login" : "claim");
}

function enter(moveFocus) {
  const { name } = store.me.user;
  document.body.dataset.role = store.me.user.role;
  for (const each of document.querySelectorAll(".inside")) each.hidden = false;
  text("account-initial", name.slice(0, 1).toUpperCase());
  byId("account-link").setAttribute("aria-label", `Account of ${name}`);
  sayAtLogin("");
  stream.start();
  route(moveFocus);
}

function leave(words) {
  stream.stop();
  store.me = { ...store.me, user: null };
  store.state = null;
  setToken(null);
  delete document.body.dataset.role;
  for (const each of document.querySelectorAll(".inside")) each.hidden = true;
  for (const each of document.querySelectorAll("dialog[open]")) each.close();
  lookAtLive(false);
  text("lost", "");
  showOnly("login");
  sayAtLogin(words);
}

function showOnly(name) {
  for (const view of document.querySelectorAll(".view")) view.hidden = view.id !== `view-${name}`;
  if (name === "login" || name === "claim") {
    document.title = "Cardscanner";
    byId(`view-${name}`).querySelector("input").focus();
  }
}

/** A page that was just opened keeps the focus at its beginning, where the way past the menu is. */
function route(moveFocus) {
  if (!store.me?.user) return;
  const wanted = location.hash.replace(/^#\/?/, "");
  const name = wanted in VIEWS && (!VIEWS[wanted].admin || isAdmin()) ? wanted : "scan";
  const moved = byId(`view-${name}`).hidden;
  showOnly(name);
  document.title = `${VIEWS[name].title} – Cardscanner`;
  for (const link of document.querySelectorAll(".nav a, .account")) {
    if (link.getAttribute("href") === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  lookAtLive(name === "scan");
  if (moved && moveFocus) byId(`${name}-title`).focus({ preventScroll: true });
  if (moved) scrollTo(0, 0);
  VIEWS[name].enter();
}

async function connected() {
  const me = await ask("/api/me");
  store.me = me;
  setToken(me.csrf);
  if (me.version !== program) location.reload();
  const back = !store.online;
  store.online = true;
  text("lost", "");
  await refresh();
  ring("state");
  ring("hints", store.state.hints ?? []);
  ring("online");
  if (back) note("Connected again.");
}

function lost() {
  if (!store.online) return;
  store.online = false;
  text("lost", LOST);
  ring("offline");
}

function heard(name, data) {
  if (name === "state") {
    store.state = data;
    ring("state");
  } else if (name === "scan") scanned(data);
  else if (name === "resync") refresh().catch((error) => note(error.message, { problem: true }));
  else if (name === "undone" || name === "redone" || name === "corrected") ring("changed", data);
  else if (name === "hints") ring("hints", data);
}

/** A page that nobody sees needs no news: browsers allow only six lines to one box. */
function seen() {
  if (!store.me?.user) return;
  if (document.visibilityState === "visible") stream.start();
  else stream.stop();
}

prepareAppearance();
prepareDialogs();
prepareDoor(settle);
prepareLive();
prepareActs();
prepareSessions();
prepareCorrecting();
prepareSearch();
prepareState();
prepareSettings();
prepareAccount(() => leave("You are logged out."));
prepareShortcuts();
whenLoggedOut(() => leave("Your login has ended. Please log in again."));
addEventListener("hashchange", () => route(true));
document.addEventListener("visibilitychange", seen);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
void knock();
