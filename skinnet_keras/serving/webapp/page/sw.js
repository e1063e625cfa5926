// Keeps the page's files by their content and serves them without the network.
// `skinnet webapp` fills in the files and headers; a changed file changes this script, and so
// makes browsers look for the new version.

const FILES = /*{files}*/;
const HEADERS = /*{headers}*/;

const SCOPE = new URL(self.registration.scope);
const CACHE = `skinnet:${SCOPE.pathname}`; // other pages of this origin have their own

// A function that returns i8x16.relaxed_swizzle(1, 2): the test LiteRT.js chooses its runtime by.
const RELAXED_SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253,
  15, 65, 2, 253, 15, 253, 128, 2, 11,
]);
const RUNTIME = WebAssembly.validate(RELAXED_SIMD) ? 'relaxed' : 'compat';
const KEPT = Object.keys(FILES).filter((path) => [null, RUNTIME].includes(FILES[path].runtime));

self.addEventListener('install', (event) => event.waitUntil(keepFiles()));
self.addEventListener('activate', (event) => event.waitUntil(dropOldFiles()));
self.addEventListener('message', ({data}) => {
  if (data === 'activate') self.skipWaiting();
  if (data === 'claim') self.clients.claim();
});
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || !url.href.startsWith(SCOPE.href)) return;
  const path = url.pathname.slice(SCOPE.pathname.length) || 'index.html';
  if (KEPT.includes(path)) event.respondWith(serve(path));
});

function keyOf(path) {
  return new URL(`${path}?sha256=${FILES[path].hash}`, SCOPE).href;
}

async function serve(path) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(keyOf(path));
  if (kept) return kept;
  // The browser may have dropped it to make room.
  const response = await download(path, () => {});
  await cache.put(keyOf(path), response.clone());
  return response;
}

/** Download what is not kept yet: of an update, only the files that changed. */
async function keepFiles() {
  const cache = await caches.open(CACHE);
  const missing = [];
  for (const path of KEPT) {
    if (!(await cache.match(keyOf(path)))) missing.push(path);
  }
  const total = missing.reduce((sum, path) => sum + FILES[path].bytes, 0);
  let done = 0;
  for (const path of missing) {
    const response = await download(path, (bytes) => {
      done += bytes;
      report(done, total);
    });
    await cache.put(keyOf(path), response);
  }
}

async function dropOldFiles() {
  const cache = await caches.open(CACHE);
  const current = new Set(KEPT.map(keyOf));
  for (const request of await cache.keys()) {
    if (!current.has(request.url)) await cache.delete(request);
  }
  await self.clients.claim();
}

/** Fetch a file whole; one that is not what this version was built of is an error. */
async function download(path, onBytes) {
  const response = await fetch(new URL(path, SCOPE), {cache: 'no-store'});
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  const chunks = [];
  const reader = response.body.getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    chunks.push(value);
    onBytes(value.length);
  }
  const content = await new Blob(chunks).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hash !== FILES[path].hash) throw new Error(`${path} is of another version`);
  return new Response(content, {headers: {...HEADERS, 'Content-Type': FILES[path].type}});
}

async function report(done, total) {
  for (const client of await self.clients.matchAll({includeUncontrolled: true})) {
    client.postMessage({type: 'progress', done, total});
  }
}
