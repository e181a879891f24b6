/** The shelf: categories to choose among, a search, and the products that are found, page by page. */

import { quietly } from "./api.js";
import { byId, el } from "./dom.js";
import { hash } from "./picture.js";

const PAGE = 24;
const TYPING_MS = 180;

export class Shelf {
  #parts;
  #field = byId("search-field");
  #categories = byId("categories");
  #list = byId("found");
  #title = byId("browse-title");
  #count = byId("found-count");
  #none = byId("found-none");
  #more = byId("show-more");
  #asking = new AbortController();
  #timer = 0;
  #session = null;
  #category = null;
  #items = [];
  #page = null;

  /** @param parts {api, products, cards, pictures, language} */
  constructor(parts) {
    this.#parts = parts;
    this.#field.addEventListener("input", () => this.#soon());
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#find();
    });
    byId("search-clear").addEventListener("click", () => {
      this.#field.value = "";
      this.#field.focus();
      this.#find();
    });
    this.#more.addEventListener("click", () => this.#next());
  }

  /** Begin with everything, or go on where it was after the server came back. */
  async open(session) {
    this.#session = session;
    await this.#find();
  }

  /** Draw again what was found, as after a change of language. */
  draw() {
    if (this.#page === null) return;
    const { language, cards } = this.#parts;
    const query = this.#field.value.trim();
    this.#title.textContent =
      query === ""
        ? (this.#category ?? language.t("browse.all"))
        : language.t("browse.results", { query });
    this.#count.textContent = language.count("browse.found", this.#page.total);
    this.#none.hidden = this.#items.length > 0;
    this.#more.hidden = this.#items.length >= this.#page.total;
    byId("search-clear").hidden = this.#field.value === "";
    this.#drawCategories();
    this.#list.replaceChildren(
      ...this.#items.map((item) => cards.card(item, this.#session.basket)),
    );
  }

  /** Forget the shopper: what was searched for, chosen and found. */
  clear() {
    clearTimeout(this.#timer);
    this.#asking.abort();
    this.#session = null;
    this.#category = null;
    this.#items = [];
    this.#page = null;
    this.#forgetTyping();
    this.#list.replaceChildren();
    this.#categories.replaceChildren();
    this.#title.textContent = "";
    this.#count.textContent = "";
  }

  /** A field remembers what was typed into it, for undo; so there is a new one for who comes next. */
  #forgetTyping() {
    const fresh = this.#field.cloneNode();
    fresh.value = "";
    fresh.addEventListener("input", () => this.#soon());
    this.#field.replaceWith(fresh);
    this.#field = fresh;
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#find(), TYPING_MS);
  }

  async #find() {
    clearTimeout(this.#timer);
    if (this.#session === null) return;
    const found = await this.#ask(0);
    if (found === null) return;
    this.#page = found;
    this.#items = found.items;
    this.draw();
    byId("shelf").scrollTo({ top: 0 });
  }

  async #next() {
    const found = await this.#ask(this.#items.length);
    if (found === null) return;
    const first = this.#items.length;
    this.#items = [...this.#items, ...found.items];
    this.draw();
    this.#list.children[first]?.querySelector("button").focus(); // where reading goes on
  }

  async #ask(offset) {
    this.#asking.abort();
    this.#asking = new AbortController();
    const signal = AbortSignal.any([this.#session.signal, this.#asking.signal]);
    const { api, products } = this.#parts;
    const asked = { query: this.#field.value, category: this.#category, offset, limit: PAGE, signal };
    try {
      const found = await api.catalogue(asked);
      products.keep(found.items);
      return found;
    } catch (error) {
      quietly(error);
      return null;
    }
  }

  #drawCategories() {
    const { categories } = this.#page;
    const all = { name: null, items: 0, pictures: false };
    byId("category-list").hidden = categories.length === 0;
    this.#categories.replaceChildren(
      ...[all, ...categories].map((category) => el("li", {}, this.#categoryButton(category))),
    );
  }

  #categoryButton({ name, items, pictures }) {
    const { language, pictures: drawer } = this.#parts;
    const button = el(
      "button",
      { type: "button", class: "category", "aria-pressed": String(name === this.#category) },
      el("span", { class: "category-name" }, name ?? language.t("browse.all")),
      name === null ? null : el("span", { class: "category-count", "aria-hidden": "true" }, String(items)),
    );
    if (pictures) {
      const tile = drawer.drawing(name, hash(name) % 24);
      tile.querySelector("img").alt = ""; // the name beside it says it all
      button.prepend(tile);
    }
    button.addEventListener("click", () => this.#choose(name));
    return button;
  }

  async #choose(name) {
    this.#category = name;
    await this.#find();
    this.#categories.querySelector("[aria-pressed=true]")?.focus();
  }
}
