// A photo as the pixels a model takes: decoded, turned upright, resized once, raw 0..255.

import {PillowResizer} from './resize.js';

export const MAX_PIXELS = 60e6; // decoded, that many take 240 MB
const STRIP_PIXELS = 1 << 21; // phones refuse canvases of more than about 16 million

/** What is wrong with a photo: `key` names the sentence for it, `values` fill it. */
export class PhotoError extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

/**
 * Open a file.
 * @param {Blob} file A picture of any format the browser decodes.
 * @returns {Promise<{url: string, bitmap: ImageBitmap}>} An address for showing it and its pixels,
 *     upright; `closePhoto` frees both.
 */
export async function openPhoto(file) {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = () => reject(new PhotoError('error.unreadable'));
      image.src = url;
    });
    // Known from the header: too large a picture is refused before it fills the memory.
    if (image.naturalWidth * image.naturalHeight > MAX_PIXELS) {
      throw new PhotoError('error.large', {
        width: String(image.naturalWidth),
        height: String(image.naturalHeight),
        limit: MAX_PIXELS / 1e6,
      });
    }
    const bitmap = await createImageBitmap(file, {
      imageOrientation: 'from-image',
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    }).catch(() => {
      throw new PhotoError('error.unreadable');
    });
    return {url, bitmap};
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  }
}

/** Free what `openPhoto` took. */
export function closePhoto({url, bitmap}) {
  URL.revokeObjectURL(url);
  bitmap.close();
}

/**
 * Resize to the model's square, strip by strip.
 * @param {ImageBitmap} bitmap The upright picture.
 * @param {number} size Side of the square; the aspect is squashed.
 * @returns {Promise<Float32Array>} size x size x 3 values, 0..255.
 */
export async function modelPixels(bitmap, size) {
  const {width, height} = bitmap;
  const rows = Math.max(1, Math.min(height, Math.floor(STRIP_PIXELS / width)));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, rows];
  const context = canvas.getContext('2d', {willReadFrequently: true, colorSpace: 'srgb'});
  refuseAlteredPixels(context);
  context.globalCompositeOperation = 'copy';
  context.imageSmoothingEnabled = false;
  const resizer = new PillowResizer(width, height, size);
  for (let y = 0; y < height; y += rows) {
    const count = Math.min(rows, height - y);
    context.drawImage(bitmap, 0, y, width, count, 0, 0, width, count);
    const {data} = context.getImageData(0, 0, width, count);
    refuseTransparency(data);
    resizer.addRows(data);
    await new Promise((resolve) => setTimeout(resolve)); // the page stays responsive
  }
  return Float32Array.from(resizer.finish());
}

/** Some browsers add noise to what a page reads from a canvas, against fingerprinting. */
function refuseAlteredPixels(context) {
  const side = Math.min(8, context.canvas.width, context.canvas.height);
  const pattern = new ImageData(side, side);
  pattern.data.forEach((_, i, data) => {
    data[i] = i % 4 === 3 ? 255 : (37 * i + 11) % 256;
  });
  context.putImageData(pattern, 0, 0);
  const {data} = context.getImageData(0, 0, side, side);
  if (!data.every((value, i) => value === pattern.data[i])) {
    throw new PhotoError('error.altered');
  }
}

/** A canvas does not keep the colour under transparency, which the model would be fed. */
function refuseTransparency(rgba) {
  for (let i = 3; i < rgba.length; i += 4) {
    if (rgba[i] !== 255) throw new PhotoError('error.transparent');
  }
}
