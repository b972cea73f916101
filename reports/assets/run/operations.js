// The table of operations: a grid of which only the visible rows exist. Past the height that browsers can scroll, the scroll
// bar is proportional: a step of it is several rows, and the wheel still moves by rows.

const ROW = 28;
const MOST_HEIGHT = 2e6;
const SPARE = 6;

const table = {
  shown: new Uint32Array(0),
  first: 0,
  active: 0,
  // How many operations have a text of which only the start is here.
  cut: 0,
  rows: new Map(),

  start() {
    this.scroller = find('#grid');
    this.body = find('#grid .rows');
    this.count = find('#count');
    this.none = find('#none');
    this.scroller.addEventListener('scroll', () => this.scrolled(), { passive: true });
    this.scroller.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    this.scroller.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => {
      const row = event.target.closest('[data-at]');
      if (row) this.pick(+row.dataset.at);
    });
    new ResizeObserver(() => this.render()).observe(this.scroller);
    this.startFilters();
  },

  startFilters() {
    const box = find('#find');
    const search = calmly(() => this.search());
    box.addEventListener('input', () => {
      filter.words = box.value;
      search();
    });
    const kinds = find('#kind');
    kinds.addEventListener('change', () => {
      filter.kind = kinds.value;
      search();
    });
    for (const button of all('#outcomes button')) {
      button.addEventListener('click', () => {
        const outcome = +button.dataset.outcome;
        filter.outcomes[outcome] = !filter.outcomes[outcome];
        button.setAttribute('aria-pressed', filter.outcomes[outcome]);
        search();
      });
    }
    const proof = find('#in-proof');
    proof?.addEventListener('click', () => {
      filter.inProof = !filter.inProof;
      proof.setAttribute('aria-pressed', filter.inProof);
      search();
    });
  },

  // Once the columns are there.
  prepare() {
    const names = new Set();
    const { kind, count } = run.operations;
    if (kind.forms.length <= 200) {
      const seen = new Set();
      for (let i = 0; i < count; i++) {
        if (seen.has(kind.form[i]) && kind.forms[kind.form[i] - 1].length === 1) continue;
        seen.add(kind.form[i]);
        names.add(kind.at(i));
        if (names.size > 200) break;
      }
    }
    const texts = [run.operations.asked, run.operations.answered, run.operations.reason];
    for (let i = 0; i < count; i++) if (texts.some((column) => column.isCut(i))) this.cut++;
    find('#kind').append(...[...names].sort().map((name) => element('option', { value: name }, visible(name))));
    find('#unpacking').hidden = true;
    find('#browse').hidden = false;
    return this.search();
  },

  search() {
    const total = run.operations.count;
    const cut = filter.words.trim() && this.cut > 0 ? `; the long texts of ${figure(this.cut)} are searched at their start only` : '';
    return filter.apply(
      (share) => { this.count.textContent = `Searching, ${Math.floor(share * 100)} %`; },
      (found) => {
        this.shown = found;
        this.count.textContent = filter.isOpen()
          ? counted(total, 'operation', 'operations')
          : `${figure(found.length)} of ${counted(total, 'operation', 'operations')}${cut}`;
        this.scroller.setAttribute('aria-rowcount', found.length + 1);
        this.none.hidden = found.length > 0;
        const chosen = this.placeOf(run.chosen);
        this.active = Math.max(chosen, 0);
        this.scrollTo(chosen < 0 ? 0 : Math.floor(chosen - this.room() / 2));
      },
    );
  },

  clear() {
    filter.words = find('#find').value = '';
    filter.kind = find('#kind').value = '';
    filter.outcomes = [true, true, true];
    filter.inProof = false;
    for (const button of all('#outcomes button')) button.setAttribute('aria-pressed', true);
    find('#in-proof')?.setAttribute('aria-pressed', false);
    return this.search();
  },

  // The row in which an operation is shown; -1 where it is not.
  placeOf(position) {
    if (position < 0) return -1;
    const at = lowerBound(this.shown, position);
    return this.shown[at] === position ? at : -1;
  },

  // How many rows there is room for.
  room() {
    return Math.max(1, (this.scroller.clientHeight - 31) / ROW);
  },

  height() {
    return Math.min(this.shown.length * ROW, MOST_HEIGHT);
  },

  // How many px of the scroll bar a row takes: fewer than its height in a long table.
  scale() {
    const rows = this.shown.length - this.room();
    return rows > 0 ? (this.height() - this.room() * ROW) / rows : ROW;
  },

  scrollTo(first) {
    this.first = clamp(first, 0, Math.max(0, this.shown.length - this.room()));
    this.body.style.height = `${this.height()}px`;
    this.expected = Math.round(this.first * this.scale());
    this.scroller.scrollTop = this.expected;
    this.render();
  },

  scrolled() {
    // A scroll of our own keeps the exact row, which the bar of a long table cannot.
    if (!(Math.abs(this.scroller.scrollTop - this.expected) <= 1)) this.first = this.scroller.scrollTop / this.scale();
    this.expected = NaN;
    this.render();
  },

  wheel(event) {
    if (this.shown.length * ROW <= MOST_HEIGHT || event.ctrlKey || event.deltaY === 0) return;
    event.preventDefault();
    const rows = event.deltaMode === 0 ? event.deltaY / ROW : event.deltaMode === 1 ? event.deltaY : event.deltaY * this.room();
    this.scrollTo(this.first + rows);
  },

  render() {
    const from = Math.max(0, Math.floor(this.first) - SPARE);
    const to = Math.min(this.shown.length, Math.ceil(this.first + this.room()) + SPARE);
    const focused = this.body.contains(document.activeElement);
    const kept = new Map();
    for (let at = from; at < to; at++) {
      const position = this.shown[at];
      let row = this.rows.get(at);
      if (!row || +row.dataset.position !== position) row = this.row(at, position);
      row.style.transform = `translateY(${(at - this.first) * ROW + this.scroller.scrollTop}px)`;
      row.setAttribute('aria-selected', position === run.chosen);
      row.tabIndex = at === this.active ? 0 : -1;
      kept.set(at, row);
    }
    for (const [at, row] of this.rows) if (kept.get(at) !== row) row.remove();
    // In the order in which they are read, wherever they come back.
    let next = null;
    for (const row of [...kept.values()].reverse()) {
      if (!row.isConnected) this.body.insertBefore(row, next);
      next = row;
    }
    this.rows = kept;
    this.scroller.tabIndex = kept.has(this.active) ? -1 : 0;
    if (focused && !this.body.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
  },

  row(at, i) {
    const operations = run.operations;
    const text = (value, limit) => visible(value.length > limit ? `${value.slice(0, limit)}…` : value);
    const cell = (name, ...content) => element('div', { role: 'gridcell', class: name }, ...content);
    const reason = [text(operations.reason.at(i) || '', 160)];
    if (run.facts.proof.includes(operations.index[i])) reason.push(' ', element('span', { class: 'in' }, 'in the proof'));
    const none = (word) => element('span', { class: 'dimmer' }, word);
    return element('div', { role: 'row', 'data-at': at, 'data-position': i, 'aria-rowindex': at + 2 },
      cell('num', `${operations.index[i]}`),
      cell('num', seconds(operations.invoked[i], 6)),
      cell('', `p${operations.process[i]}`),
      cell('', nodeOf(i) || none('none')),
      cell('', element('bdi', {}, text(operations.kind.at(i), 80))),
      cell('value', element('bdi', {}, text(readableValue(i), 200))),
      cell('', outcomeMark(operations.outcome[i])),
      cell('num', Number.isNaN(operations.lasted[i]) ? none('not completed') : millis(latency(i))),
      cell('dim', element('bdi', {}, ...reason)));
  },

  key(event) {
    const page = Math.max(1, Math.floor(this.room()) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined && this.shown.length > 0) {
      event.preventDefault();
      this.go(clamp(this.active + step, 0, this.shown.length - 1));
    } else if ((event.key === 'Enter' || event.key === ' ') && this.shown.length > 0) {
      event.preventDefault();
      this.pick(this.active);
    }
  },

  // Makes a row the active one, in view and with the focus.
  go(at) {
    this.active = at;
    if (at < Math.ceil(this.first)) this.scrollTo(at);
    else if (at + 1 > this.first + this.room()) this.scrollTo(at + 1 - this.room());
    else this.render();
    this.rows.get(at)?.focus({ preventScroll: true });
  },

  pick(at) {
    this.active = at;
    choose(this.shown[at], 'table');
    this.rows.get(at)?.focus({ preventScroll: true });
  },

  // Shows the chosen operation's row; a search that hides it is cleared.
  async follow() {
    if (run.chosen < 0) return this.render();
    if (this.placeOf(run.chosen) < 0) await this.clear();
    const at = this.placeOf(run.chosen);
    if (at < 0) return;
    this.active = at;
    if (at < this.first || at + 1 > this.first + this.room()) this.scrollTo(Math.floor(at - this.room() / 2));
    else this.render();
  },
};
