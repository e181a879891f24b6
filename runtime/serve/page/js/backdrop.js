/** What a generated picture stands on, by its corners: pale, as in a photographer's studio, or dark. */

const WHITE = 264;
const MOST_LIFTED = 1.3;

/**
 * Look at the corners of a picture that has loaded.
 * @returns {{tone: "pale"|"dark", lift: number}} `lift` is the factor that makes a pale one white, noise of its paper included.
 */
export function backdropOf(image) {
  const corners = new OffscreenCanvas(2, 2);
  const brush = corners.getContext("2d", { willReadFrequently: true });
  const { naturalWidth: width, naturalHeight: height } = image;
  for (const [x, y] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
    brush.drawImage(image, x * (width - 4), y * (height - 4), 4, 4, x, y, 1, 1);
  }
  const { data } = brush.getImageData(0, 0, 2, 2);
  const colours = data.filter((_, at) => at % 4 !== 3); // without opacity
  const mean = colours.reduce((sum, value) => sum + value, 0) / colours.length;
  if (mean < 128) return { tone: "dark", lift: 1 };
  return { tone: "pale", lift: Math.min(Math.max(WHITE / mean, 1), MOST_LIFTED) };
}
