// Small makers of elements and figures, in the page's one notation.

const find = (selector, inside = document) => inside.querySelector(selector);
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// An HTML element; text is never read as mark-up.
function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...content);
  return made;
}

function shape(name, attributes = {}, text = '') {
  const made = document.createElementNS('http:/' + '/www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
const figure = (value, digits = 0) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const counted = (number, one, many) => `${figure(number)} ${number === 1 ? one : many}`;
const seconds = (time, digits = 3) => figure(time / 1e9, digits);
const millis = (time, digits = 2) => figure(time / 1e6, digits);

// A length of time in the unit that suits it.
function span(time) {
  if (time < 1e6) return `${figure(time / 1e3)} µs`;
  if (time < 1e7) return `${millis(time, 1)} ms`;
  if (time < 1e9) return `${millis(time, 0)} ms`;
  return `${seconds(time)} s`;
}

const OUTCOMES = ['ok', 'fail', 'info'];

// An outcome's shape and word, copied from the page's own legend.
const outcomeMark = (outcome) => find(`.tools .oc.${OUTCOMES[outcome]}`).cloneNode(true);

// The first position in an ascending column at which the value is not under `least`.
function lowerBound(column, least) {
  let low = 0;
  let high = column.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Round steps: the smallest of 1, 2, 5, 10, … that is not under `least`.
function roundStep(least) {
  for (let power = 1; ; power *= 10) {
    for (const factor of [1, 2, 5]) {
      if (power * factor >= least) return power * factor;
    }
  }
}

// Calls at most once a frame.
function calmly(action) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      action();
    });
  };
}

// What the page knows, and who wants to hear of changes. Operations are named by their position in the columns.
const run = {
  facts: JSON.parse(find('#run-facts').textContent),
  operations: null,
  levels: [],
  logs: [],
  chosen: -1,
  domain: [0, 0],
  listeners: { choice: [], domain: [], theme: [] },
  on(event, listener) { this.listeners[event].push(listener); },
  tell(event) { for (const listener of this.listeners[event]) listener(); },
};

const completed = (i) => run.operations.invoked[i] + run.operations.lasted[i];
const latency = (i) => run.operations.lasted[i] + (run.operations.ahead[i] || 0);

// The position of the operation with this index; -1 where there is none.
function positionOf(index) {
  const column = run.operations ? run.operations.index : [];
  const at = lowerBound(column, index);
  return column[at] === index ? at : -1;
}

// A flat JSON object is easier read without its marks: `lock m, ttl_ms 2000`.
const FLAT = /^\{("[\w-]+":("[^"\\]*"|-?[\d.]+|true|false|null),?)*\}$/;
const MEMBER = /"([\w-]+)":("[^"\\]*"|-?[\d.]+|true|false|null)/g;
function easier(json) {
  if (!FLAT.test(json)) return json;
  const members = [...json.matchAll(MEMBER)].map(([, name, value]) => [name, value.replaceAll('"', '')]);
  // Times in ns are long and say least.
  const [times, others] = [members.filter(([name]) => name.endsWith('_ns')), members.filter(([name]) => !name.endsWith('_ns'))];
  return [...others, ...times].map((member) => member.join(' ')).join(', ');
}

// What was asked for and what came back.
function readableValue(i) {
  const { asked, answered } = run.operations;
  return [asked.at(i), answered.at(i)].filter((text) => text !== null).map(easier).join(' → ');
}

const nodeOf = (i) => run.operations.node[i] ? `n${run.operations.node[i]}` : '';

// An operation in words.
function described(i) {
  const operations = run.operations;
  const on = operations.node[i] ? ` on ${nodeOf(i)}` : '';
  const ended = Number.isNaN(operations.lasted[i]) ? 'never completed' : `${millis(latency(i))} ms`;
  const value = readableValue(i);
  const lines = [
    `Operation ${operations.index[i]}: ${operations.kind.at(i)} ${OUTCOMES[operations.outcome[i]]}, process ${operations.process[i]}${on}`,
    `${seconds(operations.invoked[i])} s, ${ended}`,
    value.length > 90 ? `${value.slice(0, 90)}…` : value,
    operations.reason.at(i) || '',
  ];
  return lines.filter(Boolean).map(visible).join('\n');
}

// The faults that may have been in force in an interval.
const faultsIn = (from, to) => run.facts.faults.filter((fault) => fault.from <= to && fault.to >= from);
