// The stream of what changes on this page. It is closed while nobody looks.
import { patch } from "./nodes.js";
import { refresh } from "./times.js";

const SILENCE = 35000;

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
        setTimeout(again, 3000);
      }
    });
  }

  // Why a stream was refused is not told to its listener.
  async function again() {
    if (source || document.hidden) return;
    const asking = new AbortController();
    let status = 0;
    try {
      status = (await fetch(address, { signal: asking.signal })).status;
    } catch {
      status = 0;
    }
    asking.abort();
    if (status === 401) location.reload();
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
