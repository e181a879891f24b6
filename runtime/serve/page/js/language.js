/** The language of the page: fills in words, and says when it changed. */

import { STRINGS } from "./strings.js";

const TAGS = { en: "en", zh: "zh-CN" };

export class Language extends EventTarget {
  #usual;
  #now;

  /** @param {string} usual "en" or "zh": what every shopper begins with. */
  constructor(usual) {
    super();
    this.#usual = usual;
    this.#now = usual;
  }

  /** BCP 47 tag, for the lang attribute and for Intl. */
  get tag() {
    return TAGS[this.#now];
  }

  /** Return the words of `key`, with `{name}` out of `values` filled in. */
  t(key, values = {}) {
    const words = STRINGS[this.#now][key];
    if (words === undefined) throw new Error(`no words for ${key} in ${this.#now}`);
    return words.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  }

  /** Return the words of `key` for `n` of something. */
  count(key, n) {
    const rule = new Intl.PluralRules(this.tag).select(n);
    const number = new Intl.NumberFormat(this.tag).format(n);
    return this.t(`${key}.${rule}`, { n: number });
  }

  /** Change to the other language. */
  toggle() {
    this.#change(this.#now === "en" ? "zh" : "en");
  }

  /** Go back to the language that every shopper begins with. */
  reset() {
    this.#change(this.#usual);
  }

  /** Write the words into everything of index.html that names some by data-t, data-t-label, … */
  apply(root = document) {
    document.documentElement.lang = this.tag;
    document.title = this.t("page.title");
    for (const node of root.querySelectorAll("[data-t]")) node.textContent = this.t(node.dataset.t);
    for (const node of root.querySelectorAll("[data-t-label]"))
      node.setAttribute("aria-label", this.t(node.dataset.tLabel));
    for (const node of root.querySelectorAll("[data-t-placeholder]"))
      node.setAttribute("placeholder", this.t(node.dataset.tPlaceholder));
  }

  #change(to) {
    if (to === this.#now) return;
    this.#now = to;
    this.apply();
    this.dispatchEvent(new Event("change"));
  }
}
