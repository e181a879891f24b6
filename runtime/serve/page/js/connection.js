/**
 * Whether the server answers. Looks every few seconds while it does, so that the page says that it
 * is gone before a shopper finds out; and again and again, ever more rarely, until it is back.
 * Dispatches "lost", "back", and "changed" when another bundle is served.
 */

const WATCH_MS = 5000;
const PATIENCE_MS = 3000;
const FIRST_MS = 500;
const LAST_MS = 8000;

export class Connection extends EventTarget {
  /** Why the server cannot be used: "gone" or "token"; null while it answers. */
  why = null;
  #timer = 0;
  #delayMs = FIRST_MS;
  #bundle = null;

  /** Begin to look. */
  watch() {
    this.#next(WATCH_MS);
  }

  /** A request found nobody there ("gone"), or was not let in ("token"). */
  lost(why) {
    if (this.why !== null) return;
    this.why = why;
    this.#delayMs = FIRST_MS;
    this.dispatchEvent(new Event("lost"));
    if (why === "gone") this.#next(this.#delayMs); // a token does not come by itself
    else clearTimeout(this.#timer);
  }

  #next(delayMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), delayMs);
  }

  async #look() {
    const bundle = await answers();
    if (bundle === null && this.why === null) {
      this.lost("gone");
    } else if (bundle === null) {
      this.#delayMs = Math.min(2 * this.#delayMs, LAST_MS);
      this.#next(this.#delayMs);
    } else {
      if (this.why === "gone") {
        this.why = null;
        this.dispatchEvent(new Event("back"));
      } else if (this.#bundle !== null && this.#bundle !== bundle) {
        this.dispatchEvent(new Event("changed"));
      }
      this.#bundle = bundle;
      this.#next(WATCH_MS);
    }
  }
}

/** Return the hash of the bundle that is served, null where nobody answers. */
async function answers() {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const reply = await fetch("/v2/health/ready", { cache: "no-store", signal });
    return reply.ok ? (await reply.json()).bundle.sha256 : null;
  } catch {
    return null; // refused, timed out, or cut off: nobody is there either way
  }
}
