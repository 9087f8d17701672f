// Sources that a reader opens, told to the service: how many of those shown are followed.

import { clicked } from "./api.js";

/** Watches a page for links with `data-source` within an element, or with an attribute, `data-answer`. */
export function watchFollowed(root) {
  root.addEventListener("click", opened);
  // The middle button opens another tab, and is no click.
  root.addEventListener("auxclick", (event) => event.button === 1 && opened(event));
}

function opened(event) {
  // A tap on a mark shows its passage, and goes nowhere.
  if (event.defaultPrevented || !(event.target instanceof Element)) return;
  const link = event.target.closest("a[data-source]");
  const answer = link?.closest("[data-answer]");
  if (answer) clicked(answer.dataset.answer, Number(link.dataset.source));
}
