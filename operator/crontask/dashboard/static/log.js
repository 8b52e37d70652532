// A log that goes on: its text is added as it comes, the last megabyte is kept, and it scrolls with whoever is at its end.
import { RETRY, isLoggedOut } from "./live.js";

const MOST = 1 << 20;

function read(pre) {
  let source = null;
  let begun = false;

  function open() {
    if (source || document.hidden || pre.dataset.ended) return;
    source = new EventSource(pre.dataset.log);
    source.addEventListener("begin", () => { begun = false; });
    source.addEventListener("wait", () => { if (!begun) pre.textContent = "Its container has not started yet."; });
    source.addEventListener("text", (event) => {
      const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
      if (!begun) pre.textContent = "";
      begun = true;
      pre.append(document.createTextNode(JSON.parse(event.data)));
      let length = pre.textContent.length;
      while (length > MOST && pre.childNodes.length > 1) {
        length -= pre.firstChild.data.length;
        pre.firstChild.remove();
      }
      if (atEnd) pre.scrollTop = pre.scrollHeight;
    });
    source.addEventListener("anew", () => { close(); setTimeout(() => location.reload(), 500); });
    source.addEventListener("over", () => { pre.dataset.ended = "yes"; close(); });
    source.addEventListener("error", () => {
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(again, RETRY);
      }
    });
  }

  async function again() {
    if (source || document.hidden || pre.dataset.ended) return;
    if (await isLoggedOut(pre.dataset.log)) location.reload();
    else open();
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  pre.scrollTop = pre.scrollHeight;
  open();
}

export function followLogs() {
  for (const pre of document.querySelectorAll("pre[data-log]")) read(pre);
}
