// Relative times go on as the clock does: "in 3m", "2h5m ago", as the server writes them: the largest unit and the next.
const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

function amount(seconds) {
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0s";
  let left = seconds;
  return UNITS.slice(first, first + 2).map(([unit, size]) => {
    const number = Math.floor(left / size);
    left -= number * size;
    return number ? `${number}${unit}` : "";
  }).join("");
}

export function relative(at, now) {
  const late = Math.round((now - at) / 1000);
  const text = amount(Math.abs(late));
  return late >= 0 ? `${text} ago` : `in ${text}`;
}

function show(each, text) {
  if (each.textContent !== text) each.textContent = text;
}

export function refresh() {
  const now = Date.now();
  for (const each of document.querySelectorAll("time[data-relative]")) {
    show(each, relative(Date.parse(each.dateTime), now));
  }
  for (const each of document.querySelectorAll("time[data-since]")) {
    show(each, amount(Math.max(0, Math.round((now - Date.parse(each.dateTime)) / 1000))));
  }
}

export function count() {
  setInterval(() => { if (!document.hidden) refresh(); }, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
}
