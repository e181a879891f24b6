/** The basket on the screen: its lines with their quantities, the total, and the way out. */

import { byId, el, icon } from "./dom.js";

export class BasketPanel {
  #parts;
  #list = byId("lines");
  #empty = byId("basket-empty");
  #count = byId("basket-count");
  #total = byId("total");
  #foot = byId("basket-foot");

  /** @param parts {cards, pictures, language, on: {add, takeOut, open, done}} */
  constructor(parts) {
    this.#parts = parts;
    byId("done").addEventListener("click", () => parts.on.done());
  }

  /** Draw the basket; the focus stays on the button that changed it, or on the list's title. */
  draw(basket) {
    const { language, cards } = this.#parts;
    const { lines, pieces, total } = basket;
    const focused = this.#list.contains(document.activeElement)
      ? document.activeElement.dataset.key
      : null;
    this.#empty.hidden = lines.length > 0;
    this.#foot.hidden = lines.length === 0;
    this.#count.textContent = lines.length > 0 ? language.count("basket.count", pieces) : "";
    this.#total.textContent = total === null ? "" : cards.price(total);
    byId("total-row").hidden = total === null;
    // Newest on top, where the eye is after a scan.
    this.#list.replaceChildren(...lines.reverse().map((line) => this.#line(line)));
    if (focused !== null) this.#focus(focused);
  }

  /** Forget the shopper. */
  clear() {
    this.#list.replaceChildren();
    this.#count.textContent = "";
    this.#total.textContent = "";
    this.#empty.hidden = false;
    this.#foot.hidden = true;
  }

  #focus(key) {
    const again = [...this.#list.querySelectorAll("[data-key]")].find(
      (button) => button.dataset.key === key,
    );
    (again ?? byId("basket-title")).focus();
  }

  #line({ item, quantity }) {
    const { pictures, cards, language, on } = this.#parts;
    const title = item.title;
    const open = el(
      "button",
      { type: "button", class: "line-open", "data-key": `open ${item.item_id}` },
      pictures.tile(item),
      el("span", { class: "line-title" }, title),
    );
    open.addEventListener("click", () => on.open(item));
    const price = item.price === null ? "" : cards.price(item.price * quantity);
    const fewer = quantity === 1 ? "basket.remove" : "basket.less";
    return el(
      "li",
      { class: "line" },
      open,
      el("span", { class: "line-price" }, price),
      el(
        "span",
        { class: "stepper" },
        this.#step(quantity === 1 ? "bin" : "minus", language.t(fewer, { title }), `less ${item.item_id}`, () =>
          on.takeOut(item),
        ),
        el("span", { class: "quantity" }, String(quantity)),
        this.#step("plus", language.t("basket.more", { title }), `more ${item.item_id}`, () =>
          on.add(item),
        ),
      ),
    );
  }

  #step(sign, label, key, onclick) {
    const attributes = { type: "button", class: "step", "aria-label": label, "data-key": key };
    return el("button", { ...attributes, onclick }, icon(sign));
  }
}
