// A text with Telegram's entities as DOM nodes. Offsets are UTF-16 units, as in JavaScript.
import { copy, h, icon } from "./dom.js";

const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
const SIMPLE = { bold: "b", italic: "i", underline: "u", strikethrough: "s" };

export function formatted(text, entities, act) {
  const sorted = [...(entities || [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const fragment = document.createDocumentFragment();
  fill(fragment, text, 0, text.length, sorted, act);
  return fragment;
}

function fill(parent, text, start, end, entities, act) {
  let at = start;
  const queue = [...entities];
  while (queue.length) {
    const entity = queue.shift();
    const from = Math.max(entity.offset, at);
    const to = Math.min(entity.offset + entity.length, end);
    if (to <= from) continue;
    parent.append(text.slice(at, from));
    const inner = [];
    while (queue.length && queue[0].offset < to) {
      const next = queue.shift();
      inner.push(next);
      const rest = next.offset + next.length - to;
      if (rest > 0) queue.unshift({ ...next, offset: to, length: rest });
      if (rest > 0) break;
    }
    parent.append(wrapped(entity, text.slice(from, to), (node) => fill(node, text, from, to, inner, act), act));
    at = to;
    if (BLOCKS.has(entity.type) && text[at] === "\n") at += 1; // a block ends its line itself
  }
  parent.append(text.slice(at, end));
}

function wrapped(entity, part, into, act) {
  const make = (tag, props = {}) => { const node = h(tag, props); into(node); return node; };
  const button = (props) => make("button", { class: "linkish", type: "button", ...props });
  if (SIMPLE[entity.type]) return make(SIMPLE[entity.type]);
  switch (entity.type) {
    case "code": return make("code", { title: "Скопировать", onclick: () => copy(part) });
    case "pre": return codeBlock(entity.language, part);
    case "spoiler": return make("span", { class: "spoiler", onclick: (e) => e.currentTarget.classList.toggle("shown") });
    case "blockquote": return make("blockquote");
    case "expandable_blockquote": return make("blockquote", { class: "folded", onclick: (e) => e.currentTarget.classList.toggle("folded") });
    case "url": return link(part.includes("://") ? part : `http://${part}`, make);
    case "text_link": return link(entity.url, make);
    case "email": return make("a", { href: `mailto:${part}` });
    case "phone_number": return make("a", { href: `tel:${part.replace(/[^+\d]/g, "")}` });
    case "mention": return button({ onclick: () => act?.mention(part) });
    case "bot_command": return button({ onclick: () => act?.command(part) });
    case "text_mention":
    case "hashtag":
    case "cashtag": return make("span", { class: "linkish" });
    default: return make("span");
  }
}

export function link(address, make) {
  let url;
  try { url = new URL(address); } catch { return make("span"); }
  if (!["http:", "https:", "tg:"].includes(url.protocol)) return make("span");
  return make("a", { href: url.href, title: url.href, target: "_blank", rel: "noopener noreferrer" });
}

export function codeBlock(language, part) {
  return h("span", { class: "pre" },
    h("header", {}, language || "код",
      h("button", { type: "button", title: "Скопировать", onclick: () => copy(part) }, icon("copy"))),
    h("pre", { tabindex: "0" }, part));
}
