//! Workloads: what clients do with a system, and which checkers judge what they saw. One file each; adding one is a file
//! and a word in the list below.

mod any;
mod reach;
#[cfg(test)]
mod script;
mod workload;

pub use any::{AnyWorkload, JudgeError, Judged, RunInput, Unsupported};
pub use workload::{OptionKind, OptionSpec, Prepared, Setup, Workload};

/// Every workload there is.
macro_rules! workloads {
    ($($workload:ident),* $(,)?) => {
        $(mod $workload;)*

        /// All workloads, in the order in which they are listed.
        pub fn workloads() -> &'static [&'static dyn AnyWorkload] {
            &[$(&$workload::WORKLOAD),*]
        }
    };
}

workloads![lock, counter, election, register];

/// The workload of this name.
pub fn find_workload(name: &str) -> Option<&'static dyn AnyWorkload> {
    workloads().iter().copied().find(|workload| workload.name() == name)
}
