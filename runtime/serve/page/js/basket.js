/** A basket: items with quantities, in the order in which they came. Says when it changed. */

const MOST_OF_ONE = 99;
const MOST_LINES = 200; // the server takes 1,000 ids; nobody scans that many at a kiosk

export class Basket extends EventTarget {
  #lines = new Map(); // item_id -> {item, quantity}

  /** The lines, first added first: [{item, quantity}]. */
  get lines() {
    return [...this.#lines.values()];
  }

  /** Item ids, oldest first, as the server wants them. */
  get ids() {
    return [...this.#lines.keys()];
  }

  /** How many pieces there are. */
  get pieces() {
    return this.lines.reduce((sum, line) => sum + line.quantity, 0);
  }

  /** What all of it costs; null as soon as the price of one is not known. */
  get total() {
    let sum = 0;
    for (const { item, quantity } of this.#lines.values()) {
      if (item.price === null) return null;
      sum += item.price * quantity;
    }
    return sum;
  }

  /** How many of `itemId` there are. */
  quantity(itemId) {
    return this.#lines.get(itemId)?.quantity ?? 0;
  }

  /** Add one of `item`; say whether there was room for it. */
  add(item) {
    const had = this.quantity(item.item_id);
    if (had === MOST_OF_ONE || (had === 0 && this.#lines.size === MOST_LINES)) return false;
    this.#lines.set(item.item_id, { item, quantity: had + 1 });
    this.#changed();
    return true;
  }

  /** Take one of `itemId` out; the last one takes its line along. */
  takeOut(itemId) {
    const line = this.#lines.get(itemId);
    if (line === undefined) return;
    if (line.quantity > 1) this.#lines.set(itemId, { ...line, quantity: line.quantity - 1 });
    else this.#lines.delete(itemId);
    this.#changed();
  }

  /** Let go of everything, without a word: whoever clears it draws the screen anew. */
  clear() {
    this.#lines.clear();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
