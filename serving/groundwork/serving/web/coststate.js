// What the page shows is in its address: it can be shared, and the back button works.

import { later, monthStart, today } from "./period.js";

export const FILTERS = ["team", "project", "user", "key", "channel", "model", "stage", "meter", "release", "index", "kind"];
export const CHOICES = ["user", "project", "key", "channel", "meter", "index", "kind", "team", "model", "stage", "release"];

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** {from, to, by, currency, filters: [[name, value]…]} out of an address. */
export function read(search) {
  const given = new URLSearchParams(search);
  const now = today();
  const month = /^\d{4}-\d{2}$/.test(given.get("month") ?? "") ? `${given.get("month")}-01` : null;
  const from = DAY.test(given.get("from") ?? "") ? given.get("from") : month ?? monthStart(now);
  let to = DAY.test(given.get("to") ?? "") ? given.get("to") : monthStart(from, 1);
  if (to <= from) to = later(from, 1);
  const by = CHOICES.includes(given.get("by")) ? given.get("by") : CHOICES[0];
  const filters = FILTERS.flatMap((name) => given.getAll(name).map((value) => [name, value]));
  return { from, to, by, currency: given.get("currency"), filters };
}

/** The address of a state; what is the default of any month is left out. */
export function write(state) {
  const wanted = new URLSearchParams();
  if (monthStart(state.from) === state.from && monthStart(state.from, 1) === state.to) {
    wanted.set("month", state.from.slice(0, 7));
  } else {
    wanted.set("from", state.from);
    wanted.set("to", state.to);
  }
  if (state.by !== CHOICES[0]) wanted.set("by", state.by);
  if (state.currency) wanted.set("currency", state.currency);
  for (const [name, value] of state.filters) wanted.append(name, value);
  return `?${wanted}`;
}

/** The parameters of the API for a state. */
export function parameters(state, more = {}) {
  const wanted = new URLSearchParams({ from: state.from, to: state.to, ...more });
  if (state.currency) wanted.set("currency", state.currency);
  for (const [name, value] of state.filters) wanted.append(name, value);
  return wanted;
}
