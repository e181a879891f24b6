/**
 * The picture of a product: its photo where the shop has one, else a picture of its kind that the
 * bundle's generator drew, marked as such, else a tile with its initials.
 *
 * Generated pictures are small (64 pixels). They are shown at most three times as large, on a tint
 * that their pale backdrop is multiplied into, and never as if they filled a poster.
 */

import { backdropOf } from "./backdrop.js";
import { el, icon } from "./dom.js";

const TINTS = 8;
const MOST_ENLARGED = 3;
const LEAST_PX = 112; // smaller ones, of 28 pixels, would be lost on their tile

export class Pictures {
  #api;
  #language;
  #drawn = new Map(); // category -> tint
  #sizePx = 0;

  constructor(api, language) {
    this.#api = api;
    this.#language = language;
  }

  /** Ask what can be drawn; `offered` says whether there is a generator at all. */
  async load(offered) {
    const told = offered ? await this.#api.pictures() : { categories: [], width: 0 };
    this.#drawn = new Map(told.categories.map((name, at) => [name, at % TINTS]));
    this.#sizePx = told.width;
  }

  /** Categories that can be drawn. */
  get categories() {
    return [...this.#drawn.keys()];
  }

  /**
   * Make the tile of a product. A generated picture is marked as such, with a sign alone where the
   * style sheet finds no room for words; its alternative text says it everywhere.
   * @param {{item_id, title, category, photo}} item
   */
  tile(item) {
    if (item.photo) return this.#photo(item);
    if (this.#drawn.has(item.category)) {
      const tile = this.drawing(item.category, hash(item.item_id), () =>
        tile.replaceWith(this.#initials(item)),
      );
      tile.append(this.#mark());
      return tile;
    }
    return this.#initials(item);
  }

  /** Make a tile with the picture that `seed` draws of `category`. */
  drawing(category, seed, onFailure = () => {}) {
    const tile = el("span", { class: "tile", "data-tint": this.#drawn.get(category) });
    const alt = this.#language.t("picture.alt", { category });
    const image = el("img", { class: "drawing", alt, width: this.#sizePx, height: this.#sizePx });
    image.style.setProperty("--most", `${Math.max(MOST_ENLARGED * this.#sizePx, LEAST_PX)}px`);
    image.decoding = "async";
    image.addEventListener("load", () => {
      const { tone, lift } = backdropOf(image);
      tile.dataset.tone = tone;
      image.style.setProperty("--lift", lift.toFixed(3));
      image.classList.add("there");
    });
    image.addEventListener("error", onFailure);
    this.#fetch(image, `/v1/images/${encodeURIComponent(category)}?seed=${seed}`);
    tile.append(image);
    return tile;
  }

  #fetch(image, url) {
    if (!this.#api.needsToken) {
      image.src = url;
      return;
    }
    const show = (blob) => {
      image.src = URL.createObjectURL(blob);
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
    };
    this.#api.blob(url, null).then(show, () => image.dispatchEvent(new Event("error")));
  }

  #mark() {
    const words = el("span", { class: "mark-words" }, this.#language.t("picture.generated"));
    return el("span", { class: "mark", "aria-hidden": "true" }, icon("spark"), words);
  }

  #photo(item) {
    const alt = this.#language.t("picture.photo", { title: item.title });
    const image = el("img", { class: "photo", alt });
    this.#fetch(image, item.photo);
    const tile = el("span", { class: "tile", "data-tint": hash(item.title) % TINTS }, image);
    image.addEventListener("error", () => tile.replaceWith(this.#initials(item)));
    return tile;
  }

  #initials(item) {
    const tint = hash(item.category ?? item.title) % TINTS;
    const letters = el("span", { class: "initials", "aria-hidden": "true" }, initials(item.title));
    return el("span", { class: "tile", "data-tint": tint }, letters);
  }
}

/** Return 32 bits of `text` (FNV-1a): the same product always has the same picture. */
export function hash(text) {
  let bits = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) bits = Math.imul(bits ^ byte, 0x01000193) >>> 0;
  return bits;
}

function initials(title) {
  const words = title.match(/[\p{L}\p{N}][^\s]*/gu) ?? ["·"];
  return words
    .slice(0, 2)
    .map((word) => [...word][0].toUpperCase())
    .join("");
}
