// What the bot calls, and trouble to try it with.
import { $, confirmed, h, icon, toast } from "./dom.js";
import { post } from "./api.js";
import { on, store, tell } from "./store.js";

const MAX_CALLS = 200;
let onlyErrors = false;

export function setUp() {
  on("panel", toggle);
  on("call", (call) => { if (!$("panel").hidden) addCall(call); });
  on("trouble", () => { if (!$("panel").hidden) drawTrouble(); });
  if (localStorage.getItem("panel") === "open" && innerWidth > 1180) toggle();
  addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === ".") { event.preventDefault(); toggle(); }
    if (event.key === "Escape" && !$("panel").hidden && innerWidth <= 1180) toggle();
  });
}

function toggle() {
  const panel = $("panel");
  panel.hidden = !panel.hidden;
  localStorage.setItem("panel", panel.hidden ? "" : "open");
  if (!panel.hidden) draw();
  tell("open-panel");
  $("panel-toggle")?.setAttribute("aria-pressed", String(!panel.hidden));
}

export function draw() {
  if ($("panel").hidden) return;
  $("panel").replaceChildren(
    h("header", {}, "Bot API", h("button", { class: "icon", title: "Закрыть", onclick: toggle }, icon("close"))),
    h("section", { id: "trouble" }),
    h("div", { class: "log-head" }, h("h3", {}, "Вызовы"),
      h("label", {}, h("input", { type: "checkbox", checked: onlyErrors, onchange: (e) => { onlyErrors = e.target.checked; drawCalls(); } }), "только ошибки")),
    h("div", { class: "log", id: "log" }),
    h("section", {}, h("button", { class: "pill danger", onclick: clearAll }, "Стереть историю")));
  drawTrouble();
  drawCalls();
}

function drawTrouble() {
  const { delay, limits, pending } = store.trouble;
  const wait = h("input", { type: "number", min: "1", max: "600", value: "3", "aria-label": "Сколько секунд ждать" });
  const shown = h("span", { class: "muted" }, `${delay.toFixed(1)} с`);
  const slider = h("input", {
    type: "range", min: "0", max: "5", step: "0.1", value: String(delay), "aria-label": "Задержка ответов",
    oninput: (e) => { shown.textContent = `${Number(e.target.value).toFixed(1)} с`; }, onchange: (e) => set({ delay: Number(e.target.value) }),
  });
  $("trouble").replaceChildren(
    h("h3", {}, "Помехи"),
    h("div", { class: "grid" },
      h("button", { class: "pill", title: "Следующий вызов получит 429", onclick: () => set({ kind: "flood", retry_after: Number(wait.value) || 1 }) }, "429 через"), wait, "с",
      h("button", { class: "pill", title: "Следующий вызов получит 500", onclick: () => set({ kind: "error" }) }, "500"),
      h("button", { class: "pill", title: "Вместо ответа придёт HTML", onclick: () => set({ kind: "garbage" }) }, "Мусор"),
      h("button", { class: "pill", title: "Соединение оборвётся", onclick: () => set({ kind: "reset" }) }, "Обрыв")),
    h("label", {}, "Задержка", slider, shown),
    h("label", {}, h("input", { type: "checkbox", checked: limits, onchange: (e) => set({ limits: e.target.checked }) }), "Пределы частоты, как у Telegram"),
    ...(pending.length ? [h("div", { class: "grid" }, h("span", { class: "waiting" }, `Ждут вызова: ${pending.map(faultName).join(", ")}`), h("button", { class: "pill", onclick: () => set({ clear: true }) }, "Отменить"))] : []));
}

const NAMES = { error: "500", garbage: "мусор", hang: "молчание", reset: "обрыв" };
const faultName = (fault) => `${fault.kind === "flood" ? `429 (${fault.retry_after} с)` : NAMES[fault.kind]}${fault.times > 1 ? ` ×${fault.times}` : ""}`;

async function set(change) {
  try {
    store.trouble = await post("trouble", change);
    drawTrouble();
  } catch (error) {
    toast(error.message, "error");
  }
}

async function clearAll() {
  if (!(await confirmed("Стереть историю?", "Сообщения, файлы и очередь обновлений исчезнут. Люди и чаты останутся. То, что помнит сам бот, не изменится.", "Стереть"))) return;
  await post("clear", {});
}

// --- The log -----------------------------------------------------------------

function drawCalls() {
  $("log").replaceChildren(...store.calls.filter(isWanted).map(callNode).reverse());
}

const isWanted = (call) => !onlyErrors || call.status !== 200;

function addCall(call) {
  if (!isWanted(call)) return;
  const log = $("log");
  log.prepend(callNode(call));
  while (log.children.length > MAX_CALLS) log.lastChild.remove();
}

function callNode(call) {
  const kind = call.status === 200 ? "call" : call.status === 429 ? "call slow" : "call bad";
  const params = Object.fromEntries(Object.entries(call.params).map(([name, value]) => [name, unpacked(value)]));
  return h("details", { class: kind },
    h("summary", {},
      h("time", {}, new Date(call.at * 1000).toLocaleTimeString("ru")),
      h("span", { class: "method" }, call.method),
      h("span", { class: "took" }, `${call.milliseconds} мс`),
      h("span", { class: "code" }, String(call.status))),
    call.error && h("div", { class: "error" }, call.error),
    h("pre", {}, JSON.stringify(params, null, 2)));
}

function unpacked(value) {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return value;
  try { return JSON.parse(value); } catch { return value; }
}
