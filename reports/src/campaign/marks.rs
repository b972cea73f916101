//! The mark of one run: a shape for each state, so that nothing is told by colour alone, with a link to the run's page.

use dsjepsen_history::{Cell, CellKind, CellState};
use maud::{Markup, html};

use super::run_page;
use crate::marks::State;
use crate::text::{NAME, SENTENCE, harmless};

/// Shapes that only campaigns have.
pub(super) const SYMBOLS: &str = concat!(
    r#"<symbol id="i-dot" viewBox="0 0 24 24"><circle cx="12" cy="12" r="5.2" class="solid"/></symbol>"#,
    r#"<symbol id="i-expected" viewBox="0 0 24 24"><path d="M7.6 1.5h8.8l6.1 6.1v8.8l-6.1 6.1H7.6l-6.1-6.1V7.6z" class="drawn"/><path d="M7.5 12.4l3.2 3.1L16.6 9" class="drawn"/></symbol>"#,
    r#"<symbol id="i-open" viewBox="0 0 24 24"><circle cx="12" cy="12" r="5" class="drawn"/></symbol>"#,
);

/// What came of a run, as it is drawn.
pub(super) trait Mark: Copy {
    /// Its words.
    fn word(self) -> &'static str;
    /// The class of its colour.
    fn class(self) -> &'static str;
    /// The name of its shape.
    fn symbol(self) -> &'static str;
    /// The shape alone; a word must stand beside it.
    fn shape(self) -> Markup;
    /// Shape and word as they stand in tables.
    fn told(self) -> Markup;
}

impl Mark for CellKind {
    fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expected => "planted flaw found",
            Self::Open => "not ended",
            Self::NotRun => "not run",
            Self::Unknown => "unknown",
            Self::Harness => "harness error",
            Self::Invalid => "invalid",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expected | Self::Open | Self::NotRun => "none",
            Self::Unknown => "unknown",
            Self::Harness => "harness",
            Self::Invalid => "invalid",
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Valid => "#i-dot",
            Self::Expected => "#i-expected",
            Self::Open => "#i-open",
            Self::NotRun => "#i-none",
            Self::Unknown => "#i-unknown",
            Self::Harness => "#i-harness",
            Self::Invalid => "#i-invalid",
        }
    }

    fn shape(self) -> Markup {
        html! { svg aria-hidden="true" class={ "c-" (self.class()) } { use href=(self.symbol()) {} } }
    }

    fn told(self) -> Markup {
        match self {
            Self::Valid => State::Valid.mark(),
            _ => html! { span class={ "st " (self.class()) } { (self.shape()) (self.word()) } },
        }
    }
}

/// The mark of a run, which leads to its page where there is one.
pub(super) fn mark(cell: &Cell) -> Markup {
    let mark = cell.kind();
    let options = if cell.options.is_empty() { String::new() } else { format!(" {}", harmless(&cell.options, NAME)) };
    let said = format!("seed {}{options}: {}", cell.seed, mark.word());
    let title = match why(cell) {
        Some(why) => format!("{said}. {}", harmless(&why, SENTENCE)),
        None => said.clone(),
    };
    let class = format!("run r-{}", mark.class());
    match cell.result().filter(|result| result.page) {
        Some(result) => html! {
            a class=(class) href=(run_page(&result.run)) title=(title) aria-label=(said) { (mark.shape()) }
        },
        None => html! { span class=(class) title=(title) role="img" aria-label=(said) { (mark.shape()) } },
    }
}

/// Why a run is what it is, where that is not plain.
pub(super) fn why(cell: &Cell) -> Option<String> {
    match &cell.state {
        CellState::Waiting => None,
        CellState::Running { .. } => Some("It goes on, or was broken off.".to_owned()),
        CellState::NotRun { reason } => Some(format!("Not run: {reason}.")),
        CellState::Done(result) => match (result.exit_code, &result.harness_error) {
            (0 | 1, _) | (_, None) => Some(result.sentence.clone()),
            (_, Some(error)) => Some(error.text.clone()),
        },
    }
}
