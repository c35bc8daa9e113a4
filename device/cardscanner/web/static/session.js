// Sessions: which heap of cards is looked at, beginning a new one, counts and export.

import { ask } from "/static/api.js";
import { byId, el, text } from "/static/dom.js";
import { attempt, note, openDialog } from "/static/dialogs.js";
import { whenSent } from "/static/forms.js";
import { isAdmin, on, store } from "/static/store.js";
import { loadScans } from "/static/scans.js";

let known = [];

export function prepareSessions() {
  byId("session-select").addEventListener("change", (event) => attempt(() => look(event.target.value)));
  byId("new-session").addEventListener("click", beginSession);
  whenSent(byId("session-form"), async ({ name }) => {
    await ask("/api/sessions", { body: { name: name.trim() } });
    byId("session-dialog").close();
    store.session = null;
    await refresh();
    note(`New cards now go to “${name.trim()}”.`);
  });
  on("state", () => {
    const current = store.state.session?.id;
    if (current !== undefined && !known.some((each) => each.id === current)) void attempt(loadSessions);
    showCounts();
    showExport();
  });
}

export function beginSession() {
  if (!isAdmin()) return;
  byId("session-form").reset();
  openDialog("session-dialog");
}

export async function loadSessions() {
  known = (await ask("/api/sessions")).sessions;
  const current = store.state?.session?.id;
  const newestFirst = [...known].sort((one, other) => other.id - one.id);
  byId("session-select").replaceChildren(...newestFirst.map((each) => {
    const words = each.id === current ? `${called(each)} (now)` : called(each);
    return el("option", { value: each.id, selected: each.id === (store.session ?? current) }, words);
  }));
}

const called = (session) => session.name || "Cards";

async function look(id) {
  const session = Number(id);
  store.session = session === store.state?.session?.id ? null : session;
  showCounts();
  showExport();
  await loadScans();
}

/** After the connection came back, or a new session began. */
export async function refresh() {
  store.state = await ask("/api/state");
  await loadSessions();
  await loadScans();
  showCounts();
  showExport();
}

function showCounts() {
  const counts = store.session === null ? store.state?.counts : known.find((each) => each.id === store.session)?.counts;
  byId("counts").hidden = !counts;
  if (!counts) return;
  text("count-cards", counts.cards.toLocaleString());
  text("count-distinct", counts.distinct.toLocaleString());
  text("count-undone", counts.undone.toLocaleString());
}

function showExport() {
  const session = store.session ?? store.state?.session?.id;
  for (const format of ["csv", "json"]) {
    const query = new URLSearchParams({ format, undone: "no", ...(session === undefined ? {} : { session }) });
    byId(`export-${format}`).href = `/api/export?${query}`;
  }
}
