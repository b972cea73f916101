//! Several objects of one kind, by key, as one object.

use std::collections::BTreeMap;

use crate::linearizable::{Answer, Budget, CONFIGURATIONS, Decision, Entry, EntryOf, Model, find_each};

/// Objects of a kind, each in its first state.
#[derive(Debug, Clone)]
pub struct Keyed<M> {
    /// What each of them is.
    pub object: M,
}

/// What is asked of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call<C> {
    /// Which of them.
    pub key: u32,
    /// What is asked.
    pub call: C,
}

impl<M: Model> Model for Keyed<M> {
    /// Those that are not in their first state.
    type State = BTreeMap<u32, M::State>;
    type Call = Call<M::Call>;
    type Reply = M::Reply;

    fn initial(&self) -> BTreeMap<u32, M::State> {
        BTreeMap::new()
    }

    fn step(
        &self,
        state: &BTreeMap<u32, M::State>,
        call: &Call<M::Call>,
        reply: Option<&M::Reply>,
    ) -> Option<BTreeMap<u32, M::State>> {
        let initial = self.object.initial();
        let after = self.object.step(state.get(&call.key).unwrap_or(&initial), &call.call, reply)?;
        let mut state = state.clone();
        if after == initial {
            state.remove(&call.key);
        } else {
            state.insert(call.key, after);
        }
        Some(state)
    }

    fn bytes_held(&self, state: &BTreeMap<u32, M::State>) -> usize {
        // With what a tree takes beside its entries.
        state.values().map(|object| 2 * size_of_val(object) + self.object.bytes_held(object)).sum()
    }

    fn only_observes(&self, call: &Call<M::Call>, reply: &M::Reply) -> bool {
        self.object.only_observes(&call.call, reply)
    }

    /// There is an order of all exactly if there is one for each object by itself (Herlihy and Wing, "Linearizability", ACM TOPLAS
    /// 12(3), 1990, theorem 1).
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        let mut keys: BTreeMap<u32, Vec<EntryOf<M>>> = BTreeMap::new();
        for (position, entry) in entries.iter().enumerate() {
            keys.entry(entry.call.key).or_default().push(own::<M>(position, entry));
        }
        let objects: Vec<&[EntryOf<M>]> = keys.values().map(Vec::as_slice).collect();
        let answers = find_each(&self.object, &objects, &mut Budget::new(CONFIGURATIONS));
        if let Some(broken) = answers.iter().position(|answer| *answer == Answer::Impossible) {
            return Some(Decision::Impossible(objects[broken].iter().map(|entry| entry.position).collect()));
        }
        answers.iter().all(|answer| *answer == Answer::Exists).then_some(Decision::Exists)
    }

    fn may_go(&self, entries: &[EntryOf<Self>], place: usize) -> bool {
        let key = entries[place].call.key;
        let of_key = |(_, entry): &(usize, &EntryOf<Self>)| entry.call.key == key;
        let object: Vec<EntryOf<M>> =
            entries.iter().enumerate().filter(of_key).map(|(position, entry)| own::<M>(position, entry)).collect();
        let place = object.iter().position(|entry| entry.position == place);
        place.is_some_and(|place| self.object.may_go(&object, place))
    }

    fn part(&self, call: &Call<M::Call>, _reply: Option<&M::Reply>) -> Option<u64> {
        Some(call.key.into())
    }
}

/// An operation as its own object sees it.
fn own<M: Model>(position: usize, entry: &EntryOf<Keyed<M>>) -> EntryOf<M> {
    Entry { position, call: entry.call.call.clone(), invoked: entry.invoked, answer: entry.answer.clone() }
}
