/** Says what happened: to the eye for a few seconds, to a screen reader as soon as it is free. */

import { byId } from "./dom.js";

const SHOWN_MS = 3500;

export class Announcer {
  #page = byId("status");
  #dialog = byId("detail-status"); // what is outside an open dialog is not read out
  #timer = 0;

  /** Say `words`; `kind` "problem" makes them stand out. */
  say(words, kind = "done") {
    this.clear();
    const status = this.#dialog.closest("dialog").open ? this.#dialog : this.#page;
    status.textContent = words;
    status.dataset.kind = kind;
    status.classList.add("there");
    this.#timer = setTimeout(() => this.clear(), SHOWN_MS);
  }

  /** Take back what was said. */
  clear() {
    clearTimeout(this.#timer);
    for (const status of [this.#page, this.#dialog]) {
      status.classList.remove("there");
      status.textContent = "";
    }
  }
}
