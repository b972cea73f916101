//! Systems under test: how each is started, what it promises and how clients reach what it offers; and the node programs
//! of the systems that we bring ourselves. Nothing here knows a workload; the two meet in the engine's `api`.

pub mod conformance;
mod contract;
mod file;
mod node_program;

/// Declares the systems: one file or folder each, and one word here; first those of our own, which have a node program.
macro_rules! targets {
    (ours: [$($module:ident),* $(,)?], others: [$($other:ident),* $(,)?]) => {
        $(mod $module;)*
        $(mod $other;)*

        /// Every system under test, in the order in which `dsjepsen list` shows them.
        pub fn targets() -> &'static [&'static dyn dsjepsen_engine::target::Target] {
            &[$(&$module::TARGET,)* $(&$other::TARGET),*]
        }

        /// The node programs of our own systems: `dsjepsen node NAME CONFIG` runs one.
        pub fn node_programs() -> &'static [NodeProgram] {
            const PROGRAMS: &[NodeProgram] = &[$($module::PROGRAM),*];
            PROGRAMS
        }
    };
}

targets![ours: [raft, ttl_lock, rmw_counter, bully], others: [etcd]];

pub use file::{DOCUMENT, FileError, FileTarget, PLACEHOLDERS, Placeholder, Scope, load_kept_target, load_target};
pub use node_program::NodeProgram;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_system_is_told_apart_and_documented() {
        let names: BTreeSet<_> = targets().iter().map(|target| target.name()).collect();
        assert_eq!(names.len(), targets().len(), "two systems share a name");
        for target in targets() {
            assert!(!target.about().is_empty() && !target.about().contains('\n'), "{}", target.name());
            assert!(target.expectation().len() > 100, "{} says too little of what to expect", target.name());
            assert!(target.ports().iter().all(|port| *port < 32768), "{} uses an ephemeral port", target.name());
            let variants: BTreeSet<_> = target.variants().iter().map(|variant| variant.name).collect();
            assert_eq!(variants.len(), target.variants().len(), "{} has two variants of one name", target.name());
        }
    }

    #[test]
    fn every_node_program_belongs_to_a_system() {
        for program in node_programs() {
            assert!(targets().iter().any(|target| target.name() == program.name), "{}", program.name);
        }
    }
}
