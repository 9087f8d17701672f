// Days and periods in UTC.

const DAY = 86_400_000;
const LONG = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const SHORT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

export const toDay = (instant) => new Date(instant).toISOString().slice(0, 10);
export const toInstant = (day) => Date.parse(`${day}T00:00:00Z`);
export const later = (day, days) => toDay(toInstant(day) + days * DAY);

/** Today in UTC. */
export const today = () => toDay(Date.now());

/** The first day of the month `months` after that of `day`. */
export function monthStart(day, months = 0) {
  const [year, month] = day.split("-").map(Number);
  return toDay(Date.UTC(year, month - 1 + months, 1));
}

/** [from, to) of a preset, by name. */
export const PRESETS = {
  "this-month": (now) => [monthStart(now), monthStart(now, 1)],
  "last-month": (now) => [monthStart(now, -1), monthStart(now)],
  "last-30-days": (now) => [later(now, -29), later(now, 1)],
  "last-90-days": (now) => [later(now, -89), later(now, 1)],
};

/** Every day from the first on, before `to`. */
export function daysOf(from, to) {
  const found = [];
  for (let at = toInstant(from); at < toInstant(to); at += DAY) found.push(toDay(at));
  return found;
}

/** Every month that [from, to) touches, as 2026-11. */
export function monthsOf(from, to) {
  const found = [];
  for (let day = monthStart(from); day < to; day = monthStart(day, 1)) found.push(day.slice(0, 7));
  return found;
}

/** "November 2026", "3 October to 5 November 2026"; the last day that is in. */
export function spelled(from, to) {
  if (monthStart(from) === from && monthStart(from, 1) === to) return MONTH.format(toInstant(from));
  const last = later(to, -1);
  if (last === from) return LONG.format(toInstant(from));
  return `${LONG.format(toInstant(from))} to ${LONG.format(toInstant(last))}`;
}

/** "3 Nov" of a day, "November 2026" of a month. */
export const label = (name) => (name.length === 7 ? MONTH.format(toInstant(`${name}-01`)) : SHORT.format(toInstant(name)));
export const longLabel = (name) => (name.length === 7 ? label(name) : WEEKDAY.format(toInstant(name)));
