// A code block: its language, a copy button, and the code exactly as it was written.

import { copyButton } from "./clipboard.js";
import { el } from "./dom.js";
import { patch, shown } from "./render.js";

/** The part of render.js that shows {code, language}. */
export function codeBlock(node, announcer) {
  let source = node.code;
  const name = node.language ? `Code, ${node.language}` : "Code";
  const code = el("code", { dir: "ltr" });
  const copy = copyButton("Copy", "Copy code", () => source, announcer);
  const element = el(
    "figure",
    { class: "code", "aria-label": name },
    el("figcaption", null, el("span", { class: "language", dir: "ltr" }, node.language || "text"), copy),
    el("pre", { tabindex: "0", role: "region", "aria-label": name }, code),
  );
  let nodes = shown(source, { code: true });
  patch(code, [], nodes, {});
  const update = (next) => {
    const after = shown(next.code, { code: true });
    patch(code, nodes, after, {});
    nodes = after;
    source = next.code;
  };
  return { element, update };
}
