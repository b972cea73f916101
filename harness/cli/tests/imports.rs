//! Holds the directions in which the crates of the house may import one another.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Who may import whom, as in harness/ARCHITECTURE.md.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("dsjepsen-history", &[]),
    ("dsjepsen-checkers", &["dsjepsen-history"]),
    ("dsjepsen-engine", &["dsjepsen-history"]),
    ("dsjepsen-reports", &["dsjepsen-history"]),
    ("dsjepsen-targets", &["dsjepsen-history", "dsjepsen-engine"]),
    ("dsjepsen-workloads", &["dsjepsen-history", "dsjepsen-engine", "dsjepsen-checkers"]),
    (
        "dsjepsen",
        &[
            "dsjepsen-history",
            "dsjepsen-engine",
            "dsjepsen-checkers",
            "dsjepsen-workloads",
            "dsjepsen-targets",
            "dsjepsen-reports",
        ],
    ),
];

/// What a judge or a page must never need: a history is judged and drawn without a cluster.
const WITHOUT_RUNTIME: [&str; 3] = ["dsjepsen-history", "dsjepsen-checkers", "dsjepsen-reports"];

#[test]
fn imports_point_one_way_and_judges_need_no_runtime() {
    let metadata = MetadataCommand::new().no_deps().other_options(vec!["--offline".to_owned()]).exec().unwrap();
    let members: BTreeMap<String, BTreeSet<String>> = metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let imports = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
            (package.name.to_string(), imports.map(|dependency| dependency.name.clone()).collect())
        })
        .collect();
    let expected: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!(members.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected, "the crates of the house");
    for (name, allowed) in ALLOWED {
        for import in members[name].iter().filter(|import| members.contains_key(*import)) {
            assert!(allowed.contains(&import.as_str()), "{name} must not import {import}");
        }
    }
    for name in WITHOUT_RUNTIME {
        for runtime in ["tokio", "reqwest", "nix", "axum"] {
            assert!(!members[name].contains(runtime), "{name} must do without {runtime}");
        }
    }
}
