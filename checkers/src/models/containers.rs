//! What holds values and gives them back one by one: what its models are asked and answer, and what their own ways to decide have
//! in common.

mod cover;
mod discipline;
mod dues;
mod lives;
mod shrink;
mod times;
mod values;

use std::hash::{BuildHasher, Hash};

use rustc_hash::FxBuildHasher;

use crate::linearizable::Entry;

pub(crate) use cover::uncovered;
pub(crate) use discipline::{Discipline, decide};
pub(crate) use dues::{Certainty, Due, Look, dues};
pub(crate) use lives::{Life, Lives, NEVER, PeeksByLife, Time};
pub(crate) use shrink::shrink;
pub(crate) use times::Times;

/// What is asked of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call<V> {
    /// Put this value in: enqueue, push, insert.
    Put(V),
    /// Take the value out whose turn it is: dequeue, pop, poll.
    Take,
    /// Look at that value.
    Peek,
}

/// What a container answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply<V> {
    /// The value was put in.
    Done,
    /// This value was taken, or seen.
    Found(V),
    /// There was nothing to be taken or seen.
    Empty,
}

/// An operation on a container.
pub(crate) type ContainerEntry<V> = Entry<Call<V>, Reply<V>>;

/// Whether something may be answered where `next` is the value whose turn it is. What is not answered says nothing.
pub(crate) fn agrees<V: PartialEq>(reply: Option<&Reply<V>>, next: Option<&V>) -> bool {
    match reply {
        None => true,
        Some(Reply::Done) => false,
        Some(Reply::Found(found)) => next == Some(found),
        Some(Reply::Empty) => next.is_none(),
    }
}

/// The value that an operation is about. Without all operations on a value a container does with the others what it did; an
/// operation without an answer that took it need not have happened.
pub(crate) fn part<V: Hash>(call: &Call<V>, reply: Option<&Reply<V>>) -> Option<u64> {
    match (call, reply) {
        (Call::Put(value), _) | (_, Some(Reply::Found(value))) => Some(FxBuildHasher.hash_one(value)),
        _ => None,
    }
}

/// Whether a call, so answered, never changes a container.
pub(crate) fn only_observes<V>(call: &Call<V>, reply: &Reply<V>) -> bool {
    match call {
        Call::Put(_) => false,
        Call::Take => matches!(reply, Reply::Empty),
        Call::Peek => true,
    }
}

/// Makes the model of a container that is empty at first, and gives its values back by a [`Discipline`].
macro_rules! container {
    ($(#[$about:meta])* $name:ident<V: $($bound:ident)+> by $discipline:ident) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<V> {
            values: std::marker::PhantomData<V>,
        }

        impl<V> $name<V> {
            /// An empty one.
            pub const fn new() -> Self {
                Self { values: std::marker::PhantomData }
            }
        }

        impl<V> Default for $name<V> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<V: $($bound +)+> $crate::linearizable::Model for $name<V> {
            type State = Vec<V>;
            type Call = $crate::models::containers::Call<V>;
            type Reply = $crate::models::containers::Reply<V>;

            fn initial(&self) -> Vec<V> {
                Vec::new()
            }

            fn bytes_held(&self, state: &Vec<V>) -> usize {
                size_of_val(state.as_slice())
            }

            fn step(&self, state: &Vec<V>, call: &Self::Call, reply: Option<&Self::Reply>) -> Option<Vec<V>> {
                $crate::models::containers::step::<V, $discipline>(state, call, reply)
            }

            fn only_observes(&self, call: &Self::Call, reply: &Self::Reply) -> bool {
                $crate::models::containers::only_observes(call, reply)
            }

            fn part(&self, call: &Self::Call, reply: Option<&Self::Reply>) -> Option<u64> {
                $crate::models::containers::part(call, reply)
            }

            /// Where each value is put in at most once; not always where takes have no answer.
            fn decide(
                &self,
                entries: &[$crate::linearizable::EntryOf<Self>],
            ) -> Option<$crate::linearizable::Decision> {
                $crate::models::containers::decide::<V, $discipline>(entries)
            }
        }
    };
}

pub(crate) use container;

/// What a call leaves of the values held, or `None` where it cannot have been answered so.
pub(crate) fn step<V: Copy + PartialEq, D: Discipline<V>>(
    held: &[V],
    call: &Call<V>,
    reply: Option<&Reply<V>>,
) -> Option<Vec<V>> {
    if let Call::Put(value) = call {
        return Some(with(held, D::place(held, value), *value));
    }
    let next = D::next(held, reply);
    agrees(reply, next.map(|next| &held[next])).then(|| match (call, next) {
        (Call::Take, Some(next)) => without(held, next),
        _ => held.to_vec(),
    })
}

/// The values with one more at this place.
pub(crate) fn with<V: Copy>(values: &[V], place: usize, value: V) -> Vec<V> {
    let mut after = Vec::with_capacity(values.len() + 1);
    after.extend_from_slice(&values[..place]);
    after.push(value);
    after.extend_from_slice(&values[place..]);
    after
}

/// The values without the one at this place, if there is one.
pub(crate) fn without<V: Copy>(values: &[V], place: usize) -> Vec<V> {
    let mut after = values.to_vec();
    if place < after.len() {
        after.remove(place);
    }
    after
}
