//! Whom a fault hits: `one`, `minority`, `majority`, `all`, `leader`, or nodes by name.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use dsjepsen_history::NodeId;
use rand::seq::SliceRandom;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
        self.choose_but(&[], nodes, random)
    }

    /// Decides by the seed, and takes none of `others` where there are enough without them. As many as it means of all nodes.
    ///
    /// # Errors
    /// A sentence where a named node does not exist.
    pub(super) fn choose_but(
        &self,
        others: &[NodeId],
        nodes: &[NodeId],
        random: &mut Random,
    ) -> Result<Chosen, String> {
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
        let apart: Vec<NodeId> = nodes.iter().copied().filter(|node| !others.contains(node)).collect();
        let enough = apart.len() >= count || (*self == Self::All && !apart.is_empty());
        let mut shuffled = if enough { apart } else { nodes.to_vec() };
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

/// Reads `WHERE`, `VALUE` or `WHERE, VALUE`; what is not said is `None`. The value is what stands behind the last comma, if a
/// value is meant by it: if `read` reads it, or one of its words begins with a digit or a sign, as no name of a node does.
///
/// # Errors
/// What `read` says to what was meant as a value.
pub(super) fn where_and_value<Value>(
    argument: &str,
    read: impl Fn(&str) -> Result<Value, String>,
) -> Result<(Option<&str>, Option<Value>), String> {
    let (before, last) = argument.rsplit_once(',').unwrap_or(("", argument));
    let (whole, before, last) = (argument.trim(), before.trim(), last.trim());
    if whole.is_empty() {
        return Ok((None, None));
    }
    let begins = |word: &str| word.starts_with(|letter: char| letter.is_ascii_digit() || "+-".contains(letter));
    match read(last) {
        Ok(value) if !last.is_empty() => Ok(((!before.is_empty()).then_some(before), Some(value))),
        Err(why) if last.split_whitespace().any(begins) => Err(why),
        Ok(_) | Err(_) => Ok((Some(whole), None)),
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

/// Reads of what a plan holds whom a fault hits, and what else it is told. What is neither is an error, if `T` denies unknown fields.
///
/// # Errors
/// What is missing or unknown.
pub(super) fn whose_and<T: DeserializeOwned>(params: &Value) -> Result<(Chosen, T), serde_json::Error> {
    let mut fields = Map::deserialize(params)?;
    let whose = fields.remove("whose").ok_or_else(|| serde_json::Error::custom("missing field `whose`"))?;
    let whose = Chosen::deserialize(whose).map_err(|error| serde_json::Error::custom(format!("`whose`: {error}")))?;
    Ok((whose, T::deserialize(Value::Object(fields))?))
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
    fn whom_and_how_are_told_apart() {
        let read = |word: &str| word.strip_suffix("ms").map(str::to_owned).ok_or_else(|| format!("not {word}"));
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(where_and_value(" ", read), Ok((None, None)));
        assert_eq!(where_and_value("n1, n3", read), Ok((Some("n1, n3"), None)));
        assert_eq!(where_and_value("n1, n3 , exp 5ms", read), Ok((Some("n1, n3"), value("exp 5"))));
        assert_eq!(where_and_value("5ms", read), Ok((None, value("5"))));
        for meant in ["n1, 5", "exp 5", "n1, -5s", "n1, n2 5"] {
            assert!(where_and_value(meant, read).is_err(), "{meant}");
        }
    }

    #[test]
    fn of_enough_others_none_is_taken_twice() {
        let nodes: Vec<_> = (0..5).map(NodeId::at).collect();
        let mut random = stream(1, Purpose::Schedule, 0);
        let mut count = |selector: Selector, others: &[NodeId]| {
            let Chosen::Nodes(chosen) = selector.choose_but(others, &nodes, &mut random).unwrap() else { panic!() };
            (chosen.len(), chosen.iter().any(|node| others.contains(node)))
        };
        for _ in 0..50 {
            assert_eq!(count(Selector::One, &nodes[..4]), (1, false));
            assert_eq!(count(Selector::Minority, &nodes[..3]), (2, false));
            assert_eq!(count(Selector::Majority, &nodes[..2]), (3, false));
            assert_eq!(count(Selector::All, &nodes[..3]), (2, false));
            assert_eq!(count(Selector::Majority, &nodes[..3]).0, 3, "two others are not enough");
            assert_eq!(count(Selector::All, &nodes), (5, true));
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
