// The nodes' logs, all on one clock, brought to the chosen operation; and the card of that operation.

const NEAR = 5e8;
const MOST_LINES = 1500;

const LEVELS = [
  ['error', 'e', /\b(ERROR|FATAL|PANIC|CRITICAL|panicked)\b|"level":"(error|fatal|panic)"| [EC] \| /],
  ['warn', 'w', /\bWARN(ING)?\b|"level":"warn"| W \| /],
  ['info', '', /\bINFO\b|"level":"info"| [IN] \| /],
  ['debug', '', /\b(DEBUG|TRACE)\b|"level":"debug"| D \| /],
];
const levelOf = (line) => LEVELS.find(([, , sign]) => sign.test(line)) || ['', '', null];

const logs = {
  off: new Set(),
  wider: [0, 0],

  prepare() {
    const toggles = run.logs.map(({ node }) => {
      const button = element('button', { type: 'button', class: 'toggle', 'aria-pressed': true }, node);
      button.addEventListener('click', () => {
        if (!this.off.delete(node)) this.off.add(node);
        button.setAttribute('aria-pressed', !this.off.has(node));
        this.show();
      });
      return button;
    });
    const box = find('#log-nodes');
    if (!box) return;
    box.append(...toggles);
    this.lines = find('#log-lines');
    this.said = find('#log-count');
    find('#earlier').addEventListener('click', () => this.widen(0));
    find('#later').addEventListener('click', () => this.widen(1));
    this.lines.addEventListener('click', (event) => {
      const button = event.target.closest('[data-time]');
      const position = button ? inFlight(+button.dataset.time, button.dataset.node) : -1;
      if (position >= 0) choose(position, 'log');
    });
    const left = run.logs.map((log) => log.leftOut).filter(Boolean);
    find('#log-left-out').replaceChildren(...left.map((words) => element('p', { class: 'note' }, words)));
    find('#log-view').hidden = false;
    find('#log-tails').classList.add('replaced');
    run.on('choice', () => {
      this.wider = [0, 0];
      this.show();
    });
    this.show();
  },

  widen(side) {
    this.wider[side] += NEAR;
    this.show(side);
  },

  // What the lines are shown around: the chosen operation, else the violation, else the first fault, else the first line.
  about() {
    if (run.chosen >= 0) {
      const from = run.operations.invoked[run.chosen];
      return [from, from + (run.operations.lasted[run.chosen] || 0), `operation ${run.operations.index[run.chosen]}`];
    }
    const { conflict, failure, faults } = run.facts;
    if (conflict || failure) return [...(conflict || failure), 'the violation'];
    const [fault] = faults;
    if (fault) return [fault.from, fault.from, 'the first fault'];
    const first = run.logs.reduce((least, { time }) => Math.min(least, ...time.slice(0, 1)), run.facts.end);
    return [first, first, 'the first line'];
  },

  interval() {
    const [from, to] = this.about();
    return [from - NEAR - this.wider[0], to + NEAR + this.wider[1]];
  },

  // The lines of these nodes in an interval, in the order of time.
  between(from, to, logs = run.logs.filter(({ node }) => !this.off.has(node))) {
    const found = [];
    for (const { node, time, line } of logs) {
      for (let i = lowerBound(time, from); i < time.length && time[i] <= to; i++) found.push({ time: time[i], node, line: line[i] });
    }
    return found.sort((a, b) => a.time - b.time);
  },

  show(widened) {
    if (!this.lines) return;
    const [from, to] = this.interval();
    const lines = this.between(from, to);
    const total = lines.length;
    const [start, end] = this.nearest(lines);
    const rows = lines.slice(start, end).map((line) => ({ time: line.time, made: logRow(line) }));
    const cut = (many, where) => element('div', { class: 'no-line' }, `${counted(many, `line ${where} is`, `lines ${where} are`)} left out.`);
    if (start > 0) rows.unshift({ time: lines[start - 1].time, made: cut(start, 'before') });
    if (end < total) rows.push({ time: lines[end].time, made: cut(total - end, 'behind') });
    if (run.chosen >= 0) for (const row of momentRows(run.chosen)) rows.splice(lowerBound(rows.map((at) => at.time), row.time), 0, row);
    if (total === 0) rows.push({ made: element('div', { class: 'no-line' }, 'No log line in this interval.') });
    const height = this.lines.scrollHeight;
    const top = this.lines.scrollTop;
    this.lines.replaceChildren(...rows.map((row) => row.made));
    this.said.textContent = this.words(total, end - start, from, to);
    if (widened === 0) this.lines.scrollTop = top + this.lines.scrollHeight - height;
    else if (widened === undefined) {
      const moment = find('.now', this.lines);
      this.lines.scrollTop = moment ? moment.offsetTop - 110 : 0;
    }
  },

  // Of more lines than there is room for, those around the moment, and as many again for each half second that was asked for.
  nearest(lines) {
    if (lines.length <= MOST_LINES) return [0, lines.length];
    const centre = lowerBound(lines.map(({ time }) => time), this.about()[0]);
    const [before, behind] = this.wider.map((wider) => MOST_LINES / 2 + wider / NEAR * MOST_LINES);
    const start = clamp(centre - before, 0, lines.length - MOST_LINES);
    return [start, Math.min(Math.max(centre + behind, start + MOST_LINES), lines.length)];
  },

  words(total, shown, from, to) {
    const most = shown < total ? `; the nearest ${figure(shown)} are shown` : '';
    const far = this.wider[0] + this.wider[1] > 0;
    const where = far ? `from ${seconds(Math.max(from, 0))} s to ${seconds(to)} s` : `within 500 ms of ${this.about()[2]}`;
    return total > 0 ? `${counted(total, 'line', 'lines')} ${where}${most}` : `No log line ${where}`;
  },
};

function logRow({ time, node, line }) {
  const [level, sign] = levelOf(line);
  const leads = run.operations !== null && run.operations.invoked[0] <= time;
  const title = 'To the operation in flight on this node then, else to the one invoked last';
  return element('div', {},
    leads ? element('button', { type: 'button', class: 't', 'data-time': time, 'data-node': node, title }, seconds(time))
      : element('span', { class: 't' }, seconds(time)),
    element('span', { class: 'n' }, node),
    element('span', { class: `l ${sign}` }, level),
    element('span', { class: 'm' }, element('bdi', {}, visible(line))));
}

// The invocation and the completion of an operation as rows between the lines.
function momentRows(i) {
  const operations = run.operations;
  const on = nodeOf(i) ? ` on ${nodeOf(i)}` : '';
  const name = `Operation ${operations.index[i]}`;
  const row = (time, words) => ({
    time,
    made: element('div', { class: 'now' }, element('span', { class: 't' }, seconds(time)), element('span', {}, element('bdi', {}, visible(words)))),
  });
  const began = row(operations.invoked[i], `${name} invoked: ${operations.kind.at(i)} by process ${operations.process[i]}${on}`);
  if (Number.isNaN(operations.lasted[i])) return [began];
  const reason = operations.reason.at(i) ? `, ${operations.reason.at(i)}` : '';
  return [row(completed(i), `${name} completed: ${OUTCOMES[operations.outcome[i]]}${reason}`), began];
}

// Of the operations in flight on a node at a time, the one invoked last; where none was, the last one invoked on it before, else
// on any. -1 where there was none yet.
function inFlight(time, node) {
  const before = lowerBound(run.operations.invoked, time + 1) - 1;
  const wanted = +node.slice(1);
  let last = -1;
  for (let i = before; i >= 0; i--) {
    if (run.operations.node[i] !== wanted) continue;
    if (last < 0) last = i;
    // What never completed has no time of completion.
    if (!(completed(i) < time)) return i;
  }
  return last < 0 ? before : last;
}

const card = {
  show() {
    const box = find('#chosen');
    box.hidden = run.chosen < 0;
    if (run.chosen < 0) return;
    const i = run.chosen;
    const operations = run.operations;
    const scheduled = operations.ahead[i] > 0 ? `, scheduled ${span(operations.ahead[i])} before` : '';
    const ended = Number.isNaN(operations.lasted[i]) ? 'never' : `${seconds(completed(i), 6)} s, after ${span(operations.lasted[i])}`;
    const fields = [
      ['Kind', operations.kind.at(i)],
      ['Process', `p${operations.process[i]}${nodeOf(i) ? `, on ${nodeOf(i)}` : ''}`],
      ['Invoked', `${seconds(operations.invoked[i], 6)} s${scheduled}`],
      ['Completed', ended],
      ['Asked', operations.asked.at(i)],
      ['Answered', operations.answered.at(i)],
      ['Reason', operations.reason.at(i)],
    ].filter(([, value]) => value !== null);
    const list = fields.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, element('bdi', {}, visible(value)))]);
    find('#chosen-title').replaceChildren(`Operation ${operations.index[i]} `, outcomeMark(operations.outcome[i]));
    find('#chosen-fields').replaceChildren(...list, ...this.faults(i), ...this.lines(i));
    find('#chosen-link').hash = `#op-${operations.index[i]}`;
  },

  faults(i) {
    const from = run.operations.invoked[i];
    const found = faultsIn(from, from + (run.operations.lasted[i] || 0));
    const words = found.map((fault) => {
      const here = nodeOf(i) && fault.nodes.includes(nodeOf(i)) ? ', which names its node' : '';
      return element('div', {}, `${fault.label}, ${seconds(fault.from)} to ${seconds(fault.to)} s${here}`);
    });
    return [element('dt', {}, 'Faults in force'), element('dd', {}, ...(words.length > 0 ? words : ['none']))];
  },

  lines(i) {
    const from = run.operations.invoked[i];
    const to = from + (run.operations.lasted[i] || 0);
    const own = run.logs.filter(({ node }) => node === nodeOf(i));
    const near = logs.between(from - NEAR, to + NEAR, own);
    const everywhere = logs.between(from - NEAR, to + NEAR, run.logs).length;
    const shown = near.sort((a, b) => Math.abs(a.time - from) - Math.abs(b.time - from)).slice(0, 3).sort((a, b) => a.time - b.time);
    const rows = shown.map(({ time, line }) => element('div', { class: 'log' }, `${seconds(time)}  `, element('bdi', {}, visible(line.length > 240 ? `${line.slice(0, 240)}…` : line))));
    const link = element('a', { href: '#logs' }, `${counted(everywhere, 'line', 'lines')} of all nodes within 500 ms`);
    const none = own.length > 0 && shown.length === 0 ? [element('div', {}, `No log line of ${nodeOf(i)} near. `)] : rows;
    return [element('dt', {}, 'Log'), element('dd', {}, ...none, everywhere > 0 ? link : 'No log line near.')];
  },
};
