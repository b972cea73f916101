//! Objects by their sequential behaviour, each a small value: what [`crate::linearizable`] orders.
//!
//! A model is one file and one word in the list below. Values are the caller's: numbers, or whatever can be compared.
//! [`containers`] is what queues and stacks have in common.

pub mod containers;

macro_rules! models {
    ($($model:ident),* $(,)?) => {
        $(pub mod $model;)*
    };
}

models![register, queue, unordered_queue, stack, deque, priority_queue, set, kv, multi_register];
