// One model behind two calls, in a worker where the browser can, else in the page.

/**
 * Load the model.
 * @param {object} settings The content of `model/model.json`.
 * @returns {Promise<{place: string, run: function(object): Promise<object>}>} `place` is 'worker'
 *     or 'page'; `run` takes the inputs by name and gives the outputs by name.
 */
export async function startEngine(settings) {
  let worker;
  try {
    worker = new Worker(new URL('worker.js', import.meta.url));
    const call = callsTo(worker);
    await call('load', settings);
    return {place: 'worker', run: (inputs) => call('run', inputs)};
  } catch (error) {
    worker?.terminate();
    console.warn('The model does not run in a worker:', error);
  }
  const inference = await import('./inference.js');
  await inference.load(settings);
  return {place: 'page', run: inference.run};
}

/** @returns {function(string, object): Promise} Calls a function of `inference.js` in a worker. */
function callsTo(worker) {
  const waiting = new Map();
  let calls = 0;
  worker.onmessage = ({data: {id, value, error}}) => {
    const {resolve, reject} = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(value);
    else reject(new Error(error));
  };
  worker.onerror = (event) => {
    for (const {reject} of waiting.values()) reject(new Error(event.message || 'worker failed'));
    waiting.clear();
  };
  return (call, argument) =>
    new Promise((resolve, reject) => {
      waiting.set(calls, {resolve, reject});
      worker.postMessage({id: calls++, call, argument});
    });
}
