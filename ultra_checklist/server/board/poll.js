// Looks again and again, calmly: slower while nobody sees the tab or the server is away.

import { ApiError } from "./api.js";
import { say } from "./words.js";

const SLOW = 2000;

/** Say that the connection is lost or refused; "" when all is well. */
export function connection(key, gaps = {}) {
  const bar = document.getElementById("connection");
  bar.hidden = key === "";
  if (key) say(bar, key, gaps);
}

/** Call `look` for as long as the page is open, every `pace()` milliseconds; one look at a time. */
export async function poll(look, pace) {
  for (;;) {
    let wait = document.hidden ? Math.max(SLOW, pace()) : pace();
    try {
      await look();
      connection("");
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
      if (error.passing) connection("lost");
      else connection("refused", { why: error.message });
      wait = Math.max(SLOW, error.wait ?? 0);
    }
    await nap(wait);
  }
}

/** Sleep, but wake when somebody looks at the tab again or the network is back. */
function nap(milliseconds) {
  return new Promise((done) => {
    const timer = setTimeout(wake, milliseconds);
    function wake() {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", wake);
      done();
    }
    function seen() {
      if (!document.hidden) wake();
    }
    document.addEventListener("visibilitychange", seen);
    addEventListener("online", wake);
  });
}
