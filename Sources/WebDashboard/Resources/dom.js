// Builds elements. Texts become text nodes, never markup, so nothing that a silo calls itself can do anything here.

const svgNamespace = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** An HTML element: `h("a", { href: "#/" }, "Overview")`. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, tag), attributes, children);
}

/** Puts other children into an element. */
export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
}

/**
 * A table that scrolls sideways in its own box.
 *
 * @param columns `{title, kind}` each; the kind becomes a class: `number`, or `wide` for what a phone has no room for.
 * @param rows the cells of each row: texts or elements.
 */
export function table(caption, columns, rows, empty) {
  if (rows.length === 0) return h("p", { class: "faint" }, empty);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.kind }, column.title)))),
      h("tbody", {}, rows.map((cells) =>
        h("tr", {}, cells.map((cell, index) => h("td", { class: columns[index].kind }, cell)))))));
}

/** Opens a dialog that closes with Escape, with its button, or when something else is to be done. */
export function dialog(title, ...content) {
  const element = h("dialog", { "aria-label": title, onclose: () => element.remove() },
    h("form", { method: "dialog", class: "dialoghead" }, h("h2", {}, title), h("button", { "aria-label": "Close" }, "×")),
    content);
  document.body.append(element);
  element.showModal();
  return element;
}

/** Asks before something is done that cannot be undone. */
export function confirm(title, sentence, action) {
  return new Promise((resolve) => {
    const element = dialog(title,
      h("p", {}, sentence),
      h("p", { class: "actions" },
        h("button", { type: "button", onclick: () => element.close() }, "Keep it as it is"),
        h("button", { type: "button", class: "danger", onclick: () => { resolve(true); element.close(); } }, action)));
    element.addEventListener("close", () => resolve(false));
  });
}

/** Says what went wrong at the foot of the page, for a while. */
export function notify(text) {
  const note = h("p", { class: "toast", role: "alert" }, text);
  document.body.append(note);
  setTimeout(() => note.remove(), 8000);
}
