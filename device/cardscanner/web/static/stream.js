// What the box says by itself (server-sent events), and noticing when it no longer does.
// Read with fetch, not EventSource: that hides the pings, so it never notices a line that died without a word.

const SILENT_MS = 25_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

export class Stream {
  constructor(path, { heard, connected, lost, loggedOut }) {
    this.path = path;
    this.heard = heard;
    this.connected = connected;
    this.lost = lost;
    this.loggedOut = loggedOut;
    this.controller = null;
  }

  start() {
    if (this.controller) return;
    this.controller = new AbortController();
    void this.#run(this.controller);
  }

  stop() {
    this.controller?.abort();
    this.controller = null;
  }

  async #run(stopping) {
    let pauseMs = FIRST_PAUSE_MS;
    while (!stopping.signal.aborted) {
      const ended = await this.#once(stopping, () => {
        pauseMs = FIRST_PAUSE_MS;
      });
      if (stopping.signal.aborted) return;
      if (ended === "logged out") {
        this.loggedOut();
        return;
      }
      this.lost();
      await sleep(pauseMs, stopping.signal);
      pauseMs = Math.min(pauseMs * 1.6, LONGEST_PAUSE_MS);
    }
  }

  /** One connection, until it breaks. */
  async #once(stopping, opened) {
    const line = new AbortController();
    const end = () => line.abort();
    stopping.signal.addEventListener("abort", end, { once: true });
    let silence = setTimeout(end, SILENT_MS);
    try {
      const response = await fetch(this.path, { signal: line.signal, cache: "no-store" });
      if (response.status === 401 || response.status === 403) return "logged out";
      if (!response.ok) return "refused";
      opened();
      await this.connected();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return "ended";
        clearTimeout(silence);
        silence = setTimeout(end, SILENT_MS);
        rest = this.#take(rest + value);
      }
    } catch {
      return "broken";
    } finally {
      clearTimeout(silence);
      line.abort();
      stopping.signal.removeEventListener("abort", end);
    }
  }

  /** Hand on every whole event; return what is not whole yet. */
  #take(received) {
    const blocks = received.replaceAll("\r\n", "\n").split("\n\n");
    const rest = blocks.pop();
    for (const block of blocks) {
      let name = "message";
      const data = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
      }
      if (data.length) this.#tell(name, data.join("\n"));
    }
    return rest;
  }

  /** A mistake in what the page does with an event is a mistake, not a broken line. */
  #tell(name, data) {
    try {
      this.heard(name, JSON.parse(data));
    } catch (error) {
      reportError(error);
    }
  }
}

function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
