// Emphasis by CommonMark's delimiter runs: https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis
// An item is a string, a finished node, or a run {run, length, count, opens, closes}.

const PUNCTUATION = /[\p{P}\p{S}]/u;
const MAX_DEPTH = 20; // of emphasis in emphasis; beyond it asterisks stay asterisks

/** https://spec.commonmark.org/0.31.2/#left-flanking-delimiter-run */
export function flanking(character, before, after) {
  const [spaceBefore, spaceAfter] = [/\s/.test(before), /\s/.test(after)];
  const [pointBefore, pointAfter] = [PUNCTUATION.test(before), PUNCTUATION.test(after)];
  const left = !spaceAfter && (!pointAfter || spaceBefore || pointBefore);
  const right = !spaceBefore && (!pointBefore || spaceAfter || pointAfter);
  if (character !== "_") return { opens: left, closes: right };
  return { opens: left && (!right || pointBefore), closes: right && (!left || pointAfter) };
}

/** Pairs delimiter runs into em, strong and del. With `open`, a strong without its end reaches to the end. */
export function emphasised(items, open) {
  const out = [];
  const openers = []; // positions in `out`
  const failed = new Map(); // per kind of closer: below this many openers there is no match
  for (const item of items) {
    out.push(item);
    if (item.run === undefined) continue;
    if (item.closes) {
      out.pop();
      close(item, out, openers, failed);
      if (item.count > 0) out.push(item);
    }
    if (item.opens && item.count > 0) openers.push(out.length - 1);
  }
  if (open) strengthenTail(out, openers);
  return out.map(asText);
}

function close(closer, out, openers, failed) {
  while (closer.count > 0) {
    const at = findOpener(closer, out, openers, failed);
    if (at < 0) return;
    const position = openers[at];
    const opener = out[position];
    const used = closer.run === "~" || (opener.count >= 2 && closer.count >= 2) ? 2 : 1;
    const inside = out.splice(position + 1);
    const depth = 1 + inside.reduce((most, item) => Math.max(most, item.depth ?? 0), 0);
    if (depth > MAX_DEPTH) {
      for (const item of inside) out.push(item);
      failed.set(kindOf(closer), openers.length);
      return;
    }
    const children = inside.map(asText);
    const tag = closer.run === "~" ? "del" : used === 2 ? "strong" : "em";
    openers.length = at + 1;
    for (const [kind, bound] of failed) failed.set(kind, Math.min(bound, openers.length));
    opener.count -= used;
    closer.count -= used;
    if (opener.count === 0) {
      out.pop();
      openers.pop();
    }
    out.push({ tag, attributes: {}, children: merged(children), depth });
  }
}

function findOpener(closer, out, openers, failed) {
  const bound = failed.get(kindOf(closer)) ?? 0;
  for (let at = openers.length - 1; at >= bound; at -= 1) {
    const opener = out[openers[at]];
    if (opener.run === closer.run && opener.count > 0 && fits(opener, closer)) return at;
  }
  failed.set(kindOf(closer), openers.length);
  return -1;
}

function kindOf(closer) {
  return `${closer.run}${closer.opens}${closer.length % 3}`;
}

/** CommonMark's "multiple of 3" rule. */
function fits(opener, closer) {
  if (!closer.opens && !opener.closes) return true;
  if ((opener.length + closer.length) % 3 !== 0) return true;
  return opener.length % 3 === 0 && closer.length % 3 === 0;
}

function strengthenTail(out, openers) {
  const position = openers.find((at) => out[at].run === "*" && out[at].count === 2);
  if (position === undefined) return;
  const inside = out.splice(position).slice(1);
  const children = inside.map(asText);
  if (children.length > 0) out.push({ tag: "strong", attributes: {}, children: merged(children) });
}

function asText(item) {
  return item.run === undefined ? item : item.run.repeat(item.count);
}

/** Neighbouring strings joined, empty ones gone. */
export function merged(nodes) {
  const out = [];
  for (const node of nodes) {
    if (node === "") continue;
    if (typeof node === "string" && typeof out.at(-1) === "string") out[out.length - 1] += node;
    else out.push(node);
  }
  return out;
}
