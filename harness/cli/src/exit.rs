//! Exit codes: what a script may conclude from a run.

use std::fmt;
use std::process::ExitCode;

use dsjepsen_history::{Gravity, Verdict};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: valid, or as expected.
    Valid,
    /// 1: invalid, or not as expected.
    Invalid,
    /// 2: unknown.
    Unknown,
    /// 130: a signal that this very process received.
    Interrupted,
    /// 254: bad usage, or a system that is not installed.
    Usage,
    /// 255: the harness or the set-up failed.
    Harness,
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Unknown => 2,
            Self::Interrupted => 130,
            Self::Usage => 254,
            Self::Harness => 255,
        }
    }

    /// The one with this number; one that there is none of is a failure of the harness.
    pub(crate) fn of_code(code: u8) -> Self {
        let all = [Self::Valid, Self::Invalid, Self::Unknown, Self::Interrupted, Self::Usage];
        all.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Harness)
    }

    /// What one verdict comes to. `signalled` says whether this very process received a signal.
    pub(crate) fn of(verdict: &Verdict, signalled: bool) -> Self {
        match verdict.verdict {
            Gravity::Invalid => Self::Invalid,
            _ if signalled => Self::Interrupted,
            _ if verdict.harness_error.is_some() => Self::Harness,
            Gravity::Unknown => Self::Unknown,
            Gravity::Valid => Self::Valid,
        }
    }

    /// The gravest of several: invalid before interrupted before harness before unknown before valid.
    pub(crate) fn worst(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Invalid => 5,
            Self::Interrupted => 4,
            Self::Harness => 3,
            Self::Usage => 2,
            Self::Unknown => 1,
            Self::Valid => 0,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// As seen by somebody who expects this verdict: 0 if so, 1 if it is the opposite, else as it is.
    pub(crate) fn expecting(self, expected: Option<Gravity>) -> Self {
        match (expected, self) {
            (Some(Gravity::Invalid), Self::Invalid) | (Some(Gravity::Unknown), Self::Unknown) => Self::Valid,
            (Some(Gravity::Invalid | Gravity::Unknown), Self::Valid) => Self::Invalid,
            _ => self,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// Whether this machine lacks what was asked for: then nothing is wrong with the command line.
    pub(crate) unavailable: bool,
    message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

/// The command line makes no sense.
pub(crate) fn usage(message: impl fmt::Display) -> Failure {
    Failure { exit: Exit::Usage, unavailable: false, message: message.to_string() }
}

/// A system that is not installed, or a fault that does not work here.
pub(crate) fn unavailable(message: impl fmt::Display) -> Failure {
    Failure { unavailable: true, ..usage(message) }
}

/// The harness or the set-up failed.
pub(crate) fn harness(message: impl fmt::Display) -> Failure {
    Failure { exit: Exit::Harness, unavailable: false, message: message.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_ones() {
        let all = [Exit::Valid, Exit::Invalid, Exit::Unknown, Exit::Interrupted, Exit::Usage, Exit::Harness];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 130, 254, 255]);
        assert_eq!(all.map(|exit| Exit::of_code(exit.code())), all);
        assert_eq!(Exit::of_code(7), Exit::Harness);
    }

    #[test]
    fn an_invalid_run_outranks_everything() {
        for other in [Exit::Valid, Exit::Unknown, Exit::Interrupted, Exit::Harness] {
            assert_eq!(Exit::Invalid.worst(other), Exit::Invalid);
            assert_eq!(other.worst(Exit::Invalid), Exit::Invalid);
        }
        assert_eq!(Exit::Unknown.worst(Exit::Harness), Exit::Harness);
        assert_eq!(Exit::Valid.worst(Exit::Unknown), Exit::Unknown);
    }

    #[test]
    fn expectations_turn_codes_around_but_never_an_unknown() {
        let expected = Some(Gravity::Invalid);
        assert_eq!(Exit::Invalid.expecting(expected), Exit::Valid);
        assert_eq!(Exit::Valid.expecting(expected), Exit::Invalid);
        assert_eq!(Exit::Unknown.expecting(expected), Exit::Unknown);
        assert_eq!(Exit::Harness.expecting(expected), Exit::Harness);
        assert_eq!(Exit::Valid.expecting(Some(Gravity::Valid)), Exit::Valid);
        assert_eq!(Exit::Invalid.expecting(Some(Gravity::Valid)), Exit::Invalid);
    }
}
