//! A stack: last in, first out.

mod order;
mod tree;

use order::Lifo;

use super::containers::container;
pub use super::containers::{Call, Reply};
use crate::models::Item;

container! {
    /// A stack that is empty at first; the first to leave is held last. A pop without an answer takes the last value, if there is one.
    Stack<V: Item> by Lifo
}
