// The embedded columns, unpacked into typed arrays. Their format is described in reports/src/data/*.rs.

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  number() {
    let number = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      number += (byte & 0x7f) * scale;
      if (!(byte >= 0x80)) return number;
      scale *= 0x80;
    }
  }

  signed() {
    const number = this.number();
    return number % 2 === 0 ? number / 2 : -(number + 1) / 2;
  }

  text() {
    const length = this.number();
    return UTF8.decode(this.bytes.subarray(this.at, this.at += length));
  }

  // An integer that may be absent; NaN where it is.
  optional() {
    const number = this.number();
    return number === 0 ? NaN : number - 1;
  }

  fill(column, next) {
    for (let i = 0; i < column.length; i++) column[i] = next();
    return column;
  }

  running(column, next) {
    let sum = 0;
    return this.fill(column, () => sum += next());
  }
}

const UTF8 = new TextDecoder();

// A column of texts: each is a form, which is shared, and its numbers.
class Texts {
  constructor(reader, count) {
    const forms = reader.number();
    this.forms = [];
    for (let i = 0; i < forms; i++) {
      const parts = [];
      for (let left = reader.number(); left > 0; left--) parts.push(reader.text());
      this.forms.push(parts);
    }
    this.form = reader.fill(new Uint32Array(count), () => reader.number());
    this.first = new Uint32Array(count);
    let total = 0;
    for (let i = 0; i < count; i++) {
      this.first[i] = total;
      if (this.form[i]) total += this.forms[this.form[i] - 1].length - 1;
    }
    const last = this.forms.map((parts) => new Float64Array(parts.length - 1));
    this.numbers = new Float64Array(total);
    for (let i = 0, at = 0; i < count; i++) {
      const before = this.form[i] ? last[this.form[i] - 1] : [];
      for (let place = 0; place < before.length; place++) this.numbers[at++] = before[place] += reader.signed();
    }
  }

  // The text of one operation; null where there is none.
  at(i) {
    if (!this.form[i]) return null;
    const parts = this.forms[this.form[i] - 1];
    let text = parts[0];
    for (let place = 1; place < parts.length; place++) text += this.numbers[this.first[i] + place - 1] + parts[place];
    return text;
  }

  // Whether only the start of an operation's text is here, as its own end says.
  isCut(i) {
    this.cut ||= this.forms.map((parts) => /… \(cut: [\d,]+ bytes in all\)$/.test(parts.join('0')));
    return this.form[i] !== 0 && this.cut[this.form[i] - 1];
  }

  // A test whether the text of an operation holds a word in small letters. A word without a digit lies within one part of a
  // form, so it is sought once in each form.
  holds(word) {
    if (/\d/.test(word)) return (i) => this.form[i] !== 0 && this.at(i).toLowerCase().includes(word);
    const found = this.forms.map((parts) => parts.some((part) => part.toLowerCase().includes(word)));
    return (i) => this.form[i] !== 0 && found[this.form[i] - 1];
  }
}

// Lets the browser paint and take input between two parts of a long task.
const breath = () => new Promise((go) => setTimeout(go));

async function unpack(id) {
  const element = document.getElementById(id);
  if (!element) return null;
  const packed = atob(element.textContent);
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Reader(new Uint8Array(await new Response(stream).arrayBuffer()));
}

// All operations: columns by name, each as long as `count`. Times are ns; NaN is absent.
async function readOperations() {
  const reader = await unpack('run-operations');
  if (!reader) return null;
  const count = reader.number();
  const number = () => reader.number();
  const operations = { count };
  const column = async (name, read) => {
    operations[name] = read();
    await breath();
  };
  await column('index', () => reader.running(new Float64Array(count), number));
  await column('invoked', () => reader.running(new Float64Array(count), number));
  await column('ahead', () => reader.fill(new Float64Array(count), () => reader.optional()));
  await column('lasted', () => reader.fill(new Float64Array(count), () => reader.optional()));
  await column('process', () => reader.running(new Float64Array(count), () => reader.signed()));
  await column('node', () => reader.fill(new Uint16Array(count), number));
  await column('outcome', () => reader.fill(new Uint8Array(count), number));
  await column('kind', () => new Texts(reader, count));
  await column('asked', () => new Texts(reader, count));
  await column('answered', () => new Texts(reader, count));
  await column('reason', () => new Texts(reader, count));
  return operations;
}

async function readLevels() {
  const reader = await unpack('run-levels');
  const levels = [];
  for (let left = reader ? reader.number() : 0; left > 0; left--) {
    const level = { length: reader.number(), count: reader.number() };
    const column = (next) => reader.fill(new Float64Array(level.count), next);
    level.rates = ['ok', 'fail', 'info'].map(() => column(() => reader.number()));
    level.quantiles = ['p50', 'p95', 'p99', 'max'].map(() => column(() => reader.optional()));
    levels.push(level);
  }
  return levels;
}

async function readLogs() {
  const reader = await unpack('run-logs');
  const logs = [];
  for (let left = reader ? reader.number() : 0; left > 0; left--) {
    const log = { node: reader.text(), leftOut: reader.text() };
    const count = reader.number();
    const arrived = reader.running(new Float64Array(count), () => reader.signed());
    // A line without a time continues the one before.
    let latest = 0;
    log.time = arrived.map((time) => latest = Math.max(latest, time - 1));
    log.line = [];
    for (let i = 0; i < count; i++) log.line.push(reader.text());
    logs.push(log);
    await breath();
  }
  return logs;
}

// Text as it may be shown: what would act on the page or vanish is made visible, as in the page's static parts.
const hidden = /[\0-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;
const visible = (text) => text
  .replace(/[\n\u2028\u2029]/g, '↵')
  .replace(/\t/g, ' ')
  .replace(hidden, (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
  .replace(/[\ufffe\uffff]/g, '\ufffd');
