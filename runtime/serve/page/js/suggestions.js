/** What goes with the basket, with reasons; what is popular as long as it is empty. */

import { quietly } from "./api.js";
import { byId, isVisible } from "./dom.js";

const SHOWN = 6;

export class Suggestions {
  #api;
  #products;
  #cards;
  #events;
  #language;
  #list = byId("suggested");
  #title = byId("suggest-title");
  #none = byId("suggest-none");
  #asking = new AbortController();
  #answer = null;

  constructor({ api, products, cards, events, language }) {
    this.#api = api;
    this.#products = products;
    this.#cards = cards;
    this.#events = events;
    this.#language = language;
  }

  /** Ask anew; an answer for an older basket that is still on its way is not waited for. */
  async follow(session) {
    this.#asking.abort();
    this.#asking = new AbortController();
    const signal = AbortSignal.any([session.signal, this.#asking.signal]);
    try {
      const answer = await this.#api.recommend(session.basket.ids, SHOWN, signal);
      const items = await this.#products.whole(answer.items, signal);
      this.#answer = { tier: answer.tier, version: answer.bundle.version, items };
      this.draw(session);
      this.#noteShown(session);
    } catch (error) {
      quietly(error);
    }
  }

  /** Draw the newest answer again, as after a change of language. */
  draw(session) {
    if (this.#answer === null) return;
    const { tier, items } = this.#answer;
    const popular = tier === "popular";
    this.#title.textContent = this.#language.t(popular ? "suggest.popular" : "suggest.basket");
    this.#none.hidden = items.length > 0;
    const focused = this.#list.contains(document.activeElement);
    this.#list.replaceChildren(...items.map((item) => this.#cards.card(item, session.basket)));
    if (focused) this.#title.focus(); // what was pressed is gone; reading goes on with the new ones
  }

  /** The version of the bundle that suggested `itemId`; undefined where none did. */
  versionOf(itemId) {
    const found = this.#answer?.items.some((item) => item.item_id === itemId);
    return found ? this.#answer.version : undefined;
  }

  /** Forget the shopper. */
  clear() {
    this.#asking.abort();
    this.#answer = null;
    this.#list.replaceChildren();
  }

  #noteShown(session) {
    const { items, version } = this.#answer;
    [...this.#list.children].forEach((card, at) => {
      const itemId = items[at].item_id;
      if (session.shown.has(itemId) || !isVisible(card)) return;
      session.shown.add(itemId);
      this.#events.note(session, "shown", itemId, { version });
    });
  }
}
