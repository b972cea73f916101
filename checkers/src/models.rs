//! Objects by their sequential behaviour, each a small value: what [`crate::linearizable`] orders.
//!
//! A model is one file and one word in the list below. Values are the caller's: numbers, or whatever can be compared.

macro_rules! models {
    ($($model:ident),* $(,)?) => {
        $(pub mod $model;)*
    };
}

models![counter, fenced_mutex, fetch_add, mutex, owner_mutex, reentrant_mutex, register, semaphore, unique_ids];

mod holds;
