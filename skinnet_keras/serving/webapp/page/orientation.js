// How a photo lies in its file, found as Pillow finds it for `skinnet predict`. Browsers differ:
// older ones cannot be told to turn a photo or not to, and none looks into XMP.

const ORIENTATION = 0x0112; // tag of EXIF
const READERS = {3: 'getUint16', 4: 'getUint32'}; // by type of the value: SHORT, LONG
const EXIF = 'Exif\0\0';
const XMP = 'http://ns.adobe.com/xap/1.0/\0';
const XMP_ORIENTATION = /tiff:Orientation(?:="|>)([0-9])/;
const XMP_KEYWORD = 'XML:com.adobe.xmp\0';
const TEXTS = ['iTXt', 'tEXt', 'zTXt'];

/**
 * Find out how a photo is to be turned, and take that out of its file.
 * @param {Uint8Array} bytes A JPEG, PNG or BMP file.
 * @returns {?{orientation: ?number, parts: Uint8Array[]}} 1 to 8 as in EXIF, null where a PNG
 *     says it in a way that cannot be read here; the file in pieces, which no browser turns. Null
 *     for another format.
 */
export function takeOrientation(bytes) {
  const starts = (...start) => start.every((value, i) => bytes[i] === value);
  if (starts(0xff, 0xd8, 0xff)) return fromJpeg(bytes);
  if (starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return fromPng(bytes);
  return starts(0x42, 0x4d) ? {orientation: 1, parts: [bytes]} : null;
}

function fromJpeg(bytes) {
  const parts = [];
  let [place, kept] = [2, 0];
  let exif, xmp;
  while (place + 4 <= bytes.length) {
    const marker = bytes[place + 1];
    if (bytes[place] !== 0xff || marker === 0xff) {
      place += 1; // filling
      continue;
    }
    if (marker === 0xda) break; // the picture
    const end = place + 2 + ((bytes[place + 2] << 8) | bytes[place + 3]);
    if (marker === 0xe1) {
      const segment = bytes.subarray(place + 4, end);
      const content = latin(segment);
      if (content.startsWith(EXIF)) exif ??= segment.subarray(EXIF.length);
      if (content.startsWith(XMP)) xmp = content;
      parts.push(bytes.subarray(kept, place));
      kept = end;
    }
    place = end;
  }
  parts.push(bytes.subarray(kept));
  return {orientation: orientationOf(exif, xmp), parts};
}

function fromPng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts = [];
  let [place, kept] = [8, 0];
  let exif, xmp, unread;
  while (place + 12 <= bytes.length) {
    const end = place + 12 + view.getUint32(place);
    const type = latin(bytes.subarray(place + 4, place + 8));
    const data = bytes.subarray(place + 8, end - 4);
    if (type === 'eXIf') {
      exif = data;
      parts.push(bytes.subarray(kept, place));
      kept = end;
    } else if (TEXTS.includes(type)) {
      const content = latin(data);
      const isXmp = content.startsWith(XMP_KEYWORD);
      const packed = type === 'zTXt' || (type === 'iTXt' && data[XMP_KEYWORD.length] === 1);
      if (isXmp && !packed) xmp = content;
      unread ||= (isXmp && packed) || content.startsWith('Raw profile type exif\0');
    }
    place = end;
  }
  parts.push(bytes.subarray(kept));
  const orientation = unread && !exif ? null : orientationOf(exif, xmp);
  return {orientation, parts};
}

function orientationOf(exif, xmp) {
  const found = (exif && fromExif(exif)) ?? Number(XMP_ORIENTATION.exec(xmp ?? '')?.[1]);
  return found >= 2 && found <= 8 ? found : 1;
}

/** The value of the tag in the first directory, or undefined. */
function fromExif(exif) {
  const start = latin(exif.subarray(0, EXIF.length)) === EXIF ? EXIF.length : 0; // twice, at times
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.length - start);
  const little = view.byteLength > 0 && view.getUint8(0) === 0x49;
  try {
    const directory = view.getUint32(4, little);
    const count = view.getUint16(directory, little);
    for (let i = 0; i < count; i++) {
      const entry = directory + 2 + 12 * i;
      if (view.getUint16(entry, little) !== ORIENTATION) continue;
      const reader = READERS[view.getUint16(entry + 2, little)];
      return reader && view.getUint32(entry + 4, little) === 1 ? view[reader](entry + 8, little) : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // it ends too early: no tag
  }
  return undefined;
}

function latin(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return text;
}

/**
 * Draw a photo upright.
 * @param {CanvasRenderingContext2D} context
 * @param {{bitmap: ImageBitmap, orientation: number}} photo
 * @param {{top?: number, across?: number, down?: number}} options The row of the upright photo
 *     that comes to the top of the canvas, and the scale of its width and height.
 */
export function drawUpright(context, {bitmap, orientation}, {top = 0, across = 1, down = 1} = {}) {
  const {width, height} = bitmap;
  // x' = a x + c y + e, y' = b x + d y + f: what EXIF's 1 to 8 ask for.
  const [a, b, c, d, e, f] = [
    [1, 0, 0, 1, 0, 0],
    [-1, 0, 0, 1, width, 0],
    [-1, 0, 0, -1, width, height],
    [1, 0, 0, -1, 0, height],
    [0, 1, 1, 0, 0, 0],
    [0, 1, -1, 0, height, 0],
    [0, -1, -1, 0, height, width],
    [0, -1, 1, 0, 0, width],
  ][orientation - 1];
  context.setTransform(a * across, b * down, c * across, d * down, e * across, f * down - top);
  context.drawImage(bitmap, 0, 0);
  context.resetTransform();
}
