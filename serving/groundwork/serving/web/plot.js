// What the plots share: SVG elements, scales, ticks.

import { el } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children. */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) node.setAttribute(name, String(value));
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

/** A plot that says in one sentence what it shows; the figures themselves are in the table beside it. */
export function frame(width, height, sentence, ...children) {
  const options = { class: "plot", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": sentence };
  return svg("svg", options, ...children);
}

/** From [from, to] to [low, high]. */
export function scale(from, to, low, high) {
  const span = to - from || 1;
  return (value) => low + ((value - from) / span) * (high - low);
}

/** At most about four round numbers between 0 (or `low`) and `high`. */
export function ticks(low, high) {
  const span = high - low;
  if (!(span > 0)) return [0];
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high * 1.0001; n += 1) found.push(n * step);
  return found;
}

/** Draws into `element` now and whenever its width changes. */
export function responsive(element, draw) {
  let last = 0;
  const paint = () => {
    const width = Math.floor(element.clientWidth);
    if (width === 0 || width === last) return;
    last = width;
    element.replaceChildren(draw(width));
  };
  new ResizeObserver(paint).observe(element);
  paint();
}

/** A table: `columns` are [heading, class], `rows` lists of cells (strings or nodes). */
export function table(caption, columns, rows) {
  const head = columns.map(([heading, kind]) => el("th", { scope: "col", class: kind }, heading));
  const body = rows.map((cells) =>
    el("tr", null, ...cells.map((cell, n) => el(n === 0 ? "th" : "td", { scope: n === 0 ? "row" : null, class: columns[n][1] }, cell))),
  );
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", null, el("caption", { class: "unseen" }, caption), el("thead", null, el("tr", null, ...head)), el("tbody", null, ...body)),
  );
}

/** A table that is folded away under "Table". */
export function folded(caption, columns, rows) {
  return el("details", { class: "figures-table" }, el("summary", null, "Table"), table(caption, columns, rows));
}

/** Replaces everything of a panel but its heading. */
export function fill(panel, ...content) {
  while (panel.lastElementChild !== panel.firstElementChild) panel.lastElementChild.remove();
  for (const node of content) if (node !== null) panel.append(node);
  panel.removeAttribute("aria-busy");
}
