// What an answer costs: quartiles, median and far percentiles of each team on one logarithmic scale.

import { aligned, number, pico, rounded } from "./amounts.js";
import { el } from "./dom.js";
import { short } from "./format.js";
import { fill, folded, frame, responsive, scale, svg } from "./plot.js";

const ROW = 30;
const EDGE = { left: 120, right: 64, top: 6, bottom: 24 };
const MOST = 12;

/** Fills the panel with the `spread` of a report by team. */
export function drawSpread(panel, spread, currency) {
  const rows = spread.filter((row) => row.currency === currency).map((row) => ({
    name: row.team === "" ? "no team" : row.team,
    answers: row.answers,
    ...Object.fromEntries(["lowest", "p25", "p50", "p75", "p90", "p99", "highest", "mean"].map((name) => [name, pico(row[name])])),
  }));
  rows.sort((a, b) => b.answers - a.answers);
  if (rows.length === 0) {
    fill(panel, el("p", { class: "small" }, "There is no answer in this period."));
    return;
  }
  const place = el("div");
  const note = el("p", { class: "small" }, "The bar spans the middle half of the answers, the mark in it is the median; the line ends at the 99th percentile, the dot is the dearest. Evaluation runs, failed and cancelled requests are left out.");
  const columns = [["Team", ""], ["Answers", "n"], ["Mean", "n"], ["p25", "n"], ["Median", "n"], ["p75", "n"], ["p90", "n"], ["p99", "n"], [`Highest, ${currency}`, "n"]];
  const texts = ["mean", "p25", "p50", "p75", "p90", "p99", "highest"].map((name) => aligned(rows.map((row) => row[name])));
  const cells = rows.map((row, n) => [row.name, row.answers.toLocaleString("en"), ...texts.map((column) => column[n])]);
  fill(panel, place, note, folded("Cost of an answer by team", columns, cells));
  responsive(place, (width) => plot(width, rows.slice(0, MOST), currency));
}

function plot(width, rows, currency) {
  const positive = rows.flatMap((row) => [row.p25, row.p50, row.highest]).filter((each) => each > 0n).map(number);
  const low = Math.log10(Math.min(...positive, 1));
  const high = Math.log10(Math.max(...positive, 1e-12));
  const first = Math.floor(Math.min(low, high));
  const last = Math.max(Math.ceil(high), first + 1);
  const at = scale(first, last, EDGE.left, width - EDGE.right);
  const x = (amount) => at(amount > 0n ? Math.max(first, Math.log10(number(amount))) : first);
  const height = EDGE.top + rows.length * ROW + EDGE.bottom;
  const step = Math.ceil((last - first) / Math.max(1, Math.floor((width - EDGE.left) / 130)));
  const grid = [];
  for (let power = first; power <= last; power += step) {
    const amount = power >= -12 ? 10n ** BigInt(power + 12) : 0n;
    grid.push(svg("g", { class: "tick" },
      svg("line", { x1: at(power), x2: at(power), y1: EDGE.top, y2: height - EDGE.bottom }),
      svg("text", { x: at(power), y: height - 6, "text-anchor": "middle" }, rounded(amount, currency))));
  }
  const lines = rows.map((row, n) => {
    const middle = EDGE.top + n * ROW + ROW / 2;
    return svg("g", { class: "spread-row" },
      svg("text", { x: EDGE.left - 12, y: middle + 4, "text-anchor": "end" }, short(row.name, 14)),
      svg("line", { class: "whisker", x1: x(row.lowest), x2: x(row.p99), y1: middle, y2: middle }),
      svg("rect", { class: "usage", x: x(row.p25), y: middle - 7, width: Math.max(2, x(row.p75) - x(row.p25)), height: 14, rx: 2 }),
      svg("line", { class: "median", x1: x(row.p50), x2: x(row.p50), y1: middle - 10, y2: middle + 10 }),
      svg("circle", { class: "far", cx: x(row.highest), cy: middle, r: 3 }));
  });
  const medians = rows.map((row) => `${row.name} ${rounded(row.p50, currency)}`).join(", ");
  return frame(width, height, `Cost of an answer by team; medians: ${medians}`, ...grid, ...lines);
}
