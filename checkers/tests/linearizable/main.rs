//! Every model's fast way and the search, held against a slow and obvious oracle on random small histories.
//!
//! `DSJEPSEN_FUZZ=1000000 cargo test --release -p dsjepsen-checkers --test linearizable` tries a million histories of each model.

mod counter;
mod kit;
mod mutex;
mod oracle;
mod register;
mod semaphore;
mod unique_ids;
