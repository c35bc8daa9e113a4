// Keys that do something anywhere on the page. They can be switched off: some people's software types for them.

import { byId } from "/static/dom.js";
import { anyDialogOpen, openDialog } from "/static/dialogs.js";
import { redoNewest, undoNewest } from "/static/acts.js";
import { toggleScanning } from "/static/live.js";
import { beginSession } from "/static/session.js";
import { isAdmin, store } from "/static/store.js";
import { kept, keep } from "/static/kept.js";

const TYPING = "input, select, textarea, [contenteditable]";
const PRESSABLE = "button, a, summary, [role=button]";

const KEYS = {
  u: undoNewest,
  U: redoNewest,
  n: beginSession,
  "/": () => { location.hash = "#/search"; },
  " ": toggleScanning,
};
const FOR_ADMINS = new Set(["u", "U", "n", " "]);

export function prepareShortcuts() {
  const switched = byId("keys-switch");
  switched.checked = kept("keys") !== "off";
  switched.addEventListener("change", () => keep("keys", switched.checked ? "on" : "off"));
  byId("help-button").addEventListener("click", () => openDialog("help-dialog"));
  document.addEventListener("keydown", pressed);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || anyDialogOpen()) return;
  if (event.target.closest(TYPING) || !byId("keys-switch").checked) return;
  if (event.key === " " && event.target.closest(PRESSABLE)) return;
  if (event.key === "?") {
    event.preventDefault();
    openDialog("help-dialog");
    return;
  }
  const perform = store.me?.user ? KEYS[event.key] : undefined;
  if (!perform || (FOR_ADMINS.has(event.key) && !isAdmin())) return;
  event.preventDefault();
  void perform();
}
