//! Finds workloads and targets by name, and suggests the nearest when there is none.

use std::path::Path;

use dsjepsen_engine::target::{Target, Variants};
use dsjepsen_targets::{FileTarget, load_kept_target, load_target, targets};
use dsjepsen_workloads::{AnyWorkload, find_workload, workloads};

use crate::exit::{Failure, usage};

/// The workload of this name.
pub(crate) fn workload(name: &str) -> Result<&'static dyn AnyWorkload, Failure> {
    find_workload(name).ok_or_else(|| unknown("workload", name, workloads().iter().map(|workload| workload.name())))
}

/// The target and its options, from `name:option:option`, or from the path of a TOML file.
pub(crate) fn target(text: &str) -> Result<(&'static dyn Target, Variants), Failure> {
    if is_path(text) {
        let target = load_target(Path::new(text)).map_err(usage)?;
        return Ok((for_good(target), Variants::default()));
    }
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let target = targets()
        .iter()
        .copied()
        .find(|target| target.name() == name)
        .ok_or_else(|| unknown("target", name, targets().iter().map(|target| target.name())))?;
    let mut variants = Variants::default();
    for part in parts {
        let known = target.variants();
        let variant = known.iter().find(|variant| variant.name == part).ok_or_else(|| {
            unknown(&format!("option of target `{name}`"), part, known.iter().map(|variant| variant.name))
        })?;
        if !variants.has(variant.name) {
            variants.0.push(variant.name.to_owned());
        }
    }
    Ok((target, variants))
}

/// The target of a file of which a copy was kept, as it was then.
pub(crate) fn kept_target(copy: &Path, original: &Path) -> Result<&'static dyn Target, Failure> {
    load_kept_target(copy, original).map(for_good).map_err(usage)
}

/// A target lives as long as the program, as the built-in ones do; a command names one.
fn for_good(target: FileTarget) -> &'static dyn Target {
    Box::leak(Box::new(target))
}

/// Whether a target is named by its file. No name of a target has such a form.
pub(crate) fn is_path(text: &str) -> bool {
    text.contains('/') || text.ends_with(".toml")
}

/// There is no such thing; names the nearest, or all that there are.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<_> = known.collect();
    let nearest = known
        .iter()
        .map(|other| (strsim::jaro_winkler(name, other), other))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = match nearest {
        Some((_, other)) => format!("did you mean `{other}`?"),
        None if known.is_empty() => "it has none".to_owned(),
        None => format!("there is: {}", known.join(", ")),
    };
    usage(format!("there is no {what} `{name}`; {hint} (see `dsjepsen list`)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_names_get_a_hint() {
        let message = |result: Result<(&'static dyn Target, Variants), Failure>| {
            result.err().map(|failure| failure.to_string()).unwrap_or_default()
        };
        assert!(message(target("rapt")).contains("did you mean `raft`"));
        assert!(message(target("raft:unfence")).contains("did you mean `unfenced`"));
        assert!(message(target("zzz")).contains("ttl-lock"));
        let (found, variants) = target("raft:unfenced").unwrap();
        assert!(found.name() == "raft" && variants.has("unfenced"));
        assert!(message(target("no/such.toml")).contains("no/such.toml: cannot be read"));
        assert!(workload("lokc").err().unwrap().to_string().contains("did you mean `lock`"));
    }
}
