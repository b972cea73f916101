//! One step of the search: what a configuration can become until the operation that is answered has taken effect.

use rustc_hash::{FxHashMap, FxHashSet};

use super::compiled::{Begun, Compiled, OPEN, Step};
use super::cursor::Cursor;
use super::front::{COMPARED, Configuration};
use super::slots::Slots;
use super::table::Table;
use super::usage::{NONE, Usages};
use super::{Budget, Model};

/// How many states there may be for all of them to be gone through.
const ALL_STATES: u32 = 64;

/// What operations may do beyond what they can. What is impossible with more freedom is impossible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Freedom {
    /// Nothing.
    None,
    /// Those without an answer may take effect again and again, but for classes that are counted.
    Open,
    /// So may all.
    All,
}

/// What took effect last on the way to the present operation.
#[derive(Debug, Clone, Copy)]
struct Previous {
    /// The state before it.
    state: u32,
    class: u32,
    /// Whether it need not have happened.
    is_spare: bool,
    /// Whether it hid operations that had to happen.
    hides: bool,
}

/// What it did beside its own effect.
#[derive(Debug, Clone, Copy, Default)]
struct Effects {
    /// Another found that for which it had waited.
    was_seen: bool,
    /// Operations that had to happen are hidden by it.
    hides: bool,
}

/// A way to the operation that is answered.
#[derive(Debug, Clone)]
struct Way<S> {
    configuration: Configuration<S>,
    previous: Option<Previous>,
    /// The way that is one operation shorter.
    from: usize,
    /// The class of the last operation, where it has no answer.
    used: Option<u32>,
    /// What the operations without an answer cost.
    price: u64,
}

/// What a configuration can become.
#[derive(Debug)]
pub(super) struct Child<S> {
    pub(super) configuration: Configuration<S>,
    /// The classes of the operations without an answer that took effect.
    pub(super) used: Box<[u32]>,
    price: u64,
}

/// Goes on from configurations.
pub(super) struct Explorer<'a, M: Model, S> {
    pub(super) compiled: &'a Compiled<'a, M::Call, M::Reply>,
    pub(super) freedom: Freedom,
    pub(super) usages: Usages,
    /// How many ways to one operation are tried.
    pub(super) most_ways: usize,
    /// Whether there were more.
    pub(super) is_cut: bool,
    /// By class, whether its operations without an answer are counted though they may take effect again and again.
    counted: Vec<bool>,
    table: Table<'a, M>,
    cursor: Cursor<S>,
    /// The ways to the present operation.
    ways: Vec<Way<S>>,
    /// The later ones, for there may be many.
    seen: FxHashSet<Configuration<S>>,
    candidates: Candidates,
}

impl<'a, M: Model, S: Slots> Explorer<'a, M, S> {
    pub(super) fn new(table: Table<'a, M>, compiled: &'a Compiled<'a, M::Call, M::Reply>) -> Self {
        let mut open = vec![0; compiled.classes.len()];
        for begun in compiled.begun.iter().filter(|begun| begun.slot == OPEN) {
            open[begun.class as usize] += 1;
        }
        Self {
            compiled,
            freedom: Freedom::None,
            most_ways: usize::MAX,
            is_cut: false,
            counted: vec![false; compiled.classes.len()],
            usages: Usages::new(&open),
            table,
            cursor: Cursor::new(compiled),
            ways: Vec::new(),
            seen: FxHashSet::default(),
            candidates: Candidates::default(),
        }
    }

    /// What there is at the first step.
    pub(super) fn start(&mut self) -> Configuration<S> {
        let empty = S::empty(self.compiled.slots);
        let start = Configuration { state: self.table.initial(), usage: NONE, must: empty.clone(), can: empty };
        self.enter(0, start)
    }

    /// How many states there are, where they are few: all that any operations can lead to.
    pub(super) fn all_states(&mut self) -> Option<u32> {
        let mut state = 0;
        while state < self.table.states() {
            if self.table.states() > ALL_STATES {
                return None;
            }
            for class in 0..self.compiled.classes.len() as u32 {
                self.step(state, class);
            }
            state += 1;
        }
        Some(state)
    }

    /// What is remembered beside configurations, in bytes, estimated.
    fn bytes(&self) -> usize {
        let ways = self.ways.capacity() * size_of::<Way<S>>() + self.seen.capacity() * size_of::<Configuration<S>>();
        self.usages.bytes() + self.table.bytes() + 2 * ways
    }

    /// All that can be left at a step: whatever is under way can still happen, and nothing must.
    pub(super) fn anything(&mut self, step: usize) -> Configuration<S> {
        self.cursor.go_to(step, self.compiled);
        let mut can = S::empty(self.compiled.slots);
        for begun in self.cursor.held.iter().filter(|begun| begun.slot != OPEN && begun.deadline as usize >= step) {
            if !self.compiled.classes[begun.class as usize].observes {
                can.add(begun.slot);
            }
        }
        Configuration { state: 0, usage: NONE, must: S::empty(self.compiled.slots), can }
    }

    /// Adds what began before a step.
    pub(super) fn enter(&mut self, step: usize, mut configuration: Configuration<S>) -> Configuration<S> {
        for begun in self.compiled.begun_at(step).iter().filter(|begun| begun.slot != OPEN) {
            let class = &self.compiled.classes[begun.class as usize];
            let after = self.table.step(configuration.state, begun.class, class);
            if class.observes {
                if after.is_none() {
                    configuration.must.add(begun.slot);
                }
                continue;
            }
            configuration.can.add(begun.slot);
            if !(class.overwrites && after == Some(configuration.state)) {
                configuration.must.add(begun.slot);
            }
        }
        configuration
    }

    /// Counts from now on the classes of which there were too few for what was used: the step and the class of each. `false` where
    /// there were enough of all.
    pub(super) fn count_overused(&mut self, used: &[(usize, u32)]) -> bool {
        let mut times: FxHashMap<u32, u32> = FxHashMap::default();
        for &(step, class) in used {
            self.cursor.go_to(step, self.compiled);
            let times = times.entry(class).or_insert(0);
            *times += 1;
            if *times > self.cursor.open[class as usize] {
                self.counted[class as usize] = true;
                return true;
            }
        }
        false
    }

    fn counts(&self, class: u32) -> bool {
        match self.freedom {
            Freedom::None => true,
            Freedom::Open => self.counted[class as usize],
            Freedom::All => false,
        }
    }

    /// Finds what a configuration can become once the operation of the step has taken effect, the likeliest first. `false` where
    /// the budget ran out, or more than `room` bytes are remembered.
    pub(super) fn expand(
        &mut self,
        step: usize,
        from: Configuration<S>,
        children: &mut Vec<Child<S>>,
        room: usize,
        budget: &mut Budget,
    ) -> bool {
        self.cursor.go_to(step, self.compiled);
        let Step { slot, class, .. } = self.compiled.steps[step];
        children.clear();
        if !from.must.has(slot) {
            let mut configuration = from.clone();
            configuration.can.remove(slot);
            children.push(Child { configuration, used: Box::default(), price: 0 });
            if !from.can.has(slot) {
                return budget.spend(1);
            }
        }
        let observes = self.compiled.classes[class as usize].observes;
        self.ways.clear();
        self.seen.clear();
        self.ways.push(Way { configuration: from, previous: None, from: 0, used: None, price: 0 });
        let mut place = 0;
        while place < self.ways.len() {
            if self.bytes() > room || !budget.spend(1) {
                return false;
            }
            let Way { configuration: way, previous, price, .. } = self.ways[place].clone();
            if observes && !way.must.has(slot) {
                children.push(Child { configuration: way, used: self.used(place), price });
            } else {
                if let Some(after) = self.step(way.state, class)
                    && self.needs(previous, class, after)
                    && !self.may_come_after(previous, class, after)
                {
                    let mut configuration = self.apply(&way, class, slot, after).0;
                    configuration.can.remove(slot);
                    children.push(Child { configuration, used: self.used(place), price });
                }
                self.extend(place, slot);
            }
            place += 1;
        }
        // Dear ones last; what is equally dear keeps its order.
        children.sort_by_key(|child| child.price);
        true
    }

    /// The classes of the operations without an answer on a way.
    fn used(&self, mut place: usize) -> Box<[u32]> {
        let mut used = Vec::new();
        while place > 0 {
            used.extend(self.ways[place].used);
            place = self.ways[place].from;
        }
        used.into_boxed_slice()
    }

    /// Appends the ways that are one operation longer.
    fn extend(&mut self, place: usize, last: u32) {
        if self.ways.len() >= self.most_ways {
            self.is_cut = true;
            return;
        }
        let way = self.ways[place].configuration.clone();
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.collect(&way, &self.cursor, last);
        for &(slot, class) in &candidates.chosen {
            let Some(after) = self.step(way.state, class) else { continue };
            let must = way.must.has(slot);
            let overwrites = self.compiled.classes[class as usize].overwrites;
            if after == way.state && !(if overwrites { self.hides_any(&way, slot) } else { must }) {
                continue;
            }
            self.append(place, (class, slot, after), !must);
        }
        for open in 0..self.cursor.open_classes.len() {
            let class = self.cursor.open_classes[open];
            let Some(after) = self.step(way.state, class) else { continue };
            let overwrites = self.compiled.classes[class as usize].overwrites;
            if after == way.state && !(overwrites && self.hides_any(&way, OPEN)) {
                continue;
            }
            let began = self.cursor.open[class as usize];
            if self.counts(class) && self.usages.count(way.usage, class) >= began {
                self.usages.miss(class);
                continue;
            }
            self.append(place, (class, OPEN, after), true);
        }
        self.candidates = candidates;
    }

    fn append(&mut self, from: usize, (class, slot, after): (u32, u32, u32), is_spare: bool) {
        let Way { configuration: way, previous, price, .. } = self.ways[from].clone();
        if !self.needs(previous, class, after) {
            return;
        }
        let (longer, Effects { was_seen, hides }) = self.apply(&way, class, slot, after);
        let latest = self.ways.len().saturating_sub(COMPARED);
        if self.ways[latest..].iter().any(|other| longer.is_no_better_than(&other.configuration, &self.usages)) {
            return;
        }
        if self.ways.len() >= COMPARED && !self.seen.insert(longer.clone()) {
            return;
        }
        // What somebody saw has served its purpose.
        let previous = (!was_seen).then_some(Previous { state: way.state, class, is_spare, hides });
        let used = (slot == OPEN).then_some(class);
        let price = price + used.map_or(0, |class| self.usages.price(class));
        self.ways.push(Way { configuration: longer, previous, from, used, price });
    }

    /// Whether an operation, which leads to `after`, needed the one right before it; else it is as well without it.
    fn needs(&mut self, previous: Option<Previous>, class: u32, after: u32) -> bool {
        let Some(previous) = previous else { return true };
        let overwrites = |class: u32| self.compiled.classes[class as usize].overwrites;
        let is_hidden = overwrites(previous.class) && overwrites(class);
        let is_spare = is_hidden || (previous.is_spare && !previous.hides);
        !(is_spare && self.step(previous.state, class) == Some(after))
    }

    /// Whether an operation that overwrites would hide others that must still happen.
    fn hides_any(&self, way: &Configuration<S>, slot: u32) -> bool {
        let mut any = false;
        way.must.each_in_both(&self.cursor.overwriting, |other| any |= other != slot);
        any
    }

    /// Whether the operation right before one could as well follow it. Not so where all may take effect again and again: one that
    /// went before may do so once more when its own answer comes, and one that follows may not.
    fn may_come_after(&mut self, previous: Option<Previous>, class: u32, after: u32) -> bool {
        let Some(previous) = previous.filter(|_| self.freedom < Freedom::All) else { return false };
        let directly = self.step(previous.state, class);
        directly.is_some_and(|directly| self.step(directly, previous.class) == Some(after))
    }

    fn step(&mut self, state: u32, class: u32) -> Option<u32> {
        self.table.step(state, class, &self.compiled.classes[class as usize])
    }

    /// What is left after an operation.
    fn apply(&mut self, way: &Configuration<S>, class: u32, slot: u32, after: u32) -> (Configuration<S>, Effects) {
        let mut effects = Effects::default();
        let mut then = way.clone();
        then.state = after;
        if slot == OPEN {
            if self.counts(class) {
                then.usage = self.usages.with(way.usage, class);
            }
        } else {
            then.must.remove(slot);
            if self.freedom < Freedom::All {
                then.can.remove(slot);
            }
        }
        if self.compiled.classes[class as usize].overwrites {
            effects.hides = self.hides_any(way, slot);
            then.must.subtract(&self.cursor.overwriting);
        }
        if after == way.state {
            return (then, effects);
        }
        let (cursor, table, classes) = (&self.cursor, &mut self.table, &self.compiled.classes);
        let must = then.must.clone();
        let number = |slot: u32| cursor.held[slot as usize].class;
        must.each_in_both(&cursor.observers, |slot| {
            let class = number(slot);
            if table.step(after, class, &classes[class as usize]).is_some() {
                then.must.remove(slot);
                effects.was_seen = true;
            }
        });
        must.each_in_both(&cursor.overwriting, |slot| {
            let class = number(slot);
            if table.step(after, class, &classes[class as usize]) == Some(after) {
                then.must.remove(slot);
                effects.was_seen = true;
            }
        });
        (then, effects)
    }
}

/// The operations under way that are to be tried.
#[derive(Debug, Default)]
struct Candidates {
    /// Slot and class.
    chosen: Vec<(u32, u32)>,
    /// Class, whether it must happen, deadline, slot.
    all: Vec<(u32, bool, u32, u32)>,
}

impl Candidates {
    /// Of each class the one whose answer comes first, and if that is optional, the first of those that are not.
    fn collect<S: Slots>(&mut self, way: &Configuration<S>, cursor: &Cursor<S>, last: u32) {
        self.all.clear();
        self.chosen.clear();
        way.can.each_in_both(&way.can, |slot| {
            if slot != last {
                let Begun { class, deadline, .. } = cursor.held[slot as usize];
                self.all.push((class, !way.must.has(slot), deadline, slot));
            }
        });
        self.all.sort_unstable_by_key(|&(class, is_optional, deadline, _)| (class, deadline, is_optional));
        let mut at = 0;
        while at < self.all.len() {
            let (class, is_optional, _, slot) = self.all[at];
            self.chosen.push((slot, class));
            let rest = self.all[at..].iter().take_while(|other| other.0 == class);
            let length = rest.clone().count();
            if is_optional && let Some(&(_, _, _, slot)) = rest.clone().find(|other| !other.1) {
                self.chosen.push((slot, class));
            }
            at += length;
        }
    }
}
