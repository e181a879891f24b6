/** One product, over the shelf: its picture, what is known of it, and what resembles it. */

import { quietly } from "./api.js";
import { byId, el, isVisible } from "./dom.js";

const SIMILAR = 5;

export class Detail {
  #parts;
  #dialog = byId("detail");
  #list = byId("similar");
  #asking = new AbortController();
  #now = null; // {item, similar}

  /** @param parts {api, products, cards, pictures, events, language} */
  constructor(parts) {
    this.#parts = parts;
    byId("detail-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close(); // beside it
    });
    this.#dialog.addEventListener("close", () => {
      this.clear();
      // What opened it may have been replaced by newer suggestions meanwhile.
      if (document.activeElement === document.body) byId("suggest-title").focus();
    });
  }

  /** Show `item`, in place of what is shown. */
  async open(item, session) {
    this.#asking.abort();
    this.#asking = new AbortController();
    const signal = AbortSignal.any([session.signal, this.#asking.signal]);
    const { api, products } = this.#parts;
    this.#now = { item, similar: [] };
    this.draw(session);
    if (!this.#dialog.open) this.#dialog.showModal();
    byId("detail-title").focus();
    try {
      const answer = await api.similar(item.item_id, SIMILAR, signal);
      this.#now.similar = await products.whole(answer.items, signal);
      this.#drawSimilar(session); // and nothing else: somebody may be on the button already
      this.#noteShown(session, answer.bundle.version);
    } catch (error) {
      quietly(error);
    }
  }

  /** Draw it again, as after a change of language. */
  draw(session) {
    if (this.#now === null) return;
    const { cards, pictures, language } = this.#parts;
    const { item } = this.#now;
    const tile = pictures.tile(item);
    byId("detail-picture").replaceChildren(tile);
    byId("detail-note").hidden = !tile.querySelector(".mark");
    byId("detail-category").textContent = item.category ?? "";
    byId("detail-title").textContent = item.title;
    byId("detail-price").textContent = cards.price(item.price ?? null);
    const stocked = item.in_stock === true ? `${language.t("detail.inStock")} · ` : "";
    byId("detail-number").textContent = stocked + language.t("detail.number", { id: item.item_id });
    this.#drawAdd(item, session);
    this.#drawSimilar(session);
  }

  /** Forget what is shown, and close. */
  clear() {
    this.#asking.abort();
    this.#now = null;
    for (const id of ["detail-picture", "detail-add", "similar"]) byId(id).replaceChildren();
    for (const part of ["category", "title", "price", "number"])
      byId(`detail-${part}`).textContent = "";
    if (this.#dialog.open) this.#dialog.close();
  }

  #drawAdd(item, session) {
    const { cards, language } = this.#parts;
    const button = cards.addButton(item, session.basket);
    if (button.matches("button")) {
      button.classList.add("primary");
      button.append(el("span", { class: "add-words", "aria-hidden": "true" }, language.t("detail.add")));
    }
    byId("detail-add").replaceChildren(button);
  }

  #drawSimilar(session) {
    const { similar } = this.#now;
    byId("similar-part").hidden = similar.length === 0;
    const bare = similar.map((one) => ({ ...one, reason: null })); // the heading says why
    this.#list.replaceChildren(...bare.map((one) => this.#parts.cards.card(one, session.basket)));
  }

  #noteShown(session, version) {
    [...this.#list.children].forEach((card, at) => {
      const itemId = this.#now.similar[at].item_id;
      if (session.shown.has(itemId) || !isVisible(card)) return;
      session.shown.add(itemId);
      this.#parts.events.note(session, "shown", itemId, { version });
    });
  }
}
