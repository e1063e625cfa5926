// A photo as the pixels a model takes: decoded, turned upright, resized once, raw 0..255.

import {drawUpright, takeOrientation} from './orientation.js';
import {PillowResizer} from './resize.js';

const STRIP_PIXELS = 1 << 21; // phones refuse canvases of more than about 16 million
// The pixels as they are stored: a colour profile changes what people see, not what models saw.
const AS_STORED = {colorSpaceConversion: 'none', premultiplyAlpha: 'none'};

/** What is wrong with a photo: `key` names the sentence for it, `values` fill it. */
export class PhotoError extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

/** Whether this browser can give pixels as they are stored; older ones do not read the options. */
export async function canOpenPhotos() {
  const read = new Set();
  const options = {};
  for (const [name, value] of Object.entries(AS_STORED)) {
    Object.defineProperty(options, name, {enumerable: true, get: () => read.add(name) && value});
  }
  try {
    (await createImageBitmap(new ImageData(1, 1), options)).close();
  } catch {
    return false;
  }
  return read.size === Object.keys(AS_STORED).length;
}

/**
 * Open a file.
 * @param {Blob} file A JPEG, PNG or BMP picture.
 * @param {number} maxPixels The largest width x height to open.
 * @returns {Promise<{url: string, bitmap: ImageBitmap, orientation: number, width: number,
 *     height: number}>} An address for showing it, its pixels as they are stored, how they are to
 *     be turned (1 to 8, as in EXIF), and its size when it is turned. `closePhoto` frees it.
 */
export async function openPhoto(file, maxPixels) {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = () => reject(new PhotoError('error.unreadable'));
      image.src = url;
    });
    // Known from the header: too large a picture is refused before it fills the memory.
    if (image.naturalWidth * image.naturalHeight > maxPixels) {
      throw new PhotoError('error.large', {
        width: String(image.naturalWidth),
        height: String(image.naturalHeight),
        limit: maxPixels / 1e6,
      });
    }
    const taken = takeOrientation(new Uint8Array(await file.arrayBuffer()));
    if (!taken) throw new PhotoError('error.unreadable');
    const {orientation, parts} = taken;
    if (orientation === null) throw new PhotoError('error.turned');
    const bitmap = await createImageBitmap(new Blob(parts), AS_STORED).catch(() => {
      throw new PhotoError('error.unreadable');
    });
    const {width, height} = bitmap;
    const upright = orientation < 5 ? {width, height} : {width: height, height: width};
    return {url, bitmap, orientation, ...upright};
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
 * @param {{bitmap: ImageBitmap, orientation: number, width: number, height: number}} photo
 * @param {number} size Side of the square; the aspect is squashed.
 * @returns {Promise<Float32Array>} size x size x 3 values, 0..255.
 */
export async function modelPixels(photo, size) {
  const {width, height} = photo;
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
    drawUpright(context, photo, {top: y});
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
