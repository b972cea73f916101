//! The system of a TOML file: somebody else's, without a line of Rust. The file says how a node is started and how clients speak
//! to it; `CONTRACT.md`, beside this crate, is its page.

mod definition;
mod document;
mod problem;
mod program;
mod template;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_engine::ClientCommand;
use dsjepsen_engine::api::{Abilities, Access, AccessError, Repeat, Serve};
use dsjepsen_engine::target::{Control, Launch, NodeContext, StopSignal, Target, Unavailable, Variant, Variants};
use dsjepsen_history::{NodeId, Promises};

use self::definition::{Ability, Clients, Definition};
pub use self::problem::FileError;
pub use self::template::{PLACEHOLDERS, Placeholder, Scope};
use crate::contract::{ContractClient, ProgramTransport, Style, leader_by_views};

/// The name under which the file is kept in the directory of each run.
pub const DOCUMENT: &str = "target.toml";

/// Reads a system from its TOML file.
///
/// # Errors
/// [`FileError`] where the file cannot be read or makes no sense, with line, column, key and the mend.
pub fn load_target(path: &Path) -> Result<FileTarget, FileError> {
    load_kept_target(path, path)
}

/// Reads a system from the copy of its TOML file that the directory of a run keeps; its programs are beside the original.
///
/// # Errors
/// As [`load_target`], of the copy.
pub fn load_kept_target(copy: &Path, original: &Path) -> Result<FileTarget, FileError> {
    let (path, text) = (copy, read(copy)?);
    let folder = original.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| FileError::unreadable(original, &error))?;
    let definition = Definition::read(&text, &folder).map_err(|problem| problem.locate(path, &text))?;
    let missing = definition.missing.iter().map(|problem| problem.clone().locate(path, &text).to_string()).collect();
    // A target lives as long as the program, as the built-in ones do; a command names one.
    let leak = |text: &str| -> &'static str { text.to_owned().leak() };
    let variants = definition.variants.iter();
    let variants = variants.map(|variant| Variant { name: leak(&variant.name), about: leak(&variant.about) }).collect();
    Ok(FileTarget { definition, variants, missing, text })
}

fn read(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(|error| FileError::unreadable(path, &error))
}

/// A system that a file describes.
#[derive(Debug)]
pub struct FileTarget {
    definition: Definition,
    variants: Vec<Variant>,
    /// The programs that are not on this machine, in words.
    missing: Vec<String>,
    text: String,
}

#[async_trait]
impl Target for FileTarget {
    fn name(&self) -> &str {
        &self.definition.name
    }

    fn about(&self) -> &str {
        &self.definition.about
    }

    fn variants(&self) -> &[Variant] {
        &self.variants
    }

    fn expectation(&self) -> &str {
        "what its file promises"
    }

    fn default_nodes(&self) -> u16 {
        self.definition.nodes
    }

    fn ports(&self) -> &[u16] {
        &self.definition.ports
    }

    fn available(&self) -> Result<String, Unavailable> {
        match self.missing.first() {
            None => Ok(format!("{} (by its file)", self.definition.name)),
            Some(why) => Err(Unavailable { what: format!("target `{}`", self.definition.name), why: why.clone() }),
        }
    }

    fn promises(&self, _variants: &Variants) -> Promises {
        self.definition.promises.clone()
    }

    fn launch(&self, node: &NodeContext<'_>) -> Launch {
        let words = NodeWords { target: &self.definition, node };
        let definition = &self.definition.node;
        let expand = |template: &template::Template| template.expand(|name| words.look_up(name));
        let expand_all = |templates: &BTreeMap<String, template::Template>| -> BTreeMap<String, String> {
            templates.iter().map(|(name, template)| (name.clone(), expand(template))).collect()
        };
        let mut launch = Launch {
            program: definition.command.program.clone(),
            arguments: definition.command.arguments.iter().map(expand).collect(),
            environment: expand_all(&definition.command.environment),
            files: expand_all(&definition.files),
            readiness: definition.readiness.clone(),
        };
        for variant in self.definition.variants.iter().filter(|variant| node.variants.has(&variant.name)) {
            launch.arguments.extend(variant.arguments.iter().map(expand));
            launch.environment.extend(expand_all(&variant.environment));
            launch.files.extend(expand_all(&variant.files));
        }
        launch
    }

    fn wrappers(&self) -> usize {
        self.definition.node.wrappers
    }

    fn stop_signal(&self) -> StopSignal {
        self.definition.node.stop_signal
    }

    fn documents(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(DOCUMENT.to_owned(), self.text.clone())])
    }

    async fn leader(&self, control: &Control) -> Option<NodeId> {
        match self.definition.clients {
            // Only a node itself can be asked past the links.
            Clients::Contract { port } if self.definition.serves.contains(&Ability::View) => {
                leader_by_views(control, port).await
            }
            _ => None,
        }
    }

    fn abilities(&self, _variants: &Variants) -> Abilities {
        Abilities {
            locks: self.serve(Ability::Lock, |client| client),
            counter: self.serve(Ability::Counter, |client| client),
            registers: self.serve(Ability::Register, |client| client),
            views: self.serve(Ability::View, |client| client),
            leader_writes: self.serve(Ability::LeaderWrite, |client| client),
        }
    }
}

/// Makes a process's client.
type Connector = Arc<dyn Fn(&Access) -> Result<Arc<ContractClient>, AccessError> + Send + Sync>;

impl FileTarget {
    /// The port on which its nodes serve the HTTP/JSON contract themselves; `None` where client programs speak to them.
    pub fn contract_port(&self) -> Option<u16> {
        match self.definition.clients {
            Clients::Contract { port } => Some(port),
            Clients::Program { .. } => None,
        }
    }

    fn style(&self) -> Style {
        let repeat = if self.definition.promises.idempotency_keys { Repeat::Keyed } else { Repeat::OnlyUnsent };
        Style { repeat, leases: self.definition.serves.contains(&Ability::Lease) }
    }

    fn serve<T: ?Sized + 'static>(
        &self,
        ability: Ability,
        offered: fn(Arc<ContractClient>) -> Arc<T>,
    ) -> Option<Serve<T>> {
        let connect = self.definition.serves.contains(&ability).then(|| self.connector())?;
        Some(Arc::new(move |access| Ok(offered(connect(access)?))))
    }

    fn connector(&self) -> Connector {
        let style = self.style();
        match &self.definition.clients {
            Clients::Contract { port } => {
                let port = *port;
                Arc::new(move |access| ContractClient::over_http(access, port, style))
            }
            Clients::Program { command, port } => {
                let (command, port) = (command.clone(), *port);
                let (folder, ports) = (self.definition.folder.clone(), self.definition.ports.clone());
                Arc::new(move |access| {
                    let words = ClientWords { folder: &folder, ports: &ports, port, access };
                    let expand = |template: &template::Template| template.expand(|name| words.look_up(name));
                    let environment = command.environment.iter();
                    let program = access.start_program(ClientCommand {
                        program: command.program.clone(),
                        arguments: command.arguments.iter().map(expand).collect(),
                        environment: environment.map(|(name, value)| (name.clone(), expand(value))).collect(),
                        port,
                    });
                    Ok(ContractClient::new(Box::new(ProgramTransport::new(program)), style))
                })
            }
        }
    }
}

/// What the placeholders of a node's command stand for.
struct NodeWords<'a> {
    target: &'a Definition,
    node: &'a NodeContext<'a>,
}

impl NodeWords<'_> {
    fn look_up(&self, name: &str) -> String {
        let first = NodeId::at(0);
        match name {
            "dir" => self.target.folder.display().to_string(),
            "node" => self.node.node.to_string(),
            "n" => self.node.node.number().to_string(),
            "nodes" => self.node.nodes.len().to_string(),
            "address" => self.node.address.to_string(),
            "data" => self.node.data.display().to_string(),
            "first" => first.to_string(),
            "first-address" => self.reach(first).to_string(),
            "peers" => self.list(self.node.nodes.iter().filter(|peer| **peer != self.node.node)),
            "members" => self.list(self.node.nodes.iter()),
            port => template::port(port, &self.target.ports),
        }
    }

    /// Where this node finds that one: by the link to it, or at its own address.
    fn reach(&self, other: NodeId) -> Ipv4Addr {
        self.node.peers.get(&other).copied().unwrap_or(self.node.address)
    }

    fn list<'n>(&self, nodes: impl Iterator<Item = &'n NodeId>) -> String {
        let one = |peer: &NodeId| {
            self.target.node.peer.expand(|name| match name {
                "peer" => peer.to_string(),
                "peer-n" => peer.number().to_string(),
                "address" => self.reach(*peer).to_string(),
                port => template::port(port, &self.target.ports),
            })
        };
        nodes.map(one).collect::<Vec<_>>().join(&self.target.node.peer_separator)
    }
}

/// What the placeholders of a client program stand for.
struct ClientWords<'a> {
    folder: &'a Path,
    ports: &'a [u16],
    port: u16,
    access: &'a Access,
}

impl ClientWords<'_> {
    fn look_up(&self, name: &str) -> String {
        let route = &self.access.route;
        match name {
            "dir" => self.folder.display().to_string(),
            "node" => route.node.to_string(),
            "n" => route.node.number().to_string(),
            "address" => route.address.to_string(),
            "port" => self.port.to_string(),
            "process" => self.access.process.to_string(),
            port => template::port(port, self.ports),
        }
    }
}

#[cfg(test)]
mod tests;
