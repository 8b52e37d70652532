// The stream of what changes on this page. It is closed while nobody looks.
import { patch } from "./nodes.js";
import { refresh } from "./times.js";

const SILENCE = 35000;
export const RETRY = 3000;

// Whether a stream was refused because nobody is logged in any more: its listener is not told why.
export async function isLoggedOut(address) {
  const asking = new AbortController();
  try {
    return (await fetch(address, { signal: asking.signal })).status === 401;
  } catch {
    return false;
  } finally {
    asking.abort();
  }
}

export function follow(address) {
  const offline = document.getElementById("offline");
  let source = null;
  let watchdog = 0;

  function heard() {
    offline.hidden = true;
    clearTimeout(watchdog);
    watchdog = setTimeout(() => { close(); open(); }, SILENCE);
  }

  function open() {
    if (source || document.hidden) return;
    source = new EventSource(address);
    source.addEventListener("open", heard);
    source.addEventListener("beat", heard);
    source.addEventListener("regions", (event) => {
      heard();
      for (const [id, nodes] of JSON.parse(event.data)) {
        const region = document.getElementById(id);
        if (region) patch(region, nodes);
      }
      refresh();
    });
    // The session, or a right, has ended: the page says so when it is loaded anew.
    source.addEventListener("anew", () => { close(); setTimeout(() => location.reload(), 500); });
    source.addEventListener("error", () => {
      offline.hidden = false;
      if (source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(again, RETRY);
      }
    });
  }

  async function again() {
    if (source || document.hidden) return;
    if (await isLoggedOut(address)) location.reload();
    else open();
  }

  function close() {
    clearTimeout(watchdog);
    if (source) source.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}
