// The service worker: keeps the page's files on the device, and updates them when asked to.

const PATIENCE = 5000; // milliseconds until the page goes on without a worker that does not answer

/**
 * Register the service worker and wait until this page is served by it.
 * @param {{onProgress: function(number, number), onUpdate: function(function())}} listeners
 *     `onProgress` gets bytes kept and bytes in all, on the first visit; `onUpdate` gets a
 *     function that changes to the new version and loads the page again.
 * @returns {Promise<boolean>} Whether the page now works offline.
 */
export async function prepareOffline({onProgress, onUpdate}) {
  const workers = navigator.serviceWorker; // absent on plain http and in some private windows
  if (!workers) return false;
  if (!workers.controller) {
    workers.addEventListener('message', ({data}) => {
      if (data.type === 'progress') onProgress(data.done, data.total);
    });
  }
  try {
    const registration = await workers.register('sw.js', {updateViaCache: 'none'});
    watchForUpdates(registration, onUpdate);
    if (!workers.controller) await takeControl(registration);
  } catch (error) {
    console.warn('The page will not work offline:', error);
  }
  return Boolean(workers.controller);
}

async function takeControl(registration) {
  const workers = navigator.serviceWorker;
  const controlled = new Promise((resolve) => {
    workers.addEventListener('controllerchange', resolve, {once: true});
  });
  if (!registration.active) {
    await activated(registration.installing ?? registration.waiting);
  }
  registration.active?.postMessage('claim'); // a forced reload leaves the page without one
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  await Promise.race([controlled, patience]);
}

function activated(worker) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (worker.state === 'activated') resolve();
      if (worker.state === 'redundant') reject(new Error('its installation failed'));
    };
    worker.addEventListener('statechange', look);
    look();
  });
}

function watchForUpdates(registration, onUpdate) {
  const offer = (worker) =>
    onUpdate(() => {
      navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), {
        once: true,
      });
      worker.postMessage('activate');
    });
  if (registration.waiting && registration.active) offer(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing;
    worker.addEventListener('statechange', () => {
      if (worker.state === 'installed' && registration.active) offer(worker);
    });
  });
}
