// Rich messages as DOM nodes: blocks, and texts with nested formatting. Nothing is parsed as HTML.
import { copy, h } from "./dom.js";
import { codeBlock, link } from "./format.js";

const STYLES = { bold: "b", italic: "i", underline: "u", strikethrough: "s", marked: "mark", subscript: "sub", superscript: "sup" };

export function rich(message, act) {
  return h("div", { class: "rich", dir: message.is_rtl ? "rtl" : "auto" }, blocks(message.blocks, act));
}

const blocks = (list, act) => list.map((block) => built(block, act));

function built(block, act) {
  const inside = (value) => words(value, act);
  switch (block.type) {
    case "heading": return h("div", { class: `heading size${block.size}`, role: "heading", "aria-level": String(Math.min(6, block.size + 2)) }, inside(block.text));
    case "pre": return codeBlock(block.language, plain(block.text));
    case "footer": return h("p", { class: "footer" }, inside(block.text));
    case "divider": return h("hr");
    case "mathematical_expression": return formula(block.expression, "div");
    case "list": return list(block, act);
    case "table": return table(block, act);
    case "blockquote": return h("blockquote", {}, blocks(block.blocks, act), credit(block, act));
    case "expandable_blockquote": return folded(block, act);
    case "pullquote": return h("blockquote", { class: "pull" }, inside(block.text), credit(block, act));
    case "details": return h("details", { open: Boolean(block.is_open) }, h("summary", {}, inside(block.summary)), blocks(block.blocks, act));
    case "thinking": return h("p", { class: "thinking shimmer" }, inside(block.text));
    case "anchor": return h("span");
    default: return h("p", {}, inside(block.text));
  }
}

const credit = (block, act) => (block.credit ? h("cite", {}, words(block.credit, act)) : null);

function folded(block, act) {
  const text = h("div", { class: "fold" }, words(block.text, act), credit(block, act));
  return h("details", { class: "quotation" }, h("summary", {}, "Цитата"), h("blockquote", {}, text));
}

function list(block, act) {
  const numbered = block.items.some((item) => item.value !== undefined);
  const items = block.items.map((item) => h("li", { value: item.value, class: item.has_checkbox ? "check" : null },
    item.has_checkbox && h("input", { type: "checkbox", checked: Boolean(item.is_checked), disabled: true, "aria-label": plain(item.blocks[0]?.text) || "пункт" }),
    h("div", {}, blocks(item.blocks, act))));
  return h(numbered ? "ol" : "ul", {}, items);
}

// A table scrolls by itself, so that the page never does.
function table(block, act) {
  const rows = block.cells.map((row) => h("tr", {}, row.map((cell) =>
    h(cell.is_header ? "th" : "td", { class: `${cell.align} ${cell.valign}`, colspan: cell.colspan && String(cell.colspan), rowspan: cell.rowspan && String(cell.rowspan) }, words(cell.text ?? "", act)))));
  const kinds = ["is_bordered", "is_striped", "is_compact"].filter((name) => block[name]).join(" ");
  const caption = block.caption && h("caption", {}, words(block.caption, act));
  return h("div", { class: "table", tabindex: "0", role: "region", "aria-label": block.caption ? plain(block.caption) : "Таблица" },
    h("table", { class: kinds }, caption, h("tbody", {}, rows)));
}

const formula = (expression, tag) => h(tag, { class: "formula", role: "math", title: "Скопировать", onclick: () => copy(expression) }, expression);

function words(text, act) {
  if (typeof text === "string") return text;
  if (Array.isArray(text)) return text.map((part) => words(part, act));
  const make = (tag, props = {}) => h(tag, props, words(text.text ?? "", act));
  if (STYLES[text.type]) return make(STYLES[text.type]);
  switch (text.type) {
    case "code": return h("code", { title: "Скопировать", onclick: () => copy(plain(text)) }, plain(text));
    case "spoiler": return h("button", { class: "spoiler", type: "button", "aria-label": "Показать скрытое", onclick: (event) => { event.currentTarget.classList.toggle("shown"); event.currentTarget.removeAttribute("aria-label"); } }, words(text.text, act));
    case "mathematical_expression": return formula(text.expression, "span");
    case "custom_emoji": return text.alternative_text;
    case "url": return link(text.url, make);
    case "email_address": return make("a", { href: `mailto:${text.email_address}` });
    case "phone_number": return make("a", { href: `tel:${text.phone_number}` });
    case "mention": return make("button", { class: "linkish", type: "button", onclick: () => act?.mention(plain(text)) });
    case "bot_command": return make("button", { class: "linkish", type: "button", onclick: () => act?.command(plain(text)) });
    default: return make("span");
  }
}

export function plain(text) {
  if (text === undefined || text === null) return "";
  if (typeof text === "string") return text;
  if (Array.isArray(text)) return text.map(plain).join("");
  return text.expression ?? text.alternative_text ?? plain(text.text);
}

// The first words of a rich message: for lists of chats and for quotations.
export function summary(message) {
  for (const block of message.blocks) {
    const found = plain(block.text ?? block.summary ?? block.expression) || (block.cells && plain(block.cells[0]?.[0]?.text))
      || summary({ blocks: block.blocks ?? block.items?.[0]?.blocks ?? [] });
    if (found) return found;
  }
  return "";
}
