use super::*;

fn paired(text: &str) -> Paired {
    try_pair(text).unwrap()
}

fn try_pair(text: &str) -> Result<Paired, ForeignError> {
    match read_foreign(text.as_bytes(), "sample", None)?.body {
        ForeignBody::Operations(paired) => Ok(paired),
        other => panic!("no operations: {other:?}"),
    }
}

/// `call -> reply outcome invoked..completed`.
fn shown(operation: &ForeignOperation) -> String {
    let ForeignOperation { call, reply, outcome, invoked, .. } = operation;
    let completed = operation.completed().map_or_else(String::new, |completed| completed.to_string());
    format!("{call} -> {reply} {outcome:?} {invoked}..{completed}{}", if operation.is_bare() { " bare" } else { "" })
}

fn pairs(text: &str) -> Vec<String> {
    paired(text).operations.iter().map(shown).collect()
}

#[test]
fn completions_find_their_invocations() {
    let text = "{:process 0 :type :invoke :f :read :value nil}\n\
                {:process 1 :type :invoke :f :write :value 4}\n\
                {:process :nemesis :type :info :f :start}\n\
                {:process 0 :type :ok :f :read :value 3}\n\
                {:process 1 :type :info :f :write :value :timed-out :error :timeout}\n\
                {:process 0 :type :invoke :f :read :value nil}\n\
                {:process 2 :type :invoke :f :cas :value [1 2]}\n\
                {:process 2 :type :fail :f :cas :value [1 2]}\n\
                {:process 0 :type :info :f :read :value 9}\n\
                {:process 3 :type :invoke :f :read}";
    assert_eq!(
        pairs(text),
        [
            "3 -> 3 Ok 0..3",
            "4 -> :timed-out Info 1..4",
            "nil -> 9 Info 5..8",
            "[1 2] -> [1 2] Fail 6..7",
            "nil -> nil Info 9.."
        ]
    );
    let paired = paired(text);
    let flags: Vec<_> = paired.operations.iter().map(|it| (it.is_filled(), it.has_error(), it.line)).collect();
    assert_eq!(flags, [(true, false, 1), (false, true, 2), (false, false, 6), (false, false, 7), (false, false, 10)]);
    assert!(paired.named.is_empty() && paired.times.is_empty() && paired.notes.is_empty());
}

#[test]
fn named_processes_are_kept_on_request() {
    let text = "{:process :nemesis :type :info :f :start :time 5}\n{:process 0 :type :ok :time 6}";
    let rules = PairingRules { keeps_named: true, ..PairingRules::of(Format::EdnLines) };
    let paired = pair(events(text), "sample", rules).unwrap();
    assert_eq!(paired.named.len(), 1);
    assert_eq!((paired.named[0].0, brief(&paired.named[0].1)), (0, "nemesis info start nil".to_owned()));
    assert_eq!(paired.operations[0].invoked, 1);
    assert_eq!(paired.times.iter().collect::<Vec<i64>>(), [5, 6]);
}

#[test]
fn indices_decide_where_all_have_one_of_their_own() {
    let event =
        |index: i64, process: i64, kind: &str| format!("{{:index {index} :process {process} :type :{kind} :f :x}}\n");
    let text = [event(30, 1, "ok"), event(7, 1, "invoke"), event(8, 0, "invoke")].concat();
    let moved = paired(&text);
    assert_eq!(moved.operations.iter().map(shown).collect::<Vec<_>>(), ["nil -> nil Ok 0..2", "nil -> nil Info 1.."]);
    assert_eq!(moved.notes.len(), 1);
    // Equal or missing indices say nothing: the order of the file.
    let text = [event(0, 1, "invoke"), event(0, 1, "ok"), event(0, 0, "invoke")].concat();
    assert_eq!(pairs(&text), ["nil -> nil Ok 0..1", "nil -> nil Info 2.."]);
    let text = [event(9, 1, "invoke"), event(5, 1, "ok"), event(5, 0, "invoke")].concat();
    assert_eq!(pairs(&text), ["nil -> nil Ok 0..1", "nil -> nil Info 2.."]);
    let text = [event(-1, 1, "invoke"), event(-1, 1, "ok")].concat();
    assert_eq!(pairs(&text), ["nil -> nil Ok 0..1"]);
    let text = format!("{}{{:process 1 :type :ok :f :x}}\n{}", event(9, 1, "invoke"), event(2, 0, "invoke"));
    assert_eq!(pairs(&text), ["nil -> nil Ok 0..1", "nil -> nil Info 2.."]);
}

#[test]
fn times_never_decide() {
    let text = "{:process 0 :type :invoke :time 9 :value 1}\n{:process 0 :type :ok :time 3 :value 1}";
    assert_eq!(pairs(text), ["1 -> 1 Ok 0..1"]);
}

#[test]
fn completions_alone_are_bare() {
    let text = "{:process 0 :type :ok :value [[:append :x 1]]}\n{:process 0 :type :fail :value 3}\n{:process 0 :type :info :value 5}";
    assert_eq!(
        pairs(text),
        ["[[:append :x 1]] -> [[:append :x 1]] Ok 0..0 bare", "3 -> 3 Fail 1..1 bare", "5 -> 5 Info 2..2 bare"]
    );
    let strict = r#"{"p":4,"t":"ok","f":"read","v":1}"#;
    let error = try_pair(strict).unwrap_err().to_string();
    assert_eq!(error, "sample, line 1: process 4 completes `read` that it has not in flight");
}

#[test]
fn overlapping_operations_of_one_process_are_told_apart_by_what_they_ask() {
    let text = "{:process 0 :type :invoke :value [[:r :x nil]]}\n{:process 0 :type :invoke :value [[:w :y 1] [:r :x]]}\n\
                {:process 0 :type :ok :value [[:w :y 1] [:r :x 7]]}\n{:process 0 :type :ok :value [[:r :x 7]]}";
    assert_eq!(
        pairs(text),
        ["[[:r :x nil]] -> [[:r :x 7]] Ok 0..3", "[[:w :y 1] [:r :x]] -> [[:w :y 1] [:r :x 7]] Ok 1..2"]
    );
    assert_eq!(paired(text).notes, ["processes have several operations in flight, first on line 2"]);
}

#[test]
fn where_it_cannot_be_told_nothing_is_claimed() {
    let reads = "{:process 0 :type :invoke :f :r}\n{:process 0 :type :invoke :f :r}\n";
    // Equal ones: either may have begun first.
    let text = format!("{reads}{{:process 0 :type :ok :f :r :value 1}}\n{{:process 0 :type :ok :f :r :value 2}}");
    assert_eq!(pairs(&text), ["1 -> 1 Ok 0..2 bare", "2 -> 2 Ok 1..3 bare"]);
    // Unequal ones that both fit, or that both do not.
    let writes = "{:process 0 :type :invoke :f :w :value 1}\n{:process 0 :type :invoke :f :w :value 2}\n";
    let problem = "sample, line 3: process 0 has several operations in flight, and which of them ends with";
    for ending in ["{:process 0 :type :fail :f :w}", "{:process 0 :type :ok :f :w :value 3}"] {
        let error = try_pair(&format!("{writes}{ending}")).unwrap_err().to_string();
        assert!(error.starts_with(problem), "{error}");
    }
    // What is indeterminate anyway needs not be told.
    let paired = paired(&format!("{writes}{{:process 0 :type :info :f :w :value :crashed}}"));
    assert_eq!(paired.operations.iter().map(shown).collect::<Vec<_>>(), ["1 -> nil Info 0..", "2 -> nil Info 1.."]);
    assert_eq!(paired.notes.len(), 2);
}

#[test]
fn processes_keep_to_one_operation_where_the_format_does() {
    let line = |kind: &str, f: &str| format!("{{\"p\":1,\"t\":\"{kind}\",\"f\":\"{f}\",\"v\":null}}\n");
    let error = try_pair(&[line("invoke", "read"), line("invoke", "write")].concat()).unwrap_err().to_string();
    assert_eq!(error, "sample, line 2: process 1 invokes `write` while its `read` of line 1 is in flight");
    let error = try_pair(&[line("invoke", "read"), line("ok", "write")].concat()).unwrap_err().to_string();
    assert_eq!(error, "sample, line 2: process 1 completes `write` while its `read` is in flight");
}

#[test]
fn a_process_that_never_completes_is_refused_before_it_costs_hours() {
    let error = try_pair(&"{:process 0 :type :invoke}\n".repeat(1001)).unwrap_err().to_string();
    assert_eq!(error, "sample, line 1001: process 0 has more than 1000 operations in flight");
}

#[test]
fn keys_are_taken_out_on_request() {
    let text = "{:process 0 :type :invoke :f :read :value [:x nil]}\n{:process 0 :type :ok :f :read :value [:x 3]}\n\
                {:process 1 :type :invoke :f :cas :value [:y [1 2]]}\n{:process 1 :type :info :f :cas :value :gone}\n\
                {:process 2 :type :invoke :f :all}\n{:process 2 :type :ok :f :all :value [:x 3]}\n";
    let split = split_keys(paired(text).operations, "sample").unwrap();
    let keys: Vec<_> = split.keys.iter().map(|(key, of)| (key.to_string(), shown(&of[0]), of.len())).collect();
    assert_eq!(
        keys,
        [
            (":x".to_owned(), "3 -> 3 Ok 0..1".to_owned(), 1),
            (":y".to_owned(), "[1 2] -> :gone Info 2..3".to_owned(), 1)
        ]
    );
    // It asked for no key: that its answer is a pair means nothing.
    assert_eq!(split.whole.iter().map(shown).collect::<Vec<_>>(), ["[:x 3] -> [:x 3] Ok 4..5"]);
    let text = "{:process 0 :type :invoke :value [:x nil]}\n{:process 0 :type :ok :value [:y 3]}\n";
    let error = split_keys(paired(text).operations, "sample").unwrap_err().to_string();
    assert_eq!(error, "sample, line 1: `[:y 3]` answers a call of the key :x");
}

#[test]
fn events_and_operations_are_small() {
    assert!(size_of::<ForeignEvent>() <= 88, "{}", size_of::<ForeignEvent>());
    assert!(size_of::<ForeignOperation>() <= 64, "{}", size_of::<ForeignOperation>());
}
