// The citations of one answer: numbered marks in its text, and the list of sources under it.

import { el } from "./dom.js";
import { linkAttributes, safeHref } from "./links.js";
import { withText } from "./render.js";

/** One source as the page shows it, out of the API's citations with one number (several stretches may share it). */
function sourceOf(citations) {
  const [first] = citations;
  const steps = Array.isArray(first.heading_path) ? first.heading_path.map(String) : [];
  const url = String(first.url ?? "");
  const title = String(first.title || steps[0] || url || `Source ${first.n}`);
  const path = (steps[0] === title ? steps.slice(1) : steps).join(" › ");
  const quotes = [...new Set(citations.map(({ quote }) => String(quote ?? "")))].filter((quote) => quote !== "");
  return { n: first.n, title, path, quotes, url, href: safeHref(url, first.anchor), anchor: first.anchor ?? "" };
}

export class Citations {
  #card;
  #given = new Map(); // n -> API citations
  #marks = new Map(); // n -> Set of mark views
  #settled = false;

  constructor(card) {
    this.#card = card;
  }

  /** A citation that came while the answer streams. */
  add(citation) {
    if (!Number.isInteger(citation?.n)) return;
    this.#given.set(citation.n, [...(this.#given.get(citation.n) ?? []), citation]);
    this.#refresh(citation.n);
  }

  /** The answer is finished: these are its citations, and marks that point at none are plain text. */
  settle(citations) {
    this.#given.clear();
    this.#settled = true;
    for (const citation of Array.isArray(citations) ? citations : []) this.add(citation);
    for (const n of this.#marks.keys()) this.#refresh(n);
  }

  /** The answer ends here, with the citations that came. */
  keep() {
    this.#settled = true;
    for (const n of this.#marks.keys()) this.#refresh(n);
  }

  get sources() {
    return [...this.#given.values()].map(sourceOf).sort((a, b) => a.n - b.n);
  }

  /** The part of render.js that shows {mark}. */
  mark(node) {
    const view = { element: el("sup", { class: "mark" }), node, state: null };
    const marks = this.#marks.get(node.mark) ?? new Set();
    this.#marks.set(node.mark, marks.add(view));
    this.#show(view);
    const update = (next) => {
      view.node = next;
      this.#show(view);
    };
    return { element: view.element, update };
  }

  #refresh(n) {
    for (const view of this.#marks.get(n) ?? []) this.#show(view);
  }

  #show(view) {
    const { mark: n, lead } = view.node;
    const given = this.#given.get(n);
    const source = given === undefined ? null : sourceOf(given);
    const state = JSON.stringify([source, this.#settled || source !== null, lead]);
    if (state === view.state) return; // the same link keeps its focus
    view.state = state;
    view.element.className = source === null && this.#settled ? "mark unknown" : "mark";
    view.element.replaceChildren(source === null ? this.#bare(n, lead) : this.#link(source));
  }

  #bare(n, lead) {
    return document.createTextNode(this.#settled ? `${lead}[${n}]` : String(n));
  }

  #link(source) {
    const label = { class: "cite", "aria-label": `Source ${source.n}: ${source.title}` };
    const { title: _, ...target } = source.href ? linkAttributes(source.href) : {};
    const mark = source.href
      ? el("a", { ...label, ...target, "data-source": String(source.n) }, String(source.n))
      : el("button", { ...label, type: "button", "aria-expanded": "false" }, String(source.n));
    this.#card.attach(mark, source);
    return mark;
  }
}

/** The numbered list under an answer. */
export function sourceList(sources, heading) {
  const list = el("ol", null, ...sources.map(entry));
  return el("section", { class: "sources", "aria-label": heading }, el("h3", null, heading), list);
}

function entry(source) {
  const title = source.href
    ? withText(el("a", { ...linkAttributes(source.href), class: "source-title", "data-source": String(source.n) }), source.title)
    : withText(el("span", { class: "source-title" }), source.title);
  const place = source.href ? [] : [source.anchor ? `${source.url}#${source.anchor}` : source.url];
  const where = [source.path, ...place].filter((text) => text !== "").join(" · ");
  const quotes = source.quotes.map((quote) => withText(el("blockquote", { class: "quote", dir: "auto" }), quote));
  const name = el("span", { class: "unseen" }, ` of source ${source.n}`);
  const passage = el("details", null, el("summary", null, "Quoted passage", name), ...quotes);
  return el(
    "li",
    { value: source.n, dir: "auto" },
    el("span", { class: "source-line" }, title),
    where === "" ? null : withText(el("span", { class: "path" }), where),
    quotes.length > 0 ? passage : null,
  );
}
