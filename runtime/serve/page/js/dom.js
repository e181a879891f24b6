/**
 * Elements. Text goes in as text nodes only, so that a title out of a catalogue can never become
 * markup; nothing on this page assigns innerHTML.
 */

const SVG = "http://www.w3.org/2000/svg";

/** Return the element with this id, which index.html must hold. */
export function byId(id) {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`index.html has no #${id}`);
  return node;
}

/**
 * Make an element.
 * @param {string} tag
 * @param {Object} attributes by name; null, undefined and false are left out, true is empty,
 *   and functions under `onclick` and the like become listeners.
 * @param {...(Node|string|null)} children strings become text nodes.
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Make an icon out of the sprite in index.html; it is decoration, its button has the words. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Say whether a shopper can see `node`: neither it nor what holds it is left out of the layout. */
export function isVisible(node) {
  return node.getClientRects().length > 0;
}
