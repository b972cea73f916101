//! Whom a fault hits: `one`, `minority`, `majority`, `all`, `leader`, or nodes by name.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use dsjepsen_history::NodeId;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::random::Random;

/// A choice of nodes, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// One node.
    One,
    /// As many as a majority can do without, and at least one.
    Minority,
    /// The least number without which there is no majority.
    Majority,
    /// Every node.
    All,
    /// Whoever leads when the fault starts.
    Leader,
    /// These.
    Named(Vec<NodeId>),
}

/// A choice of nodes, as far as the seed decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chosen {
    /// These nodes.
    Nodes(Vec<NodeId>),
    /// Whoever leads when the fault starts.
    Leader,
}

impl Selector {
    /// The words of which a selector is made, for help texts.
    pub const WORDS: &'static str = "one, minority, majority, all, leader, or nodes as in `n1 n3`";

    /// Decides by the seed.
    ///
    /// # Errors
    /// A sentence where a named node does not exist.
    pub fn choose(&self, nodes: &[NodeId], random: &mut Random) -> Result<Chosen, String> {
        let majority = nodes.len() / 2 + 1;
        let count = match self {
            Self::Leader => return Ok(Chosen::Leader),
            Self::Named(named) => {
                return all_exist(named, nodes).map(|()| Chosen::Nodes(named.clone()));
            }
            Self::One => 1,
            Self::Minority => (nodes.len() - majority).max(1),
            Self::Majority => majority,
            Self::All => nodes.len(),
        };
        let mut shuffled = nodes.to_vec();
        shuffled.shuffle(random);
        shuffled.truncate(count);
        shuffled.sort_unstable();
        Ok(Chosen::Nodes(shuffled))
    }
}

impl Chosen {
    /// Whether there are such nodes.
    ///
    /// # Errors
    /// A sentence where one does not exist, or none is chosen.
    pub(super) fn check(&self, nodes: &[NodeId]) -> Result<(), String> {
        match self {
            Self::Leader => Ok(()),
            Self::Nodes(chosen) if chosen.is_empty() => Err("no node is chosen".to_owned()),
            Self::Nodes(chosen) => all_exist(chosen, nodes),
        }
    }
}

/// Reads `WHERE`, `VALUE` or `WHERE, VALUE`; what is not said is `None`. What begins with a digit is meant as a value.
///
/// # Errors
/// What was meant as a value and is none.
pub(super) fn where_and_value(
    argument: &str,
    is_value: impl Fn(&str) -> bool,
) -> Result<(Option<&str>, Option<&str>), &str> {
    let (before, last) = argument.rsplit_once(',').unwrap_or(("", argument));
    let (whole, before, last) = (argument.trim(), before.trim(), last.trim());
    if whole.is_empty() {
        Ok((None, None))
    } else if !last.is_empty() && is_value(last) {
        Ok(((!before.is_empty()).then_some(before), Some(last)))
    } else if last.starts_with(|letter: char| letter.is_ascii_digit()) {
        Err(last)
    } else {
        Ok((Some(whole), None))
    }
}

/// Reads `WHERE`, `WHAT` or `WHERE, WHAT`, where `forms` are the words for a WHAT.
///
/// # Errors
/// A sentence where a part means nothing.
pub(super) fn where_and_what<T>(
    argument: &str,
    what: impl Fn(&str) -> Option<T>,
    forms: &str,
) -> Result<(Option<Selector>, Option<T>), String> {
    let (whole, (before, last)) = (argument.trim(), argument.rsplit_once(',').unwrap_or(("", argument)));
    let (before, last) = (before.trim(), last.trim());
    if whole.is_empty() {
        return Ok((None, None));
    }
    if let Some(what) = what(last) {
        let whom = if before.is_empty() { None } else { Some(before.parse()?) };
        return Ok((whom, Some(what)));
    }
    match whole.parse() {
        Ok(whom) => Ok((Some(whom), None)),
        Err(of_nodes) if before.is_empty() => Err(format!("{of_nodes}; or {forms}")),
        Err(_) => Err(format!("`{last}` means nothing behind whom it hits: use {forms}")),
    }
}

/// Whether all of these are among the nodes.
///
/// # Errors
/// A sentence that names the first that is not.
pub(super) fn all_exist<'a>(chosen: impl IntoIterator<Item = &'a NodeId>, nodes: &[NodeId]) -> Result<(), String> {
    match chosen.into_iter().find(|node| !nodes.contains(node)) {
        Some(missing) => Err(format!("there is no node {missing} among {} nodes", nodes.len())),
        None => Ok(()),
    }
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "one" => Ok(Self::One),
            "minority" => Ok(Self::Minority),
            "majority" => Ok(Self::Majority),
            "all" => Ok(Self::All),
            "leader" => Ok(Self::Leader),
            names => names
                .split([' ', ','])
                .filter(|name| !name.is_empty())
                .map(str::parse)
                .collect::<Result<BTreeSet<NodeId>, _>>()
                .ok()
                .filter(|nodes| !nodes.is_empty())
                .map(|nodes| Self::Named(nodes.into_iter().collect()))
                .ok_or_else(|| format!("`{names}` selects no nodes: use {}", Self::WORDS)),
        }
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader => out.write_str("leader"),
            Self::Nodes(nodes) => {
                let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
                out.write_str(&names.join(" "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn a_minority_leaves_a_majority() {
        for (count, expected) in [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (7, 3)] {
            let nodes: Vec<_> = (0..count).map(NodeId::at).collect();
            let chosen = Selector::Minority.choose(&nodes, &mut stream(1, Purpose::Schedule, 0)).unwrap();
            let Chosen::Nodes(chosen) = chosen else { panic!("{chosen:?}") };
            assert_eq!(chosen.len(), expected, "of {count}");
        }
    }

    #[test]
    fn names_are_checked() {
        let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
        let mut random = stream(1, Purpose::Schedule, 0);
        let named: Selector = "n1 n3".parse().unwrap();
        assert_eq!(named.choose(&nodes, &mut random).unwrap().to_string(), "n1 n3");
        assert_eq!("n3,n1,n3".parse::<Selector>().unwrap(), named);
        let missing: Selector = "n9".parse().unwrap();
        assert!(missing.choose(&nodes, &mut random).unwrap_err().contains("no node n9"));
        assert!("some".parse::<Selector>().unwrap_err().contains("minority"));
    }
}
