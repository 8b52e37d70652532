// The command line under a form follows what is typed into it. The server says it, which knows the task and its args;
// while the form cannot be meant as it is, the line before stays.
const PAUSE = 250;
const waiting = new WeakMap();
const asking = new WeakMap();

async function show(form) {
  const code = form.querySelector(".command code");
  const address = form.dataset.line;
  if (!code || !/^\/(?!\/)/.test(address)) return;
  asking.get(form)?.abort();
  const control = new AbortController();
  asking.set(form, control);
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(address, { method: "POST", body, signal: control.signal });
    if (!answer.ok) return;
    const text = await answer.text();
    if (control.signal.aborted) return;
    code.dataset.typed = "";
    code.textContent = text;
  } catch (error) {
    // Another letter was typed, or the server is away: of that the page says so itself.
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
  }
}

export function followForms() {
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-line]");
    if (!form) return;
    clearTimeout(waiting.get(form));
    waiting.set(form, setTimeout(() => show(form), PAUSE));
  });
  // What was refused stands in its form still.
  for (const form of document.querySelectorAll("details[open] form[data-line]")) show(form);
}
