//! A queue: first in, first out.

mod order;

use order::Fifo;

use super::containers::container;
pub use super::containers::{Call, Reply};
use crate::models::Item;

container! {
    /// A queue that is empty at first; the first to leave is held first. A dequeue without an answer takes the first value, if there is
    /// one.
    Queue<V: Item> by Fifo
}
