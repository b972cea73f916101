//! Elle's list-append: transactions that append to lists and read them.

use dsjepsen_history::Judgement;

use super::transactions::{Holds, judgement, options, read};
use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, ForeignRequest, Given};
use crate::transactions::{Level, check_list_append};

/// The model.
pub(super) const MODEL: ListAppend = ListAppend;

/// `list-append`.
pub(super) struct ListAppend;

impl ForeignModel for ListAppend {
    fn name(&self) -> &'static str {
        "list-append"
    }

    fn about(&self) -> &'static str {
        "transactions of [:append k v] and [:r k [v …]], held against a consistency level"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[ForeignOption::Consistency]
    }

    fn completion(&self, _kind: Option<&str>) -> Option<Completion> {
        Some(Completion::Steps)
    }

    fn levels(&self) -> Vec<&'static str> {
        Level::ALL.iter().map(|level| level.name()).collect()
    }

    fn takes(&self, request: &ForeignRequest) -> Result<(), ForeignProblem> {
        options(request, &[]).map(drop)
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let options = options(given.request, given.operations()?)?;
        let (history, _) = read(given, Holds::Lists)?;
        Ok(judgement(check_list_append(&history, &options), self.name(), &options))
    }
}
