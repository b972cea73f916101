//! ok, fail or info: what a connection says of requests that break off, over real links to small servers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dsjepsen_engine::api::{CallError, Connection, Repeat, Request, Route};
use dsjepsen_engine::network::{Effect, LinkRule, Network, Source, Subnet};
use dsjepsen_engine::{Events, RunClock};
use dsjepsen_history::{NodeId, Process};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

const PORT: u16 = 7401;
const HOME: usize = 0;
const AWAY: usize = 1;

/// How long one attempt may take: longer than a busy machine stands still.
const ATTEMPT: Duration = Duration::from_secs(1);

/// Several attempts from now.
fn soon() -> Instant {
    Instant::now() + 4 * ATTEMPT
}

/// How a server treats the n-th connection that brings it a request.
type Manners = fn(usize) -> Answer;

enum Answer {
    Silence,
    /// A status and a body.
    Reply(u16, &'static str),
}

const OK: Answer = Answer::Reply(200, r#"{"sum": 42}"#);
const REFUSED: Answer = Answer::Reply(503, r#"{"error": "no-leader", "definite": true}"#);

struct Bench {
    network: Network,
    requests: Arc<AtomicUsize>,
}

impl Bench {
    /// Two nodes, of which the second serves; without manners nothing listens there.
    async fn new(manners: Option<Manners>) -> Self {
        let nodes = [NodeId::at(HOME), NodeId::at(AWAY)];
        let network = Network::start(Subnet::claim().unwrap(), &nodes, &[PORT]).unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        if let Some(manners) = manners {
            let listener = TcpListener::bind((network.subnet().node(nodes[AWAY]), PORT)).await.unwrap();
            let counted = Arc::clone(&requests);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, manners, Arc::clone(&counted)));
                }
            });
        }
        Self { network, requests }
    }

    fn connection(&self) -> Arc<Connection> {
        let (home, node) = (NodeId::at(HOME), NodeId::at(AWAY));
        let address = self.network.subnet().link(Source::Clients(home), node);
        let route = Route { node, address, network: self.network.clone() };
        let events = Events::new(RunClock::start(), Vec::new());
        Connection::new(Process(0), route, ATTEMPT, events).unwrap()
    }

    async fn call(&self, repeat: Repeat) -> Result<serde_json::Value, CallError> {
        let request = Request::post("add", PORT, "/add", json!({"by": 1}), repeat);
        self.connection().call(&request, soon()).await
    }
}

async fn serve(mut stream: TcpStream, manners: Manners, requests: Arc<AtomicUsize>) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        seen.extend_from_slice(&buffer[..count]);
        if !seen.ends_with(b"{\"by\":1}") {
            continue;
        }
        seen.clear();
        match manners(requests.fetch_add(1, Ordering::SeqCst)) {
            Answer::Reply(status, body) => {
                let text = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(text.as_bytes()).await.unwrap_or(());
            }
            Answer::Silence => {}
        }
    }
}

#[tokio::test]
async fn an_answer_is_an_answer() {
    let bench = Bench::new(Some(|_| OK)).await;
    assert_eq!(bench.call(Repeat::OnlyUnsent).await, Ok(json!({"sum": 42})));
    assert_eq!(bench.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_reached_nobody_definitely_failed() {
    let bench = Bench::new(None).await;
    let error = bench.call(Repeat::OnlyUnsent).await.unwrap_err();
    assert!(matches!(&error, CallError::Definite(reason) if reason.kind() == "unsent"), "{error:?}");
}

#[tokio::test]
async fn what_may_have_arrived_is_never_called_failed_nor_sent_again_without_a_key() {
    let bench = Bench::new(Some(|_| Answer::Silence)).await;
    let error = bench.call(Repeat::OnlyUnsent).await.unwrap_err();
    assert!(matches!(error, CallError::Indefinite(_)), "{error:?}");
    assert_eq!(bench.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_keyed_request_is_sent_again_until_it_is_answered() {
    let bench = Bench::new(Some(|number| if number == 0 { Answer::Silence } else { OK })).await;
    assert_eq!(bench.call(Repeat::Keyed).await, Ok(json!({"sum": 42})));
    assert_eq!(bench.requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_doubt_outlasts_later_refusals() {
    let bench = Bench::new(Some(|number| if number == 0 { Answer::Silence } else { REFUSED })).await;
    let error = bench.call(Repeat::Keyed).await.unwrap_err();
    assert!(matches!(error, CallError::Indefinite(_)), "{error:?}");
    assert!(bench.requests.load(Ordering::SeqCst) > 1);
    // Of one that was only refused there is no doubt, unless its time ended while its last attempt was under way.
    let mut refused_only = Vec::new();
    for _ in 0..5 {
        refused_only.push(Bench::new(Some(|_| REFUSED)).await.call(Repeat::Keyed).await.unwrap_err());
        if matches!(refused_only.last(), Some(CallError::Definite(reason)) if reason.kind() == "no-leader") {
            return;
        }
    }
    panic!("{refused_only:?}");
}

#[tokio::test]
async fn what_a_cut_held_back_failed_and_never_arrives_after_the_heal() {
    let bench = Bench::new(Some(|_| OK)).await;
    let (from, to) = (NodeId::at(HOME), NodeId::at(AWAY));
    let rule = bench.network.install(&[LinkRule { from, to, effect: Effect::Blackhole }]);
    let error = bench.call(Repeat::OnlyUnsent).await.unwrap_err();
    assert!(matches!(&error, CallError::Definite(reason) if reason.kind() == "unsent"), "{error:?}");
    assert!(bench.network.remove(rule).met_traffic());
    assert_eq!(bench.call(Repeat::OnlyUnsent).await, Ok(json!({"sum": 42})), "the healed link is of use");
    // Whatever the cut held would have arrived before what was sent later.
    assert_eq!(bench.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_that_a_cut_held_back_leaves_a_doubt() {
    let bench = Bench::new(Some(|_| OK)).await;
    let (from, to) = (NodeId::at(AWAY), NodeId::at(HOME));
    let connection = bench.connection();
    let request = Request::post("add", PORT, "/add", json!({"by": 1}), Repeat::OnlyUnsent);
    // The connection must exist before the cut: a new one is not dialled through half a cut.
    assert!(connection.call(&request, soon()).await.is_ok());
    let rule = bench.network.install(&[LinkRule { from, to, effect: Effect::Blackhole }]);
    let error = connection.call(&request, soon()).await.unwrap_err();
    assert!(matches!(error, CallError::Indefinite(_)), "{error:?}");
    assert_eq!(bench.requests.load(Ordering::SeqCst), 2, "it did arrive");
    bench.network.remove(rule);
    assert!(connection.call(&request, soon()).await.is_ok());
}
