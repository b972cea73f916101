//! Random histories of a model: right by construction, or with something changed.

use dsjepsen_checkers::linearizable::{Answer, Decision, Entry, EntryOf, Model, decide, explore};

use crate::oracle::{has_an_order, has_an_order_of_many};

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// By a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        (self.next() % u64::from(limit)) as u32
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }
}

/// How histories of a model are drawn.
pub(crate) trait Play {
    /// The model.
    type Model: Model;

    /// The object.
    fn model(&self) -> &Self::Model;

    /// A call; `fresh` is a number that no other call of the history was given, and `process` is who calls.
    fn call(&self, random: &mut Random, fresh: u32, process: u32) -> CallOf<Self>;

    /// What the object answers in this state, and the state that it leaves; `None` where it answers that it did nothing, which
    /// is no part of a history.
    fn answer(&self, state: &StateOf<Self>, call: &CallOf<Self>) -> Option<(ReplyOf<Self>, StateOf<Self>)>;

    /// Any answer to this call, right or wrong.
    fn any_reply(&self, call: &CallOf<Self>, random: &mut Random) -> ReplyOf<Self>;
}

/// The parts of a player's model.
pub(crate) type CallOf<P> = <<P as Play>::Model as Model>::Call;
pub(crate) type ReplyOf<P> = <<P as Play>::Model as Model>::Reply;
pub(crate) type StateOf<P> = <<P as Play>::Model as Model>::State;
pub(crate) type Entries<P> = Vec<EntryOf<<P as Play>::Model>>;

/// A call under way: who made it, and once it has taken effect, what it is to be answered.
struct Pending<P: Play> {
    place: usize,
    process: u32,
    effect: Option<Option<ReplyOf<P>>>,
}

/// A history of so many operations by at most four processes, right by construction: each operation takes effect at a moment
/// between its invocation and its answer, or without an answer at any later moment, or never.
pub(crate) fn right<P: Play>(play: &P, operations: usize, random: &mut Random) -> Entries<P> {
    right_of(play, operations, 4, random)
}

/// The same, by at most so many processes.
fn right_of<P: Play>(play: &P, operations: usize, most: u32, random: &mut Random) -> Entries<P> {
    let mut processes = 1 + random.below(most);
    let open_percent = [0, 0, 15, 40][random.below(4) as usize];
    let mut free: Vec<u32> = (0..processes).collect();
    let mut entries: Entries<P> = Vec::new();
    let (mut pending, mut failed): (Vec<Pending<P>>, Vec<usize>) = (Vec::new(), Vec::new());
    let (mut state, mut now) = (play.model().initial(), 0);
    while entries.len() < operations || !pending.is_empty() {
        now += u64::from(random.percent(80));
        let may_begin = !free.is_empty() && entries.len() < operations;
        if may_begin && (pending.is_empty() || random.percent(40)) {
            let process = free.swap_remove(random.below(free.len() as u32) as usize);
            let place = entries.len();
            pending.push(Pending { place, process, effect: None });
            let call = play.call(random, place as u32, process);
            entries.push(EntryOf::<P::Model> { position: place, call, invoked: now, answer: None });
            continue;
        }
        let chosen = random.below(pending.len() as u32) as usize;
        let Pending { place, process, effect } = &mut pending[chosen];
        let place = *place;
        match effect.take() {
            None if random.percent(open_percent) => {
                // Its process waits no longer, and another takes its turn; it may yet happen, at once or never.
                if random.percent(50)
                    && let Some((_, after)) = play.answer(&state, &entries[place].call)
                {
                    state = after;
                }
                free.push(processes);
                processes += 1;
                pending.swap_remove(chosen);
            }
            None => {
                let answer = play.answer(&state, &entries[place].call);
                *effect = Some(answer.map(|(reply, after)| {
                    state = after;
                    reply
                }));
            }
            Some(reply) => {
                free.push(*process);
                pending.swap_remove(chosen);
                match reply {
                    Some(reply) => entries[place].answer = Some((reply, now.max(entries[place].invoked + 1))),
                    None => failed.push(place),
                }
                now = now.max(entries[place].invoked + 1);
            }
        }
    }
    entries.retain(|entry| !failed.contains(&entry.position));
    entries
}

/// Changes something: an answer, its time, whether there is one, when the operation began, what it was, or whether it was.
pub(crate) fn change<P: Play>(play: &P, entries: &mut Entries<P>, random: &mut Random) {
    if entries.is_empty() {
        return;
    }
    let place = random.below(entries.len() as u32) as usize;
    let other = random.below(entries.len() as u32) as usize;
    let replies = [entries[place].reply().cloned(), entries[other].reply().cloned()];
    let entry = &mut entries[place];
    match random.below(12) {
        0 | 1 => {
            if let Some((reply, _)) = &mut entry.answer {
                *reply = play.any_reply(&entry.call, random);
            }
        }
        2 => {
            if let Some((_, returned)) = &mut entry.answer {
                *returned = entry.invoked + 1 + u64::from(random.below(4));
            }
        }
        3 => {
            let latest = entry.returned().map_or(u64::MAX, |returned| returned.saturating_sub(1));
            entry.invoked = (entry.invoked + u64::from(random.below(6))).min(latest);
        }
        4 => match entry.answer {
            Some(_) => entry.answer = None,
            None => {
                let returned =
                    if random.percent(20) { u64::MAX } else { entry.invoked + 1 + u64::from(random.below(6)) };
                entry.answer = Some((play.any_reply(&entry.call, random), returned));
            }
        },
        5 => {
            if let [Some(one), Some(another)] = replies
                && std::mem::discriminant(&entries[place].call) == std::mem::discriminant(&entries[other].call)
            {
                for (place, reply) in [(place, another), (other, one)] {
                    if let Some((answered, _)) = &mut entries[place].answer {
                        *answered = reply;
                    }
                }
            }
        }
        6 => {
            entries.remove(place);
        }
        7 => entries.swap(place, other),
        _ => swap_times(entries, place, other),
    }
}

/// Lets one operation have been when the other was, and the other way round: contradictions of order come from that.
fn swap_times<C, R>(entries: &mut [Entry<C, R>], place: usize, other: usize) {
    let spans = [other, place].map(|place| (entries[place].invoked, entries[place].returned()));
    for (place, (invoked, returned)) in [place, other].into_iter().zip(spans) {
        entries[place].invoked = invoked;
        if let Some((_, at)) = &mut entries[place].answer {
            *at = returned.unwrap_or(u64::MAX);
        }
    }
}

/// Lets some answers come at an unknown end of the history: what was right stays so.
pub(crate) fn answer_at_the_end<C, R>(entries: &mut [Entry<C, R>], random: &mut Random) {
    for entry in entries {
        if let Some((_, returned)) = &mut entry.answer
            && random.percent(30)
        {
            *returned = u64::MAX;
        }
    }
}

/// How many histories are tried: as many as `DSJEPSEN_FUZZ` says, or some thousands.
pub(crate) fn cases() -> u64 {
    std::env::var("DSJEPSEN_FUZZ").ok().and_then(|cases| cases.parse().ok()).unwrap_or(5_000)
}

/// What a comparison with the oracle came to, so that a test can ask whether it compared anything.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Histories with an order.
    pub(crate) right: u64,
    /// Histories without one.
    pub(crate) wrong: u64,
    /// Histories that the model decided by itself.
    pub(crate) by_itself: u64,
    /// Those of them without an order.
    pub(crate) by_itself_wrong: u64,
    /// How many operations were shown to prove that, in all.
    pub(crate) shown: u64,
    /// Histories left out, because what they are held against gave up. They are none of the above.
    pub(crate) too_long: u64,
}

impl Tally {
    /// Asks whether nearly all histories were compared: else a comparison could become empty, and nobody would know.
    ///
    /// # Panics
    /// Where more than one history of a hundred was left out.
    pub(crate) fn assert_few_too_long(&self) {
        assert!(self.too_long * 100 <= self.right + self.wrong, "too many were left out: {self:?}");
    }

    fn count(&mut self, has_an_order: bool) {
        *(if has_an_order { &mut self.right } else { &mut self.wrong }) += 1;
    }
}

/// How many configurations the search may look at where it is what others are held against: a fraction of a second.
const CONFIGURATIONS: u64 = 200_000;

/// Compares a model's own way and the search with the oracle on random histories of up to eight operations (and of more), half of them right
/// by construction; and what a model shows as contradictory with the oracle again.
///
/// # Panics
/// Where they differ, with the history.
pub(crate) fn compare<P: Play>(play: &P, seed: u64) -> Tally {
    let mut tally = Tally::default();
    for (case, mut random) in randoms(cases(), seed) {
        let operations = 1 + random.below(8) as usize;
        let (entries, is_right) = draw(play, operations, &mut random);
        let expected = hold_against_oracle(play.model(), &entries, case, &mut tally);
        assert!(expected || !is_right, "the kit drew a wrong history: {entries:#?}");
    }
    compare_many(play, seed).assert_few_too_long();
    tally
}

/// Compares a model's own way with the search on longer histories, which the oracle would take too long for.
///
/// # Panics
/// Where they differ, with the history.
pub(crate) fn compare_longer<P: Play>(play: &P, operations: usize, seed: u64) -> Tally {
    let mut tally = Tally::default();
    for (case, mut random) in randoms(cases().div_ceil(4), seed) {
        let (entries, is_right) = draw(play, operations, &mut random);
        let expected = hold_against_search(play.model(), &entries, case, &mut tally);
        assert!(expected != Some(false) || !is_right, "the kit drew a wrong history: {entries:#?}");
    }
    tally.assert_few_too_long();
    tally
}

/// The numbers of the cases, each with its source of random numbers.
pub(crate) fn randoms(cases: u64, seed: u64) -> impl Iterator<Item = (u64, Random)> {
    (0..cases).map(move |case| (case, Random::new(seed ^ case.wrapping_mul(0x2545_f491_4f6c_dd1d))))
}

/// A history, and whether it is surely right.
fn draw<P: Play>(play: &P, operations: usize, random: &mut Random) -> (Entries<P>, bool) {
    let mut entries = right(play, operations, random);
    if random.percent(15) {
        answer_at_the_end(&mut entries, random);
    }
    let is_right = random.percent(50);
    if !is_right {
        for _ in 0..=random.below(3) {
            change(play, &mut entries, random);
        }
    }
    (entries, is_right)
}

/// Compares what is said of a short history with what the oracle says, which is returned.
pub(crate) fn hold_against_oracle<M: Model>(model: &M, entries: &[EntryOf<M>], case: u64, tally: &mut Tally) -> bool {
    let expected = has_an_order(model, entries);
    tally.count(expected);
    hold_decision(model, entries, expected, case, tally, &|entries| Some(has_an_order(model, entries)));
    let answer = explore(model, entries, 1_000_000);
    assert_eq!(answer == Answer::Exists, expected, "case {case}: the search says {answer:?} of {entries:#?}");
    assert_eq!(decide(model, entries, 1_000_000), answer);
    for place in 0..entries.len() {
        if expected && let Some(grounds) = model.grounds(entries, place) {
            let grounds: Vec<_> = grounds.iter().map(|&place| entries[place].clone()).collect();
            assert!(
                has_an_order(model, &grounds),
                "case {case}: {place} does not rest on {grounds:#?} of {entries:#?}"
            );
        }
        if expected && model.may_go(entries, place) {
            let mut rest = entries.to_vec();
            rest.remove(place);
            assert!(has_an_order(model, &rest), "case {case}: {place} may not go from {entries:#?}");
        }
    }
    expected
}

/// Compares what a model says of a history by itself with what the search says, which is returned: nothing where it gave up.
pub(crate) fn hold_against_search<M: Model>(
    model: &M,
    entries: &[EntryOf<M>],
    case: u64,
    tally: &mut Tally,
) -> Option<bool> {
    let has_an_order = |entries: &[EntryOf<M>]| match explore(model, entries, CONFIGURATIONS) {
        Answer::Exists => Some(true),
        Answer::Impossible => Some(false),
        Answer::Exhausted => None,
    };
    let Some(expected) = has_an_order(entries) else {
        tally.too_long += 1;
        return None;
    };
    tally.count(expected);
    hold_decision(model, entries, expected, case, tally, &has_an_order);
    Some(expected)
}

/// Compares what a model says of a history by itself with what is expected, and what it shows with what `has_an_order` says of that,
/// if it says anything.
fn hold_decision<M: Model>(
    model: &M,
    entries: &[EntryOf<M>],
    expected: bool,
    case: u64,
    tally: &mut Tally,
    has_an_order: &dyn Fn(&[EntryOf<M>]) -> Option<bool>,
) {
    let Some(decision) = model.decide(entries) else { return };
    tally.by_itself += 1;
    match decision {
        Decision::Exists => assert!(expected, "case {case}: decided that there is an order of {entries:#?}"),
        Decision::Impossible(places) => {
            assert!(!expected, "case {case}: decided that there is no order of {entries:#?}");
            tally.by_itself_wrong += 1;
            tally.shown += places.len() as u64;
            let shown: Vec<_> = places.iter().map(|&place| entries[place].clone()).collect();
            match has_an_order(&shown) {
                Some(has_one) => assert!(!has_one, "case {case}: {places:?} have an order, of {entries:#?}"),
                None => tally.too_long += 1,
            }
        }
    }
}

/// Compares the search with the oracle on histories of up to sixteen operations by up to eight processes. What either gives up on is
/// left out: what has no end of states may take longer than it is given.
///
/// # Panics
/// Where they differ, with the history.
fn compare_many<P: Play>(play: &P, seed: u64) -> Tally {
    let mut tally = Tally::default();
    for (case, mut random) in randoms(cases() / 10, seed) {
        let operations = 9 + random.below(8) as usize;
        let mut entries = right_of(play, operations, 8, &mut random);
        for _ in 0..random.below(4) {
            change(play, &mut entries, &mut random);
        }
        let Some(expected) = has_an_order_of_many(play.model(), &entries) else {
            tally.too_long += 1;
            continue;
        };
        let wrong = if expected { Answer::Impossible } else { Answer::Exists };
        let answers = [explore(play.model(), &entries, 100_000), decide(play.model(), &entries, 100_000)];
        assert!(!answers.contains(&wrong), "case {case}: explored and decided as {answers:?}: {entries:#?}");
        if answers[0] == Answer::Exhausted {
            tally.too_long += 1;
        } else {
            tally.count(expected);
        }
    }
    tally
}
