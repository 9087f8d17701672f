// What stands under a finished answer: its cost, time and origin in one line, and everything else on request.

import { el } from "./dom.js";
import { count, duration, money, short } from "./format.js";

/** Cost, time, index version and release in short; exact values in the titles, and in `answerDetails`. */
export function facts(answer) {
  const { cost, timings_ms: timings } = answer;
  const parts = [
    cost && fact("Cost", money(cost.amount), { class: "cost", title: `${cost.amount} ${cost.currency}` }),
    Number.isFinite(timings?.total) && fact("Time", duration(timings.total), { class: "time" }),
    answer.index_version && fact("Index version", origin(answer), { title: answer.index_version }),
    answer.release && fact("Release", short(answer.release), { title: answer.release }),
  ];
  return el("p", { class: "facts" }, ...parts.filter(Boolean));
}

/** A value whose name only a screen reader needs. */
function fact(name, value, attributes) {
  return el("span", attributes, el("span", { class: "unseen" }, `${name} `), value);
}

function origin({ index, index_version: version }) {
  const known = index && !String(version).startsWith(index);
  return known ? `${index} ${short(version)}` : short(version, 20);
}

/** A disclosure with the charges of each stage and every id that support would ask for. */
export function answerDetails(answer) {
  const details = el("details", { class: "more" }, el("summary", null, "Details"));
  details.append(charges(answer.cost), terms(answer));
  return details;
}

function charges(cost) {
  const table = el("table", { class: "charges" }, el("caption", null, "Charges"));
  const head = ["Stage", "Meter", "Quantity", "Amount"].map((name) => el("th", { scope: "col" }, name));
  const rows = (cost?.charges ?? []).map((charge) =>
    el(
      "tr",
      null,
      el("th", { scope: "row" }, String(charge.stage)),
      el("td", null, String(charge.meter)),
      el("td", { class: "number" }, count(charge.quantity)),
      el("td", { class: "number" }, `$${charge.amount}`),
    ),
  );
  const total = el("tr", { class: "total" }, el("th", { scope: "row", colspan: "3" }, "Total"));
  total.append(el("td", { class: "number" }, `$${cost?.amount ?? "0"}`));
  table.append(el("thead", null, el("tr", null, ...head)), el("tbody", null, ...rows, total));
  return el("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Charges" }, table);
}

function terms(answer) {
  const list = el("dl");
  const add = (term, value) => {
    if (value === null || value === undefined || value === "") return;
    list.append(el("div", null, el("dt", null, term), el("dd", null, String(value))));
  };
  add("Answer", answer.id);
  add("Asked at", answer.created_at);
  add("Trace", answer.trace_id);
  add("Release", answer.release);
  add("Index version", answer.index_version);
  add("Model", answer.model);
  add("Confidence", Number.isFinite(answer.confidence) ? answer.confidence.toFixed(2) : null);
  add("Reason", answer.reason);
  add("Tokens", tokens(answer.usage));
  add("Time", times(answer.timings_ms));
  add("Budget", budget(answer.budget));
  add("Rails", (answer.rails ?? []).map(({ rail, on, verdict }) => `${rail} on ${on}: ${verdict}`).join(", "));
  return list;
}

function tokens(usage) {
  if (!usage) return null;
  return `${count(usage.prompt_tokens)} in, ${count(usage.completion_tokens)} out`;
}

function times(timings) {
  const stages = Object.entries(timings ?? {}).filter(([, value]) => typeof value === "number");
  return stages.map(([stage, value]) => `${stage} ${duration(value)}`).join(", ");
}

function budget(given) {
  if (!given) return null;
  const until = given.resets_at ? `, until ${given.resets_at}` : "";
  return `${money(given.remaining)} of ${money(given.limit)} left${until}`;
}
