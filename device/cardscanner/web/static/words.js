// How the page says things: cards, certainty, times, keys of the configuration.

const CERTAINTY = {
  match: { words: "Sure", short: "Sure", tone: "good", icon: "ok" },
  ambiguous: { words: "Picture sure, print not", short: "Which print?", tone: "warn", icon: "warning" },
  no_match: { words: "No match", short: "No match", tone: "bad", icon: "off" },
};

/** What is believed about a scan, and how it looks. */
export function certainty(entry) {
  if (entry.corrected) return { words: "Corrected by hand", short: "Corrected", tone: "good", icon: "pencil" };
  return CERTAINTY[entry.decision] ?? CERTAINTY.no_match;
}

const known = new Map();

/** Remember cards that a search brought, so that a corrected scan can be called by its name. */
export function learn(cards) {
  for (const card of cards) known.set(card.card_id, card);
}

/** The card that a scan stands for: the corrected one, the recognised one, the likeliest; null: none. */
export function cardOf(entry) {
  if (entry.corrected) return named(entry.corrected, entry);
  if (entry.card) return entry.card;
  return entry.decision === "ambiguous" && entry.candidates.length ? entry.candidates[0] : null;
}

function named(id, entry) {
  const choices = [known.get(id), entry.card, ...entry.candidates];
  return choices.find((each) => each?.card_id === id) ?? { card_id: id, name: id };
}

export const nameOf = (entry) => cardOf(entry)?.name ?? "Unknown card";

/** "base1 · 4 · en", or the card's id where nothing more is known. */
export function printOf(card) {
  if (!card) return "";
  const parts = [card.set, card.number && `No. ${card.number}`, card.lang, card.finish].filter(Boolean);
  return parts.length ? parts.join(" · ") : card.card_id;
}

/** What the box says begins small and ends without a stop; on the page it is a sentence. */
export function sentence(words) {
  if (!words) return "";
  return words[0].toUpperCase() + words.slice(1).replace(/[.!?]?$/, (end) => end || ".");
}

export const score = (value) => `score ${value.toFixed(2)}`;

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The time of day for today, the date as well for other days. */
export function moment(iso) {
  const then = new Date(iso);
  return then.toDateString() === new Date().toDateString() ? TIME.format(then) : DAY.format(then);
}

export function many(count, one, more) {
  return `${count.toLocaleString()} ${count === 1 ? one : more}`;
}

/** "2 h 15 min". */
export function span(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.floor(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

export const PARTS = {
  camera: "Camera",
  accelerator: "Accelerator",
  model: "Recognition model",
  database: "Card database",
  outbox: "Waiting messages",
  broker: "Message broker",
  disk: "Disk",
  clock: "Clock",
  power: "Power",
};

export const CONDITIONS = {
  ok: { words: "Good", tone: "good", icon: "ok" },
  warning: { words: "Look at this", tone: "warn", icon: "warning" },
  bad: { words: "Not working", tone: "bad", icon: "bad" },
  off: { words: "Not used", tone: "off", icon: "off" },
};

export const ROLES = { admin: "do everything", viewer: "look on and export" };
