// Settings: a form made from the schema of the configuration; the box has the last word on every value.

import { ask } from "/static/api.js";
import { byId, el, text } from "/static/dom.js";
import { attempt, note } from "/static/dialogs.js";
import { makeField, plain } from "/static/fields.js";
import { sectionLabel } from "/static/labels.js";
import { reload } from "/static/state.js";
import { on, ring, store } from "/static/store.js";
import { many } from "/static/words.js";

let fields = [];

export function prepareSettings() {
  byId("settings-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void save();
  });
  on("pending", showPending);
}

export function enterSettings() {
  showPending();
  return unsaved() ? undefined : attempt(() => load({ overChanges: false }));
}

const unsaved = () => fields.some((each) => each.isChanged());

/** Read the settings anew; unless told so, not over what somebody has begun to change meanwhile. */
async function load({ overChanges = true } = {}) {
  const { schema, values, defaults } = await ask("/api/settings");
  if (!overChanges && unsaved()) return;
  fields = [];
  const sections = Object.entries(schema.properties).map(([name, section]) => {
    const own = plain(section, schema);
    const made = Object.entries(own.properties ?? {}).map(([key, each]) => makeField({
      section: name, key, schema: plain(each, schema), value: values[name]?.[key], standard: defaults[name]?.[key], changed: showChanges,
    }));
    fields.push(...made);
    return el("fieldset", { class: "panel" },
      el("legend", {}, sectionLabel(name)),
      own.description ? el("p", { class: "soft" }, own.description) : null,
      el("div", { class: "setting-grid" }, ...made.map((each) => each.node)));
  });
  byId("settings-sections").replaceChildren(...sections);
  showChanges();
}

function showChanges() {
  const count = fields.filter((each) => each.isChanged()).length;
  byId("settings-save").disabled = count === 0;
  text("settings-words", count ? `${many(count, "change is", "changes are")} not saved yet.` : "");
}

async function save() {
  const wrong = fields.filter((each) => each.check() !== "");
  for (const each of fields) each.fail(each.check());
  if (wrong.length) return wrong[0].control.focus();
  const options = {};
  for (const each of fields.filter((field) => field.isChanged())) {
    options[each.section] ??= {};
    options[each.section][each.key] = each.isStandard() ? null : each.read();
  }
  try {
    const { pending } = await ask("/api/settings", { body: { options } });
    store.pending = pending;
    ring("pending");
    await load();
    text("settings-words", "Saved.");
  } catch (error) {
    refused(error);
  }
  return undefined;
}

/** Say it at the field that the box names; scroll there. */
function refused(error) {
  const field = fields.find((each) => each.name === error.key);
  if (!field) return note(error.message, { problem: true });
  // Before the key it says which file and line: nothing that this page could change.
  field.fail(error.message.split(`${error.key}: `).at(-1));
  text("settings-words", "Not saved: look at the marked field.");
  field.control.focus();
  field.node.scrollIntoView({ block: "center" });
  return undefined;
}

function showPending() {
  const box = byId("pending");
  box.hidden = store.pending.length === 0;
  box.replaceChildren();
  if (box.hidden) return;
  box.replaceChildren(
    el("p", {}, `Saved, but not used yet: ${many(store.pending.length, "setting waits", "settings wait")} for a reload.`),
    el("button", { type: "button", class: "main", onclick: reload }, "Reload now"));
}
