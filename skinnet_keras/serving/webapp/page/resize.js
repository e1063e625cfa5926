// Pillow's BILINEAR resize, bit for bit: an antialiased triangle filter in two passes of 8-bit
// fixed-point arithmetic (src/libImaging/Resample.c). Training and `skinnet predict` resize with
// it, so a browser that did it another way would feed the model other pixels.

const PRECISION_BITS = 22; // 32 bits less 8 of a pixel and 2 for the sum of weights
const HALF = 1 << (PRECISION_BITS - 1);

/**
 * Weights of every output pixel along one axis.
 * @param {number} inSize Pixels before.
 * @param {number} outSize Pixels after.
 * @returns {{starts: Int32Array, counts: Int32Array, weights: Int32Array, stride: number}}
 *     The weights of output pixel i are weights[i * stride ...], for counts[i] input pixels from
 *     starts[i] on, as fixed-point numbers.
 */
function filterWeights(inSize, outSize) {
  const scale = inSize / outSize;
  const support = Math.max(scale, 1);
  const stride = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(outSize);
  const counts = new Int32Array(outSize);
  const weights = new Int32Array(outSize * stride);
  const row = new Float64Array(stride);
  for (let i = 0; i < outSize; i++) {
    const center = (i + 0.5) * scale;
    const start = Math.max(Math.trunc(center - support + 0.5), 0);
    const count = Math.min(Math.trunc(center + support + 0.5), inSize) - start;
    let sum = 0;
    for (let j = 0; j < count; j++) {
      row[j] = Math.max(1 - Math.abs((j + start - center + 0.5) * (1 / support)), 0);
      sum += row[j];
    }
    for (let j = 0; j < count; j++) {
      weights[i * stride + j] = Math.trunc(0.5 + (row[j] / sum) * 2 ** PRECISION_BITS);
    }
    starts[i] = start;
    counts[i] = count;
  }
  return {starts, counts, weights, stride};
}

/** Resizes an RGBA picture that comes in strips of whole rows to a square RGB one. */
export class PillowResizer {
  #width;
  #height;
  #size;
  #across; // weights of the columns
  #down; // weights of the rows
  #downFirst;
  #sums; // of the rows of the result, still at full precision
  #rows = 0;
  #open = 0; // the first row of the result that still takes rows

  /**
   * @param {number} width Pixels of a row.
   * @param {number} height Rows.
   * @param {number} size Side of the result.
   */
  constructor(width, height, size) {
    this.#width = width;
    this.#height = height;
    this.#size = size;
    this.#across = filterWeights(width, size);
    this.#down = filterWeights(height, size);
    // Pillow 13's rule; earlier versions always go across first, which changes a few pixels of
    // tall pictures by one grey level.
    this.#downFirst = height > size && height - size > 2 * (width - size);
    const line = this.#downFirst ? width : size;
    this.#sums = new Int32Array(size * line * 3).fill(HALF);
  }

  /**
   * Take the next rows.
   * @param {Uint8ClampedArray|Uint8Array} rgba Whole rows, 4 bytes a pixel; alpha is left aside.
   */
  addRows(rgba) {
    const bytes = 4 * this.#width;
    const line = new Uint8Array((this.#downFirst ? this.#width : this.#size) * 3);
    for (let start = 0; start < rgba.length; start += bytes) {
      const row = rgba.subarray(start, start + bytes);
      if (this.#downFirst) dropAlpha(row, line);
      else filterLine(row, 4, this.#across, line);
      this.#addLine(line);
    }
  }

  #addLine(line) {
    const {starts, counts, weights, stride} = this.#down;
    const y = this.#rows++;
    while (this.#open < this.#size && starts[this.#open] + counts[this.#open] <= y) this.#open++;
    for (let i = this.#open; i < this.#size && starts[i] <= y; i++) {
      const weight = weights[i * stride + y - starts[i]];
      const offset = i * line.length;
      for (let j = 0; j < line.length; j++) this.#sums[offset + j] += line[j] * weight;
    }
  }

  /** @returns {Uint8Array} size x size RGB pixels, 3 bytes each. */
  finish() {
    if (this.#rows !== this.#height) {
      throw new Error(`${this.#rows} of ${this.#height} rows were given`);
    }
    // The weights are positive and sum to one: nothing can leave 0..255.
    const lines = Uint8Array.from(this.#sums, (sum) => sum >> PRECISION_BITS);
    if (!this.#downFirst) return lines;
    const bytes = this.#size * 3;
    const result = new Uint8Array(this.#size * bytes);
    for (let y = 0; y < this.#size; y++) {
      const line = lines.subarray(y * this.#width * 3, (y + 1) * this.#width * 3);
      filterLine(line, 3, this.#across, result.subarray(y * bytes, (y + 1) * bytes));
    }
    return result;
  }
}

/** Filter one line of pixels, of `channels` bytes each, to a shorter or longer RGB line. */
function filterLine(pixels, channels, {starts, counts, weights, stride}, target) {
  for (let x = 0; x < starts.length; x++) {
    let [red, green, blue] = [HALF, HALF, HALF];
    let source = starts[x] * channels;
    const first = x * stride;
    for (let k = first; k < first + counts[x]; k++, source += channels) {
      red += pixels[source] * weights[k];
      green += pixels[source + 1] * weights[k];
      blue += pixels[source + 2] * weights[k];
    }
    target[3 * x] = red >> PRECISION_BITS;
    target[3 * x + 1] = green >> PRECISION_BITS;
    target[3 * x + 2] = blue >> PRECISION_BITS;
  }
}

function dropAlpha(rgba, line) {
  for (let i = 0, j = 0; i < rgba.length; i += 4) {
    line[j++] = rgba[i];
    line[j++] = rgba[i + 1];
    line[j++] = rgba[i + 2];
  }
}
