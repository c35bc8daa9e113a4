// "It is this one": choose the card that a scan really shows.

import { ask } from "/static/api.js";
import { byId, text } from "/static/dom.js";
import { attempt, note, openDialog } from "/static/dialogs.js";
import { candidate } from "/static/card.js";
import { findCards, whenTyped } from "/static/search.js";
import { ring } from "/static/store.js";
import { learn, nameOf } from "/static/words.js";

let corrected = null;

export function prepareCorrecting() {
  whenTyped(byId("correct-text"), (query) => attempt(() => offer(query)));
}

/** Open the window with the likeliest cards, and a search for all the others. */
export function chooseCard(entry) {
  corrected = entry;
  byId("correct-text").value = "";
  void offer("");
  openDialog("correct-dialog");
}

export async function correct(entry, cardId) {
  return attempt(async () => {
    const answer = await ask(`/api/scans/${encodeURIComponent(entry.id)}/correct`, { body: { card_id: cardId } });
    const fresh = { ...entry, ...(answer?.id === entry.id ? answer : {}), corrected: cardId };
    ring("changed", fresh);
    note(`Corrected: it is ${nameOf(fresh)}.`);
  });
}

async function offer(query) {
  const entry = corrected;
  const cards = query ? await findCards(query) : entry.candidates;
  if (entry !== corrected) return;
  if (query) learn(cards);
  text("correct-words", cards.length ? (query ? "" : "The likeliest first.") : "No card is called like this.");
  byId("correct-cards").replaceChildren(...cards.map((card) => candidate(card, async () => {
    if (await correct(entry, card.card_id)) byId("correct-dialog").close();
  })));
}
