//! Every model's fast way and the search, held against a slow and obvious oracle on random small histories.
//!
//! `DSJEPSEN_FUZZ=1000000 cargo test --release -p dsjepsen-checkers --test linearizable` tries a million histories of each model.

mod containers;
mod counter;
mod deque;
mod keyed;
mod kit;
mod kv;
mod multi_register;
mod mutex;
mod oracle;
mod priority_queue;
mod queue;
mod register;
mod semaphore;
mod set;
mod stack;
mod unique_ids;
mod unordered_queue;
