//! The judges of transactions: by example, and against slow oracles that share nothing with them.
#![expect(clippy::unwrap_used, reason = "everything here is a test")]

mod every_order;
mod interrupt;
mod large;
mod levels;
mod lists;
mod oracle;
mod orders;
mod random;
mod registers;
mod rules;
mod script;
mod second_opinion;
mod sessions;
mod special;
mod witness;
