//! How many random cases are tried.

use proptest::prelude::ProptestConfig;

/// As many as the variable `DSJEPSEN_FUZZ` says, else 2,000. A developer may ask for millions, in a release build.
pub(crate) fn config() -> ProptestConfig {
    let cases = match std::env::var("DSJEPSEN_FUZZ") {
        Ok(number) => number.parse().unwrap_or_else(|_| panic!("DSJEPSEN_FUZZ is a number of cases, not `{number}`")),
        Err(_) => 2_000,
    };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
