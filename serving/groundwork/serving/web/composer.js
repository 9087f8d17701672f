// The box that questions are typed into.

const MAX_HEIGHT = 0.4; // of the window; longer questions scroll

export class Composer {
  #form = document.getElementById("composer");
  #input = document.getElementById("question");
  #send = document.getElementById("send");
  #stop = document.getElementById("stop");
  #busy = false;

  /** `ask(question)` is called with what was typed, `stop()` by the stop button. */
  constructor({ ask, stop }) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(ask);
    });
    this.#input.addEventListener("keydown", (event) => {
      const plain = !event.shiftKey && !event.altKey && !event.isComposing;
      if (event.key !== "Enter" || !plain) return;
      event.preventDefault();
      this.#submit(ask);
    });
    this.#input.addEventListener("input", () => this.#grow());
    this.#stop.addEventListener("click", stop);
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !takesText(event.target)) {
        event.preventDefault();
        this.focus();
      }
    });
  }

  /** While an answer comes, the stop button stands where the send button was. */
  set busy(busy) {
    const focused = document.activeElement;
    this.#busy = busy;
    this.#send.hidden = busy;
    this.#stop.hidden = !busy;
    if (focused === this.#send) this.#stop.focus();
    else if (focused === this.#stop) this.focus();
  }

  focus() {
    this.#input.focus();
  }

  /** Ready for the next question; on a touch screen, without the keyboard over the answer. */
  rest() {
    if (window.matchMedia("(pointer: coarse)").matches) this.#input.blur();
    else this.focus();
  }

  fill(text) {
    this.#input.value = text;
    this.#grow();
    this.focus();
    this.#input.setSelectionRange(text.length, text.length);
  }

  #submit(ask) {
    const question = this.#input.value.trim();
    if (question === "" || this.#busy) return;
    this.#input.value = "";
    this.#grow();
    ask(question);
  }

  #grow() {
    this.#input.style.setProperty("height", "auto");
    const height = Math.min(this.#input.scrollHeight, window.innerHeight * MAX_HEIGHT);
    this.#input.style.setProperty("height", `${height}px`);
  }
}

function takesText(target) {
  if (!(target instanceof Element)) return false;
  return target.closest("input, textarea, select, dialog, [contenteditable]") !== null;
}
