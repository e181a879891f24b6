/**
 * A barcode scanner that is a keyboard: it types a code faster than anybody could, then Enter. It is
 * heard wherever the focus is. What it typed into a field is taken out again, and its Enter presses
 * no button.
 */

const LONGEST_GAP_MS = 80; // scanners need 1 to 30; a fast typist 100
const LEAST_CHARACTERS = 3;
const MOST_CHARACTERS = 128;

export class Scanner {
  #heard;
  #typed = "";
  #lastMs = -Infinity;
  #field = null;
  #before = "";

  /** @param {function(string)} heard called with each code. */
  constructor(heard) {
    this.#heard = heard;
    addEventListener("keydown", (event) => this.#key(event), { capture: true });
  }

  /** Forget what was typed last. */
  clear() {
    this.#typed = "";
    this.#field = null;
    this.#before = "";
    this.#lastMs = -Infinity;
  }

  #key(event) {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const quick = event.timeStamp - this.#lastMs <= LONGEST_GAP_MS;
    if (event.key === "Enter" || event.key === "Tab") {
      const code = this.#typed;
      if (!quick || code.length < LEAST_CHARACTERS) return this.clear();
      event.preventDefault();
      event.stopImmediatePropagation();
      if (this.#field !== null) this.#field.value = this.#before;
      this.clear();
      this.#heard(code);
    } else if (event.key.length === 1) {
      if (!quick) this.#begin(event);
      this.#typed = (this.#typed + event.key).slice(-MOST_CHARACTERS);
      this.#lastMs = event.timeStamp;
    }
  }

  #begin(event) {
    this.#typed = "";
    this.#field = event.target instanceof HTMLInputElement ? event.target : null;
    this.#before = this.#field?.value ?? "";
  }
}
