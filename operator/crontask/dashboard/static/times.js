// Relative times go on as the clock does: "in 3m", "2h5m ago", as the server writes them.
const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

export function relative(at, now) {
  const late = Math.round((now - at) / 1000);
  let left = Math.abs(late);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const number = Math.floor(left / size);
    left -= number * size;
    if (number) parts.push(`${number}${unit}`);
  }
  const text = parts.slice(0, 2).join("") || "0s";
  return late >= 0 ? `${text} ago` : `in ${text}`;
}

export function refresh() {
  const now = Date.now();
  for (const each of document.querySelectorAll("time[data-relative]")) {
    const text = relative(Date.parse(each.dateTime), now);
    if (each.textContent !== text) each.textContent = text;
  }
}

export function count() {
  setInterval(() => { if (!document.hidden) refresh(); }, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
}
