// The model on LiteRT.js. Runs in `worker.js`, or in the page where workers cannot.

import {loadAndCompile, loadLiteRt, Tensor} from './litert/litert.js';

const RUNTIME = new URL('litert/', import.meta.url);

let model;
let shapes;

/**
 * Load runtime and model, once, and run it once: the first run is several times slower.
 * @param {{file: string, image_size: number, metadata_layout: string[]}} settings
 */
export async function load(settings) {
  const size = settings.image_size;
  shapes = {image: [1, size, size, 3], metadata: [1, settings.metadata_layout.length]};
  // In a worker the runtime would look for its .wasm beside the worker's script.
  self.Module = {locateFile: (name) => new URL(name, RUNTIME).href};
  await loadLiteRt(RUNTIME.href);
  const response = await fetch(new URL(settings.file, import.meta.url));
  if (!response.ok) throw new Error(`${settings.file}: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // Left to itself the runtime takes a GPU, whose results nobody compared.
  model = await loadAndCompile(bytes, {accelerator: 'wasm'});
  await run({
    image: new Float32Array(size * size * 3).fill(128),
    metadata: new Float32Array(settings.metadata_layout.length),
  });
}

/**
 * @param {{image: Float32Array, metadata: Float32Array}} inputs
 * @returns {Promise<Object<string, Float32Array>>} The outputs by name.
 */
export async function run(inputs) {
  const tensors = [];
  try {
    const fed = {};
    for (const [name, values] of Object.entries(inputs)) {
      tensors.push((fed[name] = new Tensor(values, shapes[name])));
    }
    const results = await model.run(fed);
    tensors.push(...Object.values(results));
    const outputs = {};
    for (const [name, tensor] of Object.entries(results)) {
      outputs[name] = Float32Array.from(await tensor.data());
    }
    return outputs;
  } finally {
    // They live on the WebAssembly heap, which no garbage collector looks at.
    for (const tensor of tensors) tensor.delete();
  }
}
