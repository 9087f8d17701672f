// Server-sent events out of a fetch body (EventSource can neither POST nor send a key).
// Format: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

/** Turns pieces of a stream into events `{event, data}`; a piece may end anywhere, even inside "\r\n". */
export class EventParser {
  #pending = [];
  #afterReturn = false;
  #event = "";
  #data = [];

  /** The events that `piece` completes. */
  push(piece) {
    const events = [];
    let text = piece;
    if (this.#afterReturn && text.startsWith("\n")) text = text.slice(1);
    if (piece !== "") this.#afterReturn = piece.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    for (let index = 0; index < lines.length - 1; index += 1) {
      this.#pending.push(lines[index]);
      this.#line(this.#pending.join(""), events);
      this.#pending = [];
    }
    this.#pending.push(lines.at(-1));
    return events;
  }

  #line(line, events) {
    if (line === "") {
      if (this.#data.length > 0) {
        events.push({ event: this.#event || "message", data: this.#data.join("\n") });
      }
      this.#event = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
  }
}

/** The events of a response body, as they come. Leaving the loop early cancels the request. */
export async function* readEvents(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
