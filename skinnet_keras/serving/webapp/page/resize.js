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
  #across;
  #narrow; // all rows at the final width, RGB
  #rows = 0;

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
    this.#narrow = new Uint8Array(height * size * 3);
  }

  /**
   * Take the next rows.
   * @param {Uint8ClampedArray|Uint8Array} rgba Whole rows, 4 bytes a pixel; alpha is left aside.
   */
  addRows(rgba) {
    const {starts, counts, weights, stride} = this.#across;
    const count = rgba.length / (4 * this.#width);
    let target = this.#rows * this.#size * 3;
    for (let y = 0; y < count; y++) {
      for (let x = 0; x < this.#size; x++) {
        let [red, green, blue] = [HALF, HALF, HALF];
        let source = (y * this.#width + starts[x]) * 4;
        const first = x * stride;
        for (let k = first; k < first + counts[x]; k++, source += 4) {
          red += rgba[source] * weights[k];
          green += rgba[source + 1] * weights[k];
          blue += rgba[source + 2] * weights[k];
        }
        // The weights are positive and sum to one: nothing can leave 0..255.
        this.#narrow[target++] = red >> PRECISION_BITS;
        this.#narrow[target++] = green >> PRECISION_BITS;
        this.#narrow[target++] = blue >> PRECISION_BITS;
      }
    }
    this.#rows += count;
  }

  /** @returns {Uint8Array} size x size RGB pixels, 3 bytes each. */
  finish() {
    if (this.#rows !== this.#height) {
      throw new Error(`${this.#rows} of ${this.#height} rows were given`);
    }
    const {starts, counts, weights, stride} = filterWeights(this.#height, this.#size);
    const line = this.#size * 3;
    const result = new Uint8Array(this.#size * line);
    for (let y = 0; y < this.#size; y++) {
      for (let i = 0; i < line; i++) {
        let sum = HALF;
        for (let k = 0; k < counts[y]; k++) {
          sum += this.#narrow[(starts[y] + k) * line + i] * weights[y * stride + k];
        }
        result[y * line + i] = sum >> PRECISION_BITS;
      }
    }
    return result;
  }
}
