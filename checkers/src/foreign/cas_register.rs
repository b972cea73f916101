//! A register that is read, written, and compared and set.

use super::ForeignOption;
use super::register::RegisterModel;

/// The model.
pub(super) const MODEL: RegisterModel = RegisterModel {
    name: "cas-register",
    about: "read, write, cas: linearizable",
    rule: "cas-register.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys, ForeignOption::FailedCas],
    knows_cas: true,
};
