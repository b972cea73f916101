//! A queue that gives its largest value back first.

mod order;

use order::Largest;

use super::containers::container;
pub use super::containers::{Call, Reply};
use crate::models::Item;

container! {
    /// A priority queue that is empty at first; what it holds is sorted. A poll without an answer takes the largest value, if there is
    /// one.
    PriorityQueue<V: Item Ord> by Largest
}
