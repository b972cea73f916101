//! Transactions: whether what clients read and wrote could have come from a store of the isolation that it promises.
//!
//! A [`TransactionHistory`] is judged by one of three families. [`check_list_append`] and [`check_registers`] infer who came before
//! whom, and look for cycles that a consistency level forbids (Kingsbury and Alvaro, Elle, VLDB 2020); what decides a level where none
//! shows is told in `decision`. [`check_sessions`] decides
//! the axioms of a level for registers in sessions (Biswas and Enea, OOPSLA 2019; Moldrup and Pavlogiannis, PLDI 2025). The rest
//! are small judges of one workload each: [`check_bank`], [`check_long_fork`], [`check_causal_reverse`] and
//! [`check_session_guarantees`].
//!
//! All of it is linear, or nearly so, unless said otherwise, and nothing recurses: histories of a million transactions are meant.

mod anomaly;
mod bank;
mod bitset;
mod causal_reverse;
mod components;
mod decision;
mod drawing;
mod edges;
mod explain;
mod graph;
mod guarantees;
mod history;
mod level;
mod list_append;
mod long_fork;
mod registers;
mod search;
mod sessions;
mod settle;
mod text;
mod verdict;

pub use crate::Outcome;
pub use anomaly::{Anomaly, UnknownAnomaly};
pub use bank::{BankAccounts, BankOptions, BankRead, check_bank};
pub use causal_reverse::{CausalOperation, check_causal_reverse};
pub use guarantees::{SessionGuarantee, check_session_guarantees};
pub use history::{HistoryProblem, List, MicroOperation, Name, Transaction, TransactionHistory};
pub use level::{Level, UnknownLevel};
pub use list_append::check_list_append;
pub use long_fork::{LongForkOperation, check_long_fork};
pub use registers::{RegisterOptions, check_registers};
pub use sessions::{SessionLevel, SessionOptions, UnknownSessionLevel, check_sessions};
pub use verdict::{AnomalyCase, Because, Dependency, Options, Settled, TransactionVerdict, named_anomalies};
