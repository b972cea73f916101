//! A valid and an invalid history of each model, and what the options mean.

use std::time::Duration;

use dsjepsen_checkers::Interrupt;
use dsjepsen_checkers::foreign::{FailedCas, ForeignRequest, KeyRule, foreign_models};
use dsjepsen_history::Gravity::{Invalid, Unknown, Valid};
use dsjepsen_history::foreign::{Format, Value};
use dsjepsen_history::{Gravity, UnknownReason};

use super::judge;

const EDN: Format = Format::EdnLines;

fn verdict(model: &str, format: Format, text: &str, request: &ForeignRequest) -> Gravity {
    judge(model, format, text, request).unwrap_or_else(|problem| panic!("{model}: {problem}")).verdict
}

/// Model, format, a valid history, an invalid one.
const SAMPLES: [(&str, Format, &str, &str); 31] = [
    (
        "total-queue",
        EDN,
        "0 invoke enqueue 1; 0 ok enqueue 1; 1 invoke enqueue 2; 1 info enqueue 2; 0 invoke dequeue; 0 ok dequeue 2; 0 invoke drain; 0 ok drain [1]",
        "0 invoke enqueue 1; 0 ok enqueue 1; 1 invoke enqueue 2; 1 ok enqueue 2; 0 invoke dequeue; 0 ok dequeue 2",
    ),
    (
        "set-full",
        EDN,
        "0 invoke add 1; 1 invoke read; 0 ok add 1; 1 ok read []; 1 invoke read; 1 ok read [1]",
        "0 invoke add 1; 0 ok add 1; 1 invoke read; 1 ok read [1]; 1 invoke read; 1 ok read []",
    ),
    (
        "register",
        EDN,
        "0 invoke write 1; 1 invoke read nil; 0 ok write 1; 1 ok read nil; 1 invoke read; 1 ok read 1",
        "0 invoke write 1; 0 ok write 1; 1 invoke read nil; 1 ok read nil",
    ),
    (
        "cas-register",
        EDN,
        "0 invoke cas [nil 3]; 0 ok cas [nil 3]; 1 invoke cas [1 2]; 1 fail cas [1 2]; 2 invoke write 9; 0 invoke read; 0 ok read 9",
        "0 invoke write 3; 0 ok write 3; 0 invoke cas [4 5]; 0 ok cas [4 5]",
    ),
    (
        "multi-register",
        EDN,
        "0 invoke txn [[:write :x 1] [:write :y 2]]; 1 invoke txn [[:read :x nil] [:read :y nil]]; 1 ok txn [[:read :x 1] [:read :y 2]]",
        "0 invoke txn [[:write :x 1] [:write :y 2]]; 1 invoke txn [[:read :x nil] [:read :y nil]]; 1 ok txn [[:read :x 1] [:read :y nil]]",
    ),
    (
        "kv",
        EDN,
        "0 invoke append \"a\"; 1 invoke append \"b\"; 0 ok append \"a\"; 0 invoke get; 0 ok get \"ba\"",
        "0 invoke put \"a\"; 0 ok put \"a\"; 1 invoke append \"b\"; 0 invoke get; 0 ok get \"b\"",
    ),
    (
        "mutex",
        EDN,
        "0 invoke acquire; 0 ok acquire; 0 invoke release; 1 invoke acquire; 1 ok acquire",
        "0 invoke acquire; 0 ok acquire; 1 invoke acquire; 1 ok acquire",
    ),
    (
        "queue",
        EDN,
        "0 invoke enqueue 1; 1 invoke enqueue 2; 0 ok enqueue 1; 1 ok enqueue 2; 0 invoke dequeue; 0 ok dequeue 2",
        "0 invoke enqueue 1; 0 ok enqueue 1; 1 invoke enqueue 2; 1 ok enqueue 2; 0 invoke dequeue; 0 ok dequeue 2",
    ),
    (
        "unordered-queue",
        EDN,
        "0 invoke enqueue 1; 0 ok enqueue 1; 1 invoke enqueue 2; 1 ok enqueue 2; 0 invoke dequeue; 0 ok dequeue 2",
        "0 invoke enqueue 1; 0 ok enqueue 1; 0 invoke dequeue; 0 ok dequeue 1; 0 invoke dequeue; 0 ok dequeue 1",
    ),
    (
        "stack",
        EDN,
        "0 invoke push 1; 0 ok push 1; 0 invoke push 2; 0 ok push 2; 0 invoke pop; 0 ok pop 2",
        "0 invoke push 1; 0 ok push 1; 0 invoke push 2; 0 ok push 2; 0 invoke pop; 0 ok pop 1",
    ),
    ("stack", Format::Fptlin, "# stack\n0 1 2 PUSH 1\n0 3 4 POP 1\n0 5 6 POP -1", "# stack\n0 1 2 PUSH 1\n0 2 3 POP -1"),
    ("queue", Format::Polylin, "# queue\nenq 1 1 3\nenq 2 2 4\ndeq 2 5 6", "# queue\nenq 1 1 3\nenq 2 3 4\ndeq 2 5 6"),
    (
        "deque",
        Format::Polylin,
        "# deque\npush_back 1 1 2\npush_back 2 3 4\npeek_front 1 5 6\npop_back 2 7 8",
        "# deque\npush_back 1 1 2\npush_front 2 3 4\npop_back 2 5 6",
    ),
    (
        "priority-queue",
        Format::Fptlin,
        "# priorityqueue\n0 1 2 INSERT 3\n0 3 4 INSERT 5\n0 5 6 POLL 5\n0 7 8 PEEK 3",
        "# priorityqueue\n0 1 2 INSERT 3\n0 3 4 INSERT 5\n0 5 6 POLL 3",
    ),
    (
        "set",
        EDN,
        "0 invoke add 1; 0 ok add 1; 1 invoke add 2; 1 info add 2; 0 invoke read; 0 ok read #{1}; 0 invoke read; 0 ok read [2 1]",
        "0 invoke add 1; 0 ok add 1; 1 invoke add 2; 1 info add 2; 0 invoke read; 0 ok read [2]",
    ),
    (
        "set",
        Format::Fptlin,
        "# set\n0 1 2 INSERT 1 1\n0 3 4 INSERT 1 0\n0 5 6 REMOVE 1 1\n0 7 8 CONTAINS 1 0",
        "# set\n0 1 2 INSERT 1 1\n0 3 4 INSERT 1 1",
    ),
    (
        "counter",
        EDN,
        "0 invoke add 2; 1 invoke read; 1 ok read 2; 0 ok add 2; 0 invoke add -1; 1 invoke read; 0 ok add -1; 1 ok read 1",
        "0 invoke add 2; 0 ok add 2; 0 invoke add 3; 1 invoke read; 1 ok read 1",
    ),
    (
        "counter",
        EDN,
        "0 invoke add 1; 1 invoke read; 1 ok read 1; 0 info add 1; 1 invoke read; 1 ok read 1",
        "0 invoke add 1; 1 invoke read; 1 ok read 1; 0 info add 1; 1 invoke read; 1 ok read 0",
    ),
    (
        "fetch-add",
        EDN,
        "0 invoke fetch-add 2; 1 invoke fetch-add 3; 0 ok fetch-add 3; 1 ok fetch-add 0; 0 invoke read; 0 ok read 5",
        "0 invoke fetch-add 2; 1 invoke fetch-add 3; 0 ok fetch-add 0; 1 ok fetch-add 0",
    ),
    (
        "rmw",
        Format::Fptlin,
        "# rmw\n0 1 4 READ_MODIFY_WRITE 7 9\n1 2 3 READ_MODIFY_WRITE 0 7",
        "# rmw\n0 1 2 READ_MODIFY_WRITE 7 9\n1 3 4 READ_MODIFY_WRITE 0 7",
    ),
    (
        "unique-ids",
        EDN,
        "0 invoke generate; 0 ok generate 7; 1 invoke generate; 1 info generate; 0 invoke generate; 0 ok generate \"7\"",
        "0 invoke generate; 0 ok generate [1 7]; 1 invoke generate; 0 invoke generate; 1 ok generate [1 7]; 0 ok generate 5",
    ),
    (
        "owner-mutex",
        EDN,
        "0 invoke acquire; 0 ok acquire; 1 invoke acquire; 0 invoke release; 1 ok acquire; 0 info release",
        "0 invoke acquire; 0 ok acquire; 1 invoke release; 1 ok release",
    ),
    (
        "owner-mutex",
        EDN,
        "0 invoke acquire {:client :a}; 0 ok acquire {:client :a}; 1 invoke release {:client :a}; 1 ok release {:client :a}",
        "0 invoke acquire {:client :a}; 0 ok acquire {:client :a}; 0 invoke release {:client :b}; 0 ok release {:client :b}",
    ),
    (
        "reentrant-mutex",
        EDN,
        "0 invoke acquire; 0 ok acquire; 0 invoke acquire; 0 ok acquire; 0 invoke release; 0 ok release; 1 invoke acquire; 0 invoke release; 1 ok acquire",
        "0 invoke acquire; 0 ok acquire; 0 invoke acquire; 0 ok acquire; 0 invoke release; 0 ok release; 1 invoke acquire; 1 ok acquire",
    ),
    (
        "fenced-mutex",
        EDN,
        "0 invoke acquire; 0 ok acquire {:fence 4}; 0 invoke release; 0 ok release; 1 invoke acquire; 1 ok acquire {:fence 0}; 1 invoke release; 1 ok release; 0 invoke acquire; 0 ok acquire 5",
        "0 invoke acquire; 0 ok acquire {:fence 4}; 0 invoke release; 0 ok release; 1 invoke acquire; 1 ok acquire {:fence 4}",
    ),
    (
        "semaphore",
        EDN,
        "0 invoke release; 1 invoke acquire; 1 ok acquire; 0 info release; 2 invoke acquire; 2 fail acquire",
        "0 invoke release; 1 invoke acquire; 1 ok acquire; 0 info release; 2 invoke acquire; 2 ok acquire",
    ),
    (
        "semaphore",
        Format::Fptlin,
        "# semaphore\n0 1 2 DECR 0\n0 3 4 INCR 1\n0 5 6 DECR 1",
        "# semaphore\n0 1 2 INCR 1\n0 3 4 DECR 0",
    ),
    (
        "list-append",
        EDN,
        "0 invoke txn [[:append 1 1] [:r 1 nil]]; 0 ok txn [[:append 1 1] [:r 1 [1]]]; 1 invoke txn [[:r 1]]; 1 ok txn [[:r 1 [1]]]",
        "0 invoke txn [[:append 1 1]]; 0 ok txn [[:append 1 1]]; 1 invoke txn [[:r 1 nil] [:append 2 1]]; 1 ok txn [[:r 1 nil] [:append 2 1]];
         1 invoke txn [[:r 1]]; 1 ok txn [[:r 1 [1]]]",
    ),
    (
        "rw-register",
        EDN,
        "0 invoke txn [[:w 1 1]]; 0 ok txn [[:w 1 1]]; 1 invoke txn [[:r 1 nil]]; 1 ok txn [[:r 1 1]]",
        "0 invoke txn [[:w 1 1]]; 0 fail txn [[:w 1 1]]; 1 invoke txn [[:r 1 nil]]; 1 ok txn [[:r 1 1]]",
    ),
    (
        "bank",
        EDN,
        "0 invoke read; 0 ok read {1 5, 2 5}; 0 invoke transfer {:from 1, :to 2, :amount 1}; 0 ok transfer nil; 0 invoke read; 0 ok read {1 4, 2 6}",
        "0 invoke read; 0 ok read {1 5, 2 5}; 0 invoke read; 0 ok read {1 4, 2 5}",
    ),
    (
        "long-fork",
        EDN,
        "0 invoke write [[:w 0 1]]; 0 ok write [[:w 0 1]]; 1 invoke read [[:r 0 nil] [:r 1 nil]]; 1 ok read [[:r 0 1] [:r 1 nil]]",
        "1 invoke read [[:r 0 nil] [:r 1 nil]]; 1 ok read [[:r 0 1] [:r 1 nil]]; 2 invoke read [[:r 1 nil] [:r 0 nil]]; 2 ok read [[:r 1 1] [:r 0 nil]]",
    ),
];

#[test]
fn each_model_tells_a_valid_history_from_an_invalid_one() {
    for (model, format, good, bad) in SAMPLES {
        let request = ForeignRequest::default();
        assert_eq!(verdict(model, format, good, &request), Valid, "{model}: {good}");
        let bad_verdict = judge(model, format, bad, &request).unwrap();
        assert_eq!(bad_verdict.verdict, Invalid, "{model}: {bad}");
        let finding = &bad_verdict.findings[0];
        assert!(!finding.operations.is_empty() && !finding.steps.is_empty(), "{finding:#?}");
        assert!(finding.sentence.ends_with('.'), "{}", finding.sentence);
    }
    let causal = "0 invoke write 1; 0 ok write 1; 0 invoke write 2; 0 ok write 2; 1 invoke read; 1 ok read ";
    assert_eq!(verdict("causal-reverse", EDN, &format!("{causal}[1]"), &ForeignRequest::default()), Valid);
    assert_eq!(verdict("causal-reverse", EDN, &format!("{causal}[2]"), &ForeignRequest::default()), Invalid);
}

#[test]
fn a_history_that_is_stopped_before_its_judgement_is_unknown_whatever_it_is() {
    for (model, format, good, bad) in SAMPLES {
        for text in [good, bad] {
            let request =
                ForeignRequest { interrupt: Interrupt::after(Duration::from_secs(3)), ..ForeignRequest::default() };
            request.interrupt.raise();
            let verdict = judge(model, format, text, &request).unwrap();
            assert_eq!(verdict.verdict, Unknown, "{model}: {text}");
            assert_eq!(verdict.findings[0].reason, Some(UnknownReason::Deadline), "{model}: {text}");
            assert!(verdict.sentence.contains("the time budget of 3 s was used up"), "{}", verdict.sentence);
        }
    }
}

#[test]
fn every_model_has_a_sample() {
    let elsewhere = ["causal-reverse", "txn-rw"];
    for model in foreign_models() {
        let has_one = SAMPLES.iter().any(|(name, ..)| *name == model.name()) || elsewhere.contains(&model.name());
        assert!(has_one, "{} has no sample", model.name());
    }
}

#[test]
fn the_first_state_may_be_another() {
    let from = |init: Value| ForeignRequest { init: Some(init), ..ForeignRequest::default() };
    let release = "0 invoke release; 0 ok release";
    assert_eq!(verdict("mutex", EDN, release, &from(Value::keyword("locked"))), Valid);
    assert_eq!(verdict("mutex", EDN, release, &from(Value::keyword("unlocked"))), Invalid);
    assert!(judge("mutex", EDN, release, &from(Value::Integer(7))).is_err());
    let acquire = "0 invoke acquire; 0 ok acquire; 1 invoke acquire; 1 ok acquire";
    assert_eq!(verdict("semaphore", EDN, acquire, &from(Value::Integer(2))), Valid);
    assert_eq!(verdict("semaphore", EDN, acquire, &from(Value::Integer(1))), Invalid);
    assert!(judge("semaphore", EDN, acquire, &from(Value::Integer(-1))).is_err());
    let swap = "0 invoke rmw [5 6]; 0 ok rmw [5 6]";
    assert_eq!(verdict("rmw", EDN, swap, &from(Value::Integer(5))), Valid);
    assert_eq!(verdict("rmw", EDN, swap, &ForeignRequest::default()), Invalid);
    let add = "0 invoke fetch-add 1; 0 ok fetch-add 5";
    assert_eq!(verdict("fetch-add", EDN, add, &from(Value::Integer(5))), Valid);
    assert_eq!(verdict("fetch-add", EDN, add, &ForeignRequest::default()), Invalid);
}

#[test]
fn ids_that_were_never_given_are_not_unique() {
    let none = judge("unique-ids", EDN, "0 invoke generate; 0 info generate", &ForeignRequest::default()).unwrap();
    assert_eq!(none.verdict, Unknown);
    assert_eq!(none.findings[0].reason, Some(UnknownReason::NoObservations));
    let often =
        "0 invoke generate; 0 ok generate 1; 0 invoke generate; 0 ok generate 1; 0 invoke generate; 0 ok generate 1";
    let verdict = judge("unique-ids", EDN, often, &ForeignRequest::default()).unwrap();
    assert_eq!((verdict.findings[0].count, verdict.findings[0].operations.as_slice()), (2, &[0, 2][..]));
}

#[test]
fn sessions_are_held_against_a_level() {
    let at = |level: &str| ForeignRequest { consistency: Some(vec![level.to_owned()]), ..ForeignRequest::default() };
    // Two sessions write on top of one state without having seen each other: allowed but for serializability.
    let skew = "r 0 0\nw 1 1\n=====\nr 1 0\nw 0 1\n=====\n";
    assert_eq!(verdict("txn-rw", Format::Awdit, skew, &at("causal")), Valid);
    assert_eq!(verdict("txn-rw", Format::Awdit, skew, &at("snapshot-isolation")), Valid);
    assert_eq!(verdict("txn-rw", Format::Awdit, skew, &at("serializable")), Invalid);
    // A 0 that somebody writes is a value like any other: here it closes a circle.
    let circle = "r 1 1\n-----\nw 0 0\n=====\nr 0 0\n-----\nw 1 1\n=====\n";
    assert_eq!(verdict("txn-rw", Format::Awdit, circle, &at("read-committed")), Invalid);
    // Elsewhere it is the initial state, be it told twice.
    let plume = "w(0,0,0,0)\nw(0,0,1,1)\nr(0,0,2,2)\n";
    assert_eq!(verdict("txn-rw", Format::Plume, plume, &at("serializable")), Valid);
    let both = "w(0,0,0,0)\nw(1,5,0,0)\n";
    assert!(judge("txn-rw", Format::Plume, both, &at("causal")).unwrap_err().to_string().contains("line 1"));
}

#[test]
fn a_read_of_nil_is_strict_where_nil_was_there_first_and_else_says_nothing() {
    let text = "0 invoke write 1; 0 ok write 1; 1 invoke read; 1 ok read nil";
    let from = |init: Value| ForeignRequest { init: Some(init), ..ForeignRequest::default() };
    for model in ["register", "cas-register"] {
        assert_eq!(verdict(model, EDN, text, &ForeignRequest::default()), Invalid);
        assert_eq!(verdict(model, EDN, text, &from(Value::Nil)), Invalid);
        assert_eq!(verdict(model, EDN, text, &from(Value::Integer(0))), Valid);
        assert_eq!(verdict(model, EDN, "1 invoke read; 1 ok read 0", &from(Value::Integer(0))), Valid);
        assert_eq!(verdict(model, EDN, "1 invoke read; 1 ok read 1", &from(Value::Integer(0))), Invalid);
    }
}

#[test]
fn a_failed_cas_is_an_observation_where_it_is_asked_for_and_has_no_error() {
    let edn = "0 invoke write 1; 0 ok write 1; 0 invoke cas [1 2]; 0 fail cas [1 2]";
    let says = |failed_cas| ForeignRequest { failed_cas, ..ForeignRequest::default() };
    assert_eq!(verdict("cas-register", EDN, edn, &says(FailedCas::Auto)), Valid);
    assert_eq!(verdict("cas-register", EDN, edn, &says(FailedCas::Ignore)), Valid);
    assert_eq!(verdict("cas-register", EDN, edn, &says(FailedCas::Observe)), Invalid);
    let line = |event: &str| format!("INFO  jepsen.util - {}\n", event.replace(' ', "\t"));
    let log = ["0 :invoke :write 1", "0 :ok :write 1", "0 :invoke :cas [1,2]"].map(line).concat();
    let failed = log.clone() + &line("0 :fail :cas [1,2]");
    assert_eq!(verdict("cas-register", Format::JepsenUtilLog, &failed, &says(FailedCas::Auto)), Invalid);
    assert_eq!(verdict("cas-register", Format::JepsenUtilLog, &failed, &says(FailedCas::Ignore)), Valid);
    let timed_out = log + &line("0 :fail :cas :timed-out");
    assert_eq!(verdict("cas-register", Format::JepsenUtilLog, &timed_out, &says(FailedCas::Auto)), Valid);
}

#[test]
fn keys_are_split_where_it_is_asked_for_or_the_format_has_them() {
    let rules = |keys| ForeignRequest { keys, ..ForeignRequest::default() };
    let text = "0 invoke write [7 1]; 0 ok write [7 1]; 0 invoke read [8 nil]; 0 ok read [8 nil]";
    assert_eq!(verdict("register", EDN, text, &rules(KeyRule::Independent)), Valid);
    assert_eq!(verdict("register", EDN, text, &rules(KeyRule::Auto)), Invalid);
    let kv = "{:process 0, :type :invoke, :f :put, :key \"a\", :value \"x\"}\n{:process 0, :type :ok, :f :put, :key \"a\", :value \"x\"}\n\
              {:process 0, :type :invoke, :f :get, :key \"b\", :value nil}\n{:process 0, :type :ok, :f :get, :key \"b\", :value \"\"}\n";
    assert_eq!(verdict("kv", Format::EdnLinesKv, kv, &rules(KeyRule::Auto)), Valid);
    let without = judge("register", EDN, "0 invoke write 1; 0 ok write 1", &rules(KeyRule::Independent)).unwrap_err();
    assert!(without.to_string().contains("1 is no `[key value]`"), "{without}");
}

/// A nil that was read where nil was written is the initial state or that write: nothing can be said. Else it is a value like others.
#[test]
fn a_nil_that_was_written_is_not_taken_for_the_initial_state() {
    let verdict = |text: &str| verdict("rw-register", EDN, text, &ForeignRequest::default());
    let ok = |process: u32, asked: &str, answered: &str| {
        format!("{process} invoke txn [{asked}]; {process} ok txn [{answered}];")
    };
    let one = ok(0, "[:w 1 1]", "[:w 1 1]") + &ok(0, "[:r 1 nil]", "[:r 1 1]");
    let nil = one.clone() + &ok(0, "[:w 1 nil]", "[:w 1 nil]");
    // To take it for the initial state would be a false alarm.
    assert_eq!(verdict(&(nil.clone() + &ok(1, "[:r 1 nil]", "[:r 1 nil]"))), Unknown);
    assert_eq!(verdict(&(one.clone() + &ok(1, "[:w 1 nil] [:r 1 nil]", "[:w 1 nil] [:r 1 nil]"))), Unknown);
    assert_eq!(
        verdict(&(one.clone() + "1 invoke txn [[:w 1 nil]]; 1 info txn [[:w 1 nil]];" + &ok(2, "[:r 1]", "[:r 1]"))),
        Unknown
    );
    assert_eq!(verdict(&(nil.clone() + &ok(1, "[:r 2 nil]", "[:r 2 nil]"))), Valid);
    assert_eq!(verdict(&(nil.clone() + &ok(1, "[:r 1 nil]", "[:r 1 1]"))), Invalid);
    // What failed was never there.
    let failed = one + "1 invoke txn [[:w 1 nil]]; 1 fail txn [[:w 1 nil]];" + &ok(2, "[:r 1 nil]", "[:r 1 nil]");
    assert_eq!(verdict(&failed), Invalid);
    // With two of them there is no telling either.
    assert_eq!(verdict(&(nil.clone() + &ok(0, "[:w 1 nil]", "[:w 1 nil]"))), Unknown);
}

/// What nobody knows of may have been written by a transaction that does not tell what it did.
#[test]
fn a_transaction_that_does_not_tell_what_it_did_leaves_all_open() {
    let hidden = "0 invoke txn nil; 0 info txn nil;";
    let lists =
        "1 invoke txn [[:append 1 1]]; 1 ok txn [[:append 1 1]]; 1 invoke txn [[:r 1]]; 1 ok txn [[:r 1 [1 2]]]";
    let registers = "1 invoke txn [[:w 1 1]]; 1 ok txn [[:w 1 1]]; 1 invoke txn [[:r 1]]; 1 ok txn [[:r 1 2]];
                     1 invoke txn [[:r 1]]; 1 ok txn [[:r 1 1]]";
    for (model, text) in [("list-append", lists), ("rw-register", registers)] {
        assert_eq!(verdict(model, EDN, text, &ForeignRequest::default()), Invalid, "{model}");
        assert_eq!(verdict(model, EDN, &(hidden.to_owned() + text), &ForeignRequest::default()), Unknown, "{model}");
    }
}

#[test]
fn an_empty_history_is_unknown() {
    for text in ["", ":nemesis info kill nil"] {
        let verdict = judge("register", EDN, text, &ForeignRequest::default()).unwrap();
        assert_eq!(verdict.verdict, Unknown);
        assert_eq!(verdict.findings[0].reason, Some(UnknownReason::NoObservations));
    }
}

#[test]
fn accounting_tells_what_is_gone_what_comes_from_nowhere_and_what_cannot_be_known() {
    let rule = |model: &str, text: &str| {
        let verdict = judge(model, EDN, text, &ForeignRequest::default()).unwrap();
        (verdict.verdict, verdict.findings.first().map_or(String::new(), |finding| finding.rule.to_string()))
    };
    let put =
        "0 invoke enqueue 1; 0 ok enqueue 1; 0 invoke enqueue 2; 0 ok enqueue 2; 0 invoke dequeue; 0 ok dequeue 1;";
    assert_eq!(rule("total-queue", put), (Invalid, "total-queue.lost".to_owned()));
    // Somebody who was never answered may have taken it.
    assert_eq!(rule("total-queue", &format!("{put} 1 invoke dequeue")), (Unknown, "no-final-read".to_owned()));
    assert_eq!(
        rule("total-queue", &format!("{put} 1 invoke drain; 1 info drain")),
        (Unknown, "no-final-read".to_owned())
    );
    let failed = "0 invoke enqueue 1; 0 fail enqueue 1; 0 invoke dequeue; 0 ok dequeue 1";
    assert_eq!(rule("total-queue", failed), (Invalid, "total-queue.unexpected".to_owned()));
    let twice = format!("{put} 0 invoke dequeue; 0 ok dequeue 2; 0 invoke dequeue; 0 ok dequeue 2");
    assert_eq!(rule("total-queue", &twice), (Valid, String::new()));
    assert_eq!(rule("total-queue", "0 invoke enqueue 1; 0 ok enqueue 1").0, Unknown);

    let added = "0 invoke add 1; 0 ok add 1;";
    assert_eq!(
        rule("set-full", &format!("{added} 0 invoke read; 0 ok read []")),
        (Invalid, "set-full.lost".to_owned())
    );
    // It was missing for a while, and came back.
    assert_eq!(
        rule("set-full", &format!("{added} 0 invoke read; 0 ok read []; 0 invoke read; 0 ok read [1]")),
        (Valid, String::new())
    );
    assert_eq!(
        rule("set-full", &format!("{added} 0 invoke read; 0 ok read [1 2]")),
        (Invalid, "set-full.unexpected".to_owned())
    );
    assert_eq!(
        rule("set-full", &format!("{added} 0 invoke read; 0 ok read [1 1]")),
        (Invalid, "set-full.duplicated".to_owned())
    );
    assert_eq!(rule("set-full", added), (Unknown, "no-observations".to_owned()));
}
