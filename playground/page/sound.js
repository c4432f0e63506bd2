// Voice: a recorder for the composer, a player with a waveform for the messages.
import { h, icon, toast } from "./dom.js";

const BARS = 40;
const MAX_SECONDS = 600;

export const duration = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// --- Playing -----------------------------------------------------------------

export function player(sound, label) {
  const audio = new Audio(`/api/files/${sound.file_id}`);
  audio.preload = "none";
  const time = h("small", { class: "muted" }, duration(sound.duration || 0));
  const bars = h("span", { class: "wave", "aria-hidden": "true" }, Array.from({ length: BARS }, () => h("i")));
  const button = h("button", { class: "play", type: "button", "aria-label": `Слушать: ${label}`, onclick: toggle }, icon("play"));
  function toggle() {
    if (audio.paused) audio.play().catch(() => toast("Браузер не умеет проиграть этот звук", "error"));
    else audio.pause();
  }
  audio.onplay = () => { button.replaceChildren(icon("pause")); button.setAttribute("aria-label", `Пауза: ${label}`); };
  audio.onpause = () => { button.replaceChildren(icon("play")); button.setAttribute("aria-label", `Слушать: ${label}`); };
  audio.ontimeupdate = () => {
    const whole = Number.isFinite(audio.duration) ? audio.duration : sound.duration || 1;
    const played = audio.ended ? 0 : audio.currentTime / whole;
    [...bars.children].forEach((bar, index) => bar.classList.toggle("played", index / BARS < played));
    time.textContent = duration(audio.ended ? whole : audio.currentTime);
  };
  draw(sound, bars);
  return h("div", { class: "sound", role: "group", "aria-label": label }, button, h("span", {}, bars, time));
}

async function draw(sound, bars) {
  const levels = await loudness(sound).catch(() => []);
  [...bars.children].forEach((bar, index) => bar.style.setProperty("--level", String(levels[index] ?? 0.15)));
}

async function loudness(sound) {
  if (sound.file_size > 2 ** 21) return [];
  const data = await (await fetch(`/api/files/${sound.file_id}`)).arrayBuffer();
  const samples = (await new OfflineAudioContext(1, 1, 16000).decodeAudioData(data)).getChannelData(0);
  const step = Math.max(1, Math.floor(samples.length / BARS));
  const peaks = Array.from({ length: BARS }, (_, bar) => {
    let peak = 0;
    for (let at = bar * step; at < Math.min(samples.length, (bar + 1) * step); at += 16) peak = Math.max(peak, Math.abs(samples[at]));
    return peak;
  });
  const top = Math.max(...peaks, 0.05);
  return peaks.map((peak) => Math.max(0.12, peak / top));
}

// --- Recording ---------------------------------------------------------------

let recording = null;

// A button that records while it is on, and hands over a file and its length.
export function recordButton(onDone) {
  const time = h("span", { class: "recorded", role: "timer" });
  const button = h("button", { class: "icon record", type: "button", title: "Записать голосовое", "aria-pressed": "false", onclick: () => (recording ? recording.stop() : start(button, time, onDone)) }, icon("mic"));
  return [time, button];
}

async function start(button, time, onDone) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    toast("Нет доступа к микрофону: разреши его странице", "error");
    return;
  }
  const type = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"].find((name) => MediaRecorder.isTypeSupported(name));
  const recorder = recording = new MediaRecorder(stream, type ? { mimeType: type } : {});
  const parts = [];
  const begun = Date.now();
  const seconds = () => (Date.now() - begun) / 1000;
  const timer = setInterval(() => { time.textContent = duration(seconds()); if (seconds() > MAX_SECONDS) recorder.stop(); }, 200);
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => {
    recording = null;
    clearInterval(timer);
    time.textContent = "";
    button.setAttribute("aria-pressed", "false");
    button.title = "Записать голосовое";
    for (const track of stream.getTracks()) track.stop();
    const kind = recorder.mimeType.split(";")[0];
    onDone(new File(parts, `voice.${kind.split("/")[1]}`, { type: kind }), Math.max(1, Math.round(seconds())));
  };
  recorder.start();
  button.setAttribute("aria-pressed", "true");
  button.title = "Остановить и отправить";
}
