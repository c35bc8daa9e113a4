// Search in the card database, with reference pictures.

import { ask } from "/static/api.js";
import { byId, el, picture, text } from "/static/dom.js";
import { referenceOf } from "/static/card.js";
import { attempt } from "/static/dialogs.js";
import { many, printOf } from "/static/words.js";

const MOST = 60;
const REST_MS = 200;
let asked = 0;

export function prepareSearch() {
  byId("search-form").addEventListener("submit", (event) => event.preventDefault());
  whenTyped(byId("search-text"), (query) => attempt(() => show(query)));
}

export function enterSearch() {
  byId("search-text").focus();
  if (!byId("search-text").value.trim()) clear();
}

/** Call back with the trimmed text once the typing rests. */
export function whenTyped(input, callback) {
  let rest = null;
  input.addEventListener("input", () => {
    clearTimeout(rest);
    rest = setTimeout(() => callback(input.value.trim()), REST_MS);
  });
}

export async function findCards(query, limit = MOST) {
  return (await ask(`/api/cards?${new URLSearchParams({ q: query, limit })}`)).cards;
}

function clear() {
  asked += 1;
  text("search-words", "Type a name, a set or a number.");
  byId("search-cards").replaceChildren();
}

async function show(query) {
  if (!query) return clear();
  const turn = ++asked;
  const cards = await findCards(query);
  if (turn !== asked) return;
  text("search-words", said(query, cards.length));
  byId("search-cards").replaceChildren(...cards.map(tile));
  return undefined;
}

function said(query, count) {
  if (!count) return `No card of the database fits “${query}”.`;
  if (count === MOST) return `The first ${count} cards. Type more to narrow it down.`;
  return `${many(count, "card", "cards")}.`;
}

function tile(card) {
  return el("li", { class: "tile" },
    picture(referenceOf(card.card_id), ""),
    el("strong", {}, card.name),
    el("span", { class: "soft small" }, printOf(card)));
}
