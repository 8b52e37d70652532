// From data to nodes: a node is a text, or [tag, attributes, children]. What is there already stays: focus, what is
// written in a form, what is unfolded. A change is shown for a moment.
const SVG = "http://www.w3.org/2000/svg";
const NAMES = /^(?:id|class|href|title|datetime|role|scope|lang|hidden|width|height|viewBox|d|x|y|x1|x2|y1|y2|rx|r|cx|cy|fill-rule|rel|name|value|type|method|action|for|disabled|tabindex|focusable|open|colspan|checked|selected|required|placeholder|maxlength|min|max|step|rows|autocomplete|spellcheck|aria-[a-z]+|data-[a-z-]+)$/;
const TAGS = /^(?:a|abbr|b|button|caption|code|dd|details|div|dl|dt|form|g|h1|h2|h3|i|input|label|li|nav|ol|option|p|path|pre|rect|circle|line|section|select|span|summary|svg|table|tbody|td|text|textarea|th|thead|time|title|tr|ul|use)$/;

function allowed(name, value) {
  if (!NAMES.test(name)) return false;
  return !(name === "href" || name === "action") || /^(?:\/(?!\/)|#|\?)/.test(value);
}

function make(node, space) {
  if (typeof node === "string") return document.createTextNode(node);
  const [tag, attributes, children] = node;
  if (!TAGS.test(tag)) return document.createTextNode("");
  const inner = tag === "svg" ? SVG : space;
  const made = inner ? document.createElementNS(inner, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (allowed(name, value)) made.setAttribute(name, value);
  }
  for (const child of children) made.append(make(child, inner));
  return made;
}

function same(there, node) {
  if (typeof node === "string") return there.nodeType === Node.TEXT_NODE;
  return there.nodeType === Node.ELEMENT_NODE && there.localName === node[0] && (there.id || "") === (node[1].id || "");
}

function update(there, node, space) {
  if (typeof node === "string") {
    if (there.data !== node) {
      there.data = node;
      return true;
    }
    return false;
  }
  const [tag, attributes, children] = node;
  // What somebody is writing, or has chosen, stays.
  if (/^(?:select|textarea)$/.test(tag) || (tag === "input" && there.type !== "hidden")) return false;
  // So does what line.js has made of it.
  if ("typed" in there.dataset) return false;
  let changed = false;
  for (const name of there.getAttributeNames()) {
    // What somebody has unfolded stays so.
    if (!(name in attributes) && name !== "open" && !(name === "class" && there.classList.contains("changed"))) {
      there.removeAttribute(name);
      changed = true;
    }
  }
  for (const [name, value] of Object.entries(attributes)) {
    if (name !== "open" && allowed(name, value) && there.getAttribute(name) !== value) {
      there.setAttribute(name, value);
      changed = true;
    }
  }
  const within = tag === "svg" ? SVG : space;
  const inside = tag === "time" && ("data-relative" in attributes || "data-since" in attributes) ? false : fill(there, children, within);
  return inside || changed;
}

function fill(parent, nodes, space) {
  let changed = false;
  let there = parent.firstChild;
  for (const node of nodes) {
    while (there && there.nodeType === Node.TEXT_NODE && !there.data.trim() && typeof node !== "string") {
      const blank = there;
      there = there.nextSibling;
      blank.remove();
    }
    const id = typeof node === "string" ? "" : node[1].id;
    if (id && there && !same(there, node)) {
      const elsewhere = Array.from(parent.children).find((child) => child.id === id && child.localName === node[0]);
      if (elsewhere) {
        parent.insertBefore(elsewhere, there);
        there = elsewhere;
        changed = true;
      }
    }
    if (there && same(there, node)) {
      const differs = update(there, node, space);
      if (differs && there.localName === "tr") flash(there);
      changed = differs || changed;
      there = there.nextSibling;
    } else {
      parent.insertBefore(make(node, space), there);
      changed = true;
    }
  }
  while (there) {
    const extra = there;
    there = there.nextSibling;
    changed = changed || extra.nodeType !== Node.TEXT_NODE || extra.data.trim() !== "";
    extra.remove();
  }
  return changed;
}

function flash(row) {
  row.classList.remove("changed");
  requestAnimationFrame(() => row.classList.add("changed"));
  row.addEventListener("animationend", () => row.classList.remove("changed"), { once: true });
}

export function patch(region, nodes) {
  fill(region, nodes, "");
}
