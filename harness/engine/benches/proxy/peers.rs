//! The proxies that are compared, each a process that ends with its [`Peer`].

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dsjepsen_engine::network::{Distribution, Effect, LinkRule, Network, Source, Subnet};
use dsjepsen_history::NodeId;
use tempfile::TempDir;

use crate::Outcome;

/// The argument that makes this program serve a network of two nodes until its standard input ends; maybe behind it, a fault.
pub(crate) const SERVE: &str = "--serve-links";
const PORT: u16 = 9100;
const DEADLINE: Duration = Duration::from_secs(10);

/// Which proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None: the client dials the server.
    Direct,
    /// A link.
    Ours,
    /// A link with a fault.
    Faulty(Fault),
    /// HAProxy as it is.
    HaProxy,
    /// HAProxy told to splice.
    HaProxySplice,
    /// nginx.
    Nginx,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Direct, Self::Ours, Self::HaProxy, Self::HaProxySplice, Self::Nginx];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Ours => "a link of ours",
            Self::Faulty(_) => "a link with a fault",
            Self::HaProxy => "HAProxy",
            Self::HaProxySplice => "HAProxy that splices",
            Self::Nginx => "nginx stream",
        }
    }
}

/// What is asked of a link in the direction from the client to the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 10 ms.
    Delay,
    /// 4 MB/s.
    Rate,
    /// 16 bytes every millisecond.
    Slice,
}

impl Fault {
    const ALL: [Self; 3] = [Self::Delay, Self::Rate, Self::Slice];

    fn name(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Rate => "rate",
            Self::Slice => "slice",
        }
    }

    fn effect(self) -> Effect {
        match self {
            Self::Delay => Effect::Delay { by: Distribution::Constant(Duration::from_millis(10)) },
            Self::Rate => Effect::Rate { bytes_per_second: 4_000_000 },
            Self::Slice => Effect::Slice { bytes: 16, gap: Duration::from_millis(1) },
        }
    }
}

/// A proxy that runs.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    /// Where it is dialled.
    pub(crate) address: SocketAddr,
    /// Where whoever is behind it must listen.
    pub(crate) node: SocketAddr,
    process: Option<Child>,
    _directory: TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Fails only where it has ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Peer {
    /// Starts it; nothing where it is not installed.
    pub(crate) fn start(kind: Kind) -> Outcome<Option<Self>> {
        let directory = tempfile::tempdir()?;
        let [address, node] = [free_address()?, free_address()?];
        let file = directory.path().join("config");
        let mut command = match kind {
            Kind::Direct => {
                return Ok(Some(Self { kind, address: node, node, process: None, _directory: directory }));
            }
            Kind::Ours | Kind::Faulty(_) => return Self::start_ours(kind, directory).map(Some),
            Kind::HaProxy | Kind::HaProxySplice => {
                let splice =
                    if kind == Kind::HaProxySplice { "option splice-request\n  option splice-response" } else { "" };
                fs::write(
                    &file,
                    format!(
                        "global\n  maxconn 100\ndefaults\n  mode tcp\n  {splice}\n  timeout connect 5s\n  timeout client 60s\n  \
                         timeout server 60s\nlisten link\n  bind {address}\n  server node {node}\n"
                    ),
                )?;
                let mut command = Command::new("haproxy");
                command.arg("-db").arg("-f").arg(&file);
                command
            }
            Kind::Nginx => {
                let place = directory.path().display();
                fs::write(
                    &file,
                    format!(
                        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\nmaster_process off;\n\
                         pid {place}/pid;\nerror_log {place}/log;\nevents {{ worker_connections 100; }}\n\
                         stream {{ server {{ listen {address}; proxy_pass {node}; }} }}\n"
                    ),
                )?;
                let mut command = Command::new("nginx");
                command.arg("-p").arg(directory.path()).arg("-e").arg("log").arg("-c").arg(&file);
                command
            }
        };
        let process = match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let peer = Self { kind, address, node, process: Some(process), _directory: directory };
        peer.wait_until_it_listens()?;
        Ok(Some(peer))
    }

    fn start_ours(kind: Kind, directory: TempDir) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE);
        if let Kind::Faulty(fault) = kind {
            command.arg(fault.name());
        }
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let unknown = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut peer = Self { kind, address: unknown, node: unknown, process: Some(process), _directory: directory };
        let stdout = peer.process.as_mut().and_then(|process| process.stdout.take()).ok_or("it has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let (address, node) = line.trim().split_once(' ').ok_or("the links say nothing of where they are")?;
        (peer.address, peer.node) = (address.parse()?, node.parse()?);
        Ok(peer)
    }

    fn wait_until_it_listens(&self) -> Outcome<()> {
        let began = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if began.elapsed() > DEADLINE {
                return Err(format!("{} does not listen", self.kind.name()).into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The processor time that it has used, all threads together.
    pub(crate) fn processor_time(&self) -> Outcome<Duration> {
        let Some(process) = &self.process else { return Ok(Duration::ZERO) };
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", process.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }
}

fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Serves the links of two nodes, and says where.
pub(crate) fn serve(fault: Option<&str>) -> Outcome<()> {
    let nodes = [0, 1].map(NodeId::at);
    let network = Network::start(Subnet::claim()?, &nodes, &[PORT])?;
    if let Some(fault) = Fault::ALL.into_iter().find(|known| Some(known.name()) == fault) {
        network.install(&[LinkRule { from: nodes[0], to: nodes[1], effect: fault.effect() }]);
    }
    let subnet = network.subnet();
    println!("{}:{PORT} {}:{PORT}", subnet.link(Source::Node(nodes[0]), nodes[1]), subnet.node(nodes[1]));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
