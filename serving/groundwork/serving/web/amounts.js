// Exact amounts: decimal strings as BigInt picodollars, so that sums on the page equal those of the ledger.

const PICO = 10n ** 12n;

/** Picodollars of a decimal string that the service wrote. */
export function pico(text) {
  const parts = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(text);
  if (parts === null) throw new Error(`${text} is no amount`);
  const [, sign, whole, fraction = ""] = parts;
  const size = BigInt(whole) * PICO + BigInt(fraction.padEnd(12, "0"));
  return sign === "-" ? -size : size;
}

/** The exact decimal text, thousands separated, without trailing zeros. */
export function exact(amount) {
  const size = amount < 0n ? -amount : amount;
  const fraction = String(size % PICO).padStart(12, "0").replace(/0+$/, "");
  return `${amount < 0n ? "−" : ""}${(size / PICO).toLocaleString("en")}${fraction ? `.${fraction}` : ""}`;
}

/** Exact texts of a column, with zeros behind so that decimal points stand one below the other. */
export function aligned(amounts) {
  const texts = amounts.map(exact);
  const decimals = (text) => (text.includes(".") ? text.length - text.indexOf(".") - 1 : 0);
  const most = Math.max(0, ...texts.map(decimals));
  return texts.map((text) => {
    const missing = most - decimals(text);
    if (missing === 0) return text;
    return `${text}${text.includes(".") ? "" : "."}${"0".repeat(missing)}`;
  });
}

/** Rounded for a headline or an axis: cents from one unit on, below that two significant digits. */
export function rounded(amount, currency) {
  const size = amount < 0n ? -amount : amount;
  const mark = currency === "USD" ? "$" : `${currency} `;
  const sign = amount < 0n ? "−" : "";
  if (size === 0n) return `${mark}0`;
  if (size >= PICO) {
    const cents = (size + PICO / 200n) / (PICO / 100n);
    return `${sign}${mark}${(cents / 100n).toLocaleString("en")}.${String(cents % 100n).padStart(2, "0")}`;
  }
  const digits = String(size).length;
  const unit = 10n ** BigInt(Math.max(0, digits - 2));
  const scaled = ((size + unit / 2n) / unit) * unit;
  if (scaled >= PICO) return `${sign}${mark}1.00`;
  const fraction = String(scaled).padStart(12, "0").replace(/0+$/, "").padEnd(2, "0");
  return `${sign}${mark}0.${fraction}`;
}

/** `part` of `whole` as "12.3 %"; "" where that means nothing. */
export function share(part, whole) {
  if (whole <= 0n) return "";
  const tenths = (part * 2000n + whole) / (2n * whole);
  if (tenths === 0n && part > 0n) return "< 0.1 %";
  return `${tenths / 10n}.${String(tenths % 10n).replace("-", "")} %`;
}

/** For positions in a plot, where a float is good enough. */
export function number(amount) {
  return Number(amount) / 1e12;
}
