// Windows over the page: native dialog elements, and short notes at the edge.

import { byId, el, icon, text } from "/static/dom.js";
import { sentence } from "/static/words.js";

const NOTE_MS = 6000;
const MOST_NOTES = 3;

export function openDialog(id) {
  const dialog = byId(id);
  if (!dialog.open) dialog.showModal();
  return dialog;
}

export const anyDialogOpen = () => document.querySelector("dialog[open]") !== null;

/** Buttons with data-close and a click beside the dialog close it; Esc does by itself. */
export function prepareDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
    });
  }
}

/** Ask before something that cannot be taken back; resolves to whether the answer was yes. */
export function sure(title, words, yes) {
  text("sure-title", title);
  text("sure-words", words);
  text("sure-yes", yes);
  const dialog = openDialog("sure-dialog");
  return new Promise((resolve) => {
    let answer = false;
    const agree = () => {
      answer = true;
      dialog.close();
    };
    byId("sure-yes").addEventListener("click", agree, { once: true });
    dialog.addEventListener("close", () => {
      byId("sure-yes").removeEventListener("click", agree);
      resolve(answer);
    }, { once: true });
  });
}

/** A short note; with an action it has a button. Problems stay until they are closed. */
export function note(words, { problem = false, action = null } = {}) {
  const box = el("div", { class: problem ? "toast problem" : "toast" }, el("span", {}, sentence(words)));
  const remove = () => box.remove();
  if (action) {
    box.append(el("button", { type: "button", onclick: () => { remove(); action.perform(); } }, action.words));
  }
  box.append(el("button", { type: "button", class: "round", "aria-label": "Close", onclick: remove }, icon("close")));
  const notes = byId("toasts");
  while (notes.children.length >= MOST_NOTES) notes.firstChild.remove();
  notes.append(box);
  if (!problem) setTimeout(remove, NOTE_MS);
}

/** Run something that a person asked for; what goes wrong is told them. Returns whether it went well. */
export async function attempt(perform) {
  try {
    await perform();
    return true;
  } catch (error) {
    note(error.message, { problem: true });
    return false;
  }
}
