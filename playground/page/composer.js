// Writing: text, files, replies, edits, commands, and the bot's keyboard.
import { $, avatar, h, icon, item, menu } from "./dom.js";
import { act } from "./feed.js";
import { recordButton } from "./sound.js";
import { MAX_CAPTION, MAX_TEXT, parts } from "./parts.js";
import { author, current, hasBot, isAdmin, isMine, myRole, on, person, plural, preview, store } from "./store.js";

let reply = null;
let editing = null;
let file = null;
let asPhoto = true;
let identity = "self"; // self, anonymous, channel
let keyboardShown = true;
let choices = [];
let chosen = 0;
const texts = new Map(); // what was typed and not sent, by chat

let input, sendButton, recorder;

export function setUp() {
  input = h("textarea", { rows: "1", "aria-label": "Сообщение", id: "input", autocomplete: "off", oninput: onInput, onkeydown: onKey, onpaste: onPaste });
  sendButton = h("button", { class: "icon send", title: "Отправить", onclick: submit }, icon("send"));
  recorder = recordButton((voice, seconds) => act("send", { duration: seconds, reply_to: reply?.message_id ?? defaultReply() }, { voice }));
  on("open", () => { reset(); draw(); });
  on("chats", draw);
  on("reply", (message) => { reply = message; editing = null; draw(); input.focus(); });
  on("edit-own", startEdit);
  on("insert", (text) => { input.value += text; onInput(); input.focus(); });
  dropping(document.querySelector(".conversation"));
}

function reset() {
  reply = editing = file = null;
  identity = "self";
  keyboardShown = true;
  input.value = texts.get(placeKey()) || "";
}

const placeKey = () => `${store.me}/${store.open.key}/${store.open.thread ?? ""}`;

export const focusInput = () => input.isConnected && matchMedia("(min-width: 761px)").matches && input.focus();

export function draw() {
  const chat = current();
  if (!chat) return;
  const focused = document.activeElement === input;
  const footer = $("composer");
  if (chat.type === "channel" && !isAdmin(chat)) return readonly(footer, "В канал пишут только администраторы");
  if (myRole(chat) === "kicked") return readonly(footer, "Тебя удалили из этого чата");
  if (!hasBot(chat) && chat.type === "private") return readonly(footer, "Бот заблокирован: разблокировать можно в его карточке");
  if (chat.type === "private" && !chat.last_id) {
    footer.replaceChildren(h("div", { class: "box" }, h("button", { class: "start", id: "start", onclick: () => act("send", { text: "/start" }) }, "Начать")));
    return undefined;
  }
  input.placeholder = chat.keyboard?.input_field_placeholder || (chat.type === "channel" ? "Новый пост" : store.open.post ? "Комментарий" : "Сообщение");
  footer.replaceChildren(h("div", { class: "suggest", role: "listbox", id: "suggest", hidden: true }),
    h("div", { class: "box" }, context(), h("div", { class: "line" }, identityButton(chat), attachButton(), input, menuButton(chat), keyboardButton(chat), recorder, sendButton),
      h("div", { class: "count", id: "count", role: "status", hidden: true }), keyboard(chat)));
  if (focused) input.focus();
  fit();
  return undefined;
}

function readonly(footer, text) {
  footer.replaceChildren(h("div", { class: "box readonly" }, text));
}

function context() {
  const cancel = h("button", { class: "icon", title: "Отменить", onclick: cancelContext }, icon("close"));
  if (editing) return h("div", { class: "context" }, icon("edit"), shown("Изменить сообщение", preview(editing)), cancel);
  if (file) {
    const picture = file.type.startsWith("image/");
    return h("div", { class: "context" }, icon("file"), shown(file.name, "Прикреплено, подпись можно добавить ниже"),
      picture && h("label", {}, h("input", { type: "checkbox", checked: asPhoto, onchange: (e) => { asPhoto = e.target.checked; } }), "как фото"), cancel);
  }
  if (reply) return h("div", { class: "context" }, icon("reply"), shown(author(reply).name, preview(reply)), cancel);
  return null;
}

const shown = (title, text) => h("span", { class: "quote" }, h("b", {}, title), h("span", {}, text));

function cancelContext() {
  if (editing) input.value = "";
  reply = editing = file = null;
  draw();
  input.focus();
}

// --- Buttons beside the text -------------------------------------------------

function identityButton(chat) {
  if (chat.type !== "supergroup" || !isAdmin(chat)) return null;
  const channels = [...store.chats.values()].filter((c) => c.type === "channel" && isAdmin(c));
  const shownAs = { self: [store.me, person(store.me).first_name], anonymous: [chat.id, chat.title], channel: [channels[0]?.id, channels[0]?.title] }[identity];
  const pick = (value) => () => { identity = value; draw(); input.focus(); };
  const open = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    menu(box.left, box.top - 150, item("people", person(store.me).first_name, pick("self")), item("people", "Анонимно, от имени группы", pick("anonymous")),
      channels.length ? item("people", `От канала «${channels[0].title}»`, pick("channel")) : "");
  };
  return h("button", { class: "icon as", title: `Пишешь как: ${shownAs[1]}`, onclick: open }, avatar(shownAs[0], shownAs[1], "tiny"));
}

function attachButton() {
  const picker = h("input", { type: "file", hidden: true, id: "file", onchange: () => attach(picker.files[0]) });
  return [picker, h("button", { class: "icon", title: "Прикрепить файл", onclick: () => picker.click() }, icon("clip"))];
}

function menuButton(chat) {
  return commands(chat).length ? h("button", { class: "icon slash", title: "Команды бота", onclick: () => { input.value = "/"; input.focus(); onInput(); } }, "/") : null;
}

function keyboardButton(chat) {
  if (!chat.keyboard?.keyboard) return null;
  return h("button", { class: "icon", title: "Клавиатура бота", "aria-pressed": String(keyboardShown), onclick: () => { keyboardShown = !keyboardShown; draw(); input.focus(); } }, icon("keys"));
}

function keyboard(chat) {
  if (!chat.keyboard?.keyboard || !keyboardShown) return null;
  const tap = (button) => act("send", { text: button.text, reply_to: chat.type === "private" ? null : reply?.message_id });
  return h("div", { class: "keyboard" }, chat.keyboard.keyboard.map((row) => h("div", {}, row.map((button) => h("button", { class: "button", onclick: () => tap(button) }, button.text)))));
}

// --- Files -------------------------------------------------------------------

function attach(given) {
  if (!given) return;
  file = given;
  asPhoto = given.type.startsWith("image/");
  draw();
  input.focus();
}

function onPaste(event) {
  const given = [...event.clipboardData.files][0];
  if (given) { event.preventDefault(); attach(given); }
}

function dropping(zone) {
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("dragging"); });
  zone.addEventListener("dragleave", (event) => event.relatedTarget && zone.contains(event.relatedTarget) || zone.classList.remove("dragging"));
  zone.addEventListener("drop", (event) => { event.preventDefault(); zone.classList.remove("dragging"); attach(event.dataTransfer.files[0]); });
}

// --- Typing and sending ------------------------------------------------------

function fit() {
  input.style.height = "38px";
  input.style.height = `${Math.min(input.scrollHeight, 210)}px`;
  count();
}

// How long the text is, once it comes near the length of one message.
function count() {
  const text = input.value.trim();
  const limit = file || (editing && !editing.text) ? MAX_CAPTION : MAX_TEXT;
  const pieces = parts(text, Boolean(file)).length;
  const tooLong = editing && text.length > limit;
  sendButton.disabled = (!text && !file) || Boolean(tooLong);
  const node = $("count");
  if (!node) return;
  node.hidden = text.length < limit * 0.9;
  const length = text.length.toLocaleString("ru");
  const most = limit.toLocaleString("ru");
  node.textContent = tooLong ? `${length} из ${most}: изменённое сообщение должно поместиться в одно`
    : pieces > 1 ? `${length} знаков: уйдёт ${plural(pieces, "сообщением", "сообщениями", "сообщениями")}` : `${length} из ${most}`;
}

function onInput() {
  fit();
  texts.set(placeKey(), editing ? "" : input.value);
  suggest();
}

function onKey(event) {
  const open = choices.length > 0;
  if (open && ["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + choices.length) % choices.length;
    drawChoices();
  } else if (open && ["Tab", "Enter"].includes(event.key) && !event.shiftKey) {
    event.preventDefault();
    choices[chosen].pick(event.key === "Enter");
  } else if (event.key === "Escape") {
    if (open) { choices = []; drawChoices(); } else cancelContext();
    event.stopPropagation();
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit();
  } else if (event.key === "ArrowUp" && !input.value) {
    const last = [...(store.messages.get(store.open.key)?.values() || [])].filter((m) => isMine(m) && m.text).at(-1);
    if (last) { event.preventDefault(); startEdit(last); }
  }
}

function startEdit(message) {
  editing = message;
  reply = file = null;
  input.value = message.text || message.caption || "";
  draw();
  input.focus();
}

async function submit() {
  const text = input.value.trim();
  if (sendButton.disabled) return;
  const sent = { text, reply_to: reply?.message_id ?? defaultReply() };
  if (identity === "anonymous") sent.anonymous = true;
  if (identity === "channel") sent.as_channel = [...store.chats.values()].find((c) => c.type === "channel")?.key;
  const files = file ? { [asPhoto ? "photo" : "document"]: file } : {};
  const before = { text: input.value, reply, editing, file };
  input.value = "";
  texts.delete(placeKey());
  choices = [];
  reply = file = editing = null;
  draw();
  if (before.editing) {
    if (!await act("edit", { message_id: before.editing.message_id, text })) putBack(before);
    return;
  }
  const pieces = parts(text, Boolean(before.file));
  for (const [index, piece] of pieces.entries()) {
    const done = index ? await act("send", { ...sent, text: piece, reply_to: defaultReply() }) : await act("send", { ...sent, text: piece }, files);
    if (!done) {
      putBack(index ? { text: pieces.slice(index).join("\n"), reply: null, editing: null, file: null } : before);
      return;
    }
  }
}

// What the server didn't take stands in the input again: nothing typed is lost.
function putBack(before) {
  input.value = input.value ? `${before.text}\n${input.value}` : before.text;
  ({ reply, editing, file } = before);
  texts.set(placeKey(), editing ? "" : input.value);
  draw();
}

// A comment without a reply answers the post, as Telegram's clients do it.
const defaultReply = () => (store.open.post ? store.open.thread : null);

// --- Suggestions: commands and people ----------------------------------------

const commands = (chat) => (isAdmin(chat) ? chat.admin_menu : chat.menu);

function suggest() {
  const before = input.value.slice(0, input.selectionStart);
  const command = /^\/(\w*)$/.exec(before);
  const mention = /(?:^|\s)@(\w*)$/.exec(before);
  chosen = 0;
  if (command) choices = commandChoices(command[1]);
  else if (mention) choices = mentionChoices(mention[1]);
  else choices = [];
  drawChoices();
}

function commandChoices(typed) {
  const group = current().type !== "private" ? `@${store.bot.username}` : "";
  return commands(current()).filter((c) => c.command.startsWith(typed.toLowerCase())).map((c) => ({
    title: `/${c.command}`, text: c.description,
    pick: (send) => { input.value = `/${c.command}${group}${send ? "" : " "}`; onInput(); if (send) submit(); else input.focus(); },
  }));
}

function mentionChoices(typed) {
  const here = new Set(current().members.map(([id]) => id));
  return [...store.users.values()].filter((user) => here.has(user.id) && user.username && user.username.toLowerCase().startsWith(typed.toLowerCase())).map((user) => ({
    title: user.first_name, text: `@${user.username}`,
    pick: () => {
      const at = input.selectionStart;
      input.value = `${input.value.slice(0, at - typed.length)}${user.username} ${input.value.slice(at)}`;
      onInput();
      input.focus();
    },
  }));
}

function drawChoices() {
  const box = $("suggest");
  if (!box) return;
  box.hidden = !choices.length;
  box.replaceChildren(...choices.map((choice, index) =>
    h("button", { role: "option", "aria-selected": String(index === chosen), onclick: () => choice.pick(true) }, h("b", {}, choice.title), h("span", {}, choice.text))));
  box.children[chosen]?.scrollIntoView({ block: "nearest" });
}
