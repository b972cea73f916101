//! What the nodes of `raft` owe their clients while nodes are stopped, killed and started again; and that each planted flaw
//! shows where its sound twin does not.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::nodes::{Answer, Cluster, TrialFn, eventually};

pub(crate) const TRIALS: &[(&str, TrialFn)] = &[
    ("raft::tokens_rise_and_replies_stand_over_kills", |network| Box::pin(tokens_and_replies(network))),
    ("raft::a_read_after_a_restart_of_all_shows_what_was_acknowledged", |network| Box::pin(restart_of_all(network))),
    ("raft::a_lease_ends_in_time_and_not_before", |network| Box::pin(lease_ends(network))),
    ("raft::a_stopped_leader_takes_no_renewed_lease_away", |network| Box::pin(stopped_leader(network))),
    ("raft::a_refusal_without_a_majority_is_exact", |network| Box::pin(refusals(network))),
    ("raft::a_node_that_lags_far_behind_gets_the_snapshot", |network| Box::pin(snapshot(network))),
    ("raft::stale_reads_show_the_past_and_sound_ones_do_not", |network| Box::pin(stale_reads(network))),
    ("raft::no_dedupe_tells_a_repeated_release_otherwise", |network| Box::pin(no_dedupe(network))),
    ("raft::a_bad_start_ends_with_a_message", |network| Box::pin(bad_start(network))),
];

const LONG_MS: u64 = 60_000;

async fn lease(cluster: &Cluster, node: u16, ttl_ms: u64, request: &str) -> String {
    let reply = cluster.ask(node, "/lock/lease", json!({"ttl_ms": ttl_ms, "request": request})).await;
    reply["lease"].as_str().expect("a lease has a name").to_owned()
}

fn hold(lock: u32, lease: &str, request: &str) -> Value {
    json!({"lock": lock, "lease": lease, "ttl_ms": 0, "request": request})
}

async fn acquire(cluster: &Cluster, node: u16, lock: u32, lease: &str, request: &str) -> Option<u64> {
    let reply = cluster.ask(node, "/lock/acquire", hold(lock, lease, request)).await;
    assert_eq!(reply["granted"], reply["token"].is_u64(), "{reply}");
    reply["token"].as_u64()
}

async fn held(cluster: &Cluster, node: u16, path: &str, lock: u32, lease: &str, request: &str) -> bool {
    cluster.ask(node, path, hold(lock, lease, request)).await["held"].as_bool().expect("it was held or not")
}

async fn tokens_and_replies(network: u8) {
    let mut cluster = Cluster::raft(network, 3, |_, _| {});
    let mut last = None;
    for round in 0..3 {
        let leader = cluster.leader_but(None).await;
        let other = leader % 3 + 1;
        let name = |what: &str| format!("{what}-{round}");
        let mine = lease(&cluster, other, LONG_MS, &name("lease")).await;
        let token = acquire(&cluster, other, 1, &mine, &name("acquire")).await;
        assert!(token > last, "{token:?} after {last:?}");
        last = token;

        cluster.kill(leader).await;
        cluster.leader_but(Some(leader)).await;
        assert_eq!(lease(&cluster, other, LONG_MS, &name("lease")).await, mine, "a repeated request, another lease");
        assert_eq!(acquire(&cluster, other, 1, &mine, &name("acquire")).await, token);
        let rival = lease(&cluster, other, LONG_MS, &name("rival")).await;
        assert_eq!(acquire(&cluster, other, 1, &rival, &name("too-early")).await, None);

        cluster.start(leader);
        assert!(held(&cluster, other, "/lock/release", 1, &mine, &name("release")).await);
        let again = held(&cluster, leader, "/lock/release", 1, &mine, &name("release")).await;
        assert!(again, "the repeated release, through the restarted node, got another reply");
    }
}

/// What was acknowledged is on disk at a majority, and the first read after a restart of all shows it: also what lies many
/// entries behind the first of its term, so that it takes a new leader a while to see it at a majority.
async fn restart_of_all(network: u8) {
    let mut cluster = Cluster::raft(network, 3, |_, _| {});
    for round in 0..3 {
        let mine = lease(&cluster, 1, LONG_MS, &format!("lease-{round}")).await;
        // Many at once: each by itself waits for the disks of a majority.
        let renewals = (0..350).map(async |renewal| {
            held(&cluster, 1, "/lock/renew", round, &mine, &format!("renew-{round}-{renewal}")).await
        });
        assert!(join_all(renewals).await.iter().all(|held| *held), "round {round}");
        let token = acquire(&cluster, 1, round, &mine, &format!("acquire-{round}")).await;
        for node in 1..=3 {
            cluster.kill(node).await;
        }
        for node in 1..=3 {
            cluster.start(node);
        }
        let path = format!("/lock/holder?lock={round}");
        let holder = eventually("the holder", async || match cluster.get(1, &path).await {
            Answer::Result(holder) => Some(holder),
            _ => None,
        });
        assert_eq!(holder.await, json!({"lock": round, "lease": mine, "token": token}), "round {round}");
    }
}

async fn lease_ends(network: u8) {
    const TTL: Duration = Duration::from_millis(1_500);
    let cluster = Cluster::raft(network, 3, |_, _| {});
    let rival = lease(&cluster, 2, LONG_MS, "rival").await;
    let mine = lease(&cluster, 3, TTL.as_millis() as u64, "mine").await;
    assert!(acquire(&cluster, 3, 1, &mine, "acquire").await.is_some());
    let mut renewed = Instant::now();
    for round in 0..6 {
        tokio::time::sleep(TTL / 3).await;
        let sent = Instant::now();
        assert!(held(&cluster, 3, "/lock/renew", 1, &mine, &format!("renew-{round}")).await, "lost in round {round}");
        renewed = sent;
        assert_eq!(acquire(&cluster, 2, 1, &rival, &format!("early-{round}")).await, None);
    }
    let mut attempt = 0;
    eventually("the lease ends", async || {
        attempt += 1;
        acquire(&cluster, 2, 1, &rival, &format!("late-{attempt}")).await
    })
    .await;
    assert!(renewed.elapsed() >= TTL, "the lease ended {:?} after its renewal", renewed.elapsed());
    assert!(!held(&cluster, 3, "/lock/renew", 1, &mine, "too-late").await);
    let reply = cluster.ask(3, "/lock/acquire", hold(2, &mine, "on-no-lease")).await;
    assert_eq!(reply["lease_gone"], true, "{reply}");
}

/// The leader is stopped until every lease has run out by its own reckoning, while another leader renews them.
async fn stopped_leader(network: u8) {
    const TTL_MS: u64 = 3_000;
    let cluster = Cluster::raft(network, 3, |_, _| {});
    let leader = cluster.leader_but(None).await;
    let other = leader % 3 + 1;
    let mine = lease(&cluster, other, TTL_MS, "lease").await;
    let token = acquire(&cluster, other, 1, &mine, "acquire").await;
    cluster.pause(leader).await;
    cluster.leader_but(Some(leader)).await;
    let end = Instant::now() + Duration::from_millis(2 * TTL_MS);
    let mut round = 0;
    let mut woken = false;
    while Instant::now() < end + Duration::from_millis(TTL_MS) {
        round += 1;
        assert!(held(&cluster, other, "/lock/renew", 1, &mine, &format!("renew-{round}")).await, "lost, round {round}");
        if !woken && Instant::now() > end {
            cluster.signal(leader, Signal::SIGCONT);
            woken = true;
        }
        tokio::time::sleep(Duration::from_millis(TTL_MS / 5)).await;
    }
    assert!(woken);
    assert_eq!(acquire(&cluster, other, 1, &mine, "still").await, token);
}

async fn refusals(network: u8) {
    let mut cluster = Cluster::raft(network, 3, |_, _| {});
    let leader = cluster.leader_but(None).await;
    let (left, killed) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    let mine = lease(&cluster, left, LONG_MS, "lease").await;
    cluster.kill(killed).await;
    cluster.kill(leader).await;
    // Nobody listens where the leader was: nothing can have been sent, and later nobody is known to lead.
    for request in ["refused-1", "refused-2"] {
        let answer = cluster.post(left, "/lock/acquire", &hold(1, &mine, request), Duration::from_secs(8)).await;
        assert!(matches!(answer, Answer::Refused { definite: true, .. }), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
    cluster.start(killed);
    let leader = cluster.leader_but(None).await;
    let follower = if leader == left { killed } else { left };
    assert!(acquire(&cluster, left, 2, &mine, "acquire").await.is_some());
    // A leader that nobody follows any more takes the proposal: nobody can say what will become of it.
    cluster.kill(follower).await;
    let answer = cluster.post(leader, "/lock/acquire", &hold(1, &mine, "unknown"), Duration::from_secs(8)).await;
    assert!(matches!(answer, Answer::Refused { definite: false, .. }), "{answer:?}");
    cluster.start(follower);
    assert!(acquire(&cluster, follower, 1, &mine, "unknown").await.is_some(), "the same request, later");
}

async fn snapshot(network: u8) {
    let mut cluster = Cluster::raft(network, 3, |node, config| {
        config["snapshot_every"] = json!(40);
        if node == 3 {
            // So that it shows its own state, not the leader's.
            config["flaws"] = json!(["stale-reads"]);
        }
    });
    let mine = lease(&cluster, 1, LONG_MS, "lease").await;
    cluster.kill(3).await;
    let token = acquire(&cluster, 1, 5, &mine, "acquire").await;
    for round in 0..200 {
        assert!(held(&cluster, 1, "/lock/renew", 5, &mine, &format!("renew-{round}")).await);
    }
    cluster.start(3);
    let expected = json!({"lock": 5, "lease": mine, "token": token});
    eventually("n3 has caught up", async || {
        (cluster.get(3, "/lock/holder?lock=5").await == Answer::Result(expected.clone())).then_some(())
    })
    .await;
    assert!(cluster.logged(3).contains("took a snapshot"), "n3 was sent the log instead");
    let leader = cluster.leader_but(None).await;
    assert!(
        held(&cluster, leader % 3 + 1, "/lock/renew", 5, &mine, "renew-0").await,
        "a reply from before the snapshot"
    );
}

async fn stale_reads(network: u8) {
    // n3 hears nothing from the others, for they look for it where nobody is; and is asked all the same.
    let mut views = Vec::new();
    for (network, flaws) in [(network, json!(["stale-reads"])), (network + 40, json!([]))] {
        let cluster = Cluster::raft(network, 3, |node, config| {
            config["flaws"] = flaws.clone();
            if node != 3 {
                config["peers"]["n3"] = json!("127.0.0.1:1");
            }
        });
        let mine = lease(&cluster, 1, LONG_MS, "lease").await;
        let token = acquire(&cluster, 1, 1, &mine, "acquire").await;
        let known = json!({"lock": 1, "lease": mine, "token": token});
        let known = Answer::Result(known);
        eventually("the holder", async || (cluster.get(1, "/lock/holder?lock=1").await == known).then_some(())).await;
        views.push(cluster.get(3, "/lock/holder?lock=1").await);
    }
    assert_eq!(views[0], Answer::Result(json!({"lock": 1, "lease": null, "token": null})), "the flaw");
    assert!(matches!(views[1], Answer::Refused { definite: true, .. }), "the sound twin: {:?}", views[1]);
}

async fn no_dedupe(network: u8) {
    let mut replies = Vec::new();
    for (network, flaws) in [(network, json!(["no-dedupe"])), (network + 40, json!([]))] {
        let cluster = Cluster::raft(network, 1, |_, config| config["flaws"] = flaws.clone());
        let mine = lease(&cluster, 1, LONG_MS, "lease").await;
        assert!(acquire(&cluster, 1, 1, &mine, "acquire").await.is_some());
        assert!(held(&cluster, 1, "/lock/release", 1, &mine, "release").await);
        replies.push(held(&cluster, 1, "/lock/release", 1, &mine, "release").await);
    }
    assert_eq!(replies, [false, true]);
}

async fn bad_start(network: u8) {
    let mut cluster = Cluster::raft(network, 3, |node, config| match node {
        1 => {}
        2 => config["listen"] = json!("no address"),
        _ => config["data"] = json!("/proc/none"),
    });
    for (node, message) in [(2, "bad node configuration"), (3, "/proc/none")] {
        assert_eq!(cluster.ended(node).await.code(), Some(1));
        let logged = cluster.logged(node);
        assert!(logged.contains(message), "{logged}");
    }
    eventually("n1 is up", async || matches!(cluster.get(1, "/view").await, Answer::Result(_)).then_some(())).await;
    cluster.signal(1, Signal::SIGTERM);
    assert!(cluster.ended(1).await.success(), "SIGTERM is no failure: {}", cluster.logged(1));
}
