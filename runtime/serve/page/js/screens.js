/** The screens and what is on them: one place that draws, follows and clears all of it. */

import { Attract } from "./attract.js";
import { BasketPanel } from "./basket_panel.js";
import { Cards } from "./card.js";
import { Detail } from "./detail.js";
import { byId } from "./dom.js";
import { Events } from "./events.js";
import { Pictures } from "./picture.js";
import { Products } from "./products.js";
import { Shelf } from "./shelf.js";
import { Suggestions } from "./suggestions.js";
import { Thanks } from "./thanks.js";

/** What is visible on each screen, beside the header that all of them share. */
const SHOWN = {
  attract: ["attract"],
  shop: ["shop", "basket", "search", "start-over"],
  thanks: ["thanks"],
};

export class Screens {
  #events;
  #pictures;
  #cards;
  #attract;
  #shelf;
  #suggestions;
  #panel;
  #detail;
  #thanks;

  /** @param on {open, add, takeOut, done, over}: what shoppers do, called with the item. */
  constructor(api, language, currency, on) {
    this.products = new Products(api);
    /** Whether the server has something to recommend; a bundle may hold a generator alone. */
    this.canSell = true;
    this.#events = new Events(api);
    this.#pictures = new Pictures(api, language);
    this.#cards = new Cards(this.#pictures, language, currency, on);
    const parts = {
      api,
      language,
      on,
      products: this.products,
      events: this.#events,
      pictures: this.#pictures,
      cards: this.#cards,
    };
    this.#attract = new Attract(this.#pictures);
    this.#shelf = new Shelf(parts);
    this.#suggestions = new Suggestions(parts);
    this.#panel = new BasketPanel(parts);
    this.#detail = new Detail(parts);
    this.#thanks = new Thanks(parts);
  }

  /** Take in what the server says that it has. */
  async load(ready) {
    this.canSell = "recommender" in ready.variants;
    byId("start").hidden = !this.canSell;
    this.#events.keep(ready.events === true);
    await this.#pictures.load("generator" in ready.variants);
    this.#attract.restart();
  }

  /** Show one screen and nothing of the others. */
  show(name) {
    document.documentElement.dataset.screen = name;
    for (const id of new Set(Object.values(SHOWN).flat())) {
      byId(id).hidden = !SHOWN[name].includes(id);
    }
    if (name === "attract") this.#attract.start();
    else this.#attract.stop();
  }

  /** Somebody begins. */
  async open(session) {
    this.show("shop");
    this.#panel.draw(session.basket);
    byId("suggest-title").focus();
    await this.refresh(session);
  }

  /** Ask for everything anew. */
  async refresh(session) {
    await Promise.all([
      this.#suggestions.follow(session),
      this.#shelf.open(session),
      this.#events.flush(),
    ]);
  }

  /** The basket changed. */
  async follow(session) {
    this.#panel.draw(session.basket);
    this.#cards.recount(document, session.basket);
    await this.#suggestions.follow(session);
  }

  /** Draw what is there again, as after a change of language. */
  draw(session) {
    this.#thanks.draw();
    if (session === null) return;
    this.#suggestions.draw(session);
    this.#shelf.draw();
    this.#panel.draw(session.basket);
    this.#detail.draw(session);
  }

  /** Show one product. */
  showDetail(item, session) {
    return this.#detail.open(item, session);
  }

  /** Show the shelf again. */
  hideDetail() {
    this.#detail.clear();
  }

  /** Note that a product was touched. */
  noteTapped(session, { item_id: itemId }) {
    this.#events.note(session, "tapped", itemId, { version: this.#suggestions.versionOf(itemId) });
  }

  /** Note that everything in the basket was bought. */
  noteBought(session) {
    for (const { item, quantity } of session.basket.lines) {
      this.#events.note(session, "bought", item.item_id, { quantity });
    }
  }

  /** Say thanks, with what the till will see. */
  thank(pieces, total) {
    this.clear();
    this.show("thanks");
    this.#thanks.show(pieces, total);
  }

  /** Forget the shopper, everywhere. */
  clear() {
    this.#events.end();
    for (const part of [this.#detail, this.#shelf, this.#suggestions, this.#panel, this.#thanks]) {
      part.clear();
    }
    this.products.clear();
    byId("shelf").scrollTo({ top: 0 });
  }
}
