// Long texts go out as several messages, as Telegram's clients send them.

export const MAX_TEXT = 4096; // UTF-16 units, which is how JavaScript counts too
export const MAX_CAPTION = 1024;

// Cut at the end of a line, or else between words, unless that wastes half of a message.
function cutPoint(text, limit) {
  if (text.length <= limit) return text.length;
  const head = text.slice(0, limit + 1);
  for (const mark of ["\n", " "]) {
    const at = head.lastIndexOf(mark);
    if (at > limit / 2) return at;
  }
  const inPair = /[\ud800-\udbff]/.test(text[limit - 1]) && /[\udc00-\udfff]/.test(text[limit]);
  return inPair ? limit - 1 : limit;
}

export function parts(text, hasFile = false) {
  const found = [];
  let rest = text;
  let limit = hasFile ? MAX_CAPTION : MAX_TEXT;
  while (rest) {
    const at = cutPoint(rest, limit);
    found.push(rest.slice(0, at));
    rest = rest.slice(at).trim();
    limit = MAX_TEXT;
  }
  return found.length ? found : [""];
}
