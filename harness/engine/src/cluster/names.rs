//! Names that all nodes are told alike, and that each node resolves to its own links: every node runs in a mount namespace
//! of its own, where another file lies over `/etc/hosts`.
//!
//! For systems whose members advertise one address to everybody. A node that looked for a peer at one common address would
//! come by a link of which nobody knows whose it is; by its own names every node comes by its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use dsjepsen_history::NodeId;

use super::NODE_PATH;
use crate::network::{Source, Subnet};
use crate::target::{Launch, Unavailable};

/// The file that a name is looked up in first.
const HOSTS: &str = "/etc/hosts";

/// Lays the file named by the word after it over `/etc/hosts`, then becomes the program given by the rest.
const LAY_OVER: &str = r#"mount --bind "$0" /etc/hosts && exec "$@""#;

/// How a process comes to a mount namespace of its own. Both keep the process id, and the signal at the parent's death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Namespace {
    /// With the right to mount (root).
    Privileged,
    /// In a user namespace of its own, where anybody may mount.
    User,
}

impl Namespace {
    const ALL: [Self; 2] = [Self::Privileged, Self::User];

    /// The arguments of util-linux's `unshare`.
    fn arguments(self) -> [&'static str; 3] {
        let namespaces = match self {
            Self::Privileged => "-m",
            Self::User => "-Urm",
        };
        [namespaces, "--propagation", "private"]
    }

    /// Tries it: with a device over `/etc/hosts`, does a program started so see the device?
    fn works(self) -> Result<(), String> {
        let tried = Command::new("unshare")
            .args(self.arguments())
            .args(["sh", "-c", LAY_OVER, "/dev/null", "test", "-c", HOSTS])
            .env_clear()
            .env("PATH", NODE_PATH)
            .stdin(Stdio::null())
            .output();
        match tried {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.trim().lines().last().unwrap_or("the mount has no effect").to_owned();
                Err(format!("`unshare {}`: {said}", self.arguments()[0]))
            }
            Err(error) => Err(format!("`unshare` of util-linux: {error}")),
        }
    }

    /// The first that works here; tried once in the life of the program.
    fn find() -> Result<Self, Unavailable> {
        static FOUND: OnceLock<Result<Namespace, Unavailable>> = OnceLock::new();
        let find = || {
            let mut problems = Vec::new();
            for namespace in Self::ALL {
                match namespace.works() {
                    Ok(()) => return Ok(namespace),
                    Err(problem) => problems.push(problem),
                }
            }
            problems.dedup();
            Err(Unavailable {
                what: "a name that every node resolves for itself".to_owned(),
                why: format!(
                    "it takes `unshare` and `mount` of util-linux, and root or user namespaces ({})",
                    problems.join("; ")
                ),
            })
        };
        FOUND.get_or_init(find).clone()
    }
}

/// Whether nodes can be given names of their own on this machine.
pub(super) fn names_available() -> Result<(), Unavailable> {
    Namespace::find().map(|_| ())
}

/// The names of a cluster's nodes.
#[derive(Debug)]
pub(super) struct Names {
    namespace: Namespace,
    shared: BTreeMap<NodeId, String>,
}

impl Names {
    /// `unshare` and `sh`, each of which becomes the next; so it is with [`Names::wrap`].
    pub(super) const WRAPPERS: usize = 2;

    /// Names for these nodes.
    pub(super) fn new(nodes: &[NodeId]) -> Result<Self, Unavailable> {
        // `.test` is reserved: no name server knows a name in it.
        let shared = nodes.iter().map(|node| (*node, format!("{node}.dsjepsen.test"))).collect();
        Ok(Self { namespace: Namespace::find()?, shared })
    }

    /// The name of each node.
    pub(super) fn shared(&self) -> &BTreeMap<NodeId, String> {
        &self.shared
    }

    /// What this node resolves names by: itself at the address on which it listens, its peers at its links to them. What the machine
    /// knows comes after.
    fn hosts(&self, node: NodeId, own: Ipv4Addr, subnet: &Subnet) -> String {
        let mut text = String::new();
        for (peer, name) in &self.shared {
            let address = if *peer == node { own } else { subnet.link(Source::Node(node), *peer) };
            let _ = writeln!(text, "{address} {name}");
        }
        // A machine without the file knows nothing; then there is nothing to lay ours over, either.
        text + &std::fs::read_to_string(HOSTS).unwrap_or_default()
    }

    /// The program and arguments by which a node that listens on `address` is started so that it resolves the names. `data` is its data directory;
    /// the file lies beside it.
    pub(super) fn wrap(
        &self,
        node: NodeId,
        address: Ipv4Addr,
        subnet: &Subnet,
        data: &Path,
        launch: &Launch,
    ) -> io::Result<(PathBuf, Vec<String>)> {
        let file = data.with_file_name("hosts");
        std::fs::write(&file, self.hosts(node, address, subnet))?;
        let word = |path: &Path| path.to_str().map(str::to_owned).ok_or(io::ErrorKind::InvalidFilename);
        let mut arguments: Vec<String> = self.namespace.arguments().map(str::to_owned).into();
        arguments.extend(["sh", "-c", LAY_OVER].map(str::to_owned));
        arguments.extend([word(&file)?, word(&launch.program)?]);
        arguments.extend(launch.arguments.iter().cloned());
        Ok(("unshare".into(), arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_resolves_a_name_to_its_own_link() {
        let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
        let shared = nodes.iter().map(|node| (*node, format!("{node}.dsjepsen.test"))).collect();
        let names = Names { namespace: Namespace::User, shared };
        let subnet = Subnet::claim().unwrap();
        let block = subnet.block();
        let hosts = names.hosts(nodes[1], subnet.node(nodes[1]), &subnet);
        let first: Vec<_> = hosts.lines().take(3).collect();
        let expected = ["2.1 n1.dsjepsen.test", "2.2 n2.dsjepsen.test", "2.3 n3.dsjepsen.test"]
            .map(|line| format!("127.{block}.{line}"));
        assert_eq!(first, expected);
    }
}
