// Talking to the box: JSON, the token against forged requests, and refusals as exceptions.

export class Refused extends Error {
  /** The box understood and said no, in words for a person. */
  constructor(status, error, retryAfterS) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.key = error.key ?? null;
    this.retryAfterS = error.retry_after_s ?? retryAfterS;
  }
}

export class Away extends Error {
  /** The box did not answer. */
}

const AWAY = "The box does not answer. Is it switched on, and is this device in the same network?";
let token = null;
let loggedOut = () => {};

export function setToken(csrf) {
  token = csrf;
}

export function whenLoggedOut(callback) {
  loggedOut = callback;
}

/** GET, or with a body POST; returns parsed JSON. Raises Refused or Away. */
export async function ask(path, { method, body } = {}) {
  const response = await answer(path, { method: method ?? (body === undefined ? "GET" : "POST"), body });
  return response.status === 204 ? null : parsed(response);
}

/** The same, returning the bytes of a file and the name that the box gives it. */
export async function askFile(path, body) {
  const response = await answer(path, { method: "POST", body });
  const named = /filename="?([^";]+)"?/.exec(response.headers.get("Content-Disposition") ?? "");
  return { bytes: await response.blob(), name: named?.[1] ?? "cardscanner.zip" };
}

async function answer(path, { method, body }) {
  const headers = {};
  if (method !== "GET") {
    headers["Content-Type"] = "application/json";
    headers["X-CSRF-Token"] = token ?? "";
  }
  let response;
  try {
    const sent = method === "GET" ? undefined : JSON.stringify(body ?? {});
    response = await fetch(path, { method, headers, body: sent, cache: "no-store" });
  } catch {
    throw new Away(AWAY);
  }
  if (response.ok) return response;
  throw await refusal(response);
}

async function parsed(response) {
  try {
    return await response.json();
  } catch {
    throw new Away(AWAY);
  }
}

async function refusal(response) {
  let error = null;
  try {
    error = (await response.json()).error;
  } catch {
    // What lies between us and the box answers in its own words.
  }
  if (!error) return new Away(AWAY);
  const retry = Number(response.headers.get("Retry-After")) || null;
  if (response.status === 401 && error.code === "login") loggedOut();
  return new Refused(response.status, error, retry);
}
