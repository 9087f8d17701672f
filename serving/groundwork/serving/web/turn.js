// One question and its answer.

import { Problem, ask } from "./api.js";
import { Citations, sourceList } from "./citations.js";
import { copyButton } from "./clipboard.js";
import { codeBlock } from "./code.js";
import { answerDetails, facts } from "./details.js";
import { button, el, freshId } from "./dom.js";
import { feedbackControls } from "./feedback.js";
import { AnswerText, spoken, withText } from "./render.js";

const STOPPED = "Stopped before it was finished.";
const REASONS = {
  nothing_found: "No passage comes close to this question.",
  low_confidence: "The closest passages do not answer this question.",
  no_supported_answer: "No passage supports an answer to this question.",
};

export class Turn {
  #page;
  #request;
  #abort = new AbortController();
  #text = "";
  #announced = 0;
  #frame = 0;
  #heading;

  /** `request` is the body of POST /v1/ask; `page` gives card, announcer, requestKey(), retry(turn), rephrase(text). */
  constructor(request, page) {
    this.#request = request;
    this.#page = page;
    this.#heading = withText(el("h2", { id: freshId("turn"), class: "asked", dir: "auto" }), request.question);
    this.element = el("article", { class: "turn", "aria-labelledby": this.#heading.id });
    this.#reset();
  }

  /** What this turn adds to the history of the next question; nothing if there was no answer. */
  get messages() {
    if (this.#text === "" || this.element.dataset.state === "failed") return [];
    return [
      { role: "user", content: this.#request.question },
      { role: "assistant", content: this.#text },
    ];
  }

  /** Asks and shows what comes, until it is finished, stopped or failed. Never rejects. */
  async run() {
    this.#reset();
    try {
      for await (const event of this.#events()) this.#apply(event);
    } catch (error) {
      window.cancelAnimationFrame(this.#frame);
      if (this.#abort.signal.aborted) this.#stopped();
      else this.#failed(error);
    }
  }

  stop() {
    this.#abort.abort();
  }

  /** The stream's events; where the service wants a key, after it has been given. */
  async *#events() {
    for (;;) {
      try {
        return yield* ask(this.#request, this.#abort.signal);
      } catch (error) {
        if (error.status !== 401 || !(await this.#page.requestKey())) throw error;
      }
    }
  }

  #reset() {
    this.#abort = new AbortController();
    this.#text = "";
    this.#announced = 0;
    this.citations = new Citations(this.#page.card);
    this.prose = el("div", { class: "prose", "aria-busy": "true" });
    this.answer = new AnswerText(this.prose, {
      mark: (node) => this.citations.mark(node),
      code: (node) => codeBlock(node, this.#page.announcer),
    });
    const waiting = el("p", { class: "waiting" }, el("span", { class: "pulse" }), "Reading the documentation");
    this.element.dataset.state = "waiting";
    delete this.element.dataset.answer;
    this.element.replaceChildren(this.#heading, waiting, this.prose);
  }

  #apply({ event, data }) {
    if (event === "delta" && typeof data?.text === "string") {
      this.#text += data.text;
      if (this.#frame === 0) this.#frame = window.requestAnimationFrame(() => this.#draw());
    } else if (event === "citation") {
      this.citations.add(data);
    } else if (event === "done") {
      this.#finished(data);
    }
  }

  /** At most once a frame, however small the pieces are. */
  #draw() {
    this.#frame = 0;
    this.element.dataset.state = "streaming";
    this.#announce(this.answer.set(this.#text, { open: true }));
  }

  #announce(blocks) {
    for (const block of blocks.slice(this.#announced)) this.#page.announcer.say(spoken(block));
    this.#announced = Math.max(this.#announced, blocks.length);
  }

  #finished(answer) {
    this.#text = typeof answer?.answer === "string" ? answer.answer : this.#text;
    this.citations.settle(answer.citations);
    this.#close(answer.abstained ? "abstained" : "done");
    const { sources } = this.citations;
    if (answer.abstained) this.#abstained(answer);
    if (sources.length > 0) {
      this.element.append(sourceList(sources, answer.abstained ? "Closest pages" : "Sources"));
    }
    if (answer.id) this.element.dataset.answer = answer.id;
    this.element.append(...this.#foot(answer, sources));
    const cited = sources.length === 1 ? "1 source" : `${sources.length} sources`;
    this.#page.announcer.say(answer.abstained ? "No answer was found." : `Answer finished, ${cited}.`);
  }

  /** The last drawing: everything is final now. */
  #close(state) {
    window.cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.element.querySelector(".waiting")?.remove();
    this.prose.removeAttribute("aria-busy");
    this.element.dataset.state = state;
    this.#announce(this.answer.set(this.#text));
  }

  #abstained(answer) {
    const why = REASONS[answer.reason] ?? "";
    const advice = `${why} Rephrasing often helps, and so does asking about one thing at a time.`;
    const rephrase = button("Rephrase the question", "quiet framed rephrase");
    rephrase.addEventListener("click", () => this.#page.rephrase(this.#request.question));
    const box = el("div", { class: "not-found" }, el("p", { class: "flag" }, "Not found in the documentation"));
    this.prose.before(box);
    box.append(this.prose, el("div", { class: "advice" }, el("p", null, advice.trim()), rephrase));
  }

  #foot(answer, sources) {
    const { announcer } = this.#page;
    const copy = copyButton("Copy answer", "Copy answer", () => asText(this.#text, sources), announcer);
    const tools = el("div", { class: "tools" }, copy);
    const rows = [tools];
    if (answer.id) {
      const { buttons, form } = feedbackControls(answer.id, announcer);
      tools.append(buttons);
      rows.push(form);
    }
    tools.append(facts(answer));
    rows.push(answerDetails(answer));
    return [el("footer", { class: "foot" }, ...rows)];
  }

  #stopped() {
    this.citations.keep();
    this.#close("stopped");
    this.#end(STOPPED, "Ask again");
  }

  #failed(error) {
    this.citations.keep();
    this.#close("failed");
    const known = error instanceof Problem;
    const end = this.#end(known ? error.message : "The page could not show the answer.", "Try again");
    if (known && error.requestId) {
      end.append(el("p", { class: "small" }, "Request ", el("code", null, error.requestId)));
    }
    if (!known) window.reportError(error);
  }

  #end(sentence, again) {
    const retry = button(again, "quiet framed retry");
    retry.addEventListener("click", () => this.#page.retry(this));
    const end = el("div", { class: "end" }, withText(el("p", { class: "end-text" }), sentence), retry);
    const { sources } = this.citations;
    if (sources.length > 0) this.element.append(sourceList(sources, "Sources"));
    this.element.append(end);
    this.#page.announcer.say(sentence);
    return end;
  }
}

/** An answer for the clipboard: its Markdown, then where the marks point. */
function asText(text, sources) {
  if (sources.length === 0) return text;
  const lines = sources.map(({ n, title, href, url }) => `[${n}] ${title}: ${href ?? url}`);
  return `${text}\n\n${lines.join("\n")}`;
}
