// Spend by day: a stack of kinds a day, corrections below the line where they take away.

import { aligned, number, pico, rounded } from "./amounts.js";
import { el } from "./dom.js";
import { daysOf, label, longLabel, monthsOf } from "./period.js";
import { fill, folded, frame, responsive, scale, svg, ticks } from "./plot.js";

export const KINDS = ["usage", "idle", "evaluation", "correction"];
const NAMES = { usage: "Answers", idle: "Idle time", evaluation: "Evaluation", correction: "Corrections" };
const HEIGHT = 240;
const EDGE = { left: 76, right: 8, top: 12, bottom: 26 };
const LONGEST = 124;

/** Whether a period is shown by month. */
export const unitOf = (from, to) => (daysOf(from, to).length > LONGEST ? "month" : "day");

/** Draws a report by day (or month) into the panel. */
export function drawDays(panel, report, state, currency) {
  const unit = report.by[0];
  const known = new Map(report.rows.filter((row) => row.currency === currency).map((row) => [row[unit], row]));
  const names = unit === "day" ? daysOf(state.from, state.to) : monthsOf(state.from, state.to);
  const stacks = names.map((name) => {
    const row = known.get(name);
    const amounts = KINDS.map((kind) => (row === undefined ? 0n : pico(row[kind])));
    return { name, amounts, total: amounts.reduce((sum, each) => sum + each, 0n), requests: row?.requests ?? 0 };
  });
  const used = KINDS.filter((_, n) => stacks.some(({ amounts }) => amounts[n] !== 0n));
  const readout = el("p", { class: "readout", "aria-live": "polite" });
  const place = el("div", { class: "days", tabindex: "0", role: "group", "aria-label": `Spend by ${unit}; left and right choose a ${unit}` });
  const choice = new Choice(stacks, readout, place, currency);
  panel.querySelector("h3").textContent = `Spend by ${unit}`;
  fill(panel, legend(used), readout, place, daysTable(stacks, used, unit, currency));
  responsive(place, (width) => plot(width, stacks, currency, unit, choice));
}

function legend(used) {
  const entries = used.map((kind) => el("li", null, svg("svg", { class: `swatch ${kind}`, width: 12, height: 12, "aria-hidden": "true" }, svg("rect", { width: 12, height: 12, rx: 2 })), NAMES[kind]));
  return el("ul", { class: "legend" }, ...entries);
}

function daysTable(stacks, used, unit, currency) {
  const columns = [[unit === "day" ? "Day" : "Month", ""], ["Requests", "n"], ...used.map((kind) => [NAMES[kind], "n"]), [`Total, ${currency}`, "n"]];
  const of = used.map((kind) => aligned(stacks.map(({ amounts }) => amounts[KINDS.indexOf(kind)])));
  const totals = aligned(stacks.map(({ total }) => total));
  const rows = stacks.map(({ name, requests }, n) => [name, requests.toLocaleString("en"), ...of.map((texts) => texts[n]), totals[n]]);
  return folded(`Spend by ${unit}`, columns, rows);
}

/** The day that the pointer or the arrow keys chose, and the sentence about it. */
class Choice {
  #stacks;
  #readout;
  #currency;
  #index = -1;
  marker = null;

  constructor(stacks, readout, place, currency) {
    this.#stacks = stacks;
    this.#readout = readout;
    this.#currency = currency;
    this.#say();
    place.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.to(this.#index < 0 ? (step > 0 ? 0 : stacks.length - 1) : this.#index + step);
    });
    place.addEventListener("pointerleave", () => this.to(-1));
    place.addEventListener("blur", () => this.to(-1));
  }

  to(index) {
    this.#index = Math.min(index, this.#stacks.length - 1);
    this.#say();
    this.marker?.(this.#index);
  }

  #say() {
    const total = this.#stacks.reduce((sum, each) => sum + each.total, 0n);
    if (this.#index < 0) {
      const used = this.#stacks.filter((each) => each.total > 0n);
      const top = used.reduce((best, each) => (each.total > best.total ? each : best), used[0]);
      this.#readout.textContent = top === undefined ? "Nothing was charged." : `${rounded(total, this.#currency)} in all, evaluation included; the most on ${longLabel(top.name)}: ${rounded(top.total, this.#currency)}.`;
      return;
    }
    const { name, amounts, total: sum, requests } = this.#stacks[this.#index];
    const parts = KINDS.filter((_, n) => amounts[n] !== 0n).map((kind) => `${NAMES[kind].toLowerCase()} ${rounded(amounts[KINDS.indexOf(kind)], this.#currency)}`);
    const detail = parts.length > 1 ? ` (${parts.join(", ")})` : "";
    this.#readout.textContent = `${longLabel(name)}: ${rounded(sum, this.#currency)}${detail}, ${requests.toLocaleString("en")} requests.`;
  }
}

function plot(width, stacks, currency, unit, choice) {
  const above = stacks.map(({ amounts }) => number(amounts.filter((each) => each > 0n).reduce((a, b) => a + b, 0n)));
  const below = stacks.map(({ amounts }) => number(amounts.filter((each) => each < 0n).reduce((a, b) => a + b, 0n)));
  const high = Math.max(...above, 0);
  const low = Math.min(...below, 0);
  const y = scale(low, high || 1e-12, HEIGHT - EDGE.bottom, EDGE.top);
  const slot = (width - EDGE.left - EDGE.right) / stacks.length;
  const x = (n) => EDGE.left + n * slot;
  const bar = Math.max(1, Math.min(slot - Math.min(3, slot / 4), 44));
  const lines = ticks(low, high).map((tick) => svg("g", { class: "tick" },
    svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
    svg("text", { x: EDGE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, rounded(BigInt(Math.round(tick * 1e12)), currency)),
  ));
  const every = Math.ceil((unit === "day" ? 52 : 110) / slot);
  const names = stacks.flatMap(({ name }, n) => (n % every === 0 ? [svg("text", { x: x(n) + slot / 2, y: HEIGHT - 6, "text-anchor": "middle", class: "name" }, label(name))] : []));
  const bars = stacks.map(({ amounts }, n) => {
    const places = { up: 0, down: 0 };
    const rects = KINDS.flatMap((kind, k) => {
      const size = number(amounts[k]);
      if (size === 0) return [];
      const side = size > 0 ? "up" : "down";
      const from = places[side];
      places[side] += size;
      const [top, bottom] = [y(Math.max(from, from + size)), y(Math.min(from, from + size))];
      return [svg("rect", { class: kind, x: x(n) + (slot - bar) / 2, y: top, width: bar, height: Math.max(bottom - top, 0.5) })];
    });
    const target = svg("rect", { class: "target", x: x(n), y: EDGE.top, width: slot, height: HEIGHT - EDGE.top - EDGE.bottom });
    target.addEventListener("pointerenter", () => choice.to(n));
    return svg("g", { class: "day" }, ...rects, target);
  });
  choice.marker = (index) => bars.forEach((each, n) => each.classList.toggle("chosen", n === index));
  const total = stacks.reduce((sum, each) => sum + each.total, 0n);
  const zero = svg("line", { class: "zero", x1: EDGE.left, x2: width - EDGE.right, y1: y(0), y2: y(0) });
  return frame(width, HEIGHT, `Spend by ${unit}, ${rounded(total, currency)} in all`, ...lines, ...bars, zero, ...names);
}
