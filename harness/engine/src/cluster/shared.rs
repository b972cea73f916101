//! How nodes that must all be told the same of a peer still come by links of their own: by [names](super::names) that each
//! resolves for itself, or, where a mount namespace is not permitted, by one address in front of each node, where the
//! [owner of the dialling socket](super::owners) says who it is.

use std::collections::BTreeMap;
use std::env::VarError;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use dsjepsen_history::NodeId;

use super::names::{Names, names_available};
use super::owners::owners_available;
use crate::network::Subnet;
use crate::target::{Addressing, Launch, Unavailable};

/// Asks for one of the two ways, `names` or `owner`; for tests. Else it is names where they work.
const ASKED: &str = "DSJEPSEN_ADDRESSING";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Names,
    Owner,
}

impl Way {
    fn find() -> Result<Self, Unavailable> {
        let asked = match std::env::var(ASKED) {
            Ok(word) => Some(word),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(word)) => Some(word.to_string_lossy().into_owned()),
        };
        Self::choose(asked.as_deref(), names_available, owners_available)
    }

    fn choose(
        asked: Option<&str>,
        names: impl Fn() -> Result<(), Unavailable>,
        owner: impl Fn() -> Result<(), Unavailable>,
    ) -> Result<Self, Unavailable> {
        match asked {
            Some("names") => names().map(|()| Self::Names),
            Some("owner") => owner().map(|()| Self::Owner),
            Some(other) => Err(Unavailable {
                what: format!("the addressing {other:?}"),
                why: format!("the environment variable {ASKED} may be `names` or `owner`"),
            }),
            None => names().map(|()| Self::Names).or_else(|of_names| {
                owner().map(|()| Self::Owner).map_err(|of_owner| Unavailable {
                    what: "one address for a peer on all nodes".to_owned(),
                    why: format!("neither way works here: {of_names}; {of_owner}"),
                })
            }),
        }
    }
}

/// Whether nodes can be told the same of a peer on this machine.
pub(crate) fn sharing_available() -> Result<(), Unavailable> {
    Way::find().map(|_| ())
}

/// What the nodes of a cluster are told alike.
#[derive(Debug)]
pub(super) enum Shared {
    /// Nothing: each is told its own links.
    Nothing,
    /// Names.
    Names(Names),
    /// The address of the front of each node.
    Fronts(BTreeMap<NodeId, String>),
}

impl Shared {
    pub(super) fn new(addressing: Addressing, nodes: &[NodeId], subnet: &Subnet) -> Result<Self, Unavailable> {
        match addressing {
            Addressing::PerLink => Ok(Self::Nothing),
            Addressing::SharedNames => Ok(match Way::find()? {
                Way::Names => Self::Names(Names::new(nodes)?),
                Way::Owner => Self::Fronts(nodes.iter().map(|node| (*node, subnet.front(*node).to_string())).collect()),
            }),
        }
    }

    /// What the run is told of it.
    pub(super) fn in_words(&self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Names(_) => Some("nodes tell one another by names, which each resolves to its own links"),
            Self::Fronts(_) => {
                Some("nodes dial one address for a peer; who dialled is told by the owner of the socket")
            }
        }
    }

    /// The name or address of each node that all are told.
    pub(super) fn told(&self) -> &BTreeMap<NodeId, String> {
        const NOTHING: &BTreeMap<NodeId, String> = &BTreeMap::new();
        match self {
            Self::Nothing => NOTHING,
            Self::Names(names) => names.shared(),
            Self::Fronts(fronts) => fronts,
        }
    }

    /// How many programs a node's process is, one after another, before it becomes the node's own.
    pub(super) fn wrappers(&self) -> usize {
        match self {
            Self::Nothing | Self::Fronts(_) => 0,
            Self::Names(_) => Names::WRAPPERS,
        }
    }

    /// The program and arguments by which a node that listens on `address` is really started. `data` is its data directory.
    pub(super) fn wrap(
        &self,
        node: NodeId,
        address: Ipv4Addr,
        subnet: &Subnet,
        data: &Path,
        launch: &Launch,
    ) -> io::Result<(PathBuf, Vec<String>)> {
        match self {
            Self::Nothing | Self::Fronts(_) => Ok((launch.program.clone(), launch.arguments.clone())),
            Self::Names(names) => names.wrap(node, address, subnet, data, launch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_first_and_the_owner_where_they_fail_unless_one_is_asked_for() {
        let works = || Ok(());
        let fails = || Err(Unavailable { what: "this".to_owned(), why: "that".to_owned() });
        assert_eq!(Way::choose(None, works, fails), Ok(Way::Names));
        assert_eq!(Way::choose(None, works, works), Ok(Way::Names));
        assert_eq!(Way::choose(None, fails, works), Ok(Way::Owner));
        assert!(Way::choose(None, fails, fails).unwrap_err().why.contains("neither way works here: this is not"));
        assert_eq!(Way::choose(Some("owner"), works, works), Ok(Way::Owner));
        assert_eq!(Way::choose(Some("owner"), works, fails), fails().map(|()| Way::Owner));
        assert_eq!(Way::choose(Some("names"), fails, works), fails().map(|()| Way::Names));
        let error = Way::choose(Some("switch"), works, works).unwrap_err().to_string();
        assert_eq!(
            error,
            "the addressing \"switch\" is not available: the environment variable DSJEPSEN_ADDRESSING may be `names` or `owner`"
        );
    }
}
