//! What is refused, and how findings are told.

use dsjepsen_checkers::foreign::{FailedCas, ForeignProblem, ForeignRequest, KeyRule};
use dsjepsen_history::foreign::Format;

use super::judge;

const EDN: Format = Format::EdnLines;

fn refused(model: &str, text: &str, request: &ForeignRequest) -> ForeignProblem {
    judge(model, EDN, text, request).expect_err("it was judged")
}

#[test]
fn what_a_model_does_not_know_is_refused_with_its_line() {
    let none = ForeignRequest::default();
    let cases = [
        (
            "register",
            "0 invoke read; 0 ok read nil; 0 invoke cas [1 2]",
            "line 3: `cas` is no operation of model `register`",
        ),
        ("cas-register", "0 invoke cas 5", "line 1: a cas takes `[old new]`, and this one 5"),
        ("list-append", "0 invoke txn [[:w 1 1]]", "line 1: `:w` is no step of lists"),
        ("rw-register", "0 invoke txn nil; 0 ok txn 5", "a transaction is a list of steps"),
        ("bank", "0 invoke read; 0 ok read [1 2]", "a read shows `{account balance}`"),
        (
            "queue",
            "0 invoke dequeue; 0 ok dequeue nil",
            "line 1: the dequeue that begins here succeeded with nil, and does not say what it found: where there was nothing, its type is fail",
        ),
        (
            "total-queue",
            "0 invoke drain; 0 ok drain []; 0 invoke dequeue; 0 ok dequeue nil",
            "line 3: the dequeue that begins here succeeded with nil",
        ),
        (
            "bank",
            "0 invoke read; 0 ok read {:a 1, :b 2.5}",
            "line 1: account :b of a bank holds whole numbers, and 2.5 is none: count in a smaller unit",
        ),
        ("bank", "0 invoke read; 0 ok read {:a 9223372036854775808}", "9223372036854775808 is beyond them"),
        (
            "counter",
            "0 invoke add 9223372036854775808",
            "line 1: a counter holds whole numbers from -9223372036854775808 to 9223372036854775807 here, and",
        ),
        ("fetch-add", "0 invoke add -9223372036854775809", "and -9223372036854775809 is beyond them"),
        ("priority-queue", "0 invoke insert 9223372036854775808", "priorities are whole numbers from"),
        (
            "counter",
            "0 invoke add \"5\"",
            "line 1: a counter holds whole numbers, and \"5\" is a string: write it without quotes",
        ),
        ("counter", "0 invoke add :x", "a counter holds whole numbers, and :x is none"),
        ("set", "0 invoke read; 0 ok read [1 1]", "a set holds each element once"),
    ];
    for (model, text, says) in cases {
        let problem = refused(model, text, &none);
        assert!(matches!(problem, ForeignProblem::Corrupt(_)), "{problem:?}");
        assert!(problem.to_string().contains(says), "{problem}");
    }
}

#[test]
fn options_that_mean_nothing_to_a_model_are_refused() {
    let observe = ForeignRequest { failed_cas: FailedCas::Observe, ..ForeignRequest::default() };
    let problem = refused("register", "0 invoke read", &observe);
    assert!(matches!(problem, ForeignProblem::Unfit(_)));
    assert_eq!(problem.to_string(), "--failed-cas means nothing to model `register`");
    let level = |name: &str| ForeignRequest { consistency: Some(vec![name.to_owned()]), ..ForeignRequest::default() };
    let problem = refused("list-append", "0 invoke txn []", &level("acid"));
    assert!(problem.to_string().contains("no consistency level `acid`; there is: read-uncommitted"), "{problem}");
    assert!(refused("txn-rw", "0 invoke txn []", &level("causal")).to_string().contains("holds no sessions"));
}

#[test]
fn our_own_runs_are_judged_by_their_directories() {
    let text = "{\"schema\":1,\"workload\":\"register\"}\n";
    let problem = judge("register", Format::Dsjepsen, text, &ForeignRequest::default()).expect_err("it was judged");
    assert!(problem.to_string().contains("dsjepsen check RUN"), "{problem}");
}

#[test]
fn minus_one_is_nothing_only_where_something_is_taken() {
    let from_zero =
        ForeignRequest { init: Some(dsjepsen_history::foreign::Value::Integer(0)), ..ForeignRequest::default() };
    let read = judge("register", Format::Fptlin, "# register\n0 1 2 READ -1", &from_zero).unwrap();
    assert_eq!(read.verdict, dsjepsen_history::Gravity::Invalid);
}

#[test]
fn a_finding_names_the_lines_and_leaves_out_what_is_not_needed() {
    let text = "0 invoke write 1; 0 ok write 1; 1 invoke write 2; 1 ok write 2; 0 invoke write 3; 0 ok write 3; 1 invoke read; 1 ok read 2";
    let verdict = judge("register", EDN, text, &ForeignRequest::default()).unwrap();
    let finding = &verdict.findings[0];
    assert_eq!(finding.rule, "register.linearizable");
    assert_eq!(verdict.sentence, "No order of 3 operations explains that process 1's read returns 2.");
    assert_eq!(finding.operations, [2, 4, 6]);
    let told: Vec<String> = finding.steps.iter().map(|step| format!("{} {}", step.lead, step.text)).collect();
    assert_eq!(told[0], "Let process 1's write (line 3): it asks 2 and succeeds.");
    assert_eq!(told.last().unwrap(), "However process 1's read (line 7) returns 2: a contradiction.");
    // Without times nothing is drawn to scale.
    assert_eq!(finding.timeline, None);
}

#[test]
fn a_finding_shows_where_the_orders_end() {
    let endings = |model: &str, text: &str| -> Vec<String> {
        let verdict = judge(model, EDN, text, &ForeignRequest::default()).unwrap();
        let steps = verdict.findings[0].steps.iter().filter(|step| step.lead == "If");
        steps.map(|step| step.text.to_string()).collect()
    };
    let cases = [
        (
            "register",
            "0 invoke write :a; 0 ok write :a; 1 invoke write :b; 1 ok write :b; 0 invoke read; 0 ok read :a",
            "lines 1, 3 have taken effect, in this order, the object holds :b, and the read of line 5 that returns :a cannot follow.",
        ),
        (
            "register",
            "0 invoke read; 0 ok read 3",
            "nothing has taken effect, the object holds what it held at first, and",
        ),
        (
            "kv",
            "0 invoke put \"a\"; 0 ok put \"a\"; 0 invoke get; 0 ok get \"\"",
            "line 1 has taken effect, the object holds \"a\", and",
        ),
        (
            "mutex",
            "0 invoke acquire; 0 ok acquire; 1 invoke acquire; 1 ok acquire",
            "line 1 has taken effect, the object holds the lock, and",
        ),
        (
            "queue",
            "0 invoke enqueue 7; 0 ok enqueue 7; 1 invoke dequeue; 1 ok dequeue 8",
            "nothing has taken effect, the object holds nothing, and",
        ),
    ];
    for (model, text, begins) in cases {
        let told = endings(model, text);
        assert!(told.len() == 1 && told[0].starts_with(begins), "{model}: {told:?}");
    }
}

#[test]
fn a_store_that_is_not_split_is_judged_as_its_keys_are() {
    let whole = ForeignRequest { keys: KeyRule::Whole, ..ForeignRequest::default() };
    let line = |process: u32, kind: &str, f: &str, key: u32, value: &str| {
        format!("{{:process {process}, :type :{kind}, :f :{f}, :key \"{key}\", :value {value}}}\n")
    };
    let mut text = String::new();
    for (f, key, value) in [("put", 1, "\"a\""), ("append", 2, "\"b\""), ("get", 1, "nil")] {
        text += &line(0, "invoke", f, key, value);
        text += &line(0, "ok", f, key, if f == "get" { "\"ab\"" } else { value });
    }
    for request in [&whole, &ForeignRequest::default()] {
        let verdict = judge("kv", Format::EdnLinesKv, &text, request).unwrap();
        assert_eq!(
            (verdict.verdict, verdict.findings[0].operations.as_slice()),
            (dsjepsen_history::Gravity::Invalid, &[0, 4][..])
        );
        let verdict = judge("kv", Format::EdnLinesKv, &text.replace("\"ab\"", "\"a\""), request).unwrap();
        assert_eq!(verdict.verdict, dsjepsen_history::Gravity::Valid);
    }
}

#[test]
fn what_stands_alone_has_no_place_in_time() {
    // Bare completions are concurrent with everything.
    let text = "0 ok write 1; 0 ok write 2; 0 ok read 1";
    assert!(judge("register", EDN, text, &ForeignRequest::default()).unwrap().findings.is_empty());
    assert_eq!(
        judge("register", EDN, "0 ok write 1; 0 ok read 3", &ForeignRequest::default()).unwrap().findings.len(),
        1
    );
}
