/**
 * Items as the catalogue knows them. Answers to recommendations name items without price and stock;
 * those are asked for once a visit and forgotten with it, for which items were looked up says what
 * somebody was interested in.
 */

import { quietly } from "./api.js";

export class Products {
  #api;
  #known = new Map(); // item_id -> item, or the promise of one

  constructor(api) {
    this.#api = api;
  }

  /** Remember items of a page of the catalogue. */
  keep(items) {
    for (const item of items) this.#known.set(item.item_id, item);
  }

  /** Return the item, or null where the catalogue shows none by this id. */
  async byId(itemId, signal) {
    if (!this.#known.has(itemId)) this.#known.set(itemId, this.#api.item(itemId, signal));
    try {
      const item = await this.#known.get(itemId);
      this.#known.set(itemId, item);
      return item;
    } catch (error) {
      this.#known.delete(itemId);
      throw error;
    }
  }

  /**
   * Return the item with the code that a scanner read, or null. A search finds it, for which a code
   * that the shop does not know is no error.
   */
  async byCode(code, signal) {
    const found = await this.#api.catalogue({ query: code, limit: 1, signal });
    const item = found.items.find((one) => one.item_id === code) ?? null;
    if (item !== null) this.keep([item]);
    return item;
  }

  /** Fill in what answers leave out: `items` by rank become whole items, in the same order. */
  async whole(items, signal) {
    const asked = items.map((item) => this.byId(item.item_id, signal).catch(quietly));
    const found = await Promise.all(asked);
    signal.throwIfAborted();
    return items.map((item, at) => ({ in_stock: null, price: null, ...item, ...found[at] }));
  }

  /** Forget all of it. */
  clear() {
    this.#known.clear();
  }
}
