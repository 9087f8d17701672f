// Nodes of markdown.js into DOM nodes, and a growing answer into as few DOM changes as it needs.

import { el } from "./dom.js";
import { parseBlocks } from "./markdown.js";

// Characters that reorder or hide what stands around them. They are shown by their code, and stay as they are in
// what is copied. Marks that scripts need (ZWJ, ZWNJ, LRM, RLM) pass in prose.
const REORDERING = "\\u202a-\\u202e\\u2066-\\u2069";
const UNPRINTABLE = "\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u{e0000}-\\u{e007f}";
const IN_PROSE = new RegExp(`([${REORDERING}${UNPRINTABLE}])`, "u");
const IN_CODE = new RegExp(
  `([${REORDERING}${UNPRINTABLE}\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2060-\\u2064\\ufeff])`,
  "u",
);

/** A string as nodes: characters that would mislead become {tag: "span"} with their code beside them. */
export function shown(text, { code = false } = {}) {
  const pattern = code ? IN_CODE : IN_PROSE;
  if (!pattern.test(text)) return [text];
  return text
    .split(pattern)
    .map((part, index) => (index % 2 === 1 ? control(part) : part))
    .filter((part) => part !== "");
}

function control(character) {
  const hexadecimal = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return {
    tag: "span",
    attributes: { class: "control", "data-code": `U+${hexadecimal}` },
    raw: character,
    children: [],
  };
}

/** `element` with nothing but `text` in it, as `shown` has it. */
export function withText(element, text, options) {
  patch(element, [], shown(String(text), options), {});
  return element;
}

/**
 * Makes the children of `parent`, which show `before`, show `after`. One node is one DOM child, so equal nodes keep
 * their element, its focus and its selection. `parts` makes what is more than an element: `parts.mark(node)` and
 * `parts.code(node)` return {element, update(node)}.
 */
export function patch(parent, before, after, parts) {
  const common = Math.min(before.length, after.length);
  let current = parent.firstChild;
  for (let index = 0; index < common; index += 1) {
    const next = current.nextSibling;
    if (before[index] !== after[index]) patchNode(parent, current, before[index], after[index], parts);
    current = next;
  }
  for (let left = before.length; left > common; left -= 1) parent.lastChild.remove();
  for (let index = common; index < after.length; index += 1) parent.append(make(after[index], parts));
}

const instances = new WeakMap();

function patchNode(parent, current, before, after, parts) {
  if (typeof before === "string" && typeof after === "string") {
    // Equal strings do not get here; adding at the end leaves a selection as it is.
    if (after.startsWith(before)) current.appendData(after.slice(before.length));
    else current.data = after;
  } else if (kind(before) !== kind(after)) {
    parent.replaceChild(make(after, parts), current);
  } else if (instances.has(current)) {
    instances.get(current).update(after);
  } else if (after.raw === undefined) {
    patch(current, expanded(before), expanded(after), parts);
  }
}

/** Nodes of one kind may share an element: the rest is in their children. */
function kind(node) {
  if (typeof node === "string") return "text";
  if (node.code !== undefined) return `code ${node.language}`;
  if (node.mark !== undefined) return `mark ${node.mark}`;
  return `${node.tag} ${node.raw ?? ""} ${JSON.stringify(node.attributes)}`;
}

function make(node, parts) {
  if (typeof node === "string") return document.createTextNode(node);
  if (node.code !== undefined || node.mark !== undefined) {
    const instance = node.code === undefined ? parts.mark(node) : parts.code(node);
    instances.set(instance.element, instance);
    return instance.element;
  }
  const element = el(node.tag, node.attributes);
  if (node.raw !== undefined) element.append(node.raw);
  else patch(element, [], expanded(node), parts);
  return element;
}

function expanded(node) {
  const code = node.tag === "code";
  return node.children.flatMap((child) => (typeof child === "string" ? shown(child, { code }) : [child]));
}

/** What a screen reader hears of a block: code and tables by name, marks as sources. */
export function spoken(node) {
  if (typeof node === "string") return node;
  if (node.code !== undefined) return node.language ? `Code in ${node.language}. ` : "Code. ";
  if (node.mark !== undefined) return "";
  const text = node.children.map(spoken).join("");
  return /^(li|p|h\d|tr|blockquote)$/.test(node.tag) ? `${text.trim()} ` : text;
}

/** The text of one answer inside `element`, from its first piece to its end. */
export class AnswerText {
  #element;
  #parts;
  #source = "";
  #blocks = [];

  constructor(element, parts) {
    this.#element = element;
    this.#parts = parts;
  }

  /** Shows `source`; with `open`, more is to come. Returns the nodes of the blocks that will not change. */
  set(source, { open = false } = {}) {
    // Adding text changes the last two blocks at most (markdown.js): the ones before are kept.
    const kept = source.startsWith(this.#source) ? Math.max(this.#blocks.length - 2, 0) : 0;
    const from = kept === 0 ? 0 : this.#blocks[kept].start;
    const fresh = parseBlocks(source.slice(from), { open });
    const blocks = [
      ...this.#blocks.slice(0, kept),
      ...fresh.map(({ start, node }) => ({ start: start + from, node })),
    ];
    patch(this.#element, nodesOf(this.#blocks), nodesOf(blocks), this.#parts);
    this.#source = source;
    this.#blocks = blocks;
    return nodesOf(open ? blocks.slice(0, -2) : blocks);
  }
}

function nodesOf(blocks) {
  return blocks.map(({ node }) => node);
}
