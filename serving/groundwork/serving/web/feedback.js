// Thumbs, and an optional comment. The rating counts at once; a comment is sent after it, with the same rating.

import { feedback } from "./api.js";
import { button, el, freshId } from "./dom.js";

const QUESTIONS = { up: "What was good about it?", down: "What was wrong or missing?" };

/** The buttons and the comment form for one answer: `{buttons, form}`. */
export function feedbackControls(answerId, announcer) {
  return new Feedback(answerId, announcer);
}

class Feedback {
  constructor(answerId, announcer) {
    this.answerId = answerId;
    this.announcer = announcer;
    this.rating = null;
    this.thumbs = { up: this.thumb("up", "Good answer"), down: this.thumb("down", "Bad answer") };
    this.buttons = el("span", { class: "thumbs", role: "group", "aria-label": "Rate this answer" });
    this.buttons.append(this.thumbs.up, this.thumbs.down);
    this.form = this.commentForm();
  }

  thumb(rating, label) {
    const control = button("", "quiet square", `thumb-${rating}`);
    control.setAttribute("aria-label", label);
    control.setAttribute("aria-pressed", "false");
    control.addEventListener("click", () => this.rate(rating));
    return control;
  }

  commentForm() {
    const id = freshId("comment");
    this.question = el("label", { for: id }, "Comment (optional)");
    this.comment = el("textarea", { id, rows: "2", maxlength: "2000", dir: "auto" });
    this.status = el("p", { class: "small", hidden: true });
    const cancel = button("No comment", "quiet");
    cancel.addEventListener("click", () => this.dismiss());
    this.fields = el("div", { class: "comment-fields" });
    const send = el("button", { type: "submit", class: "primary" }, "Send comment");
    this.fields.append(this.question, this.comment, el("div", { class: "row" }, send, cancel));
    const form = el("form", { class: "comment", "aria-label": "Comment on this answer", hidden: true });
    form.append(this.fields, this.status);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.sendComment();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.dismiss();
    });
    return form;
  }

  async rate(rating) {
    if (!(await this.post(rating, ""))) return;
    this.rating = rating;
    for (const [name, control] of Object.entries(this.thumbs)) {
      control.setAttribute("aria-pressed", String(name === rating));
    }
    this.question.textContent = `${QUESTIONS[rating]} (optional)`;
    this.fields.hidden = false;
    this.form.hidden = false;
    this.show("");
    this.announcer.say("Rating saved. You can add a comment.");
    this.comment.focus();
  }

  async sendComment() {
    const comment = this.comment.value.trim();
    if (comment !== "" && !(await this.post(this.rating, comment))) return;
    this.comment.value = "";
    if (comment === "") this.dismiss();
    else this.thank();
  }

  async post(rating, comment) {
    try {
      await feedback(this.answerId, rating, comment);
      return true;
    } catch (problem) {
      this.form.hidden = false;
      this.fields.hidden = this.rating === null;
      this.show(`The rating was not saved. ${problem.message}`);
      this.announcer.say(this.status.textContent);
      return false;
    }
  }

  thank() {
    this.fields.hidden = true;
    this.show("Thank you. The comment is saved.");
    this.announcer.say(this.status.textContent);
    this.thumbs[this.rating].focus();
  }

  dismiss() {
    this.form.hidden = true;
    this.thumbs[this.rating]?.focus();
  }

  show(sentence) {
    this.status.textContent = sentence;
    this.status.hidden = sentence === "";
  }
}
