//! What each level is decided by, for lists and for registers: the one place where this is said.
//!
//! That no anomaly of Elle's shows is enough for a level only where those anomalies characterise it *for every order of versions that
//! the history leaves open*. Of lists the order is known, but for appends that nobody read; they come last, and nobody reads what lies
//! between them. Of registers hardly anything is known of it. Elsewhere a level is decided by a search for an order of all
//! transactions, by the axioms of sessions, or by the guarantees of sessions. What is decided by none of these holds only where a
//! stronger level was found to hold, and is broken only where a weaker one is.
//!
//! The arguments:
//!
//! - *PL-1, PL-2 and their session and real-time forms* (Adya, MIT 1999; Adya, Liskov and O'Neil, ICDE 2000). They forbid circles of
//!   overwritten writes, reads and order. Where what is known of these has no circle it can be extended to one order of all
//!   transactions, and the versions that are left open be taken in that order: no edge then leads backwards. So the absence of known
//!   circles is exact for both models.
//! - *PL-2.99, PL-3 and its session and real-time forms on lists.* There the missed writes count too. Whoever read a key to its end
//!   missed all appends that nobody read, whatever their order, and nobody read between these. So again any order that extends what is
//!   known will do. (There are no predicates, so PL-2.99 and PL-3 forbid the same circles.)
//! - *PL-2+ and snapshot isolation on lists.* Two missed writes in a row may close a circle, so that an order need not exist, and no
//!   two transactions may append to a key at once: the order of appends that nobody read matters. Where it is known the absence of
//!   circles is exact (for snapshot isolation: Cerone and Gotsman, J. ACM 2018, theorem 4.1). Else snapshot isolation is decided by a
//!   search for an order.
//! - *Parallel snapshot isolation on lists* holds where PL-2+ does and reads agree with their own transactions: it forbids circles with
//!   at most one missed write (Cerone and Gotsman, theorem 4.8).
//! - *PL-3, snapshot isolation and their forms on registers.* There is an order of versions without a forbidden circle iff there is an
//!   order of all transactions in which each reads what was written last (Papadimitriou, J. ACM 1979; Biswas and Enea, OOPSLA 2019).
//!   PL-2.99 asks for the same.
//! - *View serializability, one-copy serializability* (Bernstein and Goodman, TODS 1983) *and its session form* (Daudjee and Salem,
//!   ICDE 2004) ask that some serial order explains all reads; with sessions, one that keeps them. Of what was written last to a key
//!   and never read nobody knows, so final states ask for nothing.
//! - *Read atomic and causal after Cerone, Bernardi and Gotsman* (CONCUR 2015) know no sessions. A transaction sees those that it read
//!   from, and with the latter also what those saw; that is least that must be visible, and more would only forbid more. The order in
//!   which transactions were arbitrated orders all versions. These are the axioms of Biswas and Enea without the order of sessions. Of
//!   lists they ask more, since whoever appended any element that was read is visible; they are not decided there.
//! - *The guarantees of sessions* (Terry and others, PDIS 1994), each by itself, ask for an order of the versions of each key, in which
//!   a session never meets an older one than it must. Several together ask more: what a write follows on other keys has to be there too.
//! - *Causal consistency of sessions* is what the four guarantees come to with one order of all writes. The causal consistency of
//!   transactions of Biswas and Enea, and snapshot isolation with the order of sessions, are stronger, as they are atomic too.
//! - *Sequential consistency and linearizability* are of single operations. Of transactions of one step each they are
//!   strong-session and strict serializability; of longer ones it is not agreed what they mean.

use super::guarantees::SessionGuarantee;
use super::level::Level;
use super::sessions::{Respect, SessionLevel};

/// What the keys of a history hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// Lists that are appended to and read whole.
    Lists,
    /// Registers that are written and read.
    Registers,
}

/// Something by which a level can be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    /// None of the anomalies that it forbids is there; versions whose order is open can be ordered so that none comes to be.
    Anomalies,
    /// The same where no order is open; else nothing is known.
    AnomaliesInKnownOrder,
    /// There is an order of all transactions.
    Order,
    /// What is found of another level.
    As(Level),
    /// What is found of another level, where no transaction has two steps.
    SingleStepsAs(Level),
    /// These guarantees of sessions hold, key by key.
    Guarantees(&'static [SessionGuarantee]),
    /// The axioms of this level hold, with this order.
    Axioms(SessionLevel, Respect),
}

/// What a test says of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// It holds iff the test does.
    Exactly,
    /// It holds if the test does.
    Holds,
    /// It is broken if the test is.
    Broken,
}

/// What decides a level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decision {
    /// The tests, cheapest first. That an anomaly which it forbids breaks it is so for every level.
    pub(super) tests: &'static [(Test, Says)],
    /// Why it may remain open, as the end of a sentence.
    pub(super) open: &'static str,
}

use Level as L;
use Says::{Broken, Exactly, Holds};
use SessionGuarantee as G;
use Test as T;

const GAVE_UP: &str = "the search was given up, or reads contradict each other in a way that the level does not forbid";
const NOT_CHARACTERISED: &str = "the anomalies that are known do not characterise it";
const CURSORS: &str = "which reads were made through a cursor is not recorded";
const VERSIONS: &str = "the order of versions that it depends on is not known";
const SEVERAL: &str = "of a session that meets several keys it asks more than can be told key by key";
const STEPS: &str =
    "it is a level of single operations, and what it means for transactions of several steps is not agreed";
const SOUND: &str = "reads contradict each other, so that no session can be followed";

/// What decides a level of a model.
pub(super) fn decision(level: Level, model: Model) -> Decision {
    let lists = model == Model::Lists;
    let (tests, open): (&'static [(Test, Says)], &'static str) = match level {
        L::ReadUncommitted
        | L::ReadCommitted
        | L::StrongSessionReadUncommitted
        | L::StrongSessionReadCommitted
        | L::StrongReadUncommitted
        | L::StrongReadCommitted => (&[(T::Anomalies, Exactly)], GAVE_UP),
        L::Serializable | L::StrongSessionSerializable | L::StrictSerializable => {
            (if lists { &[(T::Anomalies, Exactly)] } else { &[(T::Order, Exactly)] }, GAVE_UP)
        }
        L::SnapshotIsolation | L::StrongSessionSnapshotIsolation | L::StrongSnapshotIsolation => (
            if lists { &[(T::AnomaliesInKnownOrder, Exactly), (T::Order, Exactly)] } else { &[(T::Order, Exactly)] },
            GAVE_UP,
        ),
        L::RepeatableRead => {
            (if lists { &[(T::Anomalies, Exactly)] } else { &[(T::As(L::Serializable), Exactly)] }, GAVE_UP)
        }
        L::ConsistentView => (if lists { &[(T::AnomaliesInKnownOrder, Exactly)] } else { &[] }, VERSIONS),
        L::ParallelSnapshotIsolation => {
            (if lists { &[(T::As(L::ConsistentView), Holds)] } else { &[] }, NOT_CHARACTERISED)
        }
        L::ReadAtomic if lists => (&[], NOT_CHARACTERISED),
        L::ReadAtomic => (&[(T::Axioms(SessionLevel::ReadAtomic, Respect::Nothing), Exactly)], SOUND),
        L::CausalCerone if lists => (&[], NOT_CHARACTERISED),
        L::CausalCerone => (
            &[
                (T::Axioms(SessionLevel::Causal, Respect::Nothing), Exactly),
                (T::Axioms(SessionLevel::Causal, Respect::Sessions), Holds),
            ],
            GAVE_UP,
        ),
        L::CursorStability => (&[], CURSORS),
        L::MonotonicView
        | L::MonotonicSnapshotRead
        | L::MonotonicAtomicView
        | L::UpdateAtomic
        | L::ForwardConsistentView
        | L::Prefix
        | L::UpdateSerializable => (&[], NOT_CHARACTERISED),
        L::ViewSerializable | L::OneCopySerializable => (&[(T::As(L::Serializable), Exactly)], GAVE_UP),
        L::SessionSerializable => (&[(T::As(L::StrongSessionSerializable), Exactly)], GAVE_UP),
        L::MonotonicReads => (&[(T::Guarantees(&[G::MonotonicReads]), Exactly)], SOUND),
        L::MonotonicWrites => (&[(T::Guarantees(&[G::MonotonicWrites]), Exactly)], SOUND),
        L::ReadYourWrites => (&[(T::Guarantees(&[G::ReadYourWrites]), Exactly)], SOUND),
        L::WritesFollowReads => (&[(T::Guarantees(&[G::WritesFollowReads]), Exactly)], SOUND),
        L::Pram => (&[(T::Guarantees(&[G::ReadYourWrites, G::MonotonicReads, G::MonotonicWrites]), Broken)], SEVERAL),
        L::Causal if lists => {
            (&[(T::Guarantees(&G::ALL), Broken), (T::As(L::StrongSessionSnapshotIsolation), Holds)], SEVERAL)
        }
        L::Causal => {
            (&[(T::Guarantees(&G::ALL), Broken), (T::Axioms(SessionLevel::Causal, Respect::Sessions), Holds)], SEVERAL)
        }
        L::Sequential => (&[(T::SingleStepsAs(L::StrongSessionSerializable), Exactly)], STEPS),
        L::Linearizable => (&[(T::SingleStepsAs(L::StrictSerializable), Exactly)], STEPS),
    };
    Decision { tests, open }
}
