/** The screen after the last: what to do with the things, and a moment to read it. */

import { byId } from "./dom.js";

const SHOWN_MS = 12_000;

export class Thanks {
  #parts;
  #timer = 0;
  #bought = null; // {pieces, total}

  /** @param parts {cards, language, on: {over}} */
  constructor(parts) {
    this.#parts = parts;
    byId("thanks-again").addEventListener("click", () => parts.on.over());
  }

  /** Say thanks for `pieces` that cost `total`, null where that is not known. */
  show(pieces, total) {
    this.#bought = { pieces, total };
    this.draw();
    byId("thanks-title").focus();
    this.#timer = setTimeout(() => this.#parts.on.over(), SHOWN_MS);
  }

  /** Draw it again, as after a change of language. */
  draw() {
    if (this.#bought === null) return;
    const { language, cards } = this.#parts;
    const count = language.count("basket.count", this.#bought.pieces);
    const total = cards.price(this.#bought.total);
    const key = total === "" ? "thanks.leadFree" : "thanks.lead";
    byId("thanks-lead").textContent = language.t(key, { count, total });
  }

  /** Forget it. */
  clear() {
    clearTimeout(this.#timer);
    this.#bought = null;
    byId("thanks-lead").textContent = "";
  }
}
