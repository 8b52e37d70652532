// What a page without scripts cannot do: it follows what changes, counts relative times, and knows the viewer's zone.
// Nodes are built one by one from what the server sends as data: no markup is parsed.
import { follow } from "./live.js";
import { count } from "./times.js";
import { followForms } from "./line.js";
import { followLogs } from "./log.js";

const own = document.querySelector("[data-own-zone]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
// Whoever is in UTC has a button for it already.
if (own && zone && !/^(?:Etc\/)?(?:UTC|GMT)$/.test(zone)) {
  if (!own.value) {
    own.value = zone;
    own.textContent = zone;
  }
  own.hidden = false;
}
for (const select of document.querySelectorAll("select[data-submits]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
// Escape folds the form of a button up again.
document.addEventListener("keydown", (event) => {
  const act = event.key === "Escape" && event.target.closest("details.act[open]");
  if (!act) return;
  act.open = false;
  act.querySelector("summary").focus();
});
count();
if (document.body.dataset.live) {
  follow(document.body.dataset.live);
}
followForms();
followLogs();
