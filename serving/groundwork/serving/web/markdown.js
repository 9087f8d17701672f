// Markdown blocks into plain nodes: {tag, attributes, children}, {code, language}. See inline.js for what stands in them.
//
// A document is read line by line, and what has been read does not change when text is added at its end, except
// for the last two blocks: that is what lets AnswerText (render.js) parse a growing answer in linear time.

import { directionOf } from "./direction.js";
import { parseInline } from "./inline.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const UNDERLINE = /^ {0,3}(={2,}|-{2,})[ \t]*$/; // two at least: a lone "-" is a list about to start
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: {1,4}(?! )| (?= )|$)/;
const TAB = "    ";
const MAX_NESTING = 10; // of lists and quotations
const MAX_COLUMNS = 50;

/** The blocks of a text, top level: `[{start, node}]`, `start` an offset into `source`. */
export function parseBlocks(source, { open = false } = {}) {
  const lines = source.split("\n");
  const offsets = [0];
  for (const line of lines) offsets.push(offsets.at(-1) + line.length + 1);
  const reader = new Reader(lines, open, 0);
  return reader.blocks().map(({ line, node }) => ({ start: offsets[line], node }));
}

/** A line with the tabs it starts with as four spaces each: structure goes by columns. */
function expanded(line) {
  const indent = /^[ \t]*/.exec(line)[0];
  return indent.includes("\t") ? indent.replaceAll("\t", TAB) + line.slice(indent.length) : line;
}

/** A line without up to `columns` of its indentation; the tabs behind them stay tabs. */
function dedented(line, columns) {
  let [at, left] = [0, columns];
  for (; left > 0 && (line[at] === " " || line[at] === "\t"); at += 1) {
    if (line[at] === "\t" && left < TAB.length) return TAB.slice(left) + line.slice(at + 1);
    left -= line[at] === "\t" ? TAB.length : 1;
  }
  return line.slice(at);
}

const element = (tag, children, attributes = {}) => ({ tag, attributes, children });
const directed = (tag, children, attributes = {}) =>
  element(tag, children, { ...attributes, dir: directionOf(children) });
const isDelimiter = (cell) => /^:?-+:?$/.test(cell);
const isBlank = (line) => line.trim() === "";
const indentOf = (line) => line.length - line.trimStart().length;

class Reader {
  constructor(lines, open, nesting) {
    this.raw = lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
    this.lines = this.raw.map(expanded);
    this.open = open;
    this.nesting = nesting;
    this.at = 0;
  }

  blocks() {
    const found = [];
    while (this.at < this.lines.length) {
      if (isBlank(this.lines[this.at])) this.at += 1;
      else found.push({ line: this.at, node: this.block() });
    }
    return found;
  }

  block() {
    const line = this.lines[this.at];
    if (opensFence(line)) return this.fence();
    if (HEADING.test(line)) return this.heading();
    if (RULE.test(line)) return this.rule();
    if (indentOf(line) >= 4) return this.indentedCode();
    if (this.nesting < MAX_NESTING) {
      if (QUOTE.test(line)) return this.quote();
      if (ITEM.test(line)) return this.list();
    }
    return this.table() ?? this.paragraph();
  }

  /** Whether what was just read is the end of a text that still grows. */
  get growing() {
    const left = this.lines.length - this.at;
    return this.open && (left <= 0 || (left === 1 && isBlank(this.lines[this.at])));
  }

  inline(text) {
    return parseInline(text, { open: this.growing });
  }

  nested(lines) {
    return new Reader(lines, this.growing, this.nesting + 1).blocks().map(({ node }) => node);
  }

  fence() {
    const [opening, ticks] = FENCE.exec(this.lines[this.at]);
    const language = this.lines[this.at].slice(opening.length).trim().split(/\s/, 1)[0];
    const indent = indentOf(opening);
    const close = new RegExp(`^ {0,3}${ticks[0]}{${ticks.length},}[ \\t]*$`);
    const content = [];
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      if (close.test(this.lines[this.at])) break;
      content.push(dedented(this.raw[this.at], indent));
    }
    const closed = this.at < this.lines.length;
    this.at += 1;
    if (!closed && this.open) dropHalfFence(content, ticks);
    return { code: content.join("\n"), language: language.slice(0, 24) };
  }

  heading() {
    const line = this.lines[this.at];
    const [whole, marks] = HEADING.exec(line);
    this.at += 1;
    const text = withoutClosingMarks(line.slice(whole.length).trim());
    return this.headingNode(marks.length, text);
  }

  /** Answers stand below the page's h1 and the question's h2. */
  headingNode(level, text) {
    return directed(`h${Math.min(level + 2, 6)}`, this.inline(text));
  }

  rule() {
    this.at += 1;
    return element("hr", []);
  }

  indentedCode() {
    const content = [];
    while (this.at < this.lines.length) {
      const line = this.lines[this.at];
      if (!isBlank(line) && indentOf(line) < 4) break;
      content.push(dedented(this.raw[this.at], 4));
      this.at += 1;
    }
    while (content.length > 0 && isBlank(content.at(-1))) content.pop();
    return { code: content.join("\n"), language: "" };
  }

  quote() {
    const content = [];
    while (this.at < this.lines.length && QUOTE.test(this.lines[this.at])) {
      content.push(this.lines[this.at].replace(QUOTE, ""));
      this.at += 1;
    }
    return directed("blockquote", this.nested(content));
  }

  list() {
    const [, , first] = ITEM.exec(this.lines[this.at]);
    const ordered = /\d/.test(first);
    const base = indentOf(this.lines[this.at]);
    const items = [];
    let loose = false;
    while (this.at < this.lines.length) {
      const marker = ITEM.exec(this.lines[this.at]);
      if (marker === null || marker[2].at(-1) !== first.at(-1)) break;
      if (RULE.test(this.lines[this.at]) || marker[1].length >= base + 4) break;
      const item = this.item(marker, base);
      loose ||= item.loose || (item.blankAfter && this.continues(first, base));
      items.push(item);
    }
    const children = items.map(({ nodes }) => directed("li", loose ? nodes : tight(nodes)));
    const start = Number.parseInt(first, 10);
    const attributes = ordered && start !== 1 ? { start } : {};
    return element(ordered ? "ol" : "ul", children, attributes);
  }

  continues(first, base) {
    const marker = ITEM.exec(this.lines[this.at] ?? "");
    return marker !== null && marker[2].at(-1) === first.at(-1) && marker[1].length < base + 4;
  }

  item(marker, base) {
    const line = this.lines[this.at];
    const width = isBlank(line.slice(marker[0].length)) ? marker[1].length + marker[2].length + 1 : marker[0].length;
    const content = [line.slice(marker[0].length)];
    let blank = false;
    let innerBlank = false;
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      const next = this.lines[this.at];
      if (isBlank(next)) {
        blank = true;
        content.push("");
        continue;
      }
      if (!this.belongs(next, width, base, blank)) break;
      innerBlank ||= blank;
      blank = false;
      content.push(dedented(this.raw[this.at], width));
    }
    const nodes = this.nested(content);
    return { nodes, blankAfter: blank, loose: innerBlank && nodes.length > 1 };
  }

  /** Whether a line goes on with the item whose text starts in column `width`. */
  belongs(line, width, base, afterBlank) {
    const indent = indentOf(line);
    if (indent >= width) return true;
    // Models indent a list under "1." by two columns; CommonMark would end the outer list there.
    if (ITEM.test(line) && indent >= base + 2) return true;
    return !afterBlank && !startsBlock(line, false);
  }

  isTable() {
    const [line, next] = [this.lines[this.at], this.lines[this.at + 1] ?? ""];
    if (!line.includes("|") || !next.includes("-")) return false;
    const delimiter = cells(next);
    const width = cells(line).length;
    return width === delimiter.length && width <= MAX_COLUMNS && delimiter.every(isDelimiter);
  }

  table() {
    if (!this.isTable()) return null;
    const header = cells(this.lines[this.at]);
    const delimiter = cells(this.lines[this.at + 1]);
    const aligns = delimiter.map(alignment);
    this.at += 2;
    const rows = [];
    while (this.at < this.lines.length) {
      const line = this.lines[this.at];
      if (isBlank(line) || startsBlock(line, true)) break;
      this.at += 1;
      rows.push(this.row(cells(line).slice(0, header.length), "td", aligns));
    }
    const head = element("thead", [this.row(header, "th", aligns)]);
    const table = element("table", rows.length > 0 ? [head, element("tbody", rows)] : [head]);
    const frame = { class: "table", tabindex: "0", role: "region", "aria-label": "Table" };
    return element("div", [table], frame);
  }

  row(texts, tag, aligns) {
    const scope = tag === "th" ? { scope: "col" } : {};
    const columns = aligns.map((align, index) =>
      directed(tag, this.inline(texts[index] ?? ""), { ...scope, class: align }),
    );
    return element("tr", columns);
  }

  paragraph() {
    const content = [this.lines[this.at].trimStart()];
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      const line = this.lines[this.at];
      if (isBlank(line)) break;
      if (UNDERLINE.test(line)) {
        this.at += 1;
        return this.headingNode(line.includes("=") ? 1 : 2, content.join("\n").trim());
      }
      if (startsBlock(line, true) || this.isTable()) break;
      content.push(line.trimStart());
    }
    return directed("p", this.inline(content.join("\n").trimEnd()));
  }
}

/** A fence's first line; text between two runs of three ticks is inline code instead. */
function opensFence(line) {
  const opening = FENCE.exec(line);
  return opening !== null && (opening[1][0] === "~" || !line.slice(opening[0].length).includes("`"));
}

function startsBlock(line, inParagraph) {
  if (opensFence(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line)) return true;
  const item = ITEM.exec(line);
  if (item === null || item[1].length >= 4) return false;
  const isEmpty = isBlank(line.slice(item[0].length));
  const ordinal = Number.parseInt(item[2], 10);
  return !inParagraph || (!isEmpty && (Number.isNaN(ordinal) || ordinal === 1));
}

/** While an answer grows, the first ticks of a closing fence are not yet code. */
function dropHalfFence(content, ticks) {
  const last = content.at(-1);
  if (last !== undefined && last !== "" && ticks.startsWith(last.trim())) content.pop();
}

function withoutClosingMarks(text) {
  let end = text.length;
  while (text[end - 1] === "#") end -= 1;
  return end === 0 || /[ \t]/.test(text[end - 1]) ? text.slice(0, end).trimEnd() : text;
}

function tight(nodes) {
  return nodes.flatMap((node) => (node.tag === "p" ? node.children : [node]));
}

function alignment(cell) {
  if (!cell.endsWith(":")) return null;
  return cell.startsWith(":") ? "center" : "right";
}

/** The cells of a table's row; a pipe in code or after a backslash does not part them. */
function cells(line) {
  const found = [""];
  let inCode = false;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at];
    if (character === "\\" && line[at + 1] === "|") {
      found[found.length - 1] += "|";
      at += 1;
    } else if (character === "|" && !inCode) {
      found.push("");
    } else {
      if (character === "`") inCode = !inCode;
      found[found.length - 1] += character;
    }
  }
  const trimmed = found.map((cell) => cell.trim());
  if (trimmed.length > 1 && trimmed[0] === "") trimmed.shift();
  if (trimmed.length > 1 && trimmed.at(-1) === "") trimmed.pop();
  return trimmed;
}
