//! Objects by their sequential behaviour, each a small value: what [`crate::linearizable`] orders.
//!
//! A model is one file and one word in the list below. Values are the caller's: numbers, or whatever can be compared.
//! [`containers`] is what queues and stacks have in common.

use std::fmt::Debug;
use std::hash::Hash;

pub mod containers;

/// What objects hold: a number, or whatever else is cheaply copied and can be compared.
pub trait Item: Copy + Debug + Eq + Hash + Send + Sync {}

impl<T: Copy + Debug + Eq + Hash + Send + Sync> Item for T {}

macro_rules! models {
    ($($model:ident),* $(,)?) => {
        $(pub mod $model;)*
    };
}

models![
    counter,
    deque,
    fenced_mutex,
    fetch_add,
    keyed,
    kv,
    multi_register,
    mutex,
    owner_mutex,
    priority_queue,
    queue,
    reentrant_mutex,
    register,
    semaphore,
    set,
    stack,
    unique_ids,
    unordered_queue,
];

mod holds;
