//! The system `etcd`: an unmodified etcd cluster, spoken to in JSON over HTTP. Every member must be told the same URL of a
//! peer, so the members go by shared names.

mod counter;
mod locks;
mod registers;
mod views;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::target::{
    Addressing, Control, Exposure, Launch, NodeContext, Readiness, Target, Unavailable, Variant, Variants,
};
use dsjepsen_history::{NodeId, Promises};

use self::counter::EtcdCounter;
use self::locks::EtcdLocks;
use self::registers::EtcdRegisters;
use self::views::{EtcdViews, leader_by_status};
use self::wire::Wire;

/// The port for clients.
const CLIENT_PORT: u16 = 7201;
/// The port for peers.
const PEER_PORT: u16 = 7202;

const TARGET_NAME: &str = "etcd";

/// The option under which leases are promised, too.
const LEASES: &str = "leases";
/// The option under which the guarded resource does not look at tokens.
const UNFENCED: &str = "unfenced";
/// The option under which a grant is believed without a look at its key.
const UNCHECKED: &str = "unchecked";
/// The option under which reads are answered by the member asked.
const SERIALIZABLE: &str = "serializable";
/// The option under which snapshots are taken often; it changes no promise.
const SMALL_SNAPSHOTS: &str = "small-snapshots";

/// The system.
#[derive(Debug)]
pub(crate) struct Etcd;

pub(crate) const TARGET: Etcd = Etcd;

#[async_trait]
impl Target for Etcd {
    fn name(&self) -> &str {
        TARGET_NAME
    }

    fn about(&self) -> &str {
        "etcd, unmodified: its lock service with leases, a counter by transactions, registers, views of who leads"
    }

    fn variants(&self) -> &[Variant] {
        &[
            Variant { name: LEASES, about: "holds etcd to its leases: a lease that it renewed must last" },
            Variant {
                name: UNFENCED,
                about: "the guarded resource does not look at fencing tokens; the members are the same",
            },
            Variant {
                name: UNCHECKED,
                about: "clients believe a grant without a look at the key behind it, and so have no token",
            },
            Variant {
                name: SERIALIZABLE,
                about: "registers are read with `serializable`, from the state of the member asked",
            },
            Variant { name: SMALL_SNAPSHOTS, about: "a member takes a snapshot every 50 entries" },
        ]
    }

    fn expectation(&self) -> &str {
        "none, pause, partition, kill, restart: valid. Keys are linearizable; the revision at which a lock's key was made is a fencing \
         token. A holder that is stopped or cut off for longer than its lease outlives it; the guarded resource refuses \
         its old token, and the report counts what was refused.\n\
         etcd:unfenced under pause, partition or kill: invalid (lock.belief, lock.stale-write) with naive holders, as with \
         any lock service.\n\
         etcd:leases under pause(leader): invalid (lock.early-loss, lock.exclusion). A leader that goes on after a stop \
         revokes leases by its own reckoning, also those that it has just renewed (etcd issue 15247).\n\
         etcd:unchecked under pause: invalid (lock.belief). A waiting client whose lease has ended is granted the lock \
         all the same (etcd issue 11456), and only a look at its key would tell.\n\
         etcd:serializable under partition: invalid (register.linearizable). A member that is cut off shows the past, as \
         its documentation says."
    }

    fn exposures(&self) -> &[Exposure] {
        const EXPOSURES: &[Exposure] = &[
            Exposure {
                variant: Some(UNFENCED),
                workload: "lock",
                nemesis: "pause",
                arguments: &[],
                rules: &["lock.belief", "lock.stale-write"],
                why: "a holder whose member is stopped cannot renew, and writes on when another holds the lock",
            },
            Exposure {
                variant: Some(LEASES),
                workload: "lock",
                nemesis: "pause(leader)",
                arguments: &["--time-limit", "60"],
                rules: &["lock.early-loss", "lock.exclusion"],
                why: "a leader that was stopped revokes leases that it renews at the same time",
            },
            Exposure {
                variant: Some(SERIALIZABLE),
                workload: "register",
                nemesis: "partition",
                arguments: &[],
                rules: &["register.linearizable"],
                why: "a member that is cut off shows the past",
            },
            Exposure {
                variant: Some(UNCHECKED),
                workload: "lock",
                nemesis: "pause",
                // Clients that wait for long: those whose lease ends during a pause are still waiting after it.
                arguments: &["--locks", "2", "--acquire-timeout-ms", "15000"],
                rules: &["lock.belief"],
                why: "a waiting client is granted the lock under a lease that has ended",
            },
        ];
        EXPOSURES
    }

    fn default_nodes(&self) -> u16 {
        3
    }

    fn ports(&self) -> &[u16] {
        &[CLIENT_PORT, PEER_PORT]
    }

    fn addressing(&self) -> Addressing {
        Addressing::SharedNames
    }

    fn available(&self) -> Result<String, Unavailable> {
        let unavailable = |why: String| Unavailable { what: TARGET_NAME.to_owned(), why };
        let program = find_program().ok_or_else(|| {
            unavailable("there is no `etcd` on the search path; Debian has it: apt-get install etcd-server".to_owned())
        })?;
        let said = Command::new(&program).arg("--version").env_clear().envs(environment()).stdin(Stdio::null()).output();
        let said = said.map_err(|error| unavailable(format!("{} cannot be run: {error}", program.display())))?;
        let text = String::from_utf8_lossy(&said.stdout);
        let version = text.lines().find_map(|line| line.strip_prefix("etcd Version: "));
        version
            .map(|version| format!("etcd {version}"))
            .ok_or_else(|| unavailable(format!("{} does not say its version", program.display())))
    }

    fn promises(&self, variants: &Variants) -> Promises {
        let unchecked = variants.has(UNCHECKED);
        Promises {
            leases: variants.has(LEASES),
            fencing_tokens: !unchecked,
            enforcing_guard: !unchecked && !variants.has(UNFENCED),
            idempotency_keys: true,
            linearizable_reads: true,
            one_leader_at_a_time: false,
        }
    }

    fn launch(&self, node: &NodeContext<'_>) -> Launch {
        let peer_url = |name: &str| format!("http://{name}:{PEER_PORT}");
        let own = |port: u16| format!("http://{}:{port}", node.address);
        let members: Vec<String> =
            node.shared.iter().map(|(peer, name)| format!("{peer}={}", peer_url(name))).collect();
        let advertised = node.shared.get(&node.node).map(|name| peer_url(name)).unwrap_or_default();
        let snapshots = node.variants.has(SMALL_SNAPSHOTS).then(|| ("snapshot-count", "50".to_owned()));
        let flags = [
            ("name", node.node.to_string()),
            ("data-dir", node.data.join("etcd").display().to_string()),
            ("listen-client-urls", own(CLIENT_PORT)),
            ("advertise-client-urls", own(CLIENT_PORT)),
            ("listen-peer-urls", own(PEER_PORT)),
            ("initial-advertise-peer-urls", advertised),
            ("initial-cluster", members.join(",")),
            ("initial-cluster-state", "new".to_owned()),
            ("initial-cluster-token", "dsjepsen".to_owned()),
            ("heartbeat-interval", "100".to_owned()),
            ("election-timeout", "1000".to_owned()),
            ("logger", "zap".to_owned()),
        ];
        Launch {
            program: find_program().unwrap_or_else(|| TARGET_NAME.into()),
            arguments: flags.into_iter().chain(snapshots).flat_map(|(flag, value)| [format!("--{flag}"), value]).collect(),
            environment: environment(),
            files: BTreeMap::new(),
            // The port for clients is served only once the member has found a leader. A look at the cluster's health would
            // take the others' answers each time, so that a cut link could not be told from a lost majority.
            readiness: Readiness::Http { port: CLIENT_PORT, path: "/version".to_owned() },
        }
    }

    async fn leader(&self, control: &Control) -> Option<NodeId> {
        leader_by_status(control, CLIENT_PORT).await
    }

    fn abilities(&self, variants: &Variants) -> Abilities {
        let (checks_keys, serializable) = (!variants.has(UNCHECKED), variants.has(SERIALIZABLE));
        Abilities {
            locks: Some(Arc::new(move |access| Ok(Arc::new(EtcdLocks::new(Wire::open(access)?, checks_keys))))),
            counter: Some(Arc::new(|access| Ok(Arc::new(EtcdCounter::new(Wire::open(access)?, access.attempt_timeout))))),
            registers: Some(Arc::new(move |access| Ok(Arc::new(EtcdRegisters::new(Wire::open(access)?, serializable))))),
            views: Some(Arc::new(|access| Ok(Arc::new(EtcdViews::new(Wire::open(access)?, access.log.clone()))))),
            leader_writes: None,
        }
    }
}

/// The program, on the user's own search path: so one's own build can be tested.
fn find_program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    std::env::split_paths(&path).map(|folder| folder.join(TARGET_NAME)).find(|program| program.is_file())
}

/// etcd calls ARM64 experimental, and wants to be told that one knows.
fn environment() -> BTreeMap<String, String> {
    let arm64 = cfg!(target_arch = "aarch64").then(|| ("ETCD_UNSUPPORTED_ARCH".to_owned(), "arm64".to_owned()));
    arm64.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_members_are_told_the_same_of_one_another_and_each_its_own_addresses() {
        let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
        let shared = nodes.iter().map(|node| (*node, format!("{node}.dsjepsen.test"))).collect();
        let launch = |position: usize| {
            TARGET.launch(&NodeContext {
                node: nodes[position],
                nodes: &nodes,
                data: "/data".as_ref(),
                address: [127, 9, 1 + position as u8, 1 + position as u8].into(),
                peers: &BTreeMap::new(),
                shared: &shared,
                variants: &Variants::default(),
                executable: "/bin/dsjepsen".as_ref(),
            })
        };
        let value = |launch: &Launch, flag: &str| {
            let at = launch.arguments.iter().position(|argument| argument == flag).unwrap();
            launch.arguments[at + 1].clone()
        };
        let (first, third) = (launch(0), launch(2));
        let members = value(&first, "--initial-cluster");
        assert_eq!(members, value(&third, "--initial-cluster"));
        assert!(members.contains("n2=http://n2.dsjepsen.test:7202"), "{members}");
        assert_eq!(value(&third, "--initial-advertise-peer-urls"), "http://n3.dsjepsen.test:7202");
        assert_eq!(value(&third, "--listen-peer-urls"), "http://127.9.3.3:7202");
    }

    #[test]
    fn options_change_what_is_promised() {
        let promises = |names: &[&str]| TARGET.promises(&Variants(names.iter().map(|&name| name.to_owned()).collect()));
        assert!(promises(&[]).fencing_tokens && promises(&[]).enforcing_guard && !promises(&[]).leases);
        assert!(promises(&[LEASES]).leases && promises(&[LEASES]).enforcing_guard);
        assert!(promises(&[UNFENCED]).fencing_tokens && !promises(&[UNFENCED]).enforcing_guard);
        assert!(!promises(&[UNCHECKED]).fencing_tokens && !promises(&[UNCHECKED]).enforcing_guard);
        assert!(promises(&[SERIALIZABLE]).linearizable_reads);
    }
}
