//! The anomalies, under the names that Elle gave them, and which of them imply which.

use std::fmt;
use std::str::FromStr;

use super::bitset::{Bits, closure};

macro_rules! anomalies {
    ($($variant:ident $name:literal $rule:literal $about:literal)*) => {
        /// Something that some consistency level forbids. Some are only names for a union of others, and are never found themselves.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Anomaly {
            $(#[doc = $about] $variant,)*
        }

        impl Anomaly {
            /// All of them, worst first.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name, as Elle's keyword without the colon.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The stable id of the rule that it breaks.
            pub fn rule(self) -> &'static str {
                match self { $(Self::$variant => $rule,)* }
            }

            /// What it is, as the end of a sentence.
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

anomalies! {
    GarbageRead "garbage-read" "transactions.garbage-read" "a read of a value that nobody wrote"
    DuplicateElements "duplicate-elements" "transactions.duplicate-elements" "a list that holds one element twice"
    CyclicVersions "cyclic-versions" "transactions.cyclic-versions" "versions of one key whose order goes in a circle"
    Internal "internal" "transactions.internal" "a read that contradicts its own transaction"
    FutureRead "future-read" "transactions.future-read" "a read of what its own transaction writes only later"
    DirtyUpdate "dirty-update" "transactions.dirty-update" "a committed update on top of an aborted one"
    IncompatibleOrder "incompatible-order" "transactions.incompatible-order" "reads of one list that cannot come from one order of appends"
    G1a "G1a" "transactions.G1a" "a read of an aborted write"
    G1b "G1b" "transactions.G1b" "a read of a state inside of another transaction"
    LostUpdate "lost-update" "transactions.lost-update" "two updates of one version"
    G0 "G0" "transactions.G0" "a circle of overwritten writes"
    G1c "G1c" "transactions.G1c" "a circle of information flow"
    GSingleItem "G-single-item" "transactions.G-single-item" "a circle with one read that missed a write (read skew)"
    GNonadjacentItem "G-nonadjacent-item" "transactions.G-nonadjacent-item" "a circle with reads that missed writes, no two of them in a row"
    G2Item "G2-item" "transactions.G2-item" "a circle with reads that missed writes (write skew)"
    G0Process "G0-process" "transactions.G0-process" "a circle of overwritten writes and session order"
    G1cProcess "G1c-process" "transactions.G1c-process" "a circle of information flow and session order"
    GSingleItemProcess "G-single-item-process" "transactions.G-single-item-process" "a circle with session order and one read that missed a write"
    GNonadjacentItemProcess "G-nonadjacent-item-process" "transactions.G-nonadjacent-item-process" "a circle with session order and reads that missed writes, no two of them in a row"
    G2ItemProcess "G2-item-process" "transactions.G2-item-process" "a circle with session order and reads that missed writes"
    G0Realtime "G0-realtime" "transactions.G0-realtime" "a circle of overwritten writes and real time"
    G1cRealtime "G1c-realtime" "transactions.G1c-realtime" "a circle of information flow and real time"
    GSingleItemRealtime "G-single-item-realtime" "transactions.G-single-item-realtime" "a circle with real time and one read that missed a write (stale read)"
    GNonadjacentItemRealtime "G-nonadjacent-item-realtime" "transactions.G-nonadjacent-item-realtime" "a circle with real time and reads that missed writes, no two of them in a row"
    G2ItemRealtime "G2-item-realtime" "transactions.G2-item-realtime" "a circle with real time and reads that missed writes"
    G1 "G1" "transactions.G1" "any of G1a, G1b and G1c"
    G1Process "G1-process" "transactions.G1-process" "G1 with session order"
    G1Realtime "G1-realtime" "transactions.G1-realtime" "G1 with real time"
    GSingle "G-single" "transactions.G-single" "G-single over items or predicates"
    GSingleProcess "G-single-process" "transactions.G-single-process" "G-single with session order"
    GSingleRealtime "G-single-realtime" "transactions.G-single-realtime" "G-single with real time"
    GNonadjacent "G-nonadjacent" "transactions.G-nonadjacent" "G-nonadjacent over items or predicates"
    GNonadjacentProcess "G-nonadjacent-process" "transactions.G-nonadjacent-process" "G-nonadjacent with session order"
    GNonadjacentRealtime "G-nonadjacent-realtime" "transactions.G-nonadjacent-realtime" "G-nonadjacent with real time"
    G2 "G2" "transactions.G2" "a circle with reads that missed writes, over items or predicates"
    G2Process "G2-process" "transactions.G2-process" "G2 with session order"
    G2Realtime "G2-realtime" "transactions.G2-realtime" "G2 with real time"
    WriteSkew "write-skew" "transactions.write-skew" "two transactions that each miss the other's write"
    GSIb "GSIb" "transactions.GSIb" "the missed effects of snapshot isolation"
    GSI "GSI" "transactions.GSI" "any violation of snapshot isolation after Adya"
    EmptyTransactionGraph "empty-transaction-graph" "transactions.empty-transaction-graph" "a history that says nothing of the order of its transactions"
    CycleSearchTimeout "cycle-search-timeout" "transactions.cycle-search-timeout" "a search for circles that was given up"
}

use Anomaly as A;

impl Anomaly {
    /// What directly follows from finding this one.
    ///
    /// Aside from the trivial ones: processes do one thing at a time, so what session order shows, real time shows too; and by
    /// Adya a cycle with a single anti-dependency breaks snapshot isolation.
    fn implies(self) -> &'static [Self] {
        match self {
            A::IncompatibleOrder | A::DirtyUpdate => &[A::G1a],
            A::FutureRead => &[A::G1c],
            A::G1a | A::G1b => &[A::G1],
            A::LostUpdate => &[A::WriteSkew, A::G2Item],
            A::WriteSkew => &[A::G2],
            A::G0 => &[A::G1c, A::G0Process],
            A::G0Process => &[A::G1cProcess, A::G0Realtime],
            A::G0Realtime => &[A::G1cRealtime],
            A::G1c => &[A::G1, A::G1cProcess],
            A::G1cProcess => &[A::G1cRealtime, A::G1Process],
            A::G1cRealtime | A::G1Process => &[A::G1Realtime],
            A::G1 => &[A::G1Process],
            A::GSingleItem => &[A::GSingle, A::GSingleItemProcess, A::GNonadjacentItem],
            A::GSingleItemProcess => &[A::GSingleProcess, A::GSingleItemRealtime, A::GNonadjacentItemProcess],
            A::GSingleItemRealtime => &[A::GSingleRealtime, A::GNonadjacentItemRealtime],
            A::GSingle => &[A::GNonadjacent, A::GSIb, A::GSingleProcess],
            A::GSingleProcess => &[A::GNonadjacentProcess, A::GSingleRealtime],
            A::GSingleRealtime => &[A::GNonadjacentRealtime],
            A::GNonadjacentItem => &[A::GNonadjacent, A::G2Item, A::GNonadjacentItemProcess],
            A::GNonadjacentItemProcess => &[A::GNonadjacentProcess, A::G2ItemProcess, A::GNonadjacentItemRealtime],
            A::GNonadjacentItemRealtime => &[A::G2ItemRealtime, A::GNonadjacentRealtime],
            A::GNonadjacent => &[A::G2, A::GNonadjacentProcess],
            A::GNonadjacentProcess => &[A::G2Process, A::GNonadjacentRealtime],
            A::GNonadjacentRealtime | A::G2Process | A::G2ItemRealtime => &[A::G2Realtime],
            A::G2Item => &[A::G2, A::G2ItemProcess],
            A::G2ItemProcess => &[A::G2Process, A::G2ItemRealtime],
            A::G2 => &[A::G2Process],
            A::GSIb => &[A::GSI],
            _ => &[],
        }
    }

    /// Whether finding it makes a verdict unknown, and never invalid.
    pub fn is_inconclusive(self) -> bool {
        matches!(self, A::EmptyTransactionGraph | A::CycleSearchTimeout)
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// There is no anomaly of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no anomaly named {0}")]
pub struct UnknownAnomaly(pub String);

impl FromStr for Anomaly {
    type Err = UnknownAnomaly;

    /// Takes a name, with or without the colon of a keyword.
    fn from_str(name: &str) -> Result<Self, UnknownAnomaly> {
        let bare = name.trim_start_matches(':');
        Self::ALL.iter().copied().find(|anomaly| anomaly.name() == bare).ok_or_else(|| UnknownAnomaly(name.to_owned()))
    }
}

/// A set of anomalies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Anomalies(Bits);

impl Anomalies {
    pub(super) fn insert(&mut self, anomaly: Anomaly) {
        self.0.insert(anomaly as usize);
    }

    pub(super) fn has(self, anomaly: Anomaly) -> bool {
        self.0.has(anomaly as usize)
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0.union(other.0))
    }

    pub(super) fn meets(self, other: Self) -> bool {
        !self.0.shared(other.0).is_empty()
    }

    /// These and all that follows from them.
    pub(super) fn implied(self) -> Self {
        Self(closure(self.0, |number| Anomaly::ALL[number].implies().iter().map(|&anomaly| anomaly as usize).collect()))
    }

    /// These and all from which one of them follows.
    pub(super) fn implying(self) -> Self {
        Anomaly::ALL.iter().copied().filter(|&anomaly| Self::from_iter([anomaly]).implied().meets(self)).collect()
    }
}

impl FromIterator<Anomaly> for Anomalies {
    fn from_iter<I: IntoIterator<Item = Anomaly>>(anomalies: I) -> Self {
        Self(anomalies.into_iter().map(|anomaly| anomaly as usize).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        assert!(Anomaly::ALL.len() <= 64);
        for &anomaly in Anomaly::ALL {
            assert_eq!(format!(":{anomaly}").parse(), Ok(anomaly));
            assert_eq!(anomaly.rule(), format!("transactions.{anomaly}"));
        }
        assert!("G7".parse::<Anomaly>().is_err());
    }

    #[test]
    fn a_lost_update_is_a_g2_and_g0_a_g1() {
        let implied = |anomaly| Anomalies::from_iter([anomaly]).implied();
        assert!(implied(A::LostUpdate).has(A::G2Realtime));
        assert!(implied(A::G0).has(A::G1));
        assert!(!implied(A::G1c).has(A::G2));
        let g2 = Anomalies::from_iter([A::G2]).implying();
        assert!(g2.has(A::GSingleItem) && g2.has(A::LostUpdate) && !g2.has(A::G1c) && !g2.has(A::G2Process));
    }
}
