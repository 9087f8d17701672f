// The chat page: puts the parts together.

import { Announcer } from "./announce.js";
import { indexes } from "./api.js";
import { Composer } from "./composer.js";
import { el } from "./dom.js";
import { watchFollowed } from "./followed.js";
import { KeyDialog } from "./keys.js";
import { PassageCard } from "./passage.js";
import { Turn } from "./turn.js";

// What goes along with a follow-up question; the service condenses it and refuses overlong bodies.
const MAX_MESSAGES = 20;
const MAX_CHARACTERS = 40_000;

class Chat {
  constructor() {
    this.turns = [];
    this.running = null;
    this.conversation = document.getElementById("conversation");
    this.welcome = document.getElementById("welcome");
    this.picker = document.getElementById("picker");
    this.index = document.getElementById("index");
    this.announcer = new Announcer(document.getElementById("announcer"));
    this.card = new PassageCard(this.conversation);
    this.keys = new KeyDialog(() => this.loadIndexes());
    this.composer = new Composer({ ask: (question) => this.ask(question), stop: () => this.running?.stop() });
  }

  start() {
    document.getElementById("new-chat").addEventListener("click", () => this.clear());
    for (const suggestion of this.welcome.querySelectorAll(".suggestions button")) {
      suggestion.addEventListener("click", () => this.ask(suggestion.textContent));
    }
    watchFollowed(document);
    this.measureDock();
    this.followEnd();
    this.printOpen();
    this.loadIndexes();
    this.composer.focus();
  }

  async ask(question) {
    if (this.running !== null) return;
    const request = { question, history: this.history() };
    if (!this.picker.hidden) request.index = this.index.value;
    const turn = new Turn(request, {
      card: this.card,
      announcer: this.announcer,
      requestKey: () => this.keys.request(),
      retry: (again) => this.run(again),
      rephrase: (text) => this.composer.fill(text),
    });
    this.turns.push(turn);
    this.welcome.hidden = true;
    this.conversation.hidden = false;
    this.conversation.append(turn.element);
    this.composer.rest();
    await this.run(turn);
  }

  async run(turn) {
    if (this.running !== null) return;
    this.running = turn;
    this.card.close();
    this.announcer.clear();
    this.announcer.say("Question sent.");
    this.composer.busy = true;
    if (turn.element.contains(document.activeElement)) this.composer.focus();
    const finished = turn.run();
    turn.element.scrollIntoView({ block: "start" });
    await finished;
    if (this.running !== turn) return; // cleared meanwhile
    this.running = null;
    this.composer.busy = false;
  }

  /** Earlier questions and answers, the newest that fit, in their order. */
  history() {
    const messages = this.turns.flatMap((turn) => turn.messages).slice(-MAX_MESSAGES);
    let room = MAX_CHARACTERS;
    const kept = messages.reverse().filter(({ content }) => {
      room -= content.length;
      return room >= 0;
    });
    kept.reverse();
    return kept[0]?.role === "assistant" ? kept.slice(1) : kept;
  }

  clear() {
    const stopped = this.running;
    this.running = null;
    stopped?.stop();
    this.turns = [];
    this.card.close();
    this.conversation.replaceChildren();
    this.conversation.hidden = true;
    this.welcome.hidden = false;
    this.composer.busy = false;
    this.announcer.clear();
    this.announcer.say("New chat.");
    window.scrollTo(0, 0);
    this.composer.focus();
  }

  /** Fills the index picker; with one index, or where the list is not to be had, there is nothing to pick. */
  async loadIndexes() {
    let names = [];
    try {
      names = await indexes();
    } catch {
      // Asking works without the list, and says what is wrong where something is.
    }
    const chosen = this.index.value;
    this.index.replaceChildren(...names.map((name) => el("option", { value: name }, name)));
    if (names.includes(chosen)) this.index.value = chosen;
    this.picker.hidden = names.length < 2;
  }

  /** Tells the style sheet how much of the window the question box covers, as it grows. */
  measureDock() {
    const dock = document.querySelector(".dock");
    const style = document.documentElement.style;
    new ResizeObserver(() => style.setProperty("--dock", `${dock.offsetHeight}px`)).observe(dock);
  }

  /** Offers the way down while the end of the conversation is out of sight. */
  followEnd() {
    const button = document.getElementById("to-end");
    const end = document.getElementById("end");
    const watch = new IntersectionObserver(([entry]) => {
      const below = entry.boundingClientRect.top > 0;
      button.hidden = entry.isIntersecting || !below || this.turns.length === 0;
    });
    watch.observe(end);
    button.addEventListener("click", () => {
      end.scrollIntoView({ block: "end" });
      this.composer.focus();
    });
  }

  /** Paper has no disclosure buttons: what is quoted gets printed. */
  printOpen() {
    let opened = [];
    window.addEventListener("beforeprint", () => {
      opened = [...this.conversation.querySelectorAll(".sources details:not([open])")];
      for (const details of opened) details.open = true;
    });
    window.addEventListener("afterprint", () => {
      for (const details of opened) details.open = false;
    });
  }
}

new Chat().start();
