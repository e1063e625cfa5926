// The lesion's outline over the photo.

import {drawUpright} from './orientation.js';

const LONGEST_SIDE = 1024;
const COLOUR = [0, 230, 230]; // cyan: hardly ever a colour of skin
const TINT = 51; // of 255

/**
 * Draw the photo, small enough for any screen.
 * @param {HTMLCanvasElement} canvas
 * @param {{bitmap: ImageBitmap, orientation: number, width: number, height: number}} photo
 */
export function drawPhoto(canvas, photo) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(photo.width, photo.height));
  canvas.width = Math.max(1, Math.round(photo.width * scale));
  canvas.height = Math.max(1, Math.round(photo.height * scale));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  const [across, down] = [canvas.width / photo.width, canvas.height / photo.height];
  drawUpright(context, photo, {across, down});
}

/**
 * Tint the lesion and draw its outline; everything else stays transparent.
 * @param {HTMLCanvasElement} canvas Takes the size of the photo's.
 * @param {Float32Array} probability Lesion probability of size x size pixels.
 * @param {number} size
 * @param {number} threshold Probability from which a pixel is lesion.
 * @param {{width: number, height: number}} photo
 */
export function drawMask(canvas, probability, size, threshold, {width, height}) {
  [canvas.width, canvas.height] = [width, height];
  const lesion = enlarge(probability, size, threshold, width, height);
  const thickness = Math.max(2, Math.round(Math.min(width, height) / 150));
  const image = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (!lesion[i]) continue;
      const inside =
        x >= thickness && lesion[i - thickness] &&
        x < width - thickness && lesion[i + thickness] &&
        y >= thickness && lesion[i - thickness * width] &&
        y < height - thickness && lesion[i + thickness * width];
      image.data.set([...COLOUR, inside ? TINT : 255], 4 * i);
    }
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
}

/** Share of the photo that is lesion. */
export function lesionShare(probability, threshold) {
  return probability.filter((value) => value >= threshold).length / probability.length;
}

/** Bilinear interpolation, then the threshold, as `skinnet predict --overlay` does. */
function enlarge(probability, size, threshold, width, height) {
  const lesion = new Uint8Array(width * height);
  const places = (count) =>
    Array.from({length: count}, (_, i) => {
      const place = Math.min(Math.max(((i + 0.5) * size) / count - 0.5, 0), size - 1);
      const low = Math.floor(place);
      return [low, Math.min(low + 1, size - 1), place - low];
    });
  const columns = places(width);
  places(height).forEach(([top, bottom, down], y) => {
    columns.forEach(([left, right, across], x) => {
      const above = probability[top * size + left] * (1 - across) +
        probability[top * size + right] * across;
      const below = probability[bottom * size + left] * (1 - across) +
        probability[bottom * size + right] * across;
      lesion[y * width + x] = above * (1 - down) + below * down >= threshold ? 1 : 0;
    });
  });
  return lesion;
}
