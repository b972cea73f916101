//! What is right and what is wrong with `ttl-lock`, through its gateways.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::nodes::{Answer, Cluster, TrialFn, eventually};

pub(crate) const TRIALS: &[(&str, TrialFn)] = &[
    ("ttl_lock::one_holder_through_any_node", |network| Box::pin(one_holder(network))),
    ("ttl_lock::a_foreign_release_frees_the_lock", |network| Box::pin(foreign_release(network))),
    ("ttl_lock::a_stuck_release_arrives_after_its_client_has_gone", |network| Box::pin(stuck_release(network))),
    ("ttl_lock::a_gateway_knows_what_it_did_not_send", |network| Box::pin(gateway(network))),
];

fn hold(owner: &str, ttl_ms: u64) -> Value {
    json!({"lock": 1, "lease": owner, "ttl_ms": ttl_ms, "request": owner})
}

async fn acquire(cluster: &Cluster, node: u16, owner: &str, ttl_ms: u64) -> bool {
    cluster.ask(node, "/lock/acquire", hold(owner, ttl_ms)).await["granted"] == json!(true)
}

async fn holder(cluster: &Cluster, node: u16) -> Value {
    match cluster.get(node, "/lock/holder?lock=1").await {
        Answer::Result(holder) => holder["lease"].clone(),
        other => panic!("{other:?}"),
    }
}

async fn one_holder(network: u8) {
    let cluster = Cluster::ttl_lock(network, 3);
    assert!(acquire(&cluster, 2, "a", 60_000).await);
    for (node, owner) in [(1, "b"), (2, "c"), (3, "d")] {
        assert!(!acquire(&cluster, node, owner, 60_000).await);
    }
    assert_eq!(holder(&cluster, 3).await, json!("a"));
    assert_eq!(cluster.ask(2, "/lock/release", hold("a", 0)).await, json!({"held": true}));
    assert!(acquire(&cluster, 3, "d", 300).await);
    eventually("d's lock expires", async || acquire(&cluster, 1, "b", 60_000).await.then_some(())).await;
    assert_eq!(cluster.ask(2, "/lock/renew", hold("b", 60_000)).await, json!({"held": true}));
}

async fn foreign_release(network: u8) {
    let mut cluster = Cluster::ttl_lock(network, 2);
    assert!(acquire(&cluster, 1, "b", 60_000).await);
    assert_eq!(cluster.ask(2, "/lock/release", hold("a", 0)).await, json!({"held": true}), "of a lock that is not a's");
    assert!(acquire(&cluster, 2, "c", 60_000).await);

    cluster.kill(1).await;
    cluster.start(1);
    assert!(acquire(&cluster, 2, "d", 60_000).await, "the server has forgotten c");
}

async fn stuck_release(network: u8) {
    let cluster = Cluster::ttl_lock(network, 2);
    assert!(acquire(&cluster, 2, "a", 60_000).await);
    cluster.pause(1).await;
    let answer = cluster.post(2, "/lock/release", &hold("a", 0), Duration::from_secs(1)).await;
    assert_eq!(answer, Answer::Nothing, "the client gives up");
    tokio::time::sleep(Duration::from_millis(300)).await;
    cluster.signal(1, Signal::SIGCONT);
    eventually("the release arrives", async || holder(&cluster, 1).await.is_null().then_some(())).await;
}

async fn gateway(network: u8) {
    let mut cluster = Cluster::ttl_lock(network, 2);
    assert!(acquire(&cluster, 2, "a", 60_000).await);
    cluster.kill(1).await;
    eventually("a refusal that is definite", async || {
        // In doubt is what went into the connection before its end was seen.
        let answer = cluster.post(2, "/lock/renew", &hold("a", 60_000), Duration::from_secs(5)).await;
        match answer {
            Answer::Refused { definite, .. } => definite.then_some(()),
            Answer::Nothing => None,
            Answer::Result(_) => panic!("{answer:?}"),
        }
    })
    .await;
    let lease = json!({"ttl_ms": 1, "request": "x"});
    cluster.start(1);
    eventually("n1 is up", async || matches!(cluster.get(1, "/view").await, Answer::Result(_)).then_some(())).await;
    let answer = cluster.post(2, "/lock/lease", &lease, Duration::from_secs(5)).await;
    assert!(matches!(answer, Answer::Refused { definite: true, .. }), "{answer:?}");
    let answer = cluster.post(2, "/lock/renew", &json!({"lock": "one"}), Duration::from_secs(5)).await;
    assert!(
        matches!(&answer, Answer::Refused { error, definite: true } if error.starts_with("bad-request")),
        "{answer:?}"
    );
}
