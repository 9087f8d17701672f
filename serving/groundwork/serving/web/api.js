// Every call to the service. Errors come out as Problem: one sentence for a person, and the request's id.

import { readEvents } from "./stream.js";

const KEY_ITEM = "groundwork-api-key";
const BY_STATUS = {
  401: "This service needs an API key.",
  403: "This key is not allowed to do that.",
  404: "The service does not know that index or page.",
  413: "The question is too long for this service.",
  429: "Too many questions in a short time.",
  503: "The service is busy or starting.",
};

export class Problem extends Error {
  constructor(sentence, { status = 0, requestId = null } = {}) {
    super(sentence);
    this.status = status;
    this.requestId = requestId;
  }
}

/** The API key: kept for this tab only. */
export const key = {
  get: () => window.sessionStorage.getItem(KEY_ITEM) ?? "",
  set: (value) => window.sessionStorage.setItem(KEY_ITEM, value),
  forget: () => window.sessionStorage.removeItem(KEY_ITEM),
};

/** Index names that this caller may ask, out of GET /v1/models. */
export async function indexes(signal) {
  const response = await call("/v1/models", { method: "GET", signal });
  const { data } = await json(response);
  if (!Array.isArray(data)) return [];
  return data
    .map((model) => /^groundwork\/(.+)$/.exec(String(model?.id))?.[1])
    .filter((name) => name !== undefined);
}

/** A report out of GET /v1/costs. */
export async function costs(parameters, signal) {
  return json(await call(`/v1/costs?${parameters}`, { method: "GET", signal }));
}

/** One request with its charges. */
export async function charges(requestId) {
  return json(await call(`/v1/costs/requests/${encodeURIComponent(requestId)}`, { method: "GET" }));
}

/** An export as a blob; only where a key has to go along, else a plain link streams to disk. */
export async function exported(parameters) {
  const response = await call(`/v1/costs/export?${parameters}`, { method: "GET" });
  return response.blob();
}

/** Posts a rating. `rating` is "up" or "down"; an empty comment is left out. */
export async function feedback(answerId, rating, comment) {
  const body = { answer_id: answerId, rating };
  if (comment) body.comment = comment;
  await call("/v1/feedback", { method: "POST", body: JSON.stringify(body) });
}

/** Says that source `n` of an answer was opened. The reader is on the way there: what fails is nobody's business. */
export function clicked(answerId, n) {
  const body = JSON.stringify({ answer_id: answerId, citation: n });
  call("/v1/clicks", { method: "POST", body, keepalive: true }).catch(() => {});
}

/** Asks, and yields the stream's events as `{event, data}` with `data` parsed. Throws Problem, or AbortError. */
export async function* ask(request, signal) {
  const response = await call("/v1/ask", {
    method: "POST",
    body: JSON.stringify({ ...request, stream: true }),
    headers: { Accept: "text/event-stream" },
    signal,
  });
  const requestId = response.headers.get("x-request-id");
  if ((response.headers.get("content-type") ?? "").startsWith("application/json")) {
    yield { event: "done", data: await json(response) };
    return;
  }
  try {
    for await (const { event, data } of readEvents(response.body)) {
      const value = parse(data, requestId);
      if (event === "error") throw fromDocument(value, value?.status, requestId);
      yield { event, data: value };
      if (event === "done") return;
    }
  } catch (error) {
    if (error instanceof Problem || error.name === "AbortError") throw error;
    throw new Problem("The connection was lost before the answer was finished.", { requestId });
  }
  throw new Problem("The answer broke off before it was finished.", { requestId });
}

async function call(path, { headers = {}, ...options }) {
  const all = { ...headers };
  if (options.body !== undefined) all["Content-Type"] = "application/json";
  if (key.get() !== "") all.Authorization = `Bearer ${key.get()}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers: all, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The service cannot be reached. Check the connection and try again.");
  }
  if (!response.ok) throw await fromResponse(response);
  return response;
}

async function json(response) {
  return parse(await response.text(), response.headers.get("x-request-id"));
}

function parse(text, requestId) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem("The service sent something that is not JSON.", { requestId });
  }
}

async function fromResponse(response) {
  let problem = null;
  try {
    problem = JSON.parse(await response.text());
  } catch {
    // A proxy's error page: the status alone has to do.
  }
  const requestId = response.headers.get("x-request-id");
  const found = fromDocument(problem, response.status, requestId);
  const seconds = response.headers.get("retry-after");
  if (seconds !== null && /^\d+$/.test(seconds)) {
    const unit = seconds === "1" ? "second" : "seconds";
    found.message += ` Try again in ${seconds} ${unit}.`;
  }
  return found;
}

function fromDocument(problem, status, requestId) {
  const said = [problem?.detail, problem?.title].find((text) => typeof text === "string" && text);
  const fallback = BY_STATUS[status] ?? `The service answered with status ${status || "unknown"}.`;
  const id = requestId ?? problem?.request_id ?? problem?.trace_id ?? null;
  return new Problem(said === undefined ? fallback : sentence(said), { status, requestId: id === null ? null : String(id) });
}

/** "index: no such index" as "Index: no such index." */
function sentence(text) {
  const whole = text.trim();
  const start = whole.charAt(0).toUpperCase() + whole.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
