//! What is right and what is wrong with `rmw-counter`.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::nodes::{Answer, Cluster, TrialFn, eventually};

pub(crate) const TRIALS: &[(&str, TrialFn)] = &[
    ("rmw_counter::copies_follow_one_another", |network| Box::pin(copies(network))),
    ("rmw_counter::additions_that_meet_are_lost", |network| Box::pin(lost(network))),
    ("rmw_counter::a_keeper_counts_all_and_repetitions_too", |network| Box::pin(keeper(network))),
];

async fn add(cluster: &Cluster, node: u16, key: &str) -> Value {
    cluster.ask(node, "/counter/add", json!({"delta": 1, "request": key})).await["value"].clone()
}

/// What a node shows; null while it is not up.
async fn value(cluster: &Cluster, node: u16) -> Value {
    match cluster.get(node, "/counter/value").await {
        Answer::Result(reply) => reply["value"].clone(),
        Answer::Nothing => Value::Null,
        refused => panic!("{refused:?}"),
    }
}

async fn all_show(cluster: &Cluster, size: u16, expected: i64) {
    eventually("all copies agree", async || {
        for node in 1..=size {
            if value(cluster, node).await != json!(expected) {
                return None;
            }
        }
        Some(())
    })
    .await;
}

async fn copies(network: u8) {
    let mut cluster = Cluster::rmw_counter(network, 3, false);
    for (expected, node) in [(1, 2), (2, 3), (3, 1)] {
        assert_eq!(add(&cluster, node, "k").await, json!(expected), "one after another nothing is lost");
        all_show(&cluster, 3, expected).await;
    }
    cluster.kill(2).await;
    cluster.start(2);
    all_show(&cluster, 3, 3).await;
}

async fn lost(network: u8) {
    let cluster = Cluster::rmw_counter(network, 2, false);
    let mut sum = 0;
    eventually("an addition is lost", async || {
        let (one, other) = tokio::join!(add(&cluster, 1, "a"), add(&cluster, 1, "b"));
        sum += 2;
        assert!(one.as_i64().unwrap().max(other.as_i64().unwrap()) <= sum);
        (value(&cluster, 1).await.as_i64().unwrap() < sum).then_some(())
    })
    .await;
}

async fn keeper(network: u8) {
    let cluster = Cluster::rmw_counter(network, 3, true);
    let (one, other, third) = tokio::join!(add(&cluster, 1, "a"), add(&cluster, 2, "b"), add(&cluster, 3, "c"));
    let mut values = [one, other, third].map(|value| value.as_i64().unwrap());
    values.sort_unstable();
    assert_eq!(values, [1, 2, 3]);
    assert_eq!(add(&cluster, 2, "b").await, json!(4), "the key is not looked at");

    cluster.pause(1).await;
    let request = json!({"delta": 1, "request": "d"});
    let answer = cluster.post(2, "/counter/add", &request, Duration::from_millis(500)).await;
    assert_eq!(answer, Answer::Nothing, "the client gives up");
    cluster.signal(1, Signal::SIGCONT);
    eventually("the request arrives all the same", async || (value(&cluster, 3).await == json!(5)).then_some(())).await;
}
