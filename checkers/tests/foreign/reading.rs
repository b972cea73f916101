//! What is decided while a history is read, and that the verdict says so.

use dsjepsen_checkers::foreign::{Completion, ForeignRequest, KeyRule, foreign_models};
use dsjepsen_history::Gravity::{self, Invalid, Unknown, Valid};
use dsjepsen_history::UnknownReason;
use dsjepsen_history::foreign::Format;

use super::judge;

/// The verdict, and what the reader noted.
fn read_so(model: &str, format: Format, text: &str, keys: KeyRule) -> (Gravity, Vec<String>) {
    let request = ForeignRequest { keys, ..ForeignRequest::default() };
    let verdict = judge(model, format, text, &request).unwrap_or_else(|problem| panic!("{model}: {problem}\n{text}"));
    let assumptions = verdict.checkers.iter().flat_map(|judgement| &judgement.assumptions);
    (verdict.verdict, assumptions.filter_map(|one| one.strip_prefix("Read so: ")).map(str::to_owned).collect())
}

fn of(model: &str, text: &str) -> (Gravity, Vec<String>) {
    read_so(model, Format::EdnLines, text, KeyRule::Auto)
}

fn refused(model: &str, text: &str) -> String {
    judge(model, Format::EdnLines, text, &ForeignRequest::default()).expect_err("it was judged").to_string()
}

#[test]
fn a_completion_with_another_argument_is_judged_and_told() {
    // Model, a history that is valid by what came back, and invalid by what was asked.
    let cases = [
        ("register", "0 invoke write 1; 0 ok write 2; 0 invoke read; 0 ok read 2"),
        (
            "cas-register",
            "0 invoke write 1; 0 ok write 1; 0 invoke cas [5 6]; 0 ok cas [1 3]; 0 invoke read; 0 ok read 3",
        ),
        (
            "multi-register",
            "0 invoke txn [[:write :x 1]]; 0 ok txn [[:write :x 2]]; 0 invoke read [[:read :x nil]]; 0 ok read [[:read :x 2]]",
        ),
        ("kv", "0 invoke put \"a\"; 0 ok put \"b\"; 0 invoke get; 0 ok get \"b\""),
        ("kv", "0 invoke append \"a\"; 0 ok append \"b\"; 0 invoke get; 0 ok get \"b\""),
        ("queue", "0 invoke enqueue 1; 0 ok enqueue 2; 0 invoke dequeue; 0 ok dequeue 2"),
        ("unordered-queue", "0 invoke enqueue 1; 0 ok enqueue 2; 0 invoke dequeue; 0 ok dequeue 2"),
        ("stack", "0 invoke push 1; 0 ok push 2; 0 invoke pop; 0 ok pop 2"),
        ("deque", "0 invoke push_back 1; 0 ok push_back 2; 0 invoke pop_front; 0 ok pop_front 2"),
        ("priority-queue", "0 invoke insert 1; 0 ok insert 2; 0 invoke poll; 0 ok poll 2"),
        ("set", "0 invoke add 1; 0 ok add 2; 0 invoke read; 0 ok read [2]"),
        ("set", "0 invoke insert 1; 0 ok insert [2 1]; 0 invoke read; 0 ok read [2]"),
        ("set-full", "0 invoke add 1; 0 ok add 2; 0 invoke read; 0 ok read [2]"),
        ("total-queue", "0 invoke enqueue 1; 0 ok enqueue 2; 0 invoke dequeue; 0 ok dequeue 2"),
        ("counter", "0 invoke add 1; 0 ok add 2; 0 invoke read; 0 ok read 2"),
        ("fetch-add", "0 invoke fetch-add 1; 0 ok fetch-add [2 0]; 0 invoke read; 0 ok read 2"),
        ("rmw", "0 invoke rmw [1 2]; 0 ok rmw [0 2]"),
        (
            "list-append",
            "0 invoke txn [[:append 1 1]]; 0 ok txn [[:append 1 2]]; 0 invoke txn [[:r 1 nil]]; 0 ok txn [[:r 1 [2]]]",
        ),
        ("rw-register", "0 invoke txn [[:w 1 1]]; 0 ok txn [[:w 1 2]]; 0 invoke txn [[:r 1 nil]]; 0 ok txn [[:r 1 2]]"),
        ("causal-reverse", "0 invoke write 1; 0 ok write 2; 0 invoke read; 0 ok read [2]"),
        (
            "owner-mutex",
            "0 invoke acquire {:client :a}; 0 ok acquire {:client :b}; 0 invoke release {:client :b}; 0 ok release {:client :b}",
        ),
    ];
    for (model, text) in cases {
        let (verdict, notes) = of(model, text);
        assert_eq!(verdict, Valid, "{model}: {text}");
        let [note] = notes.as_slice() else { panic!("{model}: {notes:?}") };
        let says = note.starts_with("completions with another value than their invocations: 1, first of the ")
            && note.contains("that begins on line ")
            && note.ends_with("; that of the completion is judged, as Knossos does.");
        assert!(says, "{model}: {note}");
    }
    let (_, notes) =
        of("register", "0 invoke write 1; 0 ok write 2; 1 invoke write 3; 1 ok write 4; 0 invoke read; 0 ok read 4");
    assert!(notes[0].contains(": 2, first of the write that begins on line 1: 1 and then 2;"), "{notes:?}");
    // A contradiction by the one value alone is none; by both it is.
    assert_eq!(of("register", "0 invoke write 1; 0 ok write 2; 0 invoke read; 0 ok read 1").0, Unknown);
    assert_eq!(of("register", "0 invoke write 1; 0 ok write 2; 0 invoke read; 0 ok read 3").0, Invalid);
    let twice = "0 invoke write 1; 0 ok write 2; 0 invoke read; 0 ok read 1";
    let verdict = judge("register", Format::EdnLines, twice, &ForeignRequest::default()).unwrap();
    assert_eq!(verdict.findings[0].reason, Some(UnknownReason::CheckerError));
    assert_eq!(
        verdict.sentence,
        "It depends on 1 operation with two values: that of the invocation, and another of the completion."
    );
    assert!(
        verdict.findings[0]
            .detail
            .contains("No order explains that process 0's read returns 1. By the other there is no contradiction."),
        "{verdict:?}"
    );
    assert_eq!(
        refused("semaphore", "0 invoke release 1; 0 ok release 2"),
        "sample, line 1: permits go one by one here, and not 2 at once"
    );
}

#[test]
fn what_may_come_back_otherwise_is_no_matter() {
    let cases = [
        (
            "register",
            "0 invoke read 7; 0 ok read nil; 0 invoke write 1; 0 ok write nil; 0 invoke write 2; 0 info write :timed-out",
        ),
        (
            "cas-register",
            "0 invoke cas [nil 1]; 0 ok cas nil; 0 invoke cas [4 5]; 0 fail cas \"no\"; 0 invoke read; 0 ok read 1",
        ),
        ("multi-register", "0 invoke txn [[:read :x nil] [:write :x 1]]; 0 ok txn [[:read :x nil] [:write :x 1]]"),
        ("queue", "0 invoke enqueue 1; 0 ok enqueue 1; 0 invoke dequeue; 0 ok dequeue 1"),
        ("set", "0 invoke insert [5 nil]; 0 ok insert [5 1]; 0 invoke contains 5; 0 ok contains [5 1]"),
        ("fetch-add", "0 invoke fetch-add 2; 0 ok fetch-add 0; 0 invoke fetch-add [3 nil]; 0 ok fetch-add [3 2]"),
        ("rmw", "0 invoke rmw [nil 2]; 0 ok rmw [0 2]"),
        (
            "fenced-mutex",
            "0 invoke acquire {:client :a}; 0 ok acquire {:client :a, :fence 3}; 0 invoke release {:client :a}; 0 ok release 3",
        ),
        ("fenced-mutex", "0 invoke acquire; 0 ok acquire 4"),
        ("semaphore", "0 invoke incr 1; 0 ok incr 1; 0 invoke decr 1; 0 ok decr 1; 0 invoke decr 1; 0 ok decr 0"),
        (
            "list-append",
            "0 invoke txn [[:r 1 nil] [:append 1 1]]; 0 ok txn [[:r 1 nil] [:append 1 1]]; 0 invoke txn [[:r 1]]; 0 ok txn [[:r 1 [1]]]",
        ),
        (
            "long-fork",
            "0 invoke write [[:w 1 1]]; 0 ok write [[:w 1 1]]; 1 invoke read [[:r 1 nil] [:r 2 nil]]; 1 ok read [[:r 1 1] [:r 2 nil]]",
        ),
        ("bank", "0 invoke transfer {:from 0}; 0 ok transfer :done; 0 invoke read; 0 ok read {0 1}"),
    ];
    for (model, text) in cases {
        assert_eq!(of(model, text), (Valid, Vec::new()), "{model}: {text}");
    }
}

#[test]
fn without_an_answer_what_was_asked_is_judged() {
    let text = "0 invoke write 1; 0 info write 2; 1 invoke read; 1 ok read";
    let (verdict, notes) = of("register", &format!("{text} 1"));
    assert_eq!(verdict, Valid);
    let note = "completions without an answer with another value than their invocations: 1, first of the write that begins on line 1: \
                1 and then 2; that of the invocation is judged.";
    assert_eq!(notes, [note]);
    assert_eq!(of("register", &format!("{text} 2")).0, Unknown);
    assert_eq!(of("register", &format!("{text} 3")).0, Invalid);
}

#[test]
fn what_came_back_of_another_kind_is_a_result() {
    let written = "0 invoke write 1; 0 ok write \"OK\"; 1 invoke read; 1 ok read";
    let (verdict, notes) = of("register", &format!("{written} 1"));
    assert_eq!(verdict, Valid);
    let note = "completions with another kind of value than their invocations: 1, first of the write that begins on line 1: 1 and then \
                \"OK\"; taken for results, so that of the invocation is judged.";
    assert_eq!(notes, [note]);
    assert_eq!(of("register", &format!("{written} \"OK\"")).0, Unknown);
    assert_eq!(of("register", &format!("{written} 2")).0, Invalid);
    assert_eq!(of("cas-register", "0 invoke cas [nil 1]; 0 ok cas true; 0 invoke read; 0 ok read 1").0, Valid);
    assert_eq!(
        of(
            "long-fork",
            "0 invoke write [[:w 1 1]]; 0 ok write :done; 1 invoke read [[:r 1 nil]]; 1 ok read [[:r 1 1]]"
        )
        .0,
        Valid
    );
    // As an amount it makes no sense, so that the one reading decides.
    assert_eq!(of("counter", "0 invoke add 1; 0 ok add :done; 0 invoke read; 0 ok read 2").0, Invalid);
    // It answers with the new value.
    assert_eq!(
        of("counter", "0 invoke add 1; 0 ok add 1; 0 invoke add 1; 0 ok add 2; 0 invoke read; 0 ok read 2").0,
        Unknown
    );
}

#[test]
fn keyed_values_are_held_against_each_other_without_their_keys() {
    let text = "0 invoke write [7 1]; 0 ok write [7 nil]; 0 invoke write [8 1]; 0 ok write [8 2]; 0 invoke read [7 nil]; 0 ok read [7 1]";
    let (verdict, notes) = read_so("register", Format::EdnLines, text, KeyRule::Independent);
    assert_eq!(verdict, Valid);
    assert!(
        notes.len() == 1 && notes[0].contains(": 1, first of the write that begins on line 3: [8 1] and then [8 2];"),
        "{notes:?}"
    );
    let event = |kind: &str, f: &str, value: &str| {
        format!("{{:process 0, :type :{kind}, :f :{f}, :key \"a\", :value {value}}}\n")
    };
    let kv = [("put", "\"x\"", "nil"), ("append", "\"y\"", "\"z\""), ("get", "nil", "\"xz\"")];
    let text: String = kv.map(|(f, asked, answered)| event("invoke", f, asked) + &event("ok", f, answered)).concat();
    for keys in [KeyRule::Auto, KeyRule::Whole] {
        let (verdict, notes) = read_so("kv", Format::EdnLinesKv, &text, keys);
        assert_eq!((verdict, notes.len()), (Valid, 1), "{notes:?}");
        assert!(notes[0].contains("first of the append that begins on line 3"), "{notes:?}");
    }
}

#[test]
fn json_says_the_same() {
    let line =
        |kind: &str, value: i64| format!("{{\"process\":0,\"type\":\"{kind}\",\"f\":\"write\",\"value\":{value}}}\n");
    let (verdict, notes) = read_so("register", Format::JsonLines, &(line("invoke", 1) + &line("ok", 2)), KeyRule::Auto);
    assert_eq!(verdict, Valid);
    assert!(notes[0].contains("1, first of the write that begins on line 1: 1 and then 2"), "{notes:?}");
}

/// A model that names its kinds takes each of them, and only them.
#[test]
fn every_kind_of_a_model_is_known_to_it() {
    for model in foreign_models().iter().filter(|model| !model.kinds().is_empty()) {
        for (kind, completion) in model.kinds() {
            assert_eq!(model.completion(Some(kind)), Some(*completion));
            let text = format!("0 invoke {kind} [[:x 1 2]]; 0 fail {kind} nil");
            if let Err(problem) = judge(model.name(), Format::EdnLines, &text, &ForeignRequest::default()) {
                assert!(!problem.to_string().contains("is no operation of"), "{} {kind}: {problem}", model.name());
            }
        }
        assert_eq!(model.completion(Some("paint")), None);
        let said = refused(model.name(), "0 invoke paint 1; 0 ok paint 1");
        assert!(said.contains("it knows ") && said.contains(model.kinds()[0].0), "{said}");
    }
    assert_eq!(
        Completion::Steps,
        foreign_models().iter().find(|model| model.name() == "list-append").unwrap().completion(None).unwrap()
    );
}

#[test]
fn clients_may_have_names() {
    let text = ":w1 invoke write 1; :w1 ok write 1; \"client-3\" invoke write 2; \"client-3\" ok write 2; :w1 invoke read; :w1 ok read";
    let (verdict, notes) = of("register", &format!("{text} 2"));
    assert_eq!(
        (verdict, notes),
        (Valid, vec!["processes `w1`, `client-3` are clients, told apart by name.".to_owned()])
    );
    let request = ForeignRequest::default();
    let verdict = judge("register", Format::EdnLines, &format!("{text} 1"), &request).unwrap();
    assert_eq!(verdict.verdict, Invalid);
    assert!(verdict.sentence.contains("process w1's read returns 1"), "{}", verdict.sentence);
    // Each holds its own lock; a number in quotes is that number.
    assert_eq!(of("owner-mutex", ":a invoke acquire; :a ok acquire; :b invoke release; :b ok release").0, Invalid);
    assert_eq!(
        of("owner-mutex", "\"7\" invoke acquire; 7 ok acquire; 7 invoke release; \"7\" ok release"),
        (Valid, Vec::new())
    );
    // One that is never answered may still have written.
    let open = ":a invoke write 1; :a info write nil; 1 invoke read; 1 ok read 1";
    assert_eq!(of("register", open).0, Valid);
}

#[test]
fn whoever_only_tells_is_no_client() {
    let told = ":nemesis invoke kill nil; :nemesis ok kill nil; :nemesis info heal nil; 1 invoke write 1; 1 ok write 1";
    assert_eq!(of("register", told), (Valid, Vec::new()));
    let (verdict, notes) =
        of("register", ":chaos info kill nil; :chaos info kill :done; 1 invoke write 1; 1 ok write 1");
    assert_eq!(verdict, Valid);
    assert!(notes[0].contains("`chaos` only tells") && notes[0].contains("(2, first on line 1)"), "{notes:?}");
    let (verdict, notes) =
        of("register", "1 invoke write 1; 1 ok write 1; :chaos invoke kill nil; :chaos info kill nil");
    assert_eq!(verdict, Valid);
    assert!(notes.iter().any(|note| note.contains("1 operation left out, first on line 3")), "{notes:?}");
    assert_eq!(of("register", ":chaos invoke kill nil; :chaos info kill nil").0, Unknown);
    // It was answered, or writes as well: that it is no client is not for us to say.
    assert!(
        refused("register", ":chaos invoke kill nil; :chaos ok kill nil").contains("line 1: `kill` is no operation")
    );
    assert!(
        refused("register", ":a invoke write 1; :a ok write 1; :a invoke kill; :a info kill")
            .contains("line 3: `kill`")
    );
    let both = refused("register", ":a info write 1; 1 invoke read; 1 ok read 1; :a invoke write 2; :a ok write 2");
    assert!(both.contains("line 4: process `a` invokes or completes") && both.contains(":info of line 1"), "{both}");
}

#[test]
fn names_stay_apart_where_the_order_is_mended() {
    let event = |index: u32, process: &str, kind: &str, value: &str| {
        format!("{{:index {index}, :process {process}, :type :{kind}, :f :write, :value {value}}}\n")
    };
    let read = |index: u32, kind: &str, value: &str| event(index, ":b", kind, value).replace("write", "read");
    let text = [event(0, ":a", "invoke", "1"), event(1, ":a", "ok", "1"), read(5, "ok", "1"), read(4, "invoke", "nil")]
        .concat();
    let (verdict, notes) = read_so("register", Format::EdnVector, &format!("[{text}]"), KeyRule::Auto);
    assert_eq!(verdict, Valid, "{notes:?}");
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn values_that_are_tagged_as_tuples_are_split() {
    let tuple = "#jepsen.independent/tuple";
    let text = format!(
        "0 invoke write {tuple} [7 1]; 0 ok write {tuple} [7 1]; 0 invoke read {tuple} [8 nil]; 0 ok read {tuple} [8 nil]"
    );
    let (verdict, notes) = of("register", &text);
    assert_eq!(verdict, Valid);
    assert!(notes.len() == 1 && notes[0].contains("each key is judged by itself, as with --independent"), "{notes:?}");
    let given = |keys| read_so("register", Format::EdnLines, &text, keys);
    assert_eq!(given(KeyRule::Independent), (Valid, Vec::new()));
    // One register, whose values these are.
    assert_eq!(given(KeyRule::Whole).0, Invalid);
    let mixed = refused("register", &format!("{text}; 0 invoke write 3; 0 ok write 3"));
    assert!(
        mixed.contains("line 1: #jepsen.independent/tuple [7 1] is tagged")
            && mixed.contains("the value 3 of line 5 is not"),
        "{mixed}"
    );
    assert!(
        refused("set-full", &format!("0 invoke read; 0 ok read {tuple} [7 [1]]"))
            .contains("line 1: a read shows `[value …]`")
    );
    assert_eq!(of("counter", &format!("0 invoke add {tuple} [1 2]; 0 ok add {tuple} [1 2]; 0 invoke read {tuple} [1 nil]; 0 ok read {tuple} [1 2]")).0, Valid);
}

#[test]
fn unknown_tags_are_data() {
    assert_eq!(
        of("set", "0 invoke add #my/x 1; 0 ok add #my/x 1; 0 invoke read; 0 ok read #ordered/set (#my/x 1)").0,
        Valid
    );
    assert_eq!(
        of("register", "0 invoke write #my/x 1; 0 ok write #my/x 1; 0 invoke read; 0 ok read #my/x 2").0,
        Invalid
    );
    assert_eq!(of("bank", "0 invoke read; 0 ok read #ordered/map {:a 1}").0, Valid);
}

/// Values that are only told apart may be integers of any length, in EDN as in JSON.
#[test]
fn large_integers_are_told_apart_by_their_digits() {
    // As floating point numbers the two would be one.
    let (one, other) = ("9223372036854775808", "9223372036854775809");
    let cases = [
        ("register", "0 invoke write A; 0 ok write A; 0 invoke read; 0 ok read B"),
        ("cas-register", "0 invoke write A; 0 ok write A; 0 invoke cas [B 1]; 0 ok cas [B 1]"),
        ("set", "0 invoke add A; 0 ok add A; 0 invoke read; 0 ok read [B]"),
        ("set-full", "0 invoke add A; 0 ok add A; 0 invoke read; 0 ok read [B]"),
        ("queue", "0 invoke enqueue A; 0 ok enqueue A; 0 invoke dequeue; 0 ok dequeue B"),
        ("total-queue", "0 invoke enqueue A; 0 ok enqueue A; 0 invoke dequeue; 0 ok dequeue B"),
        (
            "list-append",
            "0 invoke txn [[:append 1 A]]; 0 ok txn [[:append 1 A]]; 0 invoke txn [[:r 1 nil]]; 0 ok txn [[:r 1 [B]]]",
        ),
        ("unique-ids", "0 invoke generate; 0 ok generate A; 0 invoke generate; 0 ok generate B"),
    ];
    for negative in ["", "-"] {
        let (one, other) = (format!("{negative}{one}"), format!("{negative}{}", other.replace("08", "09")));
        for (model, text) in cases {
            let same = text.replace(['A', 'B'], &one);
            let differs = text.replace('A', &one).replace('B', &format!("{other}N"));
            let is_valid = model != "unique-ids";
            let differing = if is_valid { Invalid } else { Valid };
            assert_eq!(of(model, &same).0, if is_valid { Valid } else { Invalid }, "{model}: {same}");
            assert_eq!(of(model, &differs).0, differing, "{model}: {differs}");
            let (same, differs) = (json(&same), json(&differs.replace('N', "")));
            assert_eq!(
                read_so(model, Format::JsonLines, &same, KeyRule::Auto).0,
                if is_valid { Valid } else { Invalid },
                "{same}"
            );
            assert_eq!(read_so(model, Format::JsonLines, &differs, KeyRule::Auto).0, differing, "{differs}");
        }
    }
}

/// Short events as elle-cli would write them in JSON.
fn json(text: &str) -> String {
    let event = |event: &str| {
        let words: Vec<&str> = event.trim().splitn(4, ' ').collect();
        let value = words.get(3).copied().unwrap_or("null").replace("nil", "null");
        let value = value.replace(":append", "\"append\"").replace(":r", "\"r\"").replace(' ', ", ");
        format!("{{\"process\":{},\"type\":\"{}\",\"f\":\"{}\",\"value\":{value}}}\n", words[0], words[1], words[2])
    };
    text.split(';').map(event).collect()
}

/// As in Clojure, where `(= 1 1.0)` is false: Elle and Knossos tell them apart.
#[test]
fn a_floating_point_number_is_no_integer() {
    let text = "0 invoke write 1; 0 ok write 1; 0 invoke read; 0 ok read 1.0";
    assert_eq!(of("register", text).0, Invalid);
    assert_eq!(read_so("register", Format::JsonLines, &json(text), KeyRule::Auto).0, Invalid);
}
