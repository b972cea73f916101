//! The operations on one register, as [`crate::models::register`] has them.

use crate::linearizable::Entry;
use crate::models::register::{self, Call, Reply};

/// A register has no value at first.
pub(super) const REGISTER: register::Register<Option<u64>> = register::Register { initial: None };

/// An operation on one register.
pub(super) type RegisterEntry = Entry<Call<Option<u64>>, Reply<Option<u64>>>;

/// The value that an operation leaves where it takes effect; `None` where it changes nothing. Nothing leaves a register without a
/// value.
pub(super) fn leaves(entry: &RegisterEntry) -> Option<u64> {
    register::leaves(entry).flatten()
}

/// What an operation must find where it takes effect: `Some(None)` is a register without a value.
pub(super) fn finds(entry: &RegisterEntry) -> Option<Option<u64>> {
    register::finds(entry)
}

/// The value that an operation must not find: that of a cas that did not swap.
pub(super) fn misses(entry: &RegisterEntry) -> Option<u64> {
    register::misses(entry).flatten()
}
