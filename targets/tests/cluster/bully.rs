//! What is right and what is wrong with `bully`, node by node.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::nodes::{Answer, Cluster, TrialFn, eventually};

pub(crate) const TRIALS: &[(&str, TrialFn)] = &[
    ("bully::the_highest_node_that_answers_leads", |network| Box::pin(highest(network))),
    ("bully::a_lower_leader_stops_before_a_higher_one_leads", |network| Box::pin(handover(network))),
    ("bully::a_stopped_leader_still_believes_when_it_wakes_up", |network| Box::pin(stopped_leader(network))),
    ("bully::it_offers_nothing_but_its_view", |network| Box::pin(refusal(network))),
];

async fn view(cluster: &Cluster, node: u16) -> Option<Value> {
    match cluster.get(node, "/view").await {
        Answer::Result(view) => Some(view),
        Answer::Refused { .. } | Answer::Nothing => None,
    }
}

async fn leads(cluster: &Cluster, node: u16) -> bool {
    view(cluster, node).await.is_some_and(|view| view["believes_leader"] == json!(true))
}

async fn highest(network: u8) {
    let mut cluster = Cluster::bully(network, 3);
    eventually("n3 leads", async || leads(&cluster, 3).await.then_some(())).await;
    let expected = json!({
        "node": "n3", "leader": "n3", "believes_leader": true, "term": null, "incarnation": 1, "since": 1
    });
    assert_eq!(view(&cluster, 3).await, Some(expected));
    cluster.kill(3).await;
    eventually("n2 leads", async || leads(&cluster, 2).await.then_some(())).await;
    cluster.start(3);
    let back = eventually("n3 leads again", async || {
        view(&cluster, 3).await.filter(|view| view["believes_leader"] == json!(true))
    });
    // A leadership of another start: nobody takes it for the one before.
    let back = back.await;
    assert_eq!((&back["incarnation"], &back["since"]), (&json!(2), &json!(1)));
    assert_eq!(view(&cluster, 2).await.unwrap()["since"], Value::Null, "a follower");
}

async fn handover(network: u8) {
    let mut cluster = Cluster::bully(network, 3);
    eventually("n3 leads", async || leads(&cluster, 3).await.then_some(())).await;
    for round in 0..5 {
        cluster.kill(3).await;
        eventually("n2 leads", async || leads(&cluster, 2).await.then_some(())).await;
        cluster.start(3);
        eventually("n3 leads", async || leads(&cluster, 3).await.then_some(())).await;
        assert!(!leads(&cluster, 2).await, "n2 led when n3 did, in round {round}");
    }
}

async fn stopped_leader(network: u8) {
    let cluster = Cluster::bully(network, 3);
    eventually("n3 leads", async || leads(&cluster, 3).await.then_some(())).await;
    let before = view(&cluster, 3).await;
    cluster.pause(3).await;
    eventually("n2 leads", async || leads(&cluster, 2).await.then_some(())).await;
    cluster.signal(3, Signal::SIGCONT);
    assert_eq!(view(&cluster, 3).await, before, "one leadership all the while");
    eventually("n2 has heard of it", async || (!leads(&cluster, 2).await).then_some(())).await;
    assert_eq!(view(&cluster, 3).await, before, "the higher one stays");
}

async fn refusal(network: u8) {
    let cluster = Cluster::bully(network, 1);
    eventually("n1 leads alone", async || leads(&cluster, 1).await.then_some(())).await;
    let request = json!({"delta": 1, "request": "x"});
    let answer = cluster.post(1, "/counter/add", &request, Duration::from_secs(5)).await;
    assert!(
        matches!(&answer, Answer::Refused { error, definite: true } if error.starts_with("unsupported")),
        "{answer:?}"
    );
}
