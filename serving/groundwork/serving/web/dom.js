// Elements are made here. Text always goes in as text nodes: nothing in this folder parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (null and false leave one out) and children (nodes or strings). */
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
}

/** A decorative icon out of the sprite in chat.html. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A button with a visible label; `iconName` stands before it. */
export function button(label, className, iconName) {
  return el(
    "button",
    { type: "button", class: className },
    iconName ? icon(iconName) : null,
    el("span", { class: "label" }, label),
  );
}

let counter = 0;

/** An id that no other element of the page has. */
export function freshId(prefix) {
  counter += 1;
  return `${prefix}-${counter}`;
}
