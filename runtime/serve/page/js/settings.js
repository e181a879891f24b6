/**
 * What the shop set, in the address that its launcher opens:
 * /?shop=Corner%20Store&currency=GBP&lang=zh&idle=60&grace=20#token=...
 *
 * The address is all there is: the page keeps nothing on the device, so that there is nothing that
 * a former shopper could have left there.
 */

const LANGUAGES = ["en", "zh"];

/** Read the settings; what is absent or makes no sense is the usual. */
export function readSettings(address = window.location) {
  const told = new URLSearchParams(address.search);
  const secret = new URLSearchParams(address.hash.replace(/^#/, ""));
  const language = told.get("lang");
  const currency = told.get("currency") ?? "";
  return Object.freeze({
    /** Name over the door; null for the bundle's own name. */
    shop: told.get("shop"),
    /** "en" or "zh": what the next shopper begins with. */
    language: LANGUAGES.includes(language) ? language : "en",
    /** ISO 4217 code; null shows bare numbers, for the catalogue does not say. */
    currency: /^[A-Z]{3}$/.test(currency) ? currency : null,
    /** Seconds without a touch until the page asks whether anybody is there. */
    idleS: seconds(told.get("idle"), 60),
    /** Seconds to answer that; 20 and more leave slow readers time (WCAG 2.2.1). */
    graceS: seconds(told.get("grace"), 20),
    /** What the server was started with as --token-file; null on the device itself. It stands
     * after the #, which browsers send to nobody. */
    token: secret.get("token"),
  });
}

function seconds(text, usual) {
  const value = Number(text ?? NaN);
  return Number.isFinite(value) && value > 0 ? value : usual;
}
