/** Large text and high contrast: switched by who stands there, as usual again for who comes next. */

import { byId } from "./dom.js";

const SWITCHES = { "large-text": "text", "high-contrast": "contrast" };

export class Comfort {
  /** @param {function()} noticed called when somebody switched something. */
  constructor(noticed) {
    for (const [id, name] of Object.entries(SWITCHES)) {
      byId(id).addEventListener("click", () => {
        this.#set(id, name, !(name in rootData()));
        noticed();
      });
    }
  }

  /** Everything as the shop has it. */
  reset() {
    for (const [id, name] of Object.entries(SWITCHES)) this.#set(id, name, false);
  }

  #set(id, name, on) {
    byId(id).setAttribute("aria-pressed", String(on));
    if (on) rootData()[name] = "on";
    else delete rootData()[name];
  }
}

function rootData() {
  return document.documentElement.dataset;
}
