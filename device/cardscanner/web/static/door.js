// The way in: claiming a new box, logging in, being locked out for a while.

import { ask } from "/static/api.js";
import { byId, text } from "/static/dom.js";
import { showError, whenSent } from "/static/forms.js";

let ticking = null;

/** `entered(me)` is called with the answer of the box. */
export function prepareDoor(entered) {
  whenSent(byId("claim-form"), async ({ code, name, password }) => {
    entered(await ask("/api/claim", { body: { code: code.trim(), name: name.trim(), password } }));
  }, (error) => {
    if (error.status === 409) location.reload();
    return lockedOut(byId("claim-form"), error);
  });
  whenSent(byId("login-form"), async ({ name, password }) => {
    entered(await ask("/api/login", { body: { name: name.trim(), password } }));
  }, (error) => lockedOut(byId("login-form"), error));
}

export function sayAtLogin(words) {
  text("login-note", words);
}

/** Count down until the box listens again; said once, then only shown. */
function lockedOut(form, error) {
  if (error.status !== 429) {
    form.elements.password.select?.();
    return false;
  }
  let left = Math.ceil(error.retryAfterS ?? 60);
  const button = form.querySelector("[type=submit]");
  button.dataset.locked = "yes";
  button.disabled = true;
  showError(form, `Too many attempts. Please wait ${left} seconds, then try again.`);
  clearInterval(ticking);
  const words = button.textContent;
  const label = button.dataset.words ?? words;
  button.dataset.words = label;
  const tick = () => {
    button.textContent = left > 0 ? `${label} (in ${left} s)` : label;
    if (left > 0) {
      left -= 1;
      return;
    }
    clearInterval(ticking);
    delete button.dataset.locked;
    button.disabled = false;
    showError(form, "");
  };
  tick();
  ticking = setInterval(tick, 1000);
  return true;
}
