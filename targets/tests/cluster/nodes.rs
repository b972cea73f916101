//! Node processes that die with the test, and a client that says exactly what it saw.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// A trial, given the number of its network.
pub(crate) type TrialFn = fn(u8) -> Pin<Box<dyn Future<Output = ()>>>;

/// The port of every node.
const PORT: u16 = 7101;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The address of a node: its own in the whole machine, so that trials and runs side by side do not meet.
fn address(network: u8, node: u16) -> Ipv4Addr {
    let run = u8::try_from(std::process::id() % 250).unwrap();
    Ipv4Addr::new(127, 200 + network % 50, run, u8::try_from(node).unwrap())
}

/// A cluster of node processes.
pub(crate) struct Cluster {
    program: &'static str,
    network: u8,
    directory: tempfile::TempDir,
    configs: Vec<Value>,
    nodes: Vec<Option<Child>>,
    http: reqwest::Client,
}

impl Cluster {
    /// Starts `size` nodes of `raft`; `change` may change each one's configuration.
    pub(crate) fn raft(network: u8, size: u16, change: impl Fn(u16, &mut Value)) -> Self {
        Self::of_peers("raft", network, size, change)
    }

    /// Starts `size` nodes of `bully`.
    pub(crate) fn bully(network: u8, size: u16) -> Self {
        Self::of_peers("bully", network, size, |_, _| {})
    }

    /// Starts nodes each of which is told where it finds the others, and where to keep its data.
    fn of_peers(program: &'static str, network: u8, size: u16, change: impl Fn(u16, &mut Value)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = |node: u16| {
            let peers = (1..=size).filter(|peer| *peer != node);
            let mut config = json!({
                "node": format!("n{node}"),
                "listen": format!("{}:{PORT}", address(network, node)),
                "peers": peers.map(|peer| (format!("n{peer}"), json!(format!("{}:{PORT}", address(network, peer)))))
                    .collect::<serde_json::Map<_, _>>(),
                "data": directory.path().join(format!("n{node}")),
            });
            change(node, &mut config);
            std::fs::create_dir(directory.path().join(format!("n{node}"))).unwrap();
            config
        };
        let configs = (1..=size).map(config).collect();
        Self::start_all(program, network, directory, configs)
    }

    /// Starts `size` nodes of `ttl-lock`.
    pub(crate) fn ttl_lock(network: u8, size: u16) -> Self {
        let config = |node: u16| {
            let server = (node != 1).then(|| format!("{}:{PORT}", address(network, 1)));
            json!({
                "node": format!("n{node}"),
                "listen": format!("{}:{PORT}", address(network, node)),
                "server": server,
            })
        };
        Self::start_all("ttl-lock", network, tempfile::tempdir().unwrap(), (1..=size).map(config).collect())
    }

    /// Starts `size` nodes of `rmw-counter`: copies, or one keeper with gateways.
    pub(crate) fn rmw_counter(network: u8, size: u16, one_keeper: bool) -> Self {
        let at = |node: u16| json!(format!("{}:{PORT}", address(network, node)));
        let config = |node: u16| {
            let peers = (1..=size).filter(|peer| *peer != node);
            json!({
                "node": format!("n{node}"),
                "listen": at(node),
                "peers": peers.map(|peer| (format!("n{peer}"), at(peer))).collect::<serde_json::Map<_, _>>(),
                "one_keeper": one_keeper,
            })
        };
        Self::start_all("rmw-counter", network, tempfile::tempdir().unwrap(), (1..=size).map(config).collect())
    }

    fn start_all(program: &'static str, network: u8, directory: tempfile::TempDir, configs: Vec<Value>) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let nodes = configs.iter().map(|_| None).collect();
        let mut cluster = Self { program, network, directory, configs, nodes, http };
        for node in 1..=cluster.nodes.len() as u16 {
            cluster.start(node);
        }
        cluster
    }

    /// Starts a node that does not run, always in the same way.
    pub(crate) fn start(&mut self, node: u16) {
        let position = usize::from(node) - 1;
        let log = self.log(node);
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["node", self.program, &self.configs[position].to_string()])
            .env_clear()
            .stderr(log)
            .spawn()
            .unwrap();
        assert!(self.nodes[position].replace(child).is_none(), "n{node} runs already");
    }

    fn log(&self, node: u16) -> std::path::PathBuf {
        Path::new(self.directory.path()).join(format!("n{node}.log"))
    }

    /// What a node has logged.
    pub(crate) fn logged(&self, node: u16) -> String {
        std::fs::read_to_string(self.log(node)).unwrap()
    }

    /// Signals a node.
    pub(crate) fn signal(&self, node: u16, signal: Signal) {
        let child = self.nodes[usize::from(node) - 1].as_ref().expect("the node runs");
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Stops a node, every thread of it: the signal alone has only been sent.
    pub(crate) async fn pause(&self, node: u16) {
        self.signal(node, Signal::SIGSTOP);
        let pid = self.nodes[usize::from(node) - 1].as_ref().expect("the node runs").id();
        let is_stopped = |task: std::fs::DirEntry| {
            std::fs::read_to_string(task.path().join("stat")).is_ok_and(|stat| stat.contains(") T "))
        };
        eventually("the node stops", async || {
            let mut tasks = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
            tasks.all(is_stopped).then_some(())
        })
        .await;
    }

    /// Waits until a node has ended.
    pub(crate) async fn ended(&mut self, node: u16) -> ExitStatus {
        let mut child = self.nodes[usize::from(node) - 1].take().expect("the node runs");
        eventually("the node ends", async || child.try_wait().unwrap()).await
    }

    /// Kills a node.
    pub(crate) async fn kill(&mut self, node: u16) {
        self.signal(node, Signal::SIGKILL);
        self.ended(node).await;
    }

    /// Sends one request. A request without an answer within `limit` is given up, its connection closed.
    pub(crate) async fn post(&self, node: u16, path: &str, body: &Value, limit: Duration) -> Answer {
        let url = format!("http://{}:{PORT}{path}", address(self.network, node));
        read(self.http.post(url).json(body).timeout(limit).send().await).await
    }

    /// Reads.
    pub(crate) async fn get(&self, node: u16, path: &str) -> Answer {
        let url = format!("http://{}:{PORT}{path}", address(self.network, node));
        read(self.http.get(url).timeout(Duration::from_secs(2)).send().await).await
    }

    /// Repeats one request, under its one key, until there is a result.
    pub(crate) async fn ask(&self, node: u16, path: &str, body: Value) -> Value {
        eventually(path, async || match self.post(node, path, &body, Duration::from_secs(2)).await {
            Answer::Result(value) => Some(value),
            Answer::Refused { .. } | Answer::Nothing => None,
        })
        .await
    }

    /// The node that a majority of all nodes names, but for this one.
    pub(crate) async fn leader_but(&self, not: Option<u16>) -> u16 {
        let size = self.nodes.len() as u16;
        eventually("a leader", async || {
            let mut votes = vec![0; usize::from(size) + 1];
            for node in (1..=size).filter(|node| Some(*node) != not) {
                if self.nodes[usize::from(node) - 1].is_none() {
                    continue;
                }
                if let Answer::Result(view) = self.get(node, "/view").await
                    && let Some(leader) = view["leader"].as_str()
                {
                    votes[leader[1..].parse::<usize>().unwrap()] += 1;
                }
            }
            let leader = (1..=size).find(|node| 2 * votes[usize::from(*node)] > size)?;
            (Some(leader) != not).then_some(leader)
        })
        .await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.nodes.iter_mut().flatten() {
            // It may have ended by itself; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What came of one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// A result.
    Result(Value),
    /// No result, and whether it surely has no effect.
    Refused { error: String, definite: bool },
    /// No answer.
    Nothing,
}

async fn read(response: Result<reqwest::Response, reqwest::Error>) -> Answer {
    let Ok(response) = response else { return Answer::Nothing };
    let success = response.status().is_success();
    match response.json::<Value>().await {
        Ok(value) if success => Answer::Result(value),
        Ok(value) => Answer::Refused {
            error: value["error"].as_str().expect("a refusal says why").to_owned(),
            definite: value["definite"].as_bool().expect("a refusal says whether it is definite"),
        },
        Err(_) => Answer::Nothing,
    }
}

/// Waits until there is something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain: {what}");
}
