// One scanned card, large: photo beside reference, what it is, how sure that is, what can be done about it.

import { el, icon, noPicture, picture } from "/static/dom.js";
import { cardOf, certainty, moment, nameOf, printOf, score } from "/static/words.js";
import { isAdmin } from "/static/store.js";

const MOST_CANDIDATES = 5;

export const photoOf = (entry) => `/api/scans/${encodeURIComponent(entry.id)}/photo.jpg`;
export const referenceOf = (id) => `/api/cards/${encodeURIComponent(id)}/picture.jpg`;

/** `acts` has undo, redo, correct(entry, card_id) and choose(entry). */
export function cardPanel(entry, acts, heading = "h3") {
  return el("article", { class: entry.undone ? "card undone" : "card" },
    pictures(entry),
    el("div", { class: "card-words" },
      el(heading, { class: "card-name" }, nameOf(entry)),
      el("p", { class: "card-print" }, printOf(cardOf(entry))),
      badges(entry),
      el("p", { class: "soft small" }, `${score(entry.score)} · ${moment(entry.ts)}`)),
    actions(entry, acts),
    candidates(entry, acts));
}

function pictures(entry) {
  const name = nameOf(entry);
  const card = cardOf(entry);
  const photo = entry.has_photo ? picture(photoOf(entry), `Photo of ${name}`, { eager: true }) : noPicture("");
  const words = el("figcaption", {}, card ? "Reference" : "No reference");
  const missing = () => { words.textContent = "No reference picture"; };
  const reference = card ? picture(referenceOf(card.card_id), `Reference of ${name}`, { eager: true, missing }) : noPicture("");
  return el("div", { class: "card-pictures" },
    el("figure", {}, photo, el("figcaption", {}, entry.has_photo ? "Photo" : "No photo")),
    el("figure", {}, reference, words));
}

export function badges(entry) {
  const line = el("p", { class: "badges" }, badge(certainty(entry)));
  if (entry.undone) line.append(badge({ words: "Undone", tone: "off", icon: "undo" }));
  return line;
}

function badge({ words, tone, icon: drawing }) {
  return el("span", { class: `badge ${tone}` }, icon(drawing), words);
}

/** Other cards that it may be: open where a person has to choose. */
function candidates(entry, acts) {
  const others = entry.candidates.slice(0, MOST_CANDIDATES);
  if (!others.length || entry.decision === "match" || entry.corrected) return null;
  const words = entry.decision === "ambiguous" ? "It is one of these" : "Most alike";
  return el("div", { class: "choices" },
    el("h4", {}, words),
    el("ul", { class: "candidates" }, ...others.map((each) => candidate(each, acts && (() => acts.correct(entry, each.card_id))))));
}

/** A card that can be chosen; without `choose` it can only be looked at. */
export function candidate(card, choose) {
  const detail = card.score === undefined ? printOf(card) : `${printOf(card)} · ${card.score.toFixed(2)}`;
  return el("li", {},
    picture(referenceOf(card.card_id), ""),
    el("span", { class: "candidate-words" }, el("strong", {}, card.name), el("span", { class: "soft small" }, detail)),
    choose && isAdmin() ? el("button", { type: "button", "aria-label": `It is this one: ${card.name}, ${printOf(card)}`, onclick: choose }, icon("check"), "It is this one") : null);
}

function actions(entry, acts) {
  if (!acts || !isAdmin()) return null;
  const { undo, redo, choose } = acts;
  return el("div", { class: "card-actions" },
    entry.undone
      ? el("button", { type: "button", onclick: () => redo(entry) }, icon("redo"), "Redo")
      : el("button", { type: "button", onclick: () => undo(entry) }, icon("undo"), "Undo"),
    el("button", { type: "button", onclick: () => choose(entry) }, icon("pencil"), "Correct …"));
}
