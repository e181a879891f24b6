/**
 * What was shown, tapped and bought, sent a few at a time. What could not be sent when the shopper
 * leaves is dropped: nothing of a visit outlives it, not even what the shop would like to know.
 */

import { Refused, quietly } from "./api.js";
import { randomId } from "./session.js";

const DELAY_MS = 1000;
const MOST_AT_ONCE = 200;

export class Events {
  #api;
  #waiting = [];
  #timer = 0;
  #kept = false;

  constructor(api) {
    this.#api = api;
  }

  /** Say whether this server keeps events at all. */
  keep(kept) {
    this.#kept = kept;
  }

  /**
   * Note one event.
   * @param {Session} session whose it is.
   * @param {"shown"|"tapped"|"bought"} kind
   * @param {string} itemId
   * @param {{quantity?: number, version?: number}} more version is that of the bundle that answered.
   */
  note(session, kind, itemId, more = {}) {
    if (!this.#kept) return;
    const time = new Date().toISOString();
    this.#waiting.push({ id: randomId(), kind, session: session.id, item_id: itemId, time, ...more });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), DELAY_MS);
  }

  /** Send what waits. */
  async flush() {
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0) {
      const sent = this.#waiting.slice(0, MOST_AT_ONCE);
      try {
        await this.#api.events(sent);
      } catch (error) {
        if (!(error instanceof Refused)) return quietly(error); // they wait until it is back
      }
      // By what was sent and not by how much: the shopper may have left meanwhile.
      this.#waiting = this.#waiting.filter((event) => !sent.includes(event));
    }
  }

  /** The shopper leaves: hand over what waits, and know nothing of it any more. */
  end() {
    const last = this.flush();
    this.#waiting = [];
    return last;
  }
}
