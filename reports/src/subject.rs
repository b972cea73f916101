//! What a page shows a verdict of: a run that was recorded here, or a history that another tool wrote.

use dsjepsen_history::{Gravity, Index, Nanos, RawOperation, Verdict};

use crate::marks::State;
use crate::plot::bands::Bands;

/// What was judged, as far as the sections about the verdict ask.
pub(crate) trait Subject {
    /// The verdict.
    fn verdict(&self) -> &Verdict;

    /// What it is called in a sentence: `run`.
    fn noun(&self) -> &'static str;

    /// What the argument rests on, as a sentence; may be empty.
    fn grounds(&self) -> &'static str;

    /// Where everything stands that has no room on the page.
    fn elsewhere(&self) -> &'static str;

    /// The operation that was invoked at this index.
    fn operation(&self, index: Index) -> Option<&RawOperation>;

    /// Whether operations are named by their index on the page.
    fn names_operations(&self) -> bool;

    /// Why the operations cannot be shown.
    fn unreadable(&self) -> Option<&str>;

    /// The end of the record in ns; 0 where it is not known.
    fn end(&self) -> Nanos;

    /// How faults are drawn.
    fn bands(&self) -> &Bands;

    /// What the page as a whole says. A violation outranks a failure of the harness: it was found in what was recorded.
    fn state(&self) -> State {
        match (&self.verdict().harness_error, self.verdict().verdict) {
            (Some(_), Gravity::Valid | Gravity::Unknown) => State::Harness,
            (_, verdict) => State::from(verdict),
        }
    }
}
