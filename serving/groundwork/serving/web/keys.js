// Asks for an API key when the service wants one.

import { key } from "./api.js";

export class KeyDialog {
  #dialog = document.getElementById("key-dialog");
  #form = document.getElementById("key-form");
  #input = document.getElementById("key-value");
  #message = document.getElementById("key-message");
  #forget = document.getElementById("key-forget");
  #opener = document.getElementById("key");
  #waiting = [];
  #changed;

  /** `changed` is called when there is another key, or none. */
  constructor(changed) {
    this.#changed = changed;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#use(this.#input.value.trim());
    });
    this.#dialog.addEventListener("close", () => this.#settle());
    document.getElementById("key-cancel").addEventListener("click", () => this.#dialog.close());
    this.#forget.addEventListener("click", () => this.#use(""));
    this.#opener.addEventListener("click", () => this.#show("The key that is sent with each question."));
    this.#opener.hidden = key.get() === "";
  }

  /** Resolves to whether there is a new key to try. */
  request() {
    const message = key.get() === "" ? "This service needs an API key." : "That key was not accepted.";
    this.#opener.hidden = false;
    this.#show(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #show(message) {
    this.#message.textContent = message;
    this.#forget.hidden = key.get() === "";
    this.#input.value = "";
    this.#dialog.returnValue = "";
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#input.focus();
  }

  #use(value) {
    if (value === "") key.forget();
    else key.set(value);
    this.#opener.hidden = value === "";
    this.#dialog.close(value === "" ? "forgotten" : "given");
    this.#changed();
  }

  #settle() {
    const given = this.#dialog.returnValue === "given";
    for (const resolve of this.#waiting.splice(0)) resolve(given);
  }
}
