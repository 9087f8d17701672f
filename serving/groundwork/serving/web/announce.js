// The live region: what a screen reader hears. It gets whole paragraphs and outcomes, never single tokens.

import { el } from "./dom.js";

const KEPT = 40;

export class Announcer {
  #region;

  constructor(region) {
    this.#region = region;
  }

  say(text) {
    const sentence = text.trim();
    if (sentence === "") return;
    this.#region.append(el("p", null, sentence));
    while (this.#region.childElementCount > KEPT) this.#region.firstElementChild.remove();
  }

  clear() {
    this.#region.replaceChildren();
  }
}
