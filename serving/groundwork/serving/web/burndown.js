// Where the month will end, and how each budget burns down.

import { aligned, number, pico, rounded } from "./amounts.js";
import { el } from "./dom.js";
import { label, later, toInstant } from "./period.js";
import { fill, folded, frame, responsive, scale, svg, ticks } from "./plot.js";

const HEIGHT = 190;
const EDGE = { left: 76, right: 10, top: 12, bottom: 26 };

/** Fills the panel with the forecast of the month; `days` maps days to picodollars. */
export function drawMonth(panel, forecast, days, currency) {
  const found = forecast.find((each) => each.currency === currency);
  if (found === undefined) {
    fill(panel, el("p", { class: "small" }, "Nothing was charged yet, so there is nothing to go by."));
    return;
  }
  const expected = pico(found.expected);
  const between = found.low === null ? "" : `, ${found.coverage_percent} % between ${rounded(pico(found.low), currency)} and ${rounded(pico(found.high), currency)}`;
  const sentence = el("p", { class: "readout" }, el("strong", null, rounded(expected, currency)), ` expected by the end of the month${between}; ${rounded(pico(found.spent), currency)} spent so far.`);
  const place = el("div");
  const start = `${later(found.ends.slice(0, 10), -1).slice(0, 7)}-01`;
  const curve = { start, end: found.ends.slice(0, 10), now: found.as_of, days, forecast: found };
  fill(panel, sentence, place, el("p", { class: "small" }, `Method: ${found.method}.`), daysTable("Spend of the month", days, currency));
  responsive(place, (width) => plot(width, curve, currency));
}

/** Fills the panel with a plot for each budget. */
export function drawBudgets(panel, budgets) {
  if (budgets.length === 0) {
    fill(panel, el("p", { class: "small" }, "No budget is set."));
    return;
  }
  const list = el("ul", { class: "budgets" });
  fill(panel, list);
  for (const budget of budgets) list.append(card(budget));
}

function card(budget) {
  const { currency } = budget;
  const [limit, spent, expected] = [budget.limit, budget.spent, budget.forecast.expected].map(pico);
  const state = spent >= limit ? "over" : expected > limit ? "risky" : "fine";
  const says = { over: "used up", risky: "will not last", fine: "will last" }[state];
  const reserved = pico(budget.reserved);
  const facts = [
    `${rounded(spent, currency)} of ${rounded(limit, currency)} a ${budget.period}`,
    ...(reserved > 0n ? [`${rounded(reserved, currency)} reserved`] : []),
    `expected ${rounded(expected, currency)}`,
    `resets ${label(budget.resets_at.slice(0, 10))}`,
  ];
  const place = el("div");
  const days = new Map(Object.entries(budget.days).map(([day, amount]) => [day, pico(amount)]));
  const node = el("li", { class: "budget", "data-state": state },
    el("h4", null, `${budget.scope} ${budget.subject} `, el("span", { class: "badge" }, says)),
    el("p", { class: "small" }, facts.join(" · ")),
    place,
    daysTable(`Spend of ${budget.scope} ${budget.subject}`, days, currency));
  if (budget.period === "month") {
    const curve = { start: budget.starts.slice(0, 10), end: budget.resets_at.slice(0, 10), now: budget.forecast.as_of, days, forecast: budget.forecast, limit };
    responsive(place, (width) => plot(width, curve, currency));
  } else {
    place.append(meter(spent, limit));
  }
  return node;
}

function meter(spent, limit) {
  const part = limit > 0n ? Math.min(1, number(spent) / number(limit)) : 1;
  return frame(240, 14, `${Math.round(part * 100)} % used`, svg("rect", { class: "track", width: 240, height: 14, rx: 3 }), svg("rect", { class: "usage", width: 240 * part, height: 14, rx: 3 }));
}

function daysTable(caption, days, currency) {
  let sum = 0n;
  const sums = [...days.values()].map((amount) => (sum += amount));
  const [amounts, soFar] = [aligned([...days.values()]), aligned(sums)];
  const rows = [...days.keys()].map((day, n) => [day, amounts[n], soFar[n]]);
  return folded(caption, [["Day", ""], [currency, "n"], ["So far", "n"]], rows);
}

/** Spend so far as a line, the forecast dashed with its interval; with a limit, what remains of it instead. */
function plot(width, { start, end, now, days, forecast, limit }, currency) {
  const [from, to, at] = [toInstant(start), toInstant(end), Date.parse(now)];
  const points = [[from, 0]];
  let sum = 0;
  for (const [day, amount] of [...days].sort()) {
    sum += number(amount);
    points.push([Math.min(toInstant(later(day, 1)), at), sum]);
  }
  points.push([at, number(pico(forecast.spent))]);
  const expected = number(pico(forecast.expected));
  const band = forecast.low === null ? null : [forecast.low, forecast.high].map((text) => number(pico(text)));
  const turn = limit === undefined ? (value) => value : (value) => number(limit) - value;
  const values = [...points.map(([, value]) => value), expected, ...(band ?? [])].map(turn);
  const [low, high] = [Math.min(0, ...values), Math.max(...values, limit === undefined ? 0 : number(limit)) || 1e-12];
  const x = scale(from, to, EDGE.left, width - EDGE.right);
  const y = scale(low, high, HEIGHT - EDGE.bottom, EDGE.top);
  const path = (list) => list.map(([when, value], n) => `${n === 0 ? "M" : "L"}${x(when).toFixed(1)} ${y(turn(value)).toFixed(1)}`).join("");
  const here = points.at(-1);
  const lines = ticks(low, high).map((tick) => svg("g", { class: "tick" },
    svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
    svg("text", { x: EDGE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, rounded(BigInt(Math.round(tick * 1e12)), currency))));
  const marks = [start, later(start, Math.round((to - from) / 86_400_000 / 2)), later(end, -1)].map((day, n) =>
    svg("text", { class: "name", x: x(toInstant(day)), y: HEIGHT - 6, "text-anchor": ["start", "middle", "end"][n] }, label(day)));
  const said = limit === undefined ? "Spend of the month and its forecast" : "What remains of the budget and its forecast";
  return frame(width, HEIGHT, `${said}: ${rounded(pico(forecast.expected), currency)} expected`,
    ...lines,
    band === null ? null : svg("path", { class: "band", d: `${path([here, [to, band[0]]])}L${x(to).toFixed(1)} ${y(turn(band[1])).toFixed(1)}Z` }),
    svg("line", { class: "zero", x1: EDGE.left, x2: width - EDGE.right, y1: y(0), y2: y(0) }),
    svg("path", { class: "ahead", d: path([here, [to, expected]]) }),
    svg("path", { class: "line", d: path(points) }),
    svg("circle", { class: "now", cx: x(here[0]), cy: y(turn(here[1])), r: 3.5 }),
    ...marks);
}
