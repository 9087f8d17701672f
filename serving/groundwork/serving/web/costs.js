// The cost page: reads the address, asks for the figures, hands each to its plot.

import { exact, pico, rounded } from "./amounts.js";
import { costs } from "./api.js";
import { drawBreakdown } from "./breakdown.js";
import { drawBudgets, drawMonth } from "./burndown.js";
import { Filters } from "./costfilters.js";
import { CHOICES, parameters, read, write } from "./coststate.js";
import { drawDays, unitOf } from "./daychart.js";
import { drawDearest } from "./dearest.js";
import { el } from "./dom.js";
import { KeyDialog } from "./keys.js";
import { monthStart, spelled, today } from "./period.js";
import { drawSpread } from "./spreadplot.js";

const byId = (id) => document.getElementById(id);

class CostPage {
  #state = read(window.location.search);
  #keys = new KeyDialog(() => this.load());
  #filters = new Filters((state) => this.#go(state), (error) => this.#fail(error));
  #loading = new AbortController();

  start() {
    byId("by").append(...CHOICES.map((name) => el("option", { value: name }, name)));
    byId("by").addEventListener("change", () => this.#go({ ...this.#state, by: byId("by").value }));
    window.addEventListener("popstate", () => {
      this.#state = read(window.location.search);
      this.load();
    });
    this.load();
  }

  #go(state) {
    this.#state = state;
    window.history.pushState(null, "", write(state));
    this.load();
  }

  /** Asks for everything at once; each part is drawn when it comes. */
  async load() {
    this.#loading.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    const state = this.#state;
    byId("problem").hidden = true;
    byId("by").value = state.by;
    byId("chosen").dataset.by = state.by;
    byId("period").textContent = spelled(state.from, state.to);
    this.#filters.show(state);
    for (const panel of document.querySelectorAll(".panel")) panel.setAttribute("aria-busy", "true");
    try {
      const unit = unitOf(state.from, state.to);
      const days = await costs(parameters(state, { by: unit }), signal);
      const currency = state.currency ?? days.totals[0]?.currency ?? "USD";
      drawDays(byId("days"), days, state, currency);
      await Promise.all([this.#figures(state, days, currency, signal), this.#panels(state, currency, signal), this.#month(state, currency, signal)]);
      if (!signal.aborted) byId("announcer").textContent = `Report of ${spelled(state.from, state.to)} loaded.`;
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status === 401 && (await this.#keys.request())) return;
      this.#fail(error);
    }
  }

  #fail(error) {
    byId("problem").textContent = error.message;
    byId("problem").hidden = false;
    for (const panel of document.querySelectorAll(".panel")) panel.removeAttribute("aria-busy");
  }

  async #figures(state, days, currency, signal) {
    const found = await costs(parameters(state, { include: "spread,outliers,cache,values" }), signal);
    const total = found.totals.find((each) => each.currency === currency);
    const spread = found.spread.find((each) => each.currency === currency);
    const cache = found.cache.find((each) => each.currency === currency);
    const currencies = [...new Set([...days.totals.map((each) => each.currency), currency])];
    this.#filters.offer(found.values, currencies, currency);
    byId("figures").replaceChildren(...figures(total, spread, cache, currency));
    drawDearest(byId("outliers"), found.outliers, spread, currency);
  }

  async #panels(state, currency, signal) {
    const panels = [...document.querySelectorAll("[data-by]")];
    await Promise.all(panels.map(async (panel) => {
      const { by } = panel.dataset;
      const include = by === "team" && panel.id !== "chosen" ? { include: "spread" } : {};
      const found = await costs(parameters(state, { by, ...include }), signal);
      drawBreakdown(panel, found, currency, (value) => this.#filters.narrow(by, value));
      if (found.spread !== undefined) drawSpread(byId("spread"), found.spread, currency);
    }));
  }

  /** The month of today, whatever period is shown. */
  async #month(state, currency, signal) {
    const month = { ...state, from: monthStart(today()), to: monthStart(today(), 1) };
    const found = await costs(parameters(month, { by: "day", include: "forecast,budgets" }), signal);
    const rows = found.rows.filter((row) => row.currency === currency);
    drawMonth(byId("month"), found.forecast, new Map(rows.map((row) => [row.day, pico(row.amount)])), currency);
    drawBudgets(byId("budgets"), found.budgets);
  }
}

function figures(total, spread, cache, currency) {
  if (total === undefined) return [figure("Total", "nothing was charged", "", "total")];
  const evaluation = pico(total.evaluation);
  const all = pico(total.amount);
  const answers = all - evaluation;
  const correction = pico(total.correction);
  const found = [
    figure("Total", rounded(all, currency), `${exact(all)} ${currency}`, "total"),
    evaluation === 0n ? null : figure("Without evaluation", rounded(answers, currency), `${exact(answers)} ${currency}`, "answers"),
    figure("Requests", total.requests === null ? "–" : total.requests.toLocaleString("en"), `${total.charges.toLocaleString("en")} charges`, "requests"),
    spread === undefined ? null : figure("An answer, median", rounded(pico(spread.p50), currency), `mean ${rounded(pico(spread.mean), currency)}, p99 ${rounded(pico(spread.p99), currency)}`, "median"),
    evaluation === 0n ? null : figure("Evaluation, apart", rounded(evaluation, currency), `${exact(evaluation)} ${currency}`, "evaluation"),
    cache === undefined ? null : figure("Saved by caches", rounded(pico(cache.saved), currency), `${cache.cached_answers.toLocaleString("en")} answers, ${cache.cached_prompt_tokens.toLocaleString("en")} prompt tokens`, "saved"),
    correction === 0n ? null : figure("Corrections included", rounded(correction, currency), `${exact(correction)} ${currency}`, "correction"),
  ];
  return found.filter((each) => each !== null);
}

function figure(name, value, detail, id) {
  return el("div", { "data-figure": id }, el("dt", null, name), el("dd", null, el("span", { class: "value" }, value), el("span", { class: "detail" }, detail)));
}

new CostPage().start();
