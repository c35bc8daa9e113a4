// Who is logged in, their password, and for admins everybody else.

import { ask } from "/static/api.js";
import { byId, el, icon, text } from "/static/dom.js";
import { attempt, note, sure } from "/static/dialogs.js";
import { whenSent } from "/static/forms.js";
import { isAdmin, store } from "/static/store.js";
import { ROLES } from "/static/words.js";

export function prepareAccount(left) {
  byId("logout-button").addEventListener("click", () => attempt(async () => {
    await ask("/api/logout", { method: "POST" });
    left();
  }));
  whenSent(byId("password-form"), async (fields) => {
    await ask("/api/password", { body: { old: fields.old, new: fields.new } });
    note("The password is changed.");
  });
  whenSent(byId("user-form"), async ({ name, password, role }) => {
    await ask("/api/users", { body: { name: name.trim(), password, role } });
    note(`${name.trim()} may log in now.`);
    await showUsers();
  });
}

export function enterAccount() {
  const { name, role } = store.me.user;
  text("me-title", name);
  text("me-role", `May ${ROLES[role] ?? role}.`);
  if (isAdmin()) void attempt(showUsers);
}

async function showUsers() {
  const answer = await ask("/api/users");
  byId("users").replaceChildren(...(answer.users ?? answer).map(row));
}

function row(user) {
  const self = user.name === store.me.user.name;
  return el("tr", {},
    el("th", { scope: "row" }, user.name),
    el("td", {}, ROLES[user.role] ?? user.role),
    el("td", {}, self ? el("span", { class: "soft" }, "you") : removeButton(user.name)));
}

function removeButton(name) {
  const remove = async () => {
    if (!(await sure(`Remove ${name}?`, "They are logged out everywhere and can no longer log in.", "Remove"))) return;
    await attempt(async () => {
      await ask(`/api/users/${encodeURIComponent(name)}`, { method: "DELETE" });
      await showUsers();
    });
  };
  return el("button", { type: "button", class: "round", "aria-label": `Remove ${name}`, title: `Remove ${name}`, onclick: remove }, icon("close"));
}
