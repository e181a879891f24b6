/**
 * One shopper at the kiosk: everything that is known of them hangs on this object, and on nothing
 * else. When they leave it is emptied and dropped, and what is still under way for them is ended.
 */

import { Basket } from "./basket.js";

export class Session {
  #ending = new AbortController();

  constructor() {
    /** Random: it ties events of one visit together and says nothing of who it was. */
    this.id = randomId();
    this.basket = new Basket();
    /** Items that were shown already, so that an event says so once. */
    this.shown = new Set();
  }

  /** Aborts when the shopper leaves. */
  get signal() {
    return this.#ending.signal;
  }

  /** End it: no answer that is still on its way reaches the next shopper. */
  end() {
    this.#ending.abort();
    this.basket.clear();
    this.shown.clear();
    this.id = "";
  }
}

/** Return 128 random bits as hex; randomUUID is not there on pages of other hosts without TLS. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
