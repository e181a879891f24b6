/** Prices as people write them. The catalogue has numbers; the currency is the shop's to say. */

/** Return `price` for reading, or "" where the catalogue has none. */
export function formatPrice(price, currency, tag) {
  if (price === null) return "";
  const style =
    currency === null
      ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
      : { style: "currency", currency, currencyDisplay: "narrowSymbol" };
  return new Intl.NumberFormat(tag, style).format(price);
}
