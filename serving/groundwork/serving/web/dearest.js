// The dearest answers, each down to its charges.

import { aligned, exact, pico, rounded } from "./amounts.js";
import { charges } from "./api.js";
import { el, freshId } from "./dom.js";
import { duration } from "./format.js";
import { fill, table } from "./plot.js";

/** Fills the panel with the `outliers` of a report; `spread` is that of all answers, or undefined. */
export function drawDearest(panel, outliers, spread, currency) {
  const rows = outliers.filter((row) => row.currency === currency);
  if (rows.length === 0) {
    fill(panel, el("p", { class: "small" }, "There is no answer in this period."));
    return;
  }
  const median = spread === undefined ? 0n : pico(spread.p50);
  const fence = spread === undefined ? null : pico(spread.outliers_above);
  const names = ["Request", "Time (UTC)", "Team", "User", "Model", "Outcome", "× median", currency];
  const head = el("tr", null, ...names.map((name, n) => el("th", { scope: "col", class: n > 5 ? "n" : "" }, name)));
  const texts = aligned(rows.map((row) => pico(row.amount)));
  const body = el("tbody", null, ...rows.flatMap((row, n) => lines({ ...row, exact: texts[n] }, median, fence, names.length)));
  const note = fence === null ? null : el("p", { class: "small" }, `Marked: above ${rounded(fence, currency)}, three interquartile ranges over the third quartile.`);
  fill(panel, note, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Dearest answers" },
    el("table", null, el("caption", { class: "unseen" }, "Dearest answers"), el("thead", null, head), body)));
}

function lines(row, median, fence, width) {
  const id = freshId("charges");
  const open = el("button", { type: "button", class: "link", "aria-expanded": "false", "aria-controls": id }, row.request);
  const amount = pico(row.amount);
  const cell = el("td", { colspan: width });
  const detail = el("tr", { id, hidden: true }, cell);
  open.addEventListener("click", () => toggle(open, detail, cell, row));
  const times = median > 0n ? (Number((amount * 10n) / median) / 10).toLocaleString("en", { minimumFractionDigits: 1 }) : "";
  const main = el("tr", { class: fence !== null && amount > fence ? "far-out" : null },
    el("th", { scope: "row" }, open),
    ...[row.at.replace("T", " ").replace(/(\.\d+)?Z$/, ""), row.team, row.user, row.model, row.outcome].map((text) => el("td", null, text)),
    el("td", { class: "n" }, times),
    el("td", { class: "n amount" }, row.exact));
  return [main, detail];
}

async function toggle(open, detail, cell, row) {
  const shown = open.getAttribute("aria-expanded") === "true";
  open.setAttribute("aria-expanded", String(!shown));
  detail.hidden = shown;
  if (shown || cell.childElementCount > 0) return;
  cell.append(el("p", { class: "small" }, "Loading…"));
  try {
    const found = await charges(row.request);
    cell.replaceChildren(facts(found), chargesTable(found));
  } catch (error) {
    cell.replaceChildren(el("p", { class: "small" }, error.message));
    open.setAttribute("aria-expanded", "true");
  }
}

function facts(found) {
  const tokens = `${found.prompt_tokens.toLocaleString("en")} prompt tokens (${found.cached_tokens.toLocaleString("en")} cached), ${found.completion_tokens.toLocaleString("en")} generated`;
  const parts = [tokens, duration(found.latency_ms), found.release, found.index, found.trace_id && `trace ${found.trace_id}`];
  return el("p", { class: "small" }, parts.filter(Boolean).join(" · "));
}

function chargesTable(found) {
  const columns = [["Stage", ""], ["Meter", ""], ["Model", ""], ["Kind", ""], ["Quantity", "n"], ["Price of one", "n"], ["Amount", "n amount"], ["Note", "note"]];
  const texts = aligned(found.charges.map((each) => pico(each.amount)));
  const rows = found.charges.map((each, n) => [
    each.stage,
    each.meter.replaceAll("_", " "),
    each.model,
    each.kind,
    each.quantity.toLocaleString("en"),
    each.unit_amount === null ? "share of a bill" : exact(pico(each.unit_amount)),
    texts[n],
    each.note,
  ]);
  return table(`Charges of ${found.request}`, columns, rows);
}
