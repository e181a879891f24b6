/** The two dialogs that come by themselves: is anybody there, and the server is gone. */

import { byId } from "./dom.js";

/** Asks whether anybody is still there. */
export class StillThere {
  #dialog = byId("idle");
  #language;
  #leftS = null;

  constructor(language) {
    this.#language = language;
  }

  /** Ask, or say how many seconds are left; a screen reader hears every fifth of them. */
  ask(leftS) {
    if (leftS === this.#leftS) return;
    this.#leftS = leftS;
    const words = this.#language.t("idle.lead", { n: leftS });
    byId("idle-lead").textContent = words;
    if (leftS % 5 === 0) byId("idle-spoken").textContent = words;
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** Somebody is. */
  close() {
    this.#leftS = null;
    if (this.#dialog.open) this.#dialog.close();
    for (const id of ["idle-lead", "idle-spoken"]) byId(id).textContent = "";
  }
}

/** Says that the server is gone, for as long as it is. */
export class Offline {
  #dialog = byId("offline");
  #shown = false;

  constructor() {
    this.#dialog.addEventListener("cancel", (event) => event.preventDefault());
    // A browser lets a second Escape through; there is nothing behind it to use, though.
    this.#dialog.addEventListener("close", () => this.#shown && this.#dialog.showModal());
  }

  /**
   * Say it.
   * @param {"gone"|"token"} why
   * @param {boolean} kept whether there is a basket to be kept.
   */
  show(why, kept) {
    this.#shown = true;
    byId("offline-kept").hidden = !kept;
    byId("offline-token").hidden = why !== "token";
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** It is back. */
  close() {
    this.#shown = false;
    if (this.#dialog.open) this.#dialog.close();
  }
}
