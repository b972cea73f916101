//! The words of verdicts and outcomes with the shapes that go with them, so that nothing is told by colour alone.

use dsjepsen_history::{Gravity, Outcome};
use maud::{Markup, PreEscaped, html};

/// What the page as a whole says: a verdict, or that the harness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing contradicts the rules.
    Valid,
    /// It cannot be decided.
    Unknown,
    /// A rule is broken.
    Invalid,
    /// The harness failed; nothing is said of the target.
    Harness,
}

impl From<Gravity> for State {
    fn from(gravity: Gravity) -> Self {
        match gravity {
            Gravity::Valid => Self::Valid,
            Gravity::Unknown => Self::Unknown,
            Gravity::Invalid => Self::Invalid,
        }
    }
}

impl State {
    /// The name of its class and of its icon.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
            Self::Harness => "harness",
        }
    }

    /// The word in the banner and in the title.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Unknown => "UNKNOWN",
            Self::Invalid => "INVALID",
            Self::Harness => "HARNESS ERROR",
        }
    }

    /// Its icon; the word must stand beside it.
    pub(crate) fn icon(self) -> Markup {
        let symbol = format!("#i-{}", self.class());
        html! { svg aria-hidden="true" { use href=(symbol) {} } }
    }

    /// Icon and word as they stand in tables.
    pub(crate) fn mark(self) -> Markup {
        html! { span class={ "st " (self.class()) } { (self.icon()) (self.class()) } }
    }
}

/// The three outcomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OutcomeKind {
    /// It happened.
    Ok,
    /// It did not.
    Fail,
    /// It may have.
    Info,
}

impl<R> From<&Outcome<R>> for OutcomeKind {
    fn from(outcome: &Outcome<R>) -> Self {
        match outcome {
            Outcome::Ok(_) => Self::Ok,
            Outcome::Fail(_) => Self::Fail,
            Outcome::Info(_) => Self::Info,
        }
    }
}

impl OutcomeKind {
    /// Its word, which is also its class.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }

    /// Shape and word: a dot, a cross or an open triangle.
    pub(crate) fn mark(self) -> Markup {
        html! {
            span class={ "oc " (self.word()) } {
                (PreEscaped(match self {
                    Self::Ok => r#"<svg viewBox="0 0 10 10" aria-hidden="true"><circle cx="5" cy="5" r="3.6" class="solid"/></svg>"#,
                    Self::Fail => r#"<svg viewBox="0 0 10 10" aria-hidden="true"><path d="M1.5 1.5l7 7M8.5 1.5l-7 7" class="stroke"/></svg>"#,
                    Self::Info => r#"<svg viewBox="0 0 10 10" aria-hidden="true"><path d="M5 1l4 7.6H1z" class="stroke"/></svg>"#,
                }))
                (self.word())
            }
        }
    }
}

/// The symbols that verdicts use, and the pattern of a broken rule; to be put once into the page.
pub(crate) const SYMBOLS: &str = concat!(
    r#"<symbol id="i-invalid" viewBox="0 0 24 24"><path d="M7.6 1.5h8.8l6.1 6.1v8.8l-6.1 6.1H7.6l-6.1-6.1V7.6z" class="solid"/><path d="M8 8l8 8M16 8l-8 8" class="carved"/></symbol>"#,
    r#"<symbol id="i-valid" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10.5" class="solid"/><path d="M7 12.4l3.5 3.4L17.2 8.8" class="carved"/></symbol>"#,
    r#"<symbol id="i-unknown" viewBox="0 0 24 24"><path d="M12 1.2L22.8 12 12 22.8 1.2 12z" class="drawn"/><path d="M9.3 9.6c.2-3.2 5.6-3.2 5.6 0 0 2-2.8 2.2-2.8 4.1" class="drawn"/><circle cx="12.1" cy="17" r="1.4" class="solid"/></symbol>"#,
    r#"<symbol id="i-harness" viewBox="0 0 24 24"><path d="M12 2l10.8 19.5H1.2z" class="solid"/><path d="M12 9v6" class="carved"/><circle cx="12" cy="18.4" r="1.5" class="hole"/></symbol>"#,
    r#"<symbol id="i-none" viewBox="0 0 24 24"><path d="M5 12h14" class="drawn"/></symbol>"#,
    r#"<pattern id="p-hot" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="5" height="5" class="hot-ground"/><path d="M0 0V5" class="hot-line"/></pattern>"#,
);
