/**
 * Reasons come in English, as the command line prints them; here they get the shopper's language.
 * A reason of a newer server that is not known here is shown as it came.
 */

const PATTERNS = [
  [/^goes with (?<title>.+)$/s, "reason.goesWith"],
  [/^more from (?<category>.+)$/s, "reason.moreFrom"],
  [/^popular in (?<category>.+)$/s, "reason.popularIn"],
  [/^popular$/, "reason.popular"],
  [/^fits your earlier purchases$/, "reason.purchases"],
];

/** Return `reason` in the language of `language`; null for none. */
export function translateReason(reason, language) {
  if (reason === null) return null;
  for (const [pattern, key] of PATTERNS) {
    const found = pattern.exec(reason);
    if (found !== null) return language.t(key, found.groups ?? {});
  }
  return reason;
}
