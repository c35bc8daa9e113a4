// Undo, redo, and looking at one card closely.

import { ask } from "/static/api.js";
import { byId, text } from "/static/dom.js";
import { cardPanel } from "/static/card.js";
import { chooseCard, correct } from "/static/correct.js";
import { attempt, note, openDialog } from "/static/dialogs.js";
import { addScan, listed, newest, newestKept, newestUndone, prepareScans } from "/static/scans.js";
import { isAdmin, on, ring } from "/static/store.js";
import { certainty, nameOf, printOf, cardOf } from "/static/words.js";

let open = null;
let undoneLast = [];
let last = null;

const acts = { undo, redo, correct, choose: chooseCard, open: openCard };

export function prepareActs() {
  prepareScans(acts);
  byId("undo-button").addEventListener("click", undoNewest);
  byId("redo-button").addEventListener("click", redoNewest);
  on("listed", () => { showLast(newest()); showButtons(); });
  on("changed", (entry) => {
    if (open?.id === entry.id && byId("card-dialog").open) show(entry);
  });
}

export function scanned(entry) {
  addScan(entry);
  text("announce", `${nameOf(entry)}, ${printOf(cardOf(entry))}. ${certainty(entry).words}.`);
}

export function undoNewest() {
  const entry = newestKept();
  if (entry && isAdmin()) void undo(entry);
}

export function redoNewest() {
  const id = undoneLast.at(-1);
  const entry = (id && listed(id)) || newestUndone();
  if (entry && isAdmin()) void redo(entry);
}

function undo(entry) {
  return attempt(async () => {
    const fresh = await change(entry, "undo", true);
    undoneLast.push(entry.id);
    note(`Undone: ${nameOf(fresh)}.`, { action: { words: "Redo", perform: () => redo(fresh) } });
  });
}

function redo(entry) {
  return attempt(async () => {
    await change(entry, "redo", false);
    undoneLast = undoneLast.filter((id) => id !== entry.id);
    note(`${nameOf(entry)} counts again.`);
  });
}

async function change(entry, what, undone) {
  const answer = await ask(`/api/scans/${encodeURIComponent(entry.id)}/${what}`, { method: "POST" });
  const fresh = { ...entry, ...(answer?.id === entry.id ? answer : {}), undone };
  ring("changed", fresh);
  return fresh;
}

function openCard(id) {
  const entry = listed(id);
  if (!entry) return;
  show(entry);
  openDialog("card-dialog");
}

function show(entry) {
  open = entry;
  byId("card-dialog-body").replaceChildren(cardPanel(entry, acts));
}

/** Drawn again only when something about it changed: pictures would blink. */
function showLast(entry) {
  const gist = JSON.stringify([entry, isAdmin()]);
  if (gist === last) return;
  last = gist;
  const place = byId("last");
  if (entry) place.replaceChildren(cardPanel(entry, acts));
  else place.replaceChildren(emptyLast());
}

function emptyLast() {
  const words = document.createElement("p");
  words.className = "empty";
  words.textContent = "The next card appears here, with its reference picture.";
  return words;
}

function showButtons() {
  byId("undo-button").disabled = newestKept() === null;
  byId("redo-button").disabled = newestUndone() === null;
}
