// What all views look at, and a bell that rings when it changes.

export const store = {
  /** Answer of /api/me. */
  me: null,
  /** Newest /api/state. */
  state: null,
  /** Whether the box is heard just now. */
  online: true,
  /** Session whose cards are listed; null: the one that new cards go to. */
  session: null,
  /** Settings that wait for a reload. */
  pending: [],
};

const bell = new EventTarget();

export function on(name, callback) {
  bell.addEventListener(name, (event) => callback(event.detail));
}

export function ring(name, detail) {
  bell.dispatchEvent(new CustomEvent(name, { detail }));
}

export const isAdmin = () => store.me?.user?.role === "admin";

export const part = (name) => store.state?.parts.find((each) => each.part === name) ?? null;
