// The values of one page, and the writing of single properties of it.

import { richText, writeProperty } from "./api.js";
import { read } from "./data.js";

const ENCODE = {
  checkbox: (value) => ({ checkbox: value }),
  select: (value) => ({ select: value ? { name: value } : null }),
  rich_text: (value) => ({ rich_text: richText(value) }),
  date: (value) => ({ date: value ? { start: value } : null }),
  files: (value) => ({ files: value }),
};

/** Writes single properties of one page, shows them at once, and takes them back if they are refused. */
export class Record {
  constructor(page, columns, changed) {
    this.id = page.id;
    this.columns = columns;
    this.changed = changed;
    this.values = read(page, columns);
    this.wanted = new Map();
    this.newest = 0;
    this.queue = Promise.resolve();
  }

  /** What people should see: their own wish while it is being written, else the data. */
  value(code) {
    return this.wanted.has(code) ? this.wanted.get(code).value : this.values[code];
  }

  /** Take an answer that was asked for at this time; older ones than the last write tell nothing new. */
  take(page, askedAt) {
    if (askedAt < this.newest) return;
    this.values = read(page, this.columns);
  }

  /** Write one property and nothing else; settles with null, or with the error. */
  save(code, value) {
    const mine = { value };
    this.wanted.set(code, mine);
    this.changed();
    const written = this.queue.then(() => (this.wanted.get(code) === mine ? this.#write(code, mine) : null));
    this.queue = written;
    return written;
  }

  async #write(code, mine) {
    const { name, type } = this.columns[code];
    let trouble = null;
    try {
      const page = await writeProperty(this.id, name, ENCODE[type](mine.value));
      this.newest = performance.now();
      this.values = read(page, this.columns);
    } catch (error) {
      this.newest = performance.now();
      trouble = error;
    }
    if (this.wanted.get(code) === mine) this.wanted.delete(code);
    this.changed();
    return trouble;
  }
}
