// Copy buttons.

import { button, el, icon } from "./dom.js";

const SHOWN_MS = 2000;

/** A button that copies `text()` and says whether that worked, on itself and to the announcer. */
export function copyButton(label, name, text, announcer) {
  const control = button(label, "quiet copy", "copy");
  control.setAttribute("aria-label", name);
  const caption = control.querySelector(".label");
  let timer = 0;
  const show = (iconName, words) => {
    control.querySelector(".icon").replaceWith(icon(iconName));
    caption.textContent = words;
  };
  control.addEventListener("click", async () => {
    const copied = await copy(text());
    show(copied ? "done" : "copy", copied ? "Copied" : "Not copied");
    announcer.say(copied ? "Copied" : "Copying failed: select the text and copy it yourself.");
    window.clearTimeout(timer);
    timer = window.setTimeout(() => show("copy", label), SHOWN_MS);
  });
  return control;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // plain http on another host than localhost has no clipboard API
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const field = el("textarea", { class: "unseen", readonly: true, "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}
