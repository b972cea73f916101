//! What a finding says, word for word.

use dsjepsen_checkers::{RegisterCall, RegisterReply};
use dsjepsen_history::Finding;

use crate::script::{Script, cas, write};
use crate::witness;

#[track_caller]
fn finding(script: &Script) -> Finding {
    let judgement = script.judge();
    let [finding] = judgement.findings.as_slice() else { panic!("{judgement:#?}") };
    witness::validate(script, finding);
    finding.clone()
}

#[track_caller]
fn says(script: &Script, sentence: &str) {
    assert_eq!(finding(script).sentence, sentence);
}

/// Much else happens on the key, before, at the same time and after.
fn busy() -> Script {
    let mut script = Script::new();
    for value in 100..130 {
        script.wrote((value, value), 3, value);
        script.read((value, value), 4, Some(value));
    }
    let lost = script.invoke(190, 8, write(7, 99));
    script.info(191, lost);
    script
}

#[test]
fn an_older_value_after_a_newer_one_was_written() {
    let mut script = busy();
    script.wrote((200, 210), 0, 12);
    script.wrote((220, 230), 1, 31);
    script.read((235, 236), 4, Some(31));
    script.read((470, 474), 2, Some(12));
    script.read((480, 481), 5, Some(31));
    let finding = finding(&script);
    assert_eq!(finding.sentence, "A read of key 7 returned 12, although 31 had been written over it 240 ms before.");
    assert_eq!(finding.operations.len(), 3);
    let steps: Vec<_> = finding.steps.iter().map(|step| (step.lead.as_ref(), step.text.as_str())).collect();
    assert_eq!(
        steps,
        [
            ("Let", "process 0 write 12 to key 7, from 0.200 s to 0.210 s (10 ms)."),
            ("And let", "process 1 write 31 to key 7, from 0.220 s to 0.230 s (10 ms)."),
            ("Then", "nothing that begins after 0.230 s may find 12: it has been replaced, and was written only once."),
            (
                "If",
                "process 0's write of 12, process 1's write of 31 have taken effect, in this order, key 7 holds 31, and \
                 process 2's read, which found 12, cannot follow."
            ),
            ("However", "process 2, which began to read key 7 at 0.470 s, found 12 at 0.474 s: a contradiction."),
        ]
    );
    assert_eq!(finding.timeline.unwrap().conflict_ns, Some((230_000_000, 474_000_000)));
}

#[test]
fn an_older_value_after_a_newer_one_was_read() {
    let mut script = busy();
    let slow = script.invoke(200, 0, write(7, 12));
    let other = script.invoke(201, 1, write(7, 31));
    script.read((210, 220), 2, Some(12));
    script.read((230, 240), 3, Some(31));
    script.read((250, 260), 4, Some(12));
    script.ok(270, slow, RegisterReply::Write);
    script.ok(280, other, RegisterReply::Write);
    says(&script, "A read of key 7 returned 12, although 31 had been read 10 ms before.");
}

#[test]
fn two_values_of_which_each_should_have_replaced_the_other() {
    let mut script = busy();
    let one = script.invoke(200, 0, write(7, 12));
    let other = script.invoke(201, 1, write(7, 31));
    script.ok(210, one, RegisterReply::Write);
    script.ok(211, other, RegisterReply::Write);
    let first = script.invoke(220, 2, RegisterCall::Read { key: 7 });
    script.read((221, 222), 3, Some(31));
    script.ok(223, first, RegisterReply::Read { value: Some(12) });
    says(
        &script,
        "A read of key 7 returned 12 and another 31, although both had been there before: only one of them was the last.",
    );
}

#[test]
fn no_value_after_one_was_written() {
    let mut script = Script::new();
    script.wrote((1, 2), 0, 12);
    script.read((9, 10), 1, None);
    says(&script, "A read of key 7 found no value, although 12 had been written 7 ms before.");
}

#[test]
fn a_value_from_nowhere() {
    let mut script = busy();
    script.read((200, 201), 1, Some(5));
    says(&script, "A read of key 7 returned 5, but nobody had written 5.");

    let mut script = busy();
    let failed = script.invoke(200, 0, write(7, 5));
    script.fail(201, failed);
    script.read((202, 203), 1, Some(5));
    says(&script, "A read of key 7 returned 5, but every write of 5 by then had failed.");

    let mut script = busy();
    script.read((200, 201), 1, Some(5));
    script.wrote((211, 212), 0, 5);
    says(&script, "A read of key 7 returned 5, 10 ms before anybody began to write 5.");
}

#[test]
fn two_swaps_of_one_value() {
    let mut script = busy();
    script.wrote((200, 201), 0, 12);
    let one = script.invoke(210, 1, cas(7, 12, 31));
    let other = script.invoke(211, 2, cas(7, 12, 44));
    script.ok(220, one, RegisterReply::Cas { swapped: true });
    script.ok(221, other, RegisterReply::Cas { swapped: true });
    says(&script, "Two cas of key 7 from 12 succeeded, to 31 and to 44: it was there once.");

    let mut script = busy();
    script.wrote((200, 201), 0, 12);
    script.cas((210, 211), 1, (12, 31), true);
    script.cas((221, 222), 2, (12, 44), true);
    says(&script, "A cas of key 7 from 12 to 44 succeeded, although 31 had been written over it 10 ms before.");
}

#[test]
fn a_value_that_was_there_and_not_found() {
    let mut script = Script::new();
    for value in 100..130 {
        script.wrote((value, value), 3, value);
    }
    script.wrote((200, 201), 0, 12);
    script.cas((211, 212), 1, (12, 31), false);
    let finding = finding(&script);
    let sentence =
        "A cas of key 7 found another value than 12, although 12 had been written 10 ms before and nothing over it.";
    assert_eq!(finding.sentence, sentence);
    assert_eq!(finding.operations.len(), 2);
}

#[test]
fn what_has_no_name_is_said_plainly() {
    let mut script = Script::new();
    // Values that were written twice at one time, and seen in turns three times.
    let writes =
        [(1, 12), (2, 31), (3, 12), (4, 31)].map(|(process, value)| script.invoke(1, process, write(7, value)));
    for (at, value) in [(2, 12), (4, 31), (6, 12), (8, 31), (10, 12)] {
        script.read((at, at + 1), 0, Some(value));
    }
    for place in writes {
        script.ok(20, place, RegisterReply::Write);
    }
    let sentence = finding(&script).sentence;
    assert_eq!(sentence, "A read of key 7 returned 12, and no order of the 9 operations shown explains it.");
}

#[test]
fn of_several_writes_that_were_written_over_the_last_is_shown() {
    let mut script = Script::new();
    script.wrote((1, 2), 0, 12);
    script.wrote((3, 4), 0, 31);
    script.wrote((5, 6), 0, 12);
    script.wrote((7, 8), 0, 31);
    script.read((9, 10), 1, Some(12));
    let finding = finding(&script);
    assert_eq!(finding.sentence, "A read of key 7 returned 12, although 31 had been written over it 1 ms before.");
    assert_eq!(finding.operations.len(), 3);
}

#[test]
fn the_first_of_several_keys_is_shown_and_all_are_counted() {
    let mut script = Script::new();
    for (at, key) in [(10, 9), (20, 3)] {
        let read = script.invoke(at, 0, RegisterCall::Read { key });
        script.ok(at + 1, read, RegisterReply::Read { value: Some(key) });
    }
    let finding = finding(&script);
    assert_eq!(
        (finding.count, finding.sentence.as_str()),
        (2, "A read of key 9 returned 9, but nobody had written 9.")
    );
}
