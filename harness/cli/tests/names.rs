//! Nodes that are all told the same of one another: what they are told leads over each node's own link, by names that each
//! resolves for itself and by the owner of the dialling socket. Needs `bash`, which can dial; names need the right to a mount
//! namespace.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod shell;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};

use common::until;
use dsjepsen_engine::network::{Effect, LinkRule, LinkTraffic, Source};
use dsjepsen_engine::target::Addressing;
use dsjepsen_engine::{Cluster, find_marked};
use dsjepsen_history::{NodeId, RunEvent};
use libtest_mimic::{Arguments, Completion, Trial};
use shell::{Bench, PORT, Shell};

/// Every node says "hello" to the next one, again and again, and logs what it is answered.
static DIALLERS: Shell = Shell::with_names(
    "echo node is ready
     while :; do
         timeout 1 bash -c 'exec 3<>/dev/tcp/$PEER/7301; echo hello >&3; read -r said <&3; echo $said' 2>&1
         sleep 0.05
     done",
);

/// The variable that asks for one way of addressing, and the ways.
const ADDRESSING: &str = "DSJEPSEN_ADDRESSING";
const BY_NAMES: &str = "names";
const BY_OWNER: &str = "owner";

type Test = (&'static str, fn(Bench));

const OWN_LINKS: Test = ("what_is_shared_leads_over_each_nodes_own_link", |bench| run(own_links(bench)));
const RESTARTED: Test = ("a_node_is_the_program_itself_also_after_a_restart", |bench| run(restarted(bench)));
const STRANGER: Test = ("who_is_of_no_node_is_refused_and_it_is_told", |bench| run(stranger(bench)));

fn main() -> ExitCode {
    let trials = match std::env::var(ADDRESSING) {
        Ok(way) if way == BY_OWNER => [OWN_LINKS, RESTARTED, STRANGER].into_iter().map(here).collect(),
        Ok(_) => [OWN_LINKS, RESTARTED].into_iter().map(here).collect(),
        Err(_) => vec![
            apart(BY_NAMES, OWN_LINKS),
            apart(BY_NAMES, RESTARTED),
            apart(BY_OWNER, OWN_LINKS),
            apart(BY_OWNER, RESTARTED),
            apart(BY_OWNER, STRANGER),
        ],
    };
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The test itself.
fn here((name, test): Test) -> Trial {
    let missing = Addressing::SharedNames.available().is_err() || !std::path::Path::new("/bin/bash").exists();
    Trial::test(name, move || {
        test(Bench::new(name));
        Ok(())
    })
    .with_ignored_flag(missing)
}

/// The test in a program of its own: the way is asked for in the environment, which a program cannot safely change.
fn apart(way: &'static str, (name, _): Test) -> Trial {
    Trial::ignorable_test(format!("{name}_by_{way}"), move || {
        let output = Command::new(std::env::current_exe()?).args([name, "--exact"]).env(ADDRESSING, way).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        match output.status.success() {
            true if said.contains("1 ignored") => Ok(Completion::ignored_with(format!("{way} cannot be used here"))),
            true if said.contains("1 passed") => Ok(Completion::Completed),
            _ => Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr)).into()),
        }
    })
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Answers whoever says a line to this node with the node's name. The nodes' shell cannot listen, so the test does for it.
fn answer_for(node: NodeId, address: Ipv4Addr) {
    let listener = TcpListener::bind((address, PORT)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut heard = String::new();
                // A dialler that is cut off or killed says nothing, and wants no answer.
                if BufReader::new(&stream).read_line(&mut heard).is_ok() && heard == "hello\n" {
                    let _ = writeln!(stream, "this is {node}");
                }
            });
        }
    });
}

async fn start(bench: &Bench, nodes: usize) -> Cluster {
    let cluster = bench.start(&DIALLERS, nodes).await.unwrap();
    for node in cluster.nodes() {
        answer_for(node, cluster.network().subnet().node(node));
    }
    cluster
}

fn traffic(cluster: &Cluster, from: usize, to: usize) -> LinkTraffic {
    let wanted = (Source::Node(NodeId::at(from)), NodeId::at(to));
    let all = cluster.network().traffic();
    all.into_iter().find(|traffic| (traffic.link.from, traffic.link.to) == wanted).unwrap()
}

async fn own_links(bench: Bench) {
    let cluster = start(&bench, 3).await;
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        let (log, said) = (format!("n{}/log", from + 1), format!("this is n{}", to + 1));
        until(&format!("{log}: {said}"), || bench.read(&log).contains(&said)).await;
        assert!(traffic(&cluster, from, to).bytes_back > 0, "it was not by their link that n{} was reached", to + 1);
        assert_eq!(traffic(&cluster, to, from).connections, 0, "another node's link was used");
    }

    // Data from n1 to n2 stops, and nothing else does.
    let (n1, n2) = (NodeId::at(0), NodeId::at(1));
    let rule = cluster.network().install(&[LinkRule { from: n1, to: n2, effect: Effect::Blackhole }]);
    let before = [traffic(&cluster, 0, 1), traffic(&cluster, 1, 2), traffic(&cluster, 2, 0)];
    until("the cut link is dialled", || traffic(&cluster, 0, 1).connections > before[0].connections).await;
    until("the others go on", || {
        traffic(&cluster, 1, 2).bytes_back > before[1].bytes_back
            && traffic(&cluster, 2, 0).bytes_back > before[2].bytes_back
    })
    .await;
    assert_eq!(traffic(&cluster, 0, 1).bytes_forward, before[0].bytes_forward, "the cut link lets data through");
    assert!(cluster.network().remove(rule).met_traffic());
    until("the healed link", || traffic(&cluster, 0, 1).bytes_back > before[0].bytes_back).await;

    drop(cluster);
    bench.nothing_left();
}

async fn restarted(bench: Bench) {
    let cluster = start(&bench, 2).await;
    let node = NodeId::at(0);
    for start in 0..2 {
        let pids = bench.pids(node);
        assert_eq!(pids.len(), start + 1);
        let program = std::fs::read(format!("/proc/{}/cmdline", pids[start])).unwrap();
        assert!(program.starts_with(b"/bin/bash\0-c\0"), "{}", String::from_utf8_lossy(&program));
        assert!(find_marked(&bench.run).contains(&pids[start]), "the run's marker cannot be seen");
        let before = traffic(&cluster, 0, 1).bytes_back;
        until("its link is used", || traffic(&cluster, 0, 1).bytes_back > before).await;

        assert!(cluster.kill(node).await.unwrap().contains("signal: 9"));
        assert!(!find_marked(&bench.run).contains(&pids[start]));
        cluster.restart(node).await.unwrap();
    }
    cluster.stop().await;
    bench.nothing_left();
    let machine = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    assert!(!machine.contains("dsjepsen.test"), "the machine's own names were changed");
}

/// The test's own program is no node's.
async fn stranger(bench: Bench) {
    let cluster = start(&bench, 2).await;
    until("the nodes are answered", || traffic(&cluster, 0, 1).bytes_back > 0).await;
    let front = (cluster.network().subnet().front(NodeId::at(0)), PORT);
    for _ in 0..2 {
        let mut stream = TcpStream::connect(front).unwrap();
        // It may be refused before it has said anything.
        let _ = stream.write_all(b"hello\n");
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(cluster.network().lookups().unwrap().foreign, 2);
    let lines = |start: &str| {
        let seen = bench.seen.lock().unwrap();
        let texts = seen.iter().filter_map(|event| match event {
            RunEvent::Warning { text } | RunEvent::Note { text } => Some(text.clone()),
            _ => None,
        });
        texts.filter(|text| text.starts_with(start)).collect::<Vec<_>>()
    };
    let expected = format!("to {}:{PORT} was refused: no process of a node has the dialling socket open", front.0);
    until("it is told", || !lines("a connection from 127.0.0.1:").is_empty()).await;
    cluster.stop().await;
    let warnings = lines("a connection from 127.0.0.1:");
    assert!(warnings.len() == 1 && warnings[0].contains(&expected), "{warnings:?}");
    let told = lines("who dialled was told by the socket's owner for ");
    assert!(told.len() == 1 && told[0].contains(" 2 of no node,"), "{told:?}");
}
