/** The server: one method for each thing that the page asks of it. */

const PATIENCE_MS = 8000;
const BUSY_TRIES = 5;

/** The server cannot be reached, or is too busy to say anything for a while. */
export class Gone extends Error {}

/** The server said no. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Api {
  #token;
  #connection;

  /**
   * @param {?string} token sent with every request; null for none.
   * @param {Connection} connection told when the server is gone.
   */
  constructor(token, connection) {
    this.#token = token;
    this.#connection = connection;
  }

  /** Whether pictures need a header, which <img> cannot send. */
  get needsToken() {
    return this.#token !== null;
  }

  /** How the server is: bundle, variants by model, whether it keeps events. */
  ready() {
    return this.#json("/v2/health/ready");
  }

  /** What the generator can draw: {categories, height, width, channels}. */
  pictures() {
    return this.#json("/v1/images");
  }

  /** A page of the catalogue: {items, total, more, categories}. */
  catalogue({ query = "", category = null, offset = 0, limit, signal }) {
    const words = new URLSearchParams({ q: query, offset, limit });
    if (category !== null) words.set("category", category);
    return this.#json(`/v1/catalogue?${words}`, { signal });
  }

  /** One item: {item_id, title, category, in_stock, price, photo}. */
  item(itemId, signal) {
    return this.#json(`/v1/catalogue/${encodeURIComponent(itemId)}`, { signal });
  }

  /** What goes with `basket`, ids with the oldest first: {items, tier, bundle}. */
  recommend(basket, k, signal) {
    return this.#json("/v1/recommend", { body: { basket, k }, signal });
  }

  /** What resembles an item: {items, bundle}. */
  similar(itemId, k, signal) {
    return this.#json(`/v1/similar/${encodeURIComponent(itemId)}?k=${k}`, { signal });
  }

  /** Keep events; the request outlives the session, but not its data. */
  events(events) {
    return this.#json("/v1/events", { body: { events }, keepalive: true });
  }

  /** The bytes of a picture, for a page that needs a token. */
  async blob(url, signal) {
    return (await this.#ask(url, { signal })).blob();
  }

  async #json(path, options = {}) {
    return (await this.#ask(path, options)).json();
  }

  async #ask(path, { body = null, signal = null, keepalive = false }) {
    const headers = {};
    if (this.#token !== null) headers.Authorization = `Bearer ${this.#token}`;
    if (body !== null) headers["Content-Type"] = "application/json";
    const request = { headers, keepalive, method: body === null ? "GET" : "POST" };
    if (body !== null) request.body = JSON.stringify(body);
    for (let tries = 1; ; tries += 1) {
      const reply = await this.#fetch(path, request, signal);
      if (reply.ok) return reply;
      if (reply.status !== 503) throw await this.#refusal(reply);
      if (tries === BUSY_TRIES) throw this.#gone();
      await pause(1000 * Number(reply.headers.get("Retry-After") ?? 1), signal);
    }
  }

  async #fetch(path, request, signal) {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const until = signal === null ? patience : AbortSignal.any([patience, signal]);
    try {
      return await fetch(path, { ...request, signal: until });
    } catch (error) {
      signal?.throwIfAborted(); // who asked is gone, not the server
      throw this.#gone(error);
    }
  }

  async #refusal(reply) {
    const said = await reply.json().catch(() => ({}));
    if (reply.status === 401) this.#connection.lost("token");
    return new Refused(reply.status, said.error ?? reply.statusText);
  }

  #gone(cause) {
    this.#connection.lost("gone");
    return new Gone("the server cannot be reached", { cause });
  }
}

function pause(delayMs, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, delayMs);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** Let pass what ends quietly: a request of who is gone, or a server whose absence is shown. */
export function quietly(error) {
  if (error instanceof Gone || error.name === "AbortError") return;
  if (error instanceof Refused && error.status === 401) return;
  throw error;
}
