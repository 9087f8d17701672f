// Inline Markdown into plain nodes: strings, {tag, attributes, children}, {mark}. Never into markup.
//
// A safe subset of CommonMark: emphasis, strong, strike-through, code, links and bare http(s) URLs, line breaks,
// entities, escapes. HTML is text; images become links, since the page loads nothing from elsewhere. `[3]` is a
// citation mark, even before "(…)": an answer cannot dress a link up as a citation. Every step is linear or has
// a bound, for answers written to be slow.

import { emphasised, flanking, merged } from "./emphasis.js";
import { linkAttributes, safeHref } from "./links.js";

const MARK = /\[(\d{1,3}(?:[ \t]{0,2},[ \t]{0,2}\d{1,3}){0,20})\]/y;
const TARGET =
  /\([ \t]*(?:<([^<>\n]*)>|((?:[^\s()<>]|\([^\s()<>]*\))+))(?:\s+(?:"[^"]*"|'[^']*'))?[ \t]*\)/y;
const AUTOLINK = /<(https?:\/\/[^\s<>]*)>/y;
const BARE_URL = /https?:\/\/[^\s<>"`[\]{}|\\^]+/y;
const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,6}));/y;
const PLAIN = /[^\\`<!\[\]*_~&\nh]+/y;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const MAX_TARGET = 2000; // characters of a link's destination and title

/** Nodes of one run of text. `open` says that more may follow: what is half written is not shown raw. */
export function parseInline(source, { open = false } = {}) {
  return new Inline(open ? withoutLooseEnd(source) : source, open).parse();
}

/** The text without a citation mark, link target or delimiter that is only half there yet. */
function withoutLooseEnd(source) {
  const bracket = source.lastIndexOf("[");
  if (bracket >= 0) {
    const tail = source.slice(bracket, bracket + MAX_TARGET);
    if (/^\[[\d, ]{0,8}$/.test(tail)) return source.slice(0, bracket);
    const half = /^\[([^\]]*)\]\([^\s()]*$/.exec(tail);
    if (half !== null && !/^\d+$/.test(half[1])) return source.slice(0, bracket) + half[1];
  }
  let end = source.length;
  while (end > 0 && "*_~`".includes(source[end - 1])) end -= 1;
  return source.slice(0, end);
}

class Inline {
  constructor(source, open) {
    this.source = source;
    this.open = open;
    this.at = 0;
    this.items = []; // strings, nodes, and delimiter runs {run, …}
    this.brackets = []; // {item, image, active}
    this.lastMark = -1; // where the last mark stands in `items`
    this.unclosed = new Set(); // lengths of backtick runs known to have no end
  }

  parse() {
    while (this.at < this.source.length) {
      const handled = this.match(PLAIN)?.[0] ?? null;
      if (handled !== null) this.text(handled);
      else this.special(this.source[this.at]);
    }
    return merged(emphasised(this.items, this.open));
  }

  special(character) {
    if (character === "\\") this.escape();
    else if (character === "`") this.code();
    else if (character === "<") this.autolink();
    else if (character === "!" || character === "[") this.openBracket(character);
    else if (character === "]") this.closeBracket();
    else if (character === "&") this.entity();
    else if (character === "\n") this.lineEnd();
    else if (character === "h") this.bareUrl();
    else this.delimiters(character);
  }

  match(expression) {
    expression.lastIndex = this.at;
    const found = expression.exec(this.source);
    if (found !== null) this.at += found[0].length;
    return found;
  }

  text(text) {
    if (typeof this.items.at(-1) === "string") this.items[this.items.length - 1] += text;
    else this.items.push(text);
  }

  literal() {
    this.text(this.source[this.at]);
    this.at += 1;
  }

  escape() {
    const next = this.source[this.at + 1];
    if (next === "\n") this.items.push({ tag: "br", attributes: {}, children: [] });
    else if (next !== undefined && /[!-/:-@[-`{-~]/.test(next)) this.text(next);
    else return this.literal();
    this.at += 2;
  }

  code() {
    let length = 1;
    while (this.source[this.at + length] === "`") length += 1;
    const start = this.at + length;
    let end = this.unclosed.has(length) ? -1 : this.closingTicks(start, length);
    if (end < 0 && this.open) end = this.source.length;
    if (end < 0) {
      this.unclosed.add(length);
      this.text("`".repeat(length));
      this.at = start;
      return;
    }
    let content = this.source.slice(start, end).replaceAll("\n", " ");
    const padded = content.startsWith(" ") && content.endsWith(" ");
    if (padded && content.trim() !== "") content = content.slice(1, -1);
    this.items.push({ tag: "code", attributes: {}, children: [content] });
    this.at = Math.min(end + length, this.source.length);
  }

  closingTicks(from, length) {
    let at = this.source.indexOf("`", from);
    while (at >= 0) {
      let end = at + 1;
      while (this.source[end] === "`") end += 1;
      if (end - at === length) return at;
      at = this.source.indexOf("`", end);
    }
    return -1;
  }

  autolink() {
    const found = this.match(AUTOLINK);
    if (found === null) return this.literal();
    const href = safeHref(found[1]);
    if (href === null) this.text(found[0]);
    else this.items.push(link(href, [found[1]]));
  }

  bareUrl() {
    const before = this.source[this.at - 1] ?? " ";
    if (!/[\p{L}\p{N}_]/u.test(before)) {
      const start = this.at;
      const found = this.match(BARE_URL);
      if (found !== null) {
        const shown = trimmedUrl(found[0]);
        this.at = start + shown.length;
        const href = safeHref(shown);
        if (href === null) this.text(shown);
        else this.items.push(link(href, [shown]));
        return;
      }
    }
    this.literal();
  }

  openBracket(character) {
    const mark = character === "[" ? this.match(MARK) : null;
    if (mark !== null) {
      for (const number of mark[1].split(",")) this.mark(Number(number));
      return;
    }
    const image = character === "!";
    if (image && this.source[this.at + 1] !== "[") return this.literal();
    this.brackets.push({ item: this.items.length, image, active: true });
    this.items.push(image ? "![" : "[");
    this.items.push("");
    this.at += image ? 2 : 1;
  }

  mark(number) {
    let lead = "";
    const before = this.items.at(-1);
    if (typeof before === "string" && before.endsWith(" ")) {
      lead = " "; // the numeral hangs on the word before it; the blank comes back if nothing is cited
      this.items[this.items.length - 1] = before.slice(0, -1);
    }
    this.lastMark = this.items.push({ mark: number, lead }) - 1;
  }

  closeBracket() {
    const bracket = this.brackets.pop();
    // A link around a mark would look like the citation and lead elsewhere.
    if (bracket === undefined || !bracket.active || this.lastMark > bracket.item) return this.literal();
    const href = this.target();
    if (href === null) return this.literal();
    const inside = this.items.splice(bracket.item).slice(1);
    const children = merged(emphasised(inside, false));
    // So would a link that shows a bare number: without a word, it shows its address.
    this.items.push(link(href, children.some(hasLetter) ? children : [href]));
    for (const outer of this.brackets) outer.active = outer.active && outer.image;
  }

  /** The safe URL in "(…)" after a closing bracket, and moves past it; null leaves everything as text. */
  target() {
    const window = this.source.slice(this.at + 1, this.at + 1 + MAX_TARGET);
    TARGET.lastIndex = 0;
    const found = TARGET.exec(window);
    const href = found === null ? null : safeHref(found[1] ?? found[2]);
    if (href !== null) this.at += 1 + found[0].length;
    return href;
  }

  entity() {
    const found = this.match(ENTITY);
    if (found === null) return this.literal();
    const [whole, decimal, hexadecimal, name] = found;
    if (name !== undefined) return this.text(ENTITIES[name] ?? whole);
    const point = decimal === undefined ? parseInt(hexadecimal, 16) : Number(decimal);
    const valid = point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    this.text(valid ? String.fromCodePoint(point) : "\ufffd");
  }

  lineEnd() {
    const before = this.items.at(-1);
    if (typeof before === "string" && before.endsWith("  ")) {
      this.items[this.items.length - 1] = before.trimEnd();
      this.items.push({ tag: "br", attributes: {}, children: [] });
    } else {
      this.text("\n");
    }
    this.at += 1;
  }

  delimiters(character) {
    let end = this.at + 1;
    while (this.source[end] === character) end += 1;
    const length = end - this.at;
    const before = previousCharacter(this.source, this.at);
    const after = String.fromCodePoint(this.source.codePointAt(end) ?? 32);
    this.at = end;
    if (character === "~" && length !== 2) return this.text("~".repeat(length));
    this.items.push({ run: character, length, count: length, ...flanking(character, before, after) });
  }
}

function previousCharacter(source, at) {
  if (at === 0) return " ";
  const low = source.charCodeAt(at - 1);
  const pair = low >= 0xdc00 && low <= 0xdfff && at > 1;
  return pair ? source.slice(at - 2, at) : source[at - 1];
}

function link(href, children) {
  return { tag: "a", attributes: linkAttributes(href), children };
}

function hasLetter(node) {
  return typeof node === "string" ? /\p{L}/u.test(node) : node.children.some(hasLetter);
}

/** A bare URL without the sentence's punctuation at its end. */
function trimmedUrl(url) {
  let end = url.length;
  let unopened = url.split(")").length - url.split("(").length;
  for (;;) {
    const last = url[end - 1];
    if (last === ")" && unopened > 0) unopened -= 1;
    else if (!".,;:!?'*_~".includes(last)) return url.slice(0, end);
    end -= 1;
  }
}
