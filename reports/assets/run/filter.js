// Which operations the table shows: by words, kind, outcome and whether they are in the counterexample. A million are
// looked at in slices of a few milliseconds, so that the page never hangs.

const SLICE_MS = 10;

const filter = {
  words: '',
  kind: '',
  outcomes: [true, true, true],
  inProof: false,
  turn: 0,

  isOpen() {
    return !this.words.trim() && !this.kind && this.outcomes.every(Boolean) && !this.inProof;
  },

  // Tests that an operation must pass. `op 2024`, `p3` and `n2` mean just that one; any other word is sought in kind,
  // value, outcome and reason, a number also as the operation's own.
  tests() {
    const operations = run.operations;
    const tests = [];
    if (this.kind) {
      const wanted = operations.kind.forms.findIndex((parts) => parts.length === 1 && parts[0] === this.kind) + 1;
      tests.push(wanted ? (i) => operations.kind.form[i] === wanted : (i) => operations.kind.at(i) === this.kind);
    }
    if (!this.outcomes.every(Boolean)) tests.push((i) => this.outcomes[operations.outcome[i]]);
    if (this.inProof) {
      const proof = new Set(run.facts.proof);
      tests.push((i) => proof.has(operations.index[i]));
    }
    for (const word of wordsOf(this.words)) tests.push(wordTest(word));
    return tests;
  },

  // Calls `show` with the positions of all that pass, and `progress` with the share looked at; neither when another search
  // has begun meanwhile.
  async apply(progress, show) {
    const turn = ++this.turn;
    const { count } = run.operations;
    const tests = this.tests();
    const found = new Uint32Array(count);
    let many = 0;
    let began = performance.now();
    for (let i = 0; i < count; i++) {
      if (tests.every((test) => test(i))) found[many++] = i;
      if (i % 256 === 0 && performance.now() - began > SLICE_MS) {
        progress(i / count);
        await breath();
        if (turn !== this.turn) return;
        began = performance.now();
      }
    }
    show(found.subarray(0, many));
  },
};

// The words of a search. What the table puts between them is no part of them: `lock m, ttl_ms 2000 → token 453` is found as it
// is read there.
function wordsOf(text) {
  const bare = text.toLowerCase().replace(/\bop\s+(?=\d)/g, 'op').replaceAll('→', ' ').split(/\s+/);
  return bare.map((word) => word.replace(/^[",]+|[",]+$/g, '')).filter(Boolean);
}

function wordTest(word) {
  const operations = run.operations;
  const exact = /^(op|p|n)(\d+)$/.exec(word);
  if (exact) {
    const column = { op: operations.index, p: operations.process, n: operations.node }[exact[1]];
    return (i) => column[i] === +exact[2];
  }
  const texts = [operations.kind, operations.asked, operations.answered, operations.reason].map((texts) => texts.holds(word));
  const outcomes = OUTCOMES.map((outcome) => outcome === word);
  const number = /^\d+$/.test(word) ? +word : -1;
  return (i) => operations.index[i] === number || outcomes[operations.outcome[i]] || texts.some((holds) => holds(i));
}
