//! Registers of which transactions read and write several at once, in one step.

use std::fmt::Debug;
use std::hash::Hash;

use crate::linearizable::Model;
use crate::models::Item;

/// All registers together.
#[derive(Debug, Clone)]
pub struct MultiRegister<K, V> {
    /// The first values, sorted by register.
    pub initial: Vec<(K, V)>,
    /// What every other register holds at first.
    pub nil: V,
}

/// A step of a transaction, on one register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step<K, V> {
    /// It found this value.
    Read(K, V),
    /// It sets this value.
    Write(K, V),
}

impl<K: Item + Ord, V: Item> Model for MultiRegister<K, V> {
    /// The registers that were ever written, sorted, and their values.
    type State = Vec<(K, V)>;
    /// The steps, one after the other.
    type Call = Vec<Step<K, V>>;
    /// What was found is told by the steps.
    type Reply = ();

    fn initial(&self) -> Self::State {
        self.initial.clone()
    }

    fn bytes_held(&self, state: &Vec<(K, V)>) -> usize {
        size_of_val(state.as_slice())
    }

    fn step(&self, state: &Self::State, call: &Vec<Step<K, V>>, _reply: Option<&()>) -> Option<Self::State> {
        let mut after = state.clone();
        for step in call {
            let (Step::Read(key, value) | Step::Write(key, value)) = *step;
            let place = after.binary_search_by_key(&key, |(key, _)| *key);
            match (step, place) {
                (Step::Read(..), place) => {
                    if place.map_or(self.nil, |place| after[place].1) != value {
                        return None;
                    }
                }
                (Step::Write(..), Ok(place)) => after[place].1 = value,
                (Step::Write(..), Err(place)) => after.insert(place, (key, value)),
            }
        }
        Some(after)
    }

    fn only_observes(&self, call: &Vec<Step<K, V>>, _reply: &()) -> bool {
        call.iter().all(|step| matches!(step, Step::Read(..)))
    }
}
