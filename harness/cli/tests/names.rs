//! Nodes that look for one another by names that are the same on all of them: each name leads over the node's own link. Needs
//! `bash`, which can dial, and the right to a mount namespace.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod shell;

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use dsjepsen_engine::network::{Effect, LinkRule, LinkTraffic, Source};
use dsjepsen_engine::target::Addressing;
use dsjepsen_engine::{Cluster, find_marked};
use dsjepsen_history::{NodeId, RunEvent};
use libtest_mimic::{Arguments, Trial};
use shell::{Bench, PORT, Shell};
use tokio::time::Instant;

/// Every node says "hello" to the next one, again and again, and logs what it is answered.
static DIALLERS: Shell = Shell::with_names(
    "echo node is ready
     while :; do
         timeout 1 bash -c 'exec 3<>/dev/tcp/$PEER/7301; echo hello >&3; read -r said <&3; echo $said' 2>&1
         sleep 0.05
     done",
);

fn main() -> ExitCode {
    let missing = Addressing::SharedNames.available().is_err() || !std::path::Path::new("/bin/bash").exists();
    let trial = |name: &str, run: fn(Bench)| {
        let name = name.to_owned();
        Trial::test(name.clone(), move || {
            run(Bench::new(&name));
            Ok(())
        })
        .with_ignored_flag(missing)
    };
    let trials = vec![
        trial("a_shared_name_leads_over_each_nodes_own_link", |bench| run(own_links(bench))),
        trial("a_named_node_is_the_program_itself_also_after_a_restart", |bench| run(restarted(bench))),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
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

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn own_links(bench: Bench) {
    let cluster = start(&bench, 3).await;
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        let (log, said) = (format!("n{}/log", from + 1), format!("this is n{}", to + 1));
        eventually(&format!("{log}: {said}"), || bench.read(&log).contains(&said)).await;
        assert!(traffic(&cluster, from, to).bytes_back > 0, "it was not by their link that n{} was reached", to + 1);
        assert_eq!(traffic(&cluster, to, from).connections, 0, "another node's link was used");
    }

    // Data from n1 to n2 stops, and nothing else does.
    let (n1, n2) = (NodeId::at(0), NodeId::at(1));
    let rule = cluster.network().install(&[LinkRule { from: n1, to: n2, effect: Effect::Blackhole }]);
    let before = [traffic(&cluster, 0, 1), traffic(&cluster, 1, 2), traffic(&cluster, 2, 0)];
    eventually("the cut link is dialled", || traffic(&cluster, 0, 1).connections > before[0].connections).await;
    eventually("the others go on", || {
        traffic(&cluster, 1, 2).bytes_back > before[1].bytes_back
            && traffic(&cluster, 2, 0).bytes_back > before[2].bytes_back
    })
    .await;
    assert_eq!(traffic(&cluster, 0, 1).bytes_forward, before[0].bytes_forward, "the cut link lets data through");
    assert!(cluster.network().remove(rule).met_traffic());
    eventually("the healed link", || traffic(&cluster, 0, 1).bytes_back > before[0].bytes_back).await;

    drop(cluster);
    bench.nothing_left();
}

async fn restarted(bench: Bench) {
    let cluster = start(&bench, 2).await;
    let node = NodeId::at(0);
    for start in 0..2 {
        let pids: Vec<i32> = bench
            .seen
            .lock()
            .unwrap()
            .iter()
            .filter_map(|event| match event {
                RunEvent::NodeStarted { node: started, pid, .. } if *started == node => Some(*pid),
                _ => None,
            })
            .collect();
        assert_eq!(pids.len(), start + 1);
        let program = std::fs::read(format!("/proc/{}/cmdline", pids[start])).unwrap();
        assert!(program.starts_with(b"/bin/bash\0-c\0"), "{}", String::from_utf8_lossy(&program));
        assert!(find_marked(&bench.run).contains(&pids[start]), "the run's marker cannot be seen");
        let before = traffic(&cluster, 0, 1).bytes_back;
        eventually("its link is used", || traffic(&cluster, 0, 1).bytes_back > before).await;

        assert!(cluster.kill(node).await.unwrap().contains("signal: 9"));
        assert!(!find_marked(&bench.run).contains(&pids[start]));
        cluster.restart(node).await.unwrap();
    }
    cluster.stop().await;
    bench.nothing_left();
    let machine = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    assert!(!machine.contains("dsjepsen.test"), "the machine's own names were changed");
}
