//! What is known of an operation, where its result is told apart from it.

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It took effect.
    Ok,
    /// It had no effect and never will.
    Fail,
    /// It may have taken effect.
    Info,
}
