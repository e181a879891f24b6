/** The card of a product: its picture, name and price open it; a button of its own adds it. */

import { el, icon } from "./dom.js";
import { formatPrice } from "./money.js";
import { translateReason } from "./reason.js";

export class Cards {
  #pictures;
  #language;
  #currency;
  #on;

  /** @param {{open: function(Object), add: function(Object)}} on called with the item. */
  constructor(pictures, language, currency, on) {
    this.#pictures = pictures;
    this.#language = language;
    this.#currency = currency;
    this.#on = on;
  }

  /** Make the card of `item`, which may carry a `reason` and be `promoted`. */
  card(item, basket) {
    const reason = translateReason(item.reason ?? null, this.#language);
    const words = el(
      "span",
      { class: "card-words" },
      reason === null ? null : el("span", { class: "reason" }, reason),
      el("span", { class: "card-title" }, item.title),
      el("span", { class: "price" }, this.price(item.price)),
    );
    const open = el(
      "button",
      { type: "button", class: "card-open", onclick: () => this.#on.open(item) },
      this.#pictures.tile(item),
      words,
    );
    const promoted = item.promoted
      ? el("span", { class: "promoted" }, this.#language.t("card.promoted"))
      : null;
    return el("li", { class: "card" }, open, promoted, this.addButton(item, basket));
  }

  /** Make the button that adds `item`, or say that it is sold out. */
  addButton(item, basket) {
    if (item.in_stock === false) {
      return el("span", { class: "sold-out" }, this.#language.t("card.soldOut"));
    }
    const button = el(
      "button",
      { type: "button", class: "add", "data-add": item.item_id, "data-title": item.title },
      icon("plus"),
      el("span", { class: "add-count", "aria-hidden": "true" }),
    );
    button.addEventListener("click", () => this.#on.add(item));
    this.#count(button, basket);
    return button;
  }

  /** Let every button under `root` say how many of its item the basket holds. */
  recount(root, basket) {
    for (const button of root.querySelectorAll("[data-add]")) this.#count(button, basket);
  }

  /** Return a price for reading. */
  price(price) {
    return formatPrice(price, this.#currency, this.#language.tag);
  }

  #count(button, basket) {
    const n = basket.quantity(button.dataset.add);
    const values = { title: button.dataset.title, n };
    button.setAttribute("aria-label", this.#language.t(n > 0 ? "card.added" : "card.add", values));
    button.classList.toggle("has", n > 0);
    button.querySelector(".add-count").textContent = n > 0 ? String(n) : "";
  }
}
