// The messages of the open chat.
import { $, avatar, copy, dialog, h, hue, icon, item, menu, notice, toast } from "./dom.js";
import { post } from "./api.js";
import { formatted } from "./format.js";
import { rich } from "./rich.js";
import { player } from "./sound.js";
import {
  author, clock, current, day, isAdmin, isMine, isShown, messagesOf, on, person, plural, preview, store, tell,
} from "./store.js";

const FACES = ["👍", "👎", "❤", "🔥", "😁", "🤔"];
const feed = () => $("feed");
let fresh = 0; // messages below the fold
let stuck = true; // whether the reader is at the end, and wants to stay there

export function setUp() {
  on("message", ({ key, message }) => shows(key, message) && append(message));
  on("edit", ({ key, message }) => shows(key, message) && replace(message));
  on("delete", ({ key }) => key === store.open?.key && draw());
  on("draft", (key) => key === store.open?.key && drawDraft(atEnd()));
  on("comments", () => current()?.type === "channel" && draw(true));
  feed().addEventListener("scroll", () => { stuck = atEnd(); if (stuck) fresh = 0; drawToEnd(); });
  new ResizeObserver(() => stuck && toEnd()).observe(feed());
  $("to-end").onclick = () => { feed().scrollTo({ top: feed().scrollHeight, behavior: "smooth" }); };
}

const shows = (key, message) => key === store.open?.key && isShown(message);
const list = () => [...(store.messages.get(store.open.key)?.values() || [])].filter((m) => isShown(m));
const atEnd = () => feed().scrollHeight - feed().scrollTop - feed().clientHeight < 90;
const toEnd = () => { stuck = true; feed().scrollTop = feed().scrollHeight; };

function drawToEnd() {
  $("to-end").hidden = atEnd();
  $("to-end").querySelector("b").textContent = fresh || "";
}

export function draw(keepPlace = false) {
  const place = atEnd() ? Infinity : feed().scrollTop;
  const messages = list();
  const nodes = [];
  messages.forEach((message, index) => {
    const before = messages[index - 1];
    if (!before || day(before.date) !== day(message.date)) nodes.push(h("div", { class: "day" }, day(message.date)));
    nodes.push(build(message, before, messages[index + 1]));
  });
  feed().replaceChildren(...nodes);
  feed().dataset.empty = emptyText();
  drawDraft(false);
  if (keepPlace && place !== Infinity) feed().scrollTop = place;
  else { fresh = 0; toEnd(); }
  drawToEnd();
}

function emptyText() {
  const chat = current();
  if (!chat) return "";
  if (chat.type === "private") return `Здесь пока пусто.\nНажми «Начать».`;
  if (chat.type === "channel") return "Напиши первый пост: он появится и в обсуждении.";
  return `Позови бота: @${store.bot.username}`;
}

function append(message) {
  const stay = atEnd() || isMine(message);
  const before = list().filter((m) => m.message_id < message.message_id).at(-1);
  if (!before || day(before.date) !== day(message.date)) feed().append(h("div", { class: "day" }, day(message.date)));
  if (before && joins(before, message)) find(before.message_id)?.classList.add("joined-below");
  const node = build(message, before);
  if (!isMine(message) && feed().querySelector(".row.draft")) feed().querySelector(".row.draft").remove();
  else node.classList.add("fresh");
  feed().append(node);
  drawDraft(false);
  if (stay) toEnd();
  else fresh += 1;
  drawToEnd();
}

function replace(message) {
  const old = find(message.message_id);
  if (!old) return;
  const stay = atEnd();
  const messages = list();
  const index = messages.findIndex((m) => m.message_id === message.message_id);
  const node = build(message, messages[index - 1], messages[index + 1]);
  if (old.contains(document.activeElement)) queueMicrotask(() => node.querySelector("button, a")?.focus({ preventScroll: true }));
  old.replaceWith(node);
  if (stay) toEnd();
}

const find = (id) => feed().querySelector(`[data-id="${id}"]`);

export function goTo(id) {
  const node = find(id);
  if (!node) return;
  node.scrollIntoView({ block: "center", behavior: "smooth" });
  node.classList.remove("found");
  void node.offsetWidth;
  node.classList.add("found");
}

// --- One message -------------------------------------------------------------

function joins(before, message) {
  return before && current().type !== "channel" && !isService(before) && author(before).id === author(message).id && before._by === message._by
    && message.date - before.date < 300 && !before.is_automatic_forward && day(before.date) === day(message.date);
}

const isService = (message) => Boolean(message.forum_topic_created);

function build(message, before, after) {
  if (isService(message)) return h("div", { class: "service", dataset: { id: message.message_id } }, `Тема «${message.forum_topic_created.name}» открыта`);
  const chat = current();
  const mine = isMine(message) && chat.type !== "channel";
  const joined = joins(before, message);
  const below = after && !isService(after) && joins(message, after);
  const isPost = chat.type === "channel";
  const plain = mine || isPost || chat.type === "private";
  const from = author(message);
  const classes = ["row", mine && "mine", joined && "joined", below && "joined-below", plain && "plain", isPost && "post"];
  return h("article", { class: classes.filter(Boolean).join(" "), dataset: { id: message.message_id }, "aria-label": `${from.name}, ${clock(message.date)}` },
    !plain && (below ? h("span") : avatar(from.id, from.name, "small")),
    h("div", { class: "body" },
      bubble(message, isPost || (!plain && !joined)),
      buttons(message), reactions(message),
      isPost && comments(message), tools(message)));
}

function bubble(message, withName) {
  const reply = message.reply_to_message;
  const isThreadRoot = reply && (reply.forum_topic_created || (store.open.thread === reply.message_id && reply.is_automatic_forward));
  const node = h("div", { class: message.photo ? "bubble has-photo" : "bubble" },
    withName && name(message),
    message.forward_origin && !message.is_automatic_forward && h("div", { class: "forwarded" }, `Переслано: ${originName(message.forward_origin)}`),
    reply && !isThreadRoot && quoted(reply, message.quote),
    attachment(message), words(message), message._for && h("div", { class: "ephemeral" }, `👁 Видно только тебе: ${message.receiver_user.first_name}`), meta(message));
  node.addEventListener("contextmenu", (event) => { if (!getSelection().toString()) { event.preventDefault(); openMenu(message, event.clientX, event.clientY); } });
  return node;
}

function name(message) {
  const from = author(message);
  const role = message.sender_chat ? (message.chat.type === "channel" ? "" : message.is_automatic_forward ? "пост канала" : message.sender_chat.id === message.chat.id ? "аноним" : "канал") : message.from?.is_bot ? "бот" : "";
  return h("div", { class: `from name${hue(from.id)}` }, from.name, role && h("small", {}, role));
}

const originName = (origin) => (origin.sender_user?.first_name || origin.chat?.title || origin.sender_chat?.title || "");

function quoted(reply, quote) {
  return h("button", { class: "quote", onclick: () => goTo(reply.message_id) },
    h("b", {}, author(reply).name), h("span", {}, quote?.text || preview(reply)));
}

function words(message) {
  if (message.rich_message) return h("div", { class: message.edit_date ? "text edited closed" : "text closed" }, rich(message.rich_message, links));
  const text = message.text ?? message.caption;
  if (!text) return null;
  const kinds = ["text", message.edit_date && "edited", lastIsBlock(message) && "closed"];
  return h("div", { class: kinds.filter(Boolean).join(" ") }, formatted(text, message.entities || message.caption_entities, links));
}

const links = {
  mention: (text) => tell("insert", `${text} `),
  command: (text) => act("send", { text: current().type === "private" || text.includes("@") ? text : `${text}@${store.bot.username}` }),
};

function meta(message) {
  const edited = message.edit_date ? "изменено " : "";
  const below = !(message.text ?? message.caption) || lastIsBlock(message);
  const label = `${edited}${clock(message.date)}`;
  return h("span", { class: below ? "meta below" : "meta" }, label);
}

function lastIsBlock(message) {
  if (message.rich_message) return true;
  const text = message.text ?? message.caption ?? "";
  return (message.entities || []).some((e) => /pre|blockquote/.test(e.type) && e.offset + e.length >= text.trimEnd().length);
}

function attachment(message) {
  if (message.photo) {
    const picture = message.photo.at(-1);
    const address = `/api/files/${picture.file_id}`;
    return h("button", { class: "photo", title: "Открыть", onclick: () => dialog(h("img", { src: address, alt: message.caption || "Фотография" }), "viewer") },
      h("img", { src: address, alt: message.caption || "Фотография", width: String(picture.width), height: String(picture.height), loading: "lazy", onload: () => atEnd() && toEnd() }));
  }
  if (message.document) {
    const file = message.document;
    return h("a", { class: "document", href: `/api/files/${file.file_id}`, download: file.file_name },
      h("i", {}, icon("file")), h("span", {}, h("b", {}, file.file_name), h("small", { class: "muted" }, size(file.file_size))));
  }
  const sound = message.voice || message.audio || message.video_note;
  if (sound) return player(sound, message.audio?.file_name || (message.voice ? "Голосовое сообщение" : "Видеосообщение"));
  if (message.location) return place(message);
  return null;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} Б`;
  const [unit, name] = bytes < 2 ** 20 ? [2 ** 10, "КБ"] : [2 ** 20, "МБ"];
  return `${(bytes / unit).toFixed(1).replace(".", ",")} ${name}`;
}

// A drawn map: the page loads nothing from elsewhere.
function place(message) {
  const { latitude, longitude } = message.location;
  const at = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
  const svg = drawn("svg", { class: "map", viewBox: "0 0 300 140", preserveAspectRatio: "xMidYMid slice" },
    drawn("rect", { width: 300, height: 140, fill: "#e4ecd9" }),
    drawn("path", { d: "M-10 120Q60 70 120 96T320 40V160H-10Z", fill: "#bcdcf0" }),
    drawn("path", { d: "M-10 40 120 62 190 20 320 34M60-10 92 60 70 150M190-10 176 70 214 150M-10 92 90 60M250-10 262 150", fill: "none", stroke: "#fff", "stroke-width": 7 }),
    drawn("path", { d: "M120 62 176 70 310 84", fill: "none", stroke: "#ffe29a", "stroke-width": 8 }));
  return h("a", { class: "place", href: `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`, target: "_blank", rel: "noopener noreferrer" },
    h("span", { class: "where" }, svg, h("span", { class: "pin" }, pin())),
    message.venue && h("b", {}, message.venue.title),
    h("small", { class: "muted" }, message.venue?.address || at));
}

function pin() {
  const svg = icon("place");
  svg.classList.add("pin");
  return svg;
}

function drawn(tag, props, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// --- What hangs on a message -------------------------------------------------

function buttons(message) {
  const rows = message.reply_markup?.inline_keyboard;
  return rows?.length ? h("div", { class: "buttons" }, rows.map((row) => h("div", {}, row.map((button) => inlineButton(message, button))))) : null;
}

function inlineButton(message, button) {
  const style = `button ${button.style || ""}`;
  if (button.url) return h("a", { class: style, href: safe(button.url), target: "_blank", rel: "noopener noreferrer" }, button.text);
  if (button.copy_text) return h("button", { class: style, onclick: () => copy(button.copy_text.text) }, button.text);
  if (button.callback_data) return h("button", { class: style, onclick: (event) => press(event.currentTarget, message, button) }, button.text);
  return h("button", { class: style, disabled: true, title: "Здесь такие кнопки не работают" }, button.text);
}

const safe = (address) => (/^(https?|tg):\/\//i.test(address) ? address : `http://${address}`);

async function press(node, message, button) {
  node.classList.add("busy");
  try {
    const answer = await post("press", { ...target(), message_id: message.message_id, data: button.callback_data });
    if (answer.late) toast("Бот не ответил на нажатие", "error");
    else if (answer.alert) notice(answer.text);
    else if (answer.text) toast(answer.text);
  } catch (error) {
    toast(error.message, "error");
  } finally {
    node.classList.remove("busy");
  }
}

const ownReaction = (message) => message._reactions?.[store.me];

function reactions(message) {
  const all = Object.entries(message._reactions || {});
  if (!all.length) return null;
  const counts = new Map();
  for (const [user, emoji] of all) counts.set(emoji, [...(counts.get(emoji) || []), Number(user)]);
  return h("div", { class: "reactions" }, [...counts].map(([emoji, users]) =>
    h("button", {
      class: users.includes(store.me) ? "reaction own" : "reaction",
      title: users.map((id) => person(id)?.first_name || "?").join(", "),
      onclick: () => react(message, users.includes(store.me) ? null : emoji),
    }, colourful(emoji), users.length > 1 && h("b", {}, String(users.length)))));
}

// Telegram names some reactions without the mark that asks for a picture.
const colourful = (emoji) => (/^[\u2600-\u27bf]$/u.test(emoji) ? `${emoji}\ufe0f` : emoji);

const react = (message, emoji) => act("react", { message_id: message.message_id, emoji });

function comments(message) {
  const chat = current();
  const group = chat.linked && store.messages.get(chat.linked);
  if (!chat.linked) return null;
  const all = group ? [...group.values()] : [];
  const root = all.find((m) => m.is_automatic_forward && m.forward_origin?.message_id === message.message_id);
  const count = root ? all.filter((m) => m.message_thread_id === root.message_id).length : 0;
  const text = count ? plural(count, "комментарий", "комментария", "комментариев") : "Прокомментировать";
  return h("button", { class: "comments", disabled: !root, onclick: () => tell("go", { key: chat.linked, thread: root.message_id, post: chat.key }) },
    icon("comment"), h("span", {}, text), "›");
}

function tools(message) {
  const more = (event) => { const box = event.currentTarget.getBoundingClientRect(); openMenu(message, box.left, box.bottom + 4); };
  return h("div", { class: "tools" },
    h("button", { title: "Ответить", onclick: () => tell("reply", message) }, icon("reply")),
    h("button", { title: "Реакция и другое", onclick: more }, icon("smile")));
}

function openMenu(message, x, y) {
  const chat = current();
  const own = isMine(message);
  const mayDelete = own || chat.type === "private" || isAdmin(chat);
  menu(x, y,
    h("div", { class: "faces" }, FACES.map((face) => h("button", { "aria-label": `Реакция ${face}`, onclick: () => react(message, ownReaction(message) === face ? null : face) }, colourful(face)))),
    item("reply", "Ответить", () => tell("reply", message)),
    own && (message.text || message.caption) ? item("edit", "Изменить", () => tell("edit-own", message)) : "",
    message.text || message.caption ? item("copy", "Скопировать текст", () => copy(message.text || message.caption)) : "",
    mayDelete ? item("trash", "Удалить", () => act("delete", { message_id: message.message_id }), "danger") : "");
}

// --- The bot's draft ---------------------------------------------------------

function drawDraft(stay = atEnd()) {
  const draft = current()?.draft;
  const old = feed().querySelector(".row.draft");
  if (!draft || current().type !== "private") { old?.remove(); return; }
  const blocks = draft.rich_message?.blocks.length && draft.rich_message;
  const text = blocks ? h("div", { class: "text" }, rich(blocks, links)) : draft.text
    ? h("div", { class: "text" }, formatted(draft.text, draft.entities, links))
    : h("div", { class: "thinking shimmer" }, "Думаю…");
  const node = h("article", { class: "row plain draft", "aria-label": "Бот пишет" },
    h("div", { class: "body" }, h("div", { class: "bubble draft" }, text),
      draft.can_stop && h("button", { class: "stop", onclick: () => act("stop", {}) }, icon("stop"), "Остановить")));
  if (old) old.replaceWith(node);
  else { node.classList.add("fresh"); feed().append(node); }
  if (stay) toEnd();
}

// --- Acting ------------------------------------------------------------------

export const target = () => ({ chat: store.open.key, person: store.me, thread: store.open.thread ?? null });

export async function act(action, body, files) {
  try {
    return await post(action, { ...target(), ...body }, files);
  } catch (error) {
    toast(error.message, "error");
    return null;
  }
}

export async function openFeed() {
  await messagesOf(store.open.key);
  const chat = current();
  if (chat.type === "channel" && chat.linked) await messagesOf(chat.linked);
  draw();
}
