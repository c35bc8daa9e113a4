// The cards of a session: newest first, older ones when they are wanted.

import { ask } from "/static/api.js";
import { byId, el, icon, noPicture, picture, text } from "/static/dom.js";
import { isAdmin, on, ring, store } from "/static/store.js";
import { cardOf, certainty, moment, nameOf, printOf, score } from "/static/words.js";
import { photoOf, referenceOf } from "/static/card.js";
import { attempt } from "/static/dialogs.js";

const PAGE = 30;

/** Entries by id, in the order of the list. */
let entries = [];
let next = null;
let asked = 0;
let acts = null;

export function prepareScans(actions) {
  acts = actions;
  byId("list-more").addEventListener("click", () => attempt(older));
  const soon = new IntersectionObserver((seen) => {
    if (seen.some((each) => each.isIntersecting) && next !== null) void attempt(older);
  }, { root: null, rootMargin: "300px" });
  soon.observe(byId("list-more"));
  on("changed", replace);
}

export const newest = () => entries[0] ?? null;
export const newestKept = () => entries.find((each) => !each.undone) ?? null;
export const newestUndone = () => entries.find((each) => each.undone) ?? null;
export const listed = (id) => entries.find((each) => each.id === id) ?? null;

/** Fetch the newest page of the session that is looked at. */
export async function loadScans() {
  const turn = ++asked;
  const page = await fetchPage(null);
  if (turn !== asked) return;
  entries = page.scans;
  next = page.next;
  byId("list").replaceChildren(...entries.map(row));
  showEnds();
  ring("listed");
}

async function older() {
  if (next === null) return;
  const turn = asked;
  const before = next;
  next = null;
  try {
    const page = await fetchPage(before);
    if (turn !== asked) return;
    entries.push(...page.scans);
    next = page.next;
    byId("list").append(...page.scans.map(row));
  } catch (error) {
    next = before;
    throw error;
  } finally {
    showEnds();
  }
}

function fetchPage(before) {
  const query = new URLSearchParams({ limit: PAGE });
  const session = store.session ?? store.state?.session?.id;
  if (session !== undefined && session !== null) query.set("session", session);
  if (before) query.set("before", before);
  return ask(`/api/scans?${query}`);
}

/** A card was scanned just now. */
export function addScan(entry) {
  const current = store.session ?? store.state?.session?.id ?? entry.session;
  if (entry.session !== current || listed(entry.id)) return;
  entries.unshift(entry);
  const node = row(entry);
  node.classList.add("fresh");
  byId("list").prepend(node);
  showEnds();
  ring("listed");
}

/** A scan was undone, redone or corrected. */
function replace(entry) {
  const place = entries.findIndex((each) => each.id === entry.id);
  if (place < 0) return;
  const old = byId("list").children[place];
  const held = old.contains(document.activeElement) ? document.activeElement.dataset.part : null;
  entries[place] = entry;
  const node = row(entry);
  old.replaceWith(node);
  if (held) node.querySelector(`[data-part=${held}]`)?.focus();
  ring("listed");
}

function row(entry) {
  const name = nameOf(entry);
  const sure = certainty(entry);
  const plain = sure.tone === "good" && !entry.corrected;
  return el("li", { class: entry.undone ? "row undone" : "row", "data-id": entry.id },
    el("button", { type: "button", class: "row-open", "data-part": "open", onclick: () => acts.open(entry.id) },
      thumbnail(entry),
      el("span", { class: "row-words" },
        el("strong", { class: "row-name" }, name),
        el("span", { class: "soft small row-print" }, printOf(cardOf(entry)) || score(entry.score))),
      el("span", { class: "row-end" },
        el("time", { class: "soft small", datetime: entry.ts }, moment(entry.ts)),
        plain && !entry.undone
          ? el("span", { class: "unseen" }, sure.words)
          : el("span", { class: `mini ${entry.undone ? "off" : sure.tone}` }, icon(entry.undone ? "undo" : sure.icon), entry.undone ? "Undone" : sure.short))),
    isAdmin() ? undoButton(entry, name) : null);
}

/** A card that was decided after it had gone has no photo: then its reference. */
function thumbnail(entry) {
  if (entry.has_photo) return picture(photoOf(entry), "");
  const card = cardOf(entry);
  return card ? picture(referenceOf(card.card_id), "") : noPicture("");
}

function undoButton(entry, name) {
  const words = entry.undone ? `Redo ${name}` : `Undo ${name}`;
  const perform = () => (entry.undone ? acts.redo(entry) : acts.undo(entry));
  return el("button", { type: "button", class: "round", "data-part": "undo", "aria-label": words, title: words, onclick: perform },
    icon(entry.undone ? "redo" : "undo"));
}

function showEnds() {
  byId("list-more").hidden = next === null;
  byId("list-empty").hidden = entries.length > 0;
  text("list-empty", store.session === null ? "No card yet. Put one in front of the camera." : "This session has no cards.");
}
