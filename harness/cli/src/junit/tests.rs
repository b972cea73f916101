use dsjepsen_history::{Judgement, UnknownReason};

use super::*;
use crate::exit::{harness, unavailable};

fn subject() -> Subject {
    Subject {
        name: "lock on raft".to_owned(),
        class: "lock.raft".to_owned(),
        command: "dsjepsen test".to_owned(),
        ..Subject::default()
    }
}

fn broken() -> Finding {
    Finding::invalid("lock.exclusion", "Two held it.", vec![4, 9])
}

fn lacking() -> Finding {
    Finding::unknown(UnknownReason::KindNeverSucceeded, "No `read` succeeded.")
}

fn verdict(findings: Vec<Vec<Finding>>) -> Verdict {
    let judgements = findings.into_iter().enumerate();
    let judgements = judgements.map(|(number, findings)| Judgement::new(format!("checker-{number}"), 5, findings));
    Verdict::merge(judgements.collect(), Default::default(), "Fine.")
}

fn suite(verdict: &Verdict, expected: Option<Gravity>) -> Suite {
    let exit = Exit::of(verdict, verdict.interrupted).expecting(expected);
    let suite = Suite::of_verdict(subject(), verdict, exit);
    assert_eq!(
        suite.count(Outcome::is_red) == 0,
        exit == Exit::Valid,
        "it says otherwise than the exit code: {suite:?}"
    );
    suite
}

/// Each case as a letter: passed, failure, error, skipped.
fn letters(suite: &Suite) -> String {
    let letter = |case: &Case| match case.outcome {
        Outcome::Passed => 'p',
        Outcome::Failure(_) => 'f',
        Outcome::Error(_) => 'e',
        Outcome::Skipped(_) => 's',
    };
    suite.cases.iter().map(letter).collect()
}

#[test]
fn invalid_is_a_failure_and_unknown_an_error_each_of_its_own_checker() {
    let found = verdict(vec![vec![lacking()], vec![], vec![lacking(), broken()]]);
    let suite = suite(&found, None);
    assert_eq!(letters(&suite), "pepf");
    let Outcome::Failure(reason) = &suite.cases[3].outcome else { panic!() };
    assert_eq!((reason.kind.as_str(), reason.message.as_str()), ("lock.exclusion", "Two held it."));
    let words =
        ["operations (by the index of their invocation): 4, 9", "kind-never-succeeded: No", "again: dsjepsen test"];
    for words in words {
        assert!(reason.text.contains(words), "{words}: {}", reason.text);
    }
    let text = xml::document(&[suite]);
    assert!(text.contains(r#"tests="4" failures="1" errors="1" skipped="0""#), "{text}");
}

#[test]
fn cases_say_what_the_exit_code_says_whatever_was_expected() {
    let verdicts = [vec![vec![], vec![]], vec![vec![lacking()], vec![]], vec![vec![broken()], vec![lacking()]]];
    let mut seen = Vec::new();
    for findings in verdicts {
        for expected in [None, Some(Gravity::Valid), Some(Gravity::Unknown), Some(Gravity::Invalid)] {
            for (error, interrupted) in [(false, false), (true, false), (false, true)] {
                let mut verdict = verdict(findings.clone());
                verdict.harness_error = error.then(|| "the disk is full".to_owned());
                verdict.interrupted = interrupted;
                let suite = suite(&verdict, expected);
                if verdict.harness_error.is_some() && verdict.verdict == Gravity::Valid {
                    assert_eq!(letters(&suite), "ess", "nothing passes where the harness failed");
                }
                seen.push(letters(&suite));
            }
        }
    }
    for kind in ["ppp", "pep", "pfe", "fpp", "epp", "ess", "ees", "efe"] {
        assert!(seen.iter().any(|letters| letters == kind), "no {kind} in {seen:?}");
    }
    let as_expected = suite(&verdict(vec![vec![broken()]]), Some(Gravity::Invalid));
    assert!(letters(&as_expected) == "pp" && as_expected.output.contains("as expected, checker-0: Two held it."));
}

#[test]
fn a_rule_that_was_not_put_to_the_test_did_not_pass() {
    let judgements = vec![Judgement::new("a", 0, vec![]), Judgement::new("b", 1, vec![])];
    assert_eq!(letters(&suite(&Verdict::merge(judgements, Default::default(), "Fine."), None)), "psp");
}

#[test]
fn what_belongs_to_no_checker_is_a_matter_of_the_run() {
    let mut set_up = verdict(vec![vec![]]);
    let finding = Finding::unknown(UnknownReason::SetupFailed, "The cluster never came up: no.");
    crate::run::lead_with_set_up(&mut set_up, finding);
    set_up.harness_error = Some("no".to_owned());
    let set_up = suite(&set_up, None);
    assert_eq!(letters(&set_up), "es");
    let Outcome::Error(reason) = &set_up.cases[0].outcome else { panic!() };
    assert_eq!((reason.kind.as_str(), reason.message.as_str()), ("harness", "the harness or the set-up failed: no"));
    assert!(reason.text.contains("The cluster never came up"));

    let mut torn = verdict(vec![vec![]]);
    torn.verdict = Gravity::Unknown;
    torn.findings.push(Finding::unknown(UnknownReason::Interrupted, "The history is cut short."));
    assert_eq!(letters(&suite(&torn, None)), "ep");
}

#[test]
fn what_came_to_no_verdict_is_an_error_and_what_is_not_here_is_skipped() {
    for (failure, expected) in [(usage("no"), "e"), (harness("no"), "e"), (unavailable("etcd is not here"), "s")] {
        assert_eq!(letters(&Suite::of_failure(subject(), &failure)), expected, "{failure}");
    }
    assert_eq!(letters(&Suite::pending(subject())), "e");
    let rows = vec![
        ("a".to_owned(), Row::Expected),
        ("b".to_owned(), Row::Differs("x".to_owned())),
        ("c".to_owned(), Row::NotJudged("x".to_owned())),
        ("d".to_owned(), Row::Refused("x".to_owned())),
    ];
    assert_eq!(letters(&Suite::of_rows(subject(), rows)), "pfse");
    assert_eq!(letters(&Suite::of_rows(subject(), vec![])), "e");
}

#[test]
fn each_run_of_a_command_has_a_class_of_its_own() {
    let special = class(&["lock", "raft:unfenced", "pause(n1) for 1.5s"], 0);
    assert_eq!(special, "lock.raft_unfenced-7f4ad234.pause_n1__for_1_5s-e6b1e8fd", "the same in each version");
    assert_eq!(class(&["lock", "raft"], 2), "lock.raft.run-3");
}
