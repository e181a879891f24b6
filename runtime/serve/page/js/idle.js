/**
 * Notices that nobody is there any more: asks first, then says that the shopper has left. Goes by
 * the clock and not by one long timer, for a screen that slept must not show what was before.
 */

const LOOK_MS = 250;
const SIGNS = ["pointerdown", "pointermove", "click", "keydown", "wheel", "touchmove"];

export class Idle {
  #idleMs;
  #graceMs;
  #on;
  #last = 0;
  #timer = 0;
  #asking = false;

  /**
   * @param {number} idleS seconds without a sign of life until it asks.
   * @param {number} graceS seconds to answer that.
   * @param {{ask: function(number), stay: function(), leave: function()}} on what to call: `ask`
   *   again and again with the whole seconds that are left.
   */
  constructor(idleS, graceS, on) {
    this.#idleMs = 1000 * idleS;
    this.#graceMs = 1000 * graceS;
    this.#on = on;
    const noticed = (event) => this.#noticed(event);
    for (const sign of SIGNS) addEventListener(sign, noticed, { capture: true });
    document.addEventListener("visibilitychange", () => this.#look());
  }

  /** A shopper came. */
  start() {
    this.#last = Date.now();
    this.#asking = false;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Nobody is there: stop looking. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#asking = false;
  }

  /**
   * While it asks, only a finished click or a key is an answer, and the key is that alone: if the
   * question closed at the first touch, the rest of that touch would press what is behind it.
   */
  #noticed(event) {
    if (this.#asking) {
      if (event.type !== "click" && event.type !== "keydown") return;
      if (event.type === "keydown") {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
      this.#asking = false;
      this.#on.stay();
    }
    this.#last = Date.now();
  }

  #look() {
    if (this.#timer === 0) return;
    const leftMs = this.#last + this.#idleMs + this.#graceMs - Date.now();
    if (leftMs <= 0) {
      this.stop();
      this.#on.leave();
    } else if (leftMs <= this.#graceMs) {
      this.#asking = true;
      this.#on.ask(Math.ceil(leftMs / 1000));
    }
  }
}
