// Which way a block reads. dir="auto" would say the same, but browsers then look through the whole block each time
// a child is added: a long answer without letters takes minutes.

const LETTER = /\p{L}/u;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** "rtl" or "ltr" by the first letter outside of code; null where there is none yet. */
export function directionOf(nodes) {
  for (const node of nodes) {
    const found = typeof node === "string" ? ofText(node) : ofNode(node);
    if (found !== null) return found;
  }
  return null;
}

function ofText(text) {
  const letter = LETTER.exec(text);
  if (letter === null) return null;
  return RIGHT_TO_LEFT.test(letter[0]) ? "rtl" : "ltr";
}

function ofNode(node) {
  return node.children === undefined || node.tag === "code" ? null : directionOf(node.children);
}
