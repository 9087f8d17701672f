// Spend by team, model and so on: a table whose rows are bars.

import { aligned, number, pico, rounded, share } from "./amounts.js";
import { el } from "./dom.js";
import { fill, frame, svg } from "./plot.js";
import { short } from "./format.js";

const SHOWN = 8;
const BAR = 120;

/** Fills a panel with a report by one dimension; choosing a row calls `narrow(value)`. */
export function drawBreakdown(panel, report, currency, narrow) {
  const [by] = report.by;
  const rows = report.rows.filter((row) => row.currency === currency).map((row) => ({ ...row, value: row[by], pico: pico(row.amount) }));
  rows.sort((a, b) => (a.pico === b.pico ? 0 : a.pico > b.pico ? -1 : 1));
  if (rows.length === 0) {
    fill(panel, el("p", { class: "small" }, "Nothing was charged."));
    return;
  }
  const total = rows.reduce((sum, row) => sum + row.pico, 0n);
  const texts = aligned([...rows.map((row) => row.pico), total]);
  rows.forEach((row, n) => { row.exact = texts[n]; });
  const context = { by, currency, total, narrow, top: rows[0].pico, counted: rows.some((row) => row.requests !== null) };
  const body = el("tbody", null, ...rows.slice(0, SHOWN).map((row) => line(row, context)));
  const rest = rows.slice(SHOWN);
  const more = rest.length === 0 ? null : el("button", { type: "button", class: "quiet framed" }, `Show ${rest.length} more`);
  more?.addEventListener("click", () => {
    body.append(...rest.map((row) => line(row, context)));
    more.remove();
  });
  fill(panel, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Spend by ${by}` },
    el("table", { class: "bars" }, el("caption", { class: "unseen" }, `Spend by ${by}`), heading(context), body, foot(texts.at(-1), context))), more);
}

function heading({ by, currency, counted }) {
  const names = [by.charAt(0).toUpperCase() + by.slice(1), "", "Share", ...(counted ? ["Requests"] : []), currency];
  return el("thead", null, el("tr", null, ...names.map((name, n) => (name === "" ? el("td") : el("th", { scope: "col", class: n > 1 ? "n" : "" }, name)))));
}

function line(row, { currency, total, narrow, top, counted, by }) {
  const name = el("button", { type: "button", class: "link", title: row.value || "none" }, row.value === "" ? `no ${by}` : short(row.value, 28));
  name.addEventListener("click", () => narrow(row.value));
  const length = top > 0n && row.pico > 0n ? Math.max(1, (number(row.pico) / number(top)) * BAR) : 0;
  const bar = frame(BAR, 12, `${rounded(row.pico, currency)}`, svg("rect", { class: "usage", width: length, height: 12, rx: 2 }));
  return el("tr", { "data-value": row.value },
    el("th", { scope: "row" }, name),
    el("td", { class: "bar-cell", "aria-hidden": "true" }, bar),
    el("td", { class: "n" }, share(row.pico, total)),
    counted ? el("td", { class: "n" }, row.requests.toLocaleString("en")) : null,
    el("td", { class: "n amount" }, row.exact));
}

function foot(total, { counted }) {
  return el("tfoot", null, el("tr", null, el("th", { scope: "row" }, "Total"), el("td"), el("td"), counted ? el("td") : null, el("td", { class: "n amount" }, total)));
}
