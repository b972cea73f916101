//! Holds together what is said of the contract in three places: our own types, the schema, and the page with its examples.

mod schema;

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::schema::Schema;
use super::*;
use crate::{PLACEHOLDERS, Scope, load_target};

const PAGE: &str = include_str!("../../CONTRACT.md");

/// The page's blocks of this language: what stands behind it in the first line, and the block's text.
fn blocks(language: &str) -> Vec<(&'static str, String)> {
    let mut blocks = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("```").filter(|rest| !rest.is_empty()) else { continue };
        let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let (found, name) = rest.split_once(' ').unwrap_or((rest, ""));
        if found == language {
            blocks.push((name, text.join("\n")));
        }
    }
    blocks
}

fn examples() -> Vec<(&'static str, Value)> {
    blocks("json").into_iter().map(|(name, text)| (name, serde_json::from_str(&text).unwrap())).collect()
}

/// One of each call, and one of its replies, as our own types write them.
fn calls() -> Vec<(Call, Value)> {
    let request = || "p1-1".to_owned();
    let hold = || HoldRequest { lock: 2, lease: "lease-7".to_owned(), ttl_ms: 2000, request: request() };
    let held = to_json(&PresenceReply { held: true });
    let view = ViewReply {
        node: "n1".to_owned(),
        leader: None,
        believes_leader: false,
        term: Some(3),
        incarnation: None,
        since: None,
    };
    vec![
        (Call::Lease(LeaseRequest { ttl_ms: 2000, request: request() }), to_json(&LeaseReply { lease: request() })),
        (Call::Acquire(hold()), to_json(&AcquireReply { granted: true, token: None, lease_gone: false })),
        (Call::Renew(hold()), held.clone()),
        (Call::Release(hold()), held.clone()),
        (Call::Revoke(hold()), held),
        (
            Call::Holder(HolderRequest { lock: 2 }),
            to_json(&HolderReply { lock: 2, lease: Some(request()), token: Some(1) }),
        ),
        (Call::Add(AddRequest { delta: -3, request: request() }), to_json(&AddReply { value: Some(-3) })),
        (Call::Count(Nothing {}), to_json(&CountReply { value: -3 })),
        (Call::Read(ReadRequest { key: 3 }), to_json(&ReadReply { value: None })),
        (Call::Write(WriteRequest { key: 3, value: u64::MAX, request: request() }), to_json(&Nothing {})),
        (
            Call::CompareAndSet(CompareAndSetRequest { key: 3, from: 1, to: 2, request: request() }),
            to_json(&CompareAndSetReply { swapped: false }),
        ),
        (Call::LeaderWrite(LeaderWriteRequest { request: request() }), to_json(&LeaderWriteReply { term: 3 })),
        (Call::View(Nothing {}), to_json(&view)),
    ]
}

#[test]
fn our_own_types_and_the_examples_of_the_page_fit_the_schema() {
    let schema = Schema::new(include_str!("../../contract.schema.json"));
    for (call, reply) in calls() {
        schema.accept(&format!("{}.request", call.name()), &call.body()).unwrap();
        schema.accept(&format!("{}.reply", call.name()), &reply).unwrap();
        let line = json!({"id": 1, "f": call.name(), "value": call.body(), "timeout_ms": 950});
        schema.accept("operation-line", &line).unwrap();
    }
    schema.accept("refusal", &to_json(&RefusalBody { error: "no-leader".to_owned(), definite: true })).unwrap();
    for (name, example) in examples() {
        schema.accept(name, &example).unwrap_or_else(|problem| panic!("{name}, {example}: {problem}"));
        if name == "operation-line" {
            let call = example["f"].as_str().unwrap();
            schema.accept(&format!("{call}.request"), &example["value"]).unwrap();
        }
    }
    for nonsense in [json!({"id": 1}), json!({"id": 1, "ok": {}, "fail": "x"}), json!({"id": 1, "ok": null})] {
        assert!(schema.accept("answer-line", &nonsense).is_err(), "{nonsense}");
    }
    assert!(schema.accept("operation-line", &json!({"id": 1, "f": "dance", "value": {}, "timeout_ms": 1})).is_err());
}

#[test]
fn what_the_schema_requires_our_types_require_too() {
    let schema = Schema::new(include_str!("../../contract.schema.json"));
    fn reads<T: DeserializeOwned>(value: &Value) -> bool {
        serde_json::from_value::<T>(value.clone()).is_ok()
    }
    let read_reply = |name: &str, value: &Value| match name {
        "lease" => reads::<LeaseReply>(value),
        "acquire" => reads::<AcquireReply>(value),
        "renew" | "release" | "revoke" => reads::<PresenceReply>(value),
        "holder" => reads::<HolderReply>(value),
        "add" => reads::<AddReply>(value),
        "count" => reads::<CountReply>(value),
        "read" => reads::<ReadReply>(value),
        "write" => reads::<Nothing>(value),
        "compare-and-set" => reads::<CompareAndSetReply>(value),
        "leader-write" => reads::<LeaderWriteReply>(value),
        "view" => reads::<ViewReply>(value),
        other => panic!("no reply of `{other}` is known"),
    };
    for (call, reply) in calls() {
        assert!(read_reply(call.name(), &reply), "{reply}");
        for member in reply.as_object().unwrap().keys() {
            let mut lacking = reply.clone();
            lacking.as_object_mut().unwrap().remove(member);
            let allowed = schema.accept(&format!("{}.reply", call.name()), &lacking).is_ok();
            assert_eq!(allowed, read_reply(call.name(), &lacking), "{} without {member}", call.name());
        }
    }
}

#[test]
fn the_page_has_an_example_and_a_heading_of_every_call() {
    let named: BTreeSet<_> = examples().into_iter().map(|(name, _)| name).collect();
    for (call, _) in calls() {
        let method = if call.is_read() { "GET" } else { "POST" };
        let heading = format!("### `{}`: {method} {}", call.name(), call.path());
        assert!(PAGE.lines().any(|line| line.starts_with(&heading)), "{heading}");
        for part in ["request", "reply"] {
            assert!(named.contains(format!("{}.{part}", call.name()).as_str()), "{part} of {}", call.name());
        }
    }
}

#[test]
fn the_files_of_the_page_can_be_read() {
    let files = blocks("toml");
    assert_eq!(files.len(), 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("target.toml");
    for (_, text) in files {
        std::fs::write(&path, text).unwrap();
        load_target(&path).unwrap();
    }
}

#[test]
fn the_page_has_the_table_of_placeholders() {
    let rows = PLACEHOLDERS.iter().map(|placeholder| {
        let scopes: Vec<_> = placeholder
            .scopes
            .iter()
            .map(|scope| match scope {
                Scope::Node => "node",
                Scope::Peer => "peer",
                Scope::Client => "client",
                Scope::Program => "program",
            })
            .collect();
        format!("| `{{{}}}` | {} | {} |", placeholder.name, scopes.join(", "), placeholder.about)
    });
    for row in rows {
        assert!(PAGE.lines().any(|line| line == row), "{row}");
    }
}
