// The card that shows a cited passage beside its mark: on hover, on focus, on tap. One card serves the page.
//
// It stays while the pointer is on the mark or on the card, and Escape closes it without moving the focus
// (WCAG 2.2, 1.4.13).

import { el, icon } from "./dom.js";
import { linkAttributes } from "./links.js";
import { withText } from "./render.js";

const GRACE_MS = 220; // time to move the pointer from the mark into the card
const GAP = 8; // pixels between mark and card, and between card and window
const QUOTE_ID = "passage-quote";

export class PassageCard {
  #card = el("div", { class: "passage", role: "group", "aria-label": "Cited passage", hidden: true });
  #sources = new WeakMap(); // mark element -> source
  #mark = null;
  #pinned = false;
  #touching = false;
  #timer = 0;

  constructor(root) {
    document.body.append(this.#card);
    root.addEventListener("pointerover", (event) => this.#hover(event));
    root.addEventListener("pointerout", (event) => this.#leave(event));
    root.addEventListener("focusin", (event) => this.#focus(event));
    root.addEventListener("focusout", (event) => this.#blur(event));
    root.addEventListener("click", (event) => this.#click(event));
    this.#card.addEventListener("pointerenter", () => window.clearTimeout(this.#timer));
    this.#card.addEventListener("pointerleave", (event) => this.#leave(event));
    this.#card.addEventListener("focusout", (event) => this.#blur(event));
    document.addEventListener("pointerdown", (event) => this.#press(event), true);
    document.addEventListener("keydown", (event) => this.#key(event));
    window.addEventListener("scroll", () => this.#place(), { passive: true });
    window.addEventListener("resize", () => this.#place());
  }

  /** Says which source a mark shows. */
  attach(mark, source) {
    this.#sources.set(mark, source);
  }

  close() {
    window.clearTimeout(this.#timer);
    if (this.#mark === null) return;
    this.#mark.removeAttribute("aria-describedby");
    if (this.#mark.tagName === "BUTTON") this.#mark.setAttribute("aria-expanded", "false");
    this.#mark = null;
    this.#pinned = false;
    this.#card.hidden = true;
  }

  #open(mark, pinned) {
    window.clearTimeout(this.#timer);
    if (this.#mark === mark) {
      this.#pinned ||= pinned;
      return;
    }
    this.close();
    this.#card.replaceChildren(...content(this.#sources.get(mark), mark.closest("[data-answer]")?.dataset.answer));
    this.#mark = mark;
    this.#pinned = pinned;
    this.#card.hidden = false;
    mark.setAttribute("aria-describedby", QUOTE_ID);
    if (mark.tagName === "BUTTON") mark.setAttribute("aria-expanded", "true");
    this.#card.scrollTop = 0;
    this.#place();
  }

  #markOf(event) {
    const mark = event.target instanceof Element ? event.target.closest(".cite") : null;
    return mark !== null && this.#sources.has(mark) ? mark : null;
  }

  #hover(event) {
    const mark = this.#markOf(event);
    if (mark !== null && event.pointerType === "mouse") this.#open(mark, false);
  }

  #leave(event) {
    if (this.#mark === null || event.pointerType !== "mouse") return;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      if (!this.#held()) this.close();
    }, GRACE_MS);
  }

  #held() {
    if (this.#mark === null) return false;
    return this.#pinned || this.#mark.matches(":focus-visible") || this.#card.contains(document.activeElement);
  }

  #focus(event) {
    const mark = this.#markOf(event);
    if (mark !== null && !this.#touching && mark.matches(":focus-visible")) this.#open(mark, false);
  }

  #blur(event) {
    if (this.#mark === null || this.#pinned || this.#touching) return;
    const next = event.relatedTarget;
    if (next !== this.#mark && !(next instanceof Node && this.#card.contains(next))) this.close();
  }

  /** A tap shows the passage; the card has the link. A click follows the link, or pins a card that has none. */
  #click(event) {
    const mark = this.#markOf(event);
    const touched = this.#touching;
    this.#touching = false;
    if (mark === null) return;
    if (touched) event.preventDefault();
    if (!touched && mark.tagName !== "BUTTON") return;
    if (this.#mark === mark && this.#pinned) this.close();
    else this.#open(mark, true);
  }

  #press(event) {
    this.#touching = event.pointerType === "touch" || event.pointerType === "pen";
    if (this.#mark === null || !(event.target instanceof Node)) return;
    if (!this.#card.contains(event.target) && !this.#mark.contains(event.target)) this.close();
  }

  #key(event) {
    this.#touching = false;
    if (event.key !== "Escape" || this.#mark === null) return;
    event.preventDefault();
    this.close();
  }

  #place() {
    if (this.#mark === null) return;
    const mark = this.#mark.getBoundingClientRect();
    if (!this.#mark.isConnected || mark.bottom < 0 || mark.top > window.innerHeight) {
      this.close();
      return;
    }
    const { offsetWidth: width, offsetHeight: height } = this.#card;
    const room = document.documentElement.clientWidth;
    const left = Math.min(Math.max(GAP, mark.left + mark.width / 2 - width / 2), room - width - GAP);
    const above = mark.top - height - GAP;
    const below = mark.bottom + GAP;
    const top = above >= GAP || below + height > window.innerHeight ? Math.max(GAP, above) : below;
    this.#card.style.setProperty("left", `${Math.max(GAP, left)}px`);
    this.#card.style.setProperty("top", `${top}px`);
  }
}

function content(source, answer) {
  const heading = el("p", { class: "passage-title", dir: "auto" });
  heading.append(el("span", { class: "passage-number" }, String(source.n)), " ");
  heading.append(withText(el("bdi"), source.title));
  const quotes = el("div", { id: QUOTE_ID });
  for (const quote of source.quotes) {
    quotes.append(withText(el("blockquote", { class: "quote", dir: "auto" }), quote));
  }
  const told = { "data-source": String(source.n), "data-answer": answer };
  const way = source.href
    ? el("a", { ...linkAttributes(source.href), class: "open", ...told }, "Open page", icon("open"))
    : withText(el("p", { class: "small", dir: "auto" }), source.url);
  const path = source.path === "" ? null : withText(el("p", { class: "path", dir: "auto" }), source.path);
  return [heading, path, quotes, way].filter((node) => node !== null);
}
