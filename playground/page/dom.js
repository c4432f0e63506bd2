// Building the page. Text goes in only as text nodes: nothing here parses HTML.

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const $ = (id) => document.getElementById(id);

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export const hue = (id) => Math.abs(Number(id)) % 7;

export function avatar(id, name, size = "") {
  const letters = [...(name || "?").trim()].filter((letter) => /[\p{L}\p{N}]/u.test(letter));
  return h("span", { class: `avatar hue${hue(id)} ${size}`, "aria-hidden": "true" }, letters[0] || "?");
}

export function toast(text, kind = "") {
  const node = h("div", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), 2600 + 45 * text.length);
}

// A modal with any content; resolves when it closes.
export function dialog(content, kind = "") {
  const box = h("dialog", { class: kind }, content);
  box.addEventListener("click", (event) => event.target === box && box.close());
  document.body.append(box);
  box.showModal();
  return new Promise((done) => box.addEventListener("close", () => { box.remove(); done(box.returnValue); }));
}

export function notice(text) {
  return dialog(h("form", { method: "dialog" }, h("p", {}, text),
    h("div", { class: "actions" }, h("button", { class: "pill primary", autofocus: true }, "Понятно"))));
}

export async function confirmed(title, text, action) {
  const form = h("form", { method: "dialog" }, h("h2", {}, title), h("p", {}, text),
    h("div", { class: "actions" }, h("button", { class: "pill", value: "" }, "Отмена"),
      h("button", { class: "pill danger", value: "yes", autofocus: true }, action)));
  return (await dialog(form)) === "yes";
}

export async function asked(title, label) {
  const input = h("input", { type: "text", "aria-label": label, placeholder: label, maxlength: "64", autofocus: true, required: true });
  const form = h("form", { method: "dialog" }, h("h2", {}, title), input,
    h("div", { class: "actions" }, h("button", { class: "pill", value: "", formnovalidate: true, type: "button", onclick: (e) => e.target.closest("dialog").close("") }, "Отмена"),
      h("button", { class: "pill primary", value: "yes" }, "Готово")));
  return (await dialog(form)) === "yes" ? input.value.trim() : "";
}

// A menu at a point; closes on any other click and on Escape.
export function menu(x, y, ...items) {
  document.querySelector(".menu")?.remove();
  const before = document.activeElement;
  const node = h("div", { class: "menu", role: "menu" }, ...items);
  document.body.append(node);
  const box = node.getBoundingClientRect();
  node.style.left = `${Math.max(8, Math.min(x, innerWidth - box.width - 8))}px`;
  node.style.top = `${Math.max(8, Math.min(y, innerHeight - box.height - 8))}px`;
  node.querySelector("button")?.focus();
  const close = () => {
    node.remove();
    removeEventListener("pointerdown", outside, true);
    removeEventListener("keydown", keys, true);
  };
  const outside = (event) => node.contains(event.target) || close();
  const keys = (event) => {
    if (event.key === "Escape") { event.stopPropagation(); close(); before?.focus?.(); }
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...node.querySelectorAll("button")];
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  };
  addEventListener("pointerdown", outside, true);
  addEventListener("keydown", keys, true);
  node.addEventListener("click", (event) => event.target.closest("button") && close());
  return node;
}

export const item = (name, text, act, kind = "") =>
  h("button", { class: kind, role: "menuitem", onclick: act }, icon(name), text);

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Скопировано");
  } catch {
    toast("Браузер не дал скопировать", "error");
  }
}
