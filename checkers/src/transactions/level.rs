//! The consistency levels, under the names that Elle gives them: which implies which, and which anomalies each forbids.
//!
//! The lattice is that of jepsen.io/consistency, after Adya, Bailis, Cerone, and Daudjee and Salem.

use std::fmt;
use std::str::FromStr;

use super::anomaly::Anomaly as A;
use super::anomaly::{Anomalies, Anomaly};
use super::bitset::{Bits, closure};

macro_rules! levels {
    ($($variant:ident $name:literal [$($other:literal)*] implies [$($weaker:ident)*] forbids [$($anomaly:ident)*])*) => {
        /// A consistency level.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Level {
            $(#[doc = $name] $variant,)*
        }

        impl Level {
            /// All levels.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name by which it is shown.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            fn other_names(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($other),*],)* }
            }

            fn weaker(self) -> &'static [Self] {
                match self { $(Self::$variant => &[$(Self::$weaker),*],)* }
            }

            fn forbids(self) -> &'static [Anomaly] {
                match self { $(Self::$variant => &[$(A::$anomaly),*],)* }
            }
        }
    };
}

levels! {
    ReadUncommitted "read-uncommitted" ["PL-1"] implies [] forbids [G0 DuplicateElements CyclicVersions GarbageRead]
    ReadCommitted "read-committed" ["PL-2"] implies [ReadUncommitted] forbids [G1]
    CursorStability "cursor-stability" ["PL-CS"] implies [ReadCommitted] forbids [G1 LostUpdate]
    MonotonicView "monotonic-view" ["PL-2L"] implies [ReadCommitted] forbids [G1]
    MonotonicSnapshotRead "monotonic-snapshot-read" ["PL-MSR"] implies [ReadCommitted] forbids [G1]
    MonotonicAtomicView "monotonic-atomic-view" [] implies [ReadCommitted] forbids []
    ReadAtomic "read-atomic" [] implies [MonotonicAtomicView] forbids [Internal G1a FutureRead]
    CausalCerone "causal-cerone" [] implies [ReadAtomic] forbids [Internal G1a]
    UpdateAtomic "update-atomic" ["ROLA"] implies [ReadAtomic] forbids [LostUpdate]
    ConsistentView "consistent-view" ["PL-2+"] implies [CursorStability MonotonicView] forbids [G1 GSingle]
    ForwardConsistentView "forward-consistent-view" ["PL-FCV"] implies [ConsistentView] forbids [G1]
    ParallelSnapshotIsolation "parallel-snapshot-isolation" [] implies [CausalCerone UpdateAtomic] forbids [Internal G1a]
    Prefix "prefix" [] implies [CausalCerone] forbids [Internal G1a]
    RepeatableRead "repeatable-read" ["PL-2.99"] implies [CursorStability MonotonicAtomicView] forbids [G1 G2Item LostUpdate]
    SnapshotIsolation "snapshot-isolation" ["PL-SI"]
        implies [ForwardConsistentView MonotonicAtomicView MonotonicSnapshotRead ParallelSnapshotIsolation Prefix]
        forbids [Internal G1 GNonadjacent GSI]
    UpdateSerializable "update-serializable" ["PL-3U"] implies [ForwardConsistentView] forbids [G1]
    ViewSerializable "view-serializable" [] implies [] forbids []
    Serializable "serializable" ["PL-3" "conflict-serializable"]
        implies [RepeatableRead SnapshotIsolation UpdateSerializable ViewSerializable] forbids [Internal G1 G2]
    StrongSessionReadUncommitted "strong-session-read-uncommitted" ["strong-session-PL-1"]
        implies [ReadUncommitted] forbids [G0Process]
    StrongSessionReadCommitted "strong-session-read-committed" ["strong-session-PL-2"]
        implies [ReadCommitted StrongSessionReadUncommitted] forbids [G1cProcess]
    StrongSessionSnapshotIsolation "strong-session-snapshot-isolation" []
        implies [SnapshotIsolation StrongSessionReadCommitted] forbids [Internal G1Process GNonadjacentProcess]
    StrongSessionSerializable "strong-session-serializable" []
        implies [Serializable StrongSessionSnapshotIsolation] forbids [G1Process G2Process]
    StrongReadUncommitted "strong-read-uncommitted" ["strong-PL-1"]
        implies [StrongSessionReadUncommitted] forbids [G0Realtime]
    StrongReadCommitted "strong-read-committed" ["strong-PL-2"]
        implies [StrongSessionReadCommitted StrongReadUncommitted] forbids [G1cRealtime]
    StrongSnapshotIsolation "strong-snapshot-isolation" []
        implies [StrongSessionSnapshotIsolation StrongReadCommitted] forbids [Internal G1Realtime GNonadjacentRealtime]
    MonotonicReads "monotonic-reads" [] implies [] forbids []
    MonotonicWrites "monotonic-writes" [] implies [] forbids []
    ReadYourWrites "read-your-writes" [] implies [] forbids []
    WritesFollowReads "writes-follow-reads" [] implies [] forbids []
    Pram "PRAM" [] implies [MonotonicReads MonotonicWrites ReadYourWrites] forbids []
    Causal "causal" [] implies [WritesFollowReads Pram] forbids []
    Sequential "sequential" [] implies [Causal] forbids []
    Linearizable "linearizable" [] implies [Sequential] forbids []
    OneCopySerializable "1SR" [] implies [] forbids []
    SessionSerializable "session-serializable" [] implies [OneCopySerializable] forbids []
    StrictSerializable "strict-serializable" ["PL-SS" "strong-serializable"]
        implies [Serializable Linearizable SnapshotIsolation StrongSnapshotIsolation StrongSessionSerializable SessionSerializable]
        forbids [G1 G1cRealtime G2Realtime]
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// There is no level of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no consistency level named {0}")]
pub struct UnknownLevel(pub String);

impl FromStr for Level {
    type Err = UnknownLevel;

    /// Takes any name of the level, with or without the colon of a keyword.
    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        let bare = name.trim_start_matches(':');
        let called = |level: &Self| level.name() == bare || level.other_names().contains(&bare);
        Self::ALL.iter().copied().find(called).ok_or_else(|| UnknownLevel(name.to_owned()))
    }
}

impl Level {
    /// The levels that it implies, without itself.
    pub(super) fn all_weaker(self) -> impl Iterator<Item = Self> {
        closure(weaker_bits(self as usize), weaker_bits).iter().map(|number| Self::ALL[number])
    }

    /// The levels that imply it, without itself, the weaker of them first.
    pub(super) fn all_stronger(self) -> Vec<Self> {
        let mut stronger: Vec<Self> = Levels::without(self).iter().filter(|&level| level != self).collect();
        stronger.sort_by_key(|level| level.all_weaker().count());
        stronger
    }
}

/// A set of levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Levels(Bits);

impl Levels {
    /// Whether all of these are among those.
    pub(super) fn within(self, others: Self) -> bool {
        self.0.minus(others.0).is_empty()
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Level> {
        self.0.iter().map(|number| Level::ALL[number])
    }

    /// The levels that cannot hold where these anomalies are: those that forbid what follows from them, and all stronger.
    pub(super) fn ruled_out(found: Anomalies) -> Self {
        let implied = found.implied();
        let direct: Bits = Level::ALL
            .iter()
            .filter(|level| level.forbids().iter().any(|&anomaly| implied.has(anomaly)))
            .map(|&level| level as usize)
            .collect();
        Self::and_stronger(direct)
    }

    /// A level that does not hold, and with it all stronger ones.
    pub(super) fn without(level: Level) -> Self {
        Self::and_stronger([level as usize].into_iter().collect())
    }

    fn and_stronger(levels: Bits) -> Self {
        Self(closure(levels, |number| {
            let stronger = |level: &&Level| level.weaker().contains(&Level::ALL[number]);
            Level::ALL.iter().filter(stronger).map(|&level| level as usize).collect()
        }))
    }

    /// Those that imply no other of them, and the rest.
    pub(super) fn weakest(self) -> (Vec<Level>, Vec<Level>) {
        self.iter().partition(|&level| {
            let weaker = closure(level.weaker().iter().map(|&weaker| weaker as usize).collect(), weaker_bits);
            weaker.shared(self.0).is_empty()
        })
    }
}

fn weaker_bits(number: usize) -> Bits {
    Level::ALL[number].weaker().iter().map(|&weaker| weaker as usize).collect()
}

/// The anomalies that must not be where all these levels hold.
pub(super) fn forbidden_by(levels: &[Level]) -> Anomalies {
    let all = closure(levels.iter().map(|&level| level as usize).collect(), weaker_bits);
    all.iter().flat_map(|number| Level::ALL[number].forbids().iter().copied()).collect::<Anomalies>().implying()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not(anomalies: &[Anomaly]) -> Vec<&'static str> {
        let (weakest, _) = Levels::ruled_out(anomalies.iter().copied().collect()).weakest();
        weakest.into_iter().map(Level::name).collect()
    }

    #[test]
    fn names_are_read_back() {
        for &level in Level::ALL {
            assert_eq!(level.name().parse(), Ok(level));
        }
        assert_eq!(":PL-3".parse(), Ok(Level::Serializable));
        // All names that Elle gives its models.
        let elle = "PL-1 PL-2 PL-2+ PL-2.99 PL-2L PL-3 PL-3U PL-CS PL-FCV PL-MSR PL-SI PL-SS ROLA PRAM 1SR causal causal-cerone \
                    conflict-serializable consistent-view cursor-stability forward-consistent-view linearizable \
                    monotonic-atomic-view monotonic-reads monotonic-snapshot-read monotonic-view monotonic-writes \
                    parallel-snapshot-isolation prefix read-atomic read-committed read-uncommitted read-your-writes \
                    repeatable-read sequential serializable session-serializable snapshot-isolation strict-serializable \
                    strong-PL-1 strong-PL-2 strong-read-committed strong-read-uncommitted strong-serializable \
                    strong-session-PL-1 strong-session-PL-2 strong-session-read-committed strong-session-read-uncommitted \
                    strong-session-serializable strong-session-snapshot-isolation strong-snapshot-isolation \
                    update-serializable view-serializable writes-follow-reads";
        for name in elle.split_whitespace() {
            assert!(name.parse::<Level>().is_ok(), "{name}");
        }
        assert!("acid".parse::<Level>().is_err());
    }

    #[test]
    fn anomalies_rule_out_the_levels_that_forbid_them() {
        assert_eq!(not(&[A::LostUpdate]), ["cursor-stability", "update-atomic"]);
        assert_eq!(not(&[A::GSingleItem]), ["consistent-view", "repeatable-read"]);
        assert_eq!(not(&[A::GSingleItemRealtime]), ["strong-snapshot-isolation"]);
        assert_eq!(not(&[A::GNonadjacentItem]), ["repeatable-read", "snapshot-isolation"]);
        assert_eq!(not(&[A::G2Item]), ["repeatable-read"]);
        assert_eq!(not(&[A::G1cProcess]), ["strong-session-read-committed"]);
        assert_eq!(not(&[A::Internal]), ["read-atomic"]);
        assert_eq!(not(&[A::DirtyUpdate]), ["read-committed"]);
        assert_eq!(not(&[A::G1c, A::DuplicateElements]), ["read-uncommitted"]);
    }

    #[test]
    fn levels_forbid_what_weaker_levels_forbid() {
        let forbidden = forbidden_by(&[Level::StrictSerializable]);
        for anomaly in [A::G0, A::LostUpdate, A::G2ItemRealtime, A::Internal, A::CyclicVersions, A::G1b] {
            assert!(forbidden.has(anomaly), "{anomaly}");
        }
        assert!(!forbidden_by(&[Level::SnapshotIsolation]).has(A::G2Item));
        assert!(forbidden_by(&[Level::SnapshotIsolation]).has(A::GNonadjacentItem));
        assert!(!forbidden_by(&[Level::RepeatableRead]).has(A::GSingleItemProcess));
    }
}
