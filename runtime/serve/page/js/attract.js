/** What the kiosk does while nobody is there: a wall of generated pictures, of which one changes now
 * and then. Nothing changes for who asked the system for less motion. */

import { byId } from "./dom.js";

const TILES = 42;
const SEEDS = 24; // few enough that server and browser draw each picture once a day
const CHANGE_MS = 2600;
const FADE_MS = 900;

export class Attract {
  #pictures;
  #wall = byId("wall");
  #timer = 0;
  #turn = 0;

  constructor(pictures) {
    this.#pictures = pictures;
  }

  /** Fill the wall, and begin to change it. */
  start() {
    this.stop();
    const { categories } = this.#pictures;
    byId("attract").classList.toggle("bare", categories.length === 0);
    if (categories.length === 0) return this.#wall.replaceChildren();
    if (this.#wall.childElementCount === 0) {
      this.#wall.replaceChildren(...Array.from({ length: TILES }, (_, at) => this.#tile(at)));
    }
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!calm) this.#timer = setInterval(() => this.#change(), CHANGE_MS);
  }

  /** Leave the wall as it is. */
  stop() {
    clearInterval(this.#timer);
  }

  /** Draw the wall anew, as after another bundle took over. */
  restart() {
    this.#wall.replaceChildren();
    this.start();
  }

  /** Neighbours show different kinds: 7 is prime to most numbers of categories. */
  #tile(at) {
    const { categories } = this.#pictures;
    const category = categories[(at * 7 + this.#turn) % categories.length];
    const seed = 1 + ((at * 5 + this.#turn * 11) % SEEDS);
    const tile = this.#pictures.drawing(category, seed, () => tile.classList.add("failed"));
    tile.querySelector("img").alt = ""; // decoration; the line below the wall says what it is
    return tile;
  }

  #change() {
    this.#turn += 1;
    const at = (this.#turn * 11) % TILES;
    const old = this.#wall.children[at];
    const fresh = this.#tile(at);
    fresh.querySelector("img").addEventListener("load", () => {
      if (!old.isConnected) return;
      old.classList.add("leaving");
      setTimeout(() => old.replaceWith(fresh), FADE_MS);
    });
  }
}
