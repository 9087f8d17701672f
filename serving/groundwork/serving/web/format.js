// Money, durations and numbers for people.

/**
 * Dollars out of an exact decimal string: "0.00000000036" is "$0.0000000004". Never in exponent form.
 *
 * From one dollar on two decimals; below, two significant digits, and one where four zeros lead.
 * Text that is no decimal number comes back as it is.
 */
export function money(amount) {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(amount));
  if (parts === null) return String(amount);
  const [, sign, whole, fraction = ""] = parts;
  const zeros = /^0*/.exec(fraction)[0].length;
  const isWhole = /[1-9]/.test(whole);
  if (!isWhole && zeros === fraction.length) return "$0";
  const decimals = isWhole ? 2 : zeros + (zeros < 4 ? 2 : 1);
  const digits = whole + fraction.slice(0, decimals).padEnd(decimals, "0");
  const roundUp = (fraction[decimals] ?? "0") >= "5" ? 1n : 0n;
  const scaled = String(BigInt(digits) + roundUp).padStart(decimals + 1, "0");
  const dollars = scaled.slice(0, -decimals);
  const cents = scaled.slice(-decimals);
  return `${sign}$${dollars}.${isWhole ? cents : cents.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** Milliseconds as "0.4 ms", "12 ms", "1.2 s" or "2 min 5 s". */
export function duration(milliseconds) {
  if (typeof milliseconds !== "number" || !Number.isFinite(milliseconds)) return "";
  if (milliseconds < 9.95) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** An id short enough for a footer. */
export function short(id, length = 12) {
  const text = String(id);
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** An integer with thousands separated. */
export function count(number) {
  return typeof number === "number" ? number.toLocaleString("en") : String(number);
}
