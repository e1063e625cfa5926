// Runs the model off the page's thread. A classic worker: LiteRT.js loads its runtime with
// importScripts, which module workers lack.

const inference = import('./inference.js');

self.onmessage = async ({data: {id, call, argument}}) => {
  try {
    self.postMessage({id, value: await (await inference)[call](argument)});
  } catch (error) {
    self.postMessage({id, error: String(error)});
  }
};
