// The form above the report: period, filters, currency, downloads.

import { exported, key } from "./api.js";
import { FILTERS, parameters } from "./coststate.js";
import { el } from "./dom.js";
import { PRESETS, today } from "./period.js";

const byId = (id) => document.getElementById(id);

export class Filters {
  #state;
  #values = {};
  #change;
  #fail;

  /** `change(state)` is called with a new state, `fail(error)` where a download fails. */
  constructor(change, fail) {
    this.#change = change;
    this.#fail = fail;
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    for (const button of document.querySelectorAll("[data-preset]")) {
      button.addEventListener("click", () => {
        const [from, to] = PRESETS[button.dataset.preset](today());
        this.#set({ from, to });
      });
    }
    for (const name of ["from", "to"]) {
      byId(name).addEventListener("change", () => {
        const [from, to] = [byId("from").value, byId("to").value];
        byId("to").setCustomValidity(from < to ? "" : "This day has to be after the first one; it is excluded.");
        if (byId("filters").reportValidity()) this.#set({ from, to });
      });
    }
    byId("dimension").append(...FILTERS.map((name) => el("option", { value: name }, name)));
    byId("dimension").addEventListener("change", () => this.#fillValues());
    byId("value").addEventListener("change", () => this.narrow(byId("dimension").value, byId("value").value.slice(1)));
    byId("currency").addEventListener("change", () => this.#set({ currency: byId("currency").value }));
    for (const link of document.querySelectorAll("[data-format]")) {
      link.addEventListener("click", (event) => this.#download(event, link));
    }
  }

  /** Shows a state in the form. */
  show(state) {
    this.#state = state;
    byId("from").value = state.from;
    byId("to").value = state.to;
    for (const button of document.querySelectorAll("[data-preset]")) {
      const [from, to] = PRESETS[button.dataset.preset](today());
      button.setAttribute("aria-pressed", String(from === state.from && to === state.to));
    }
    byId("chips").replaceChildren(...state.filters.map(([name, value]) => this.#chip(name, value)));
    for (const link of document.querySelectorAll("[data-format]")) {
      link.href = `/v1/costs/export?${parameters(state, { format: link.dataset.format })}`;
    }
    this.#fillValues();
  }

  /** What can be filtered by, and the currencies there are. */
  offer(values, currencies, currency) {
    this.#values = values;
    this.#fillValues();
    byId("currency-label").hidden = currencies.length < 2;
    byId("currency").replaceChildren(...currencies.map((each) => el("option", { selected: each === currency }, each)));
  }

  /** Adds a filter. */
  narrow(name, value) {
    if (this.#state.filters.some((each) => each[0] === name && each[1] === value)) return;
    this.#set({ filters: [...this.#state.filters, [name, value]] });
  }

  #set(change) {
    this.#change({ ...this.#state, ...change });
  }

  #fillValues() {
    const values = this.#values[byId("dimension").value] ?? [];
    const options = values.map((value) => el("option", { value: `=${value}` }, value === "" ? "none" : value));
    byId("value").replaceChildren(el("option", { value: "", selected: true, disabled: true }, "choose…"), ...options);
  }

  #chip(name, value) {
    const shown = `${name}: ${value === "" ? "none" : value}`;
    const remove = el("button", { type: "button", class: "chip", "aria-label": `Remove the filter ${shown}` }, shown, el("span", { "aria-hidden": "true" }, " ×"));
    remove.addEventListener("click", () => {
      this.#set({ filters: this.#state.filters.filter((each) => each[0] !== name || each[1] !== value) });
    });
    return el("li", null, remove);
  }

  /** A link cannot carry a key; where there is one, the file comes by script. */
  async #download(event, link) {
    if (key.get() === "") return;
    event.preventDefault();
    try {
      const format = link.dataset.format;
      const blob = await exported(parameters(this.#state, { format }));
      const url = URL.createObjectURL(blob);
      const suffix = format === "parquet" ? "parquet" : "csv";
      const save = el("a", { href: url, download: `groundwork-${format === "focus" ? "focus" : "costs"}-${this.#state.from}-${this.#state.to}.${suffix}` });
      save.click();
      window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      this.#fail(error);
    }
  }
}
