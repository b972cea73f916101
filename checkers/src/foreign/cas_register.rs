//! A register that is read, written, and compared and set.

use super::{Completion, ForeignOption};
use super::objects::ObjectModel;
use super::register::judge_registers;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "cas-register",
    about: "read, write, cas [old new]: linearizable",
    rule: "cas-register.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys, ForeignOption::FailedCas],
    kinds: &[("read", Completion::Result), ("write", Completion::Argument), ("cas", Completion::Argument)],
    judge: |model, given| judge_registers(model, given, true),
};
