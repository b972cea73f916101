//! How findings read, word for word.

use dsjepsen_checkers::{LockCall, LockRule};
use dsjepsen_history::{Finding, SpanStyle};

use crate::script::{FENCED, LEASES, MS, Script};
use crate::witness;

fn text(finding: &Finding) -> String {
    let mut lines = vec![finding.sentence.clone(), finding.detail.clone()];
    for step in &finding.steps {
        let operation = step.operation.map(|index| format!(" [op {index}]")).unwrap_or_default();
        lines.push(format!("{}: {}{operation}", step.lead, step.text));
    }
    lines.extend(finding.figures.iter().map(|figure| format!("{}: {}", figure.name, figure.value)));
    lines.push(format!("operations {:?}, count {}", finding.operations, finding.count));
    lines.join("\n")
}

/// A service whose release does not look at the owner: process 4 outlives its lease and frees the lock of process 3.
fn foreign_release(answered: bool) -> Script {
    let mut script = Script::new(LEASES);
    script.acquired((9_996, 10_000), 4, 2, 1, None);
    script.acquired((12_004, 12_010), 3, 2, 2, None);
    script.renewed((13_300, 13_303), 3, 2, 2);
    let release = script.invoke(14_201, 4, LockCall::Release { lock: 2, hold: 1 });
    if answered {
        script.ok(14_204, release);
    }
    script.acquired((14_205, 14_210), 7, 2, 3, None);
    script.released((14_852, 14_855), 3, 2, 2);
    script.released((15_500, 15_505), 7, 2, 3);
    script
}

#[test]
fn an_overlap_after_a_foreign_release() {
    let script = foreign_release(true);
    let finding = &script.judge(LockRule::Exclusion).findings[0];
    witness::validate(&script, LockRule::Exclusion, finding);
    let expected = "\
Two clients held lock 2 at the same time, for 642 ms.
Process 4 released lock 2, which it no longer held: its lease had ended 2.215 s before. Then ttl-lock granted the lock to \
process 7 while process 3 still held it under a lease that it had renewed 910 ms before and that had 1.080 s left.
Let: process 3 acquire lock 2 at 12.010 s. [op 2]
And let: ttl-lock acknowledge its renewal sent at 13.300 s. A lease is 2.000 s long, so less 10 ms of slack ttl-lock must \
keep it until at least 15.290 s. [op 4]
And let: process 4 ask at 14.201 s to release lock 2, which it does not hold: its own lease ended at 11.986 s, and process 3 \
has been granted the lock. ttl-lock answers that it was released. [op 6]
Then: no other client may be granted lock 2 before process 3 asks to release it, at 14.852 s. [op 10]
However: ttl-lock granted lock 2 to process 7 at 14.210 s. From 14.210 s to 14.852 s both held it: a contradiction. [op 8]
overlap of two definite holds: 642 ms
left on the earlier lease at the later grant: 1.080 s
operations [2, 4, 6, 8, 10], count 1";
    assert_eq!(text(finding), expected);
}

#[test]
fn the_counterexample_is_drawn_by_process() {
    let script = foreign_release(true);
    let timeline = script.judge(LockRule::Exclusion).findings[0].timeline.clone().unwrap();
    assert_eq!(timeline.conflict_ns, Some((14_210 * MS, 14_852 * MS)));
    let labels: Vec<_> = timeline.lanes.iter().map(|lane| lane.label.as_str()).collect();
    assert_eq!(labels, ["process 3 on n1", "process 7 on n2", "process 4 on n2"]);
    let spans: Vec<_> = timeline.lanes[0]
        .spans
        .iter()
        .map(|span| (span.label.as_str(), span.style, span.from_ns / MS, span.to_ns / MS))
        .collect();
    assert_eq!(
        spans,
        [
            ("lease", SpanStyle::Possible, 12_004, 15_290),
            ("definite hold", SpanStyle::Definite, 12_010, 14_852),
            ("acquire", SpanStyle::Ok, 12_004, 12_010),
            ("renew", SpanStyle::Ok, 13_300, 13_303),
            ("release", SpanStyle::Ok, 14_852, 14_855),
        ]
    );
}

#[test]
fn a_foreign_release_without_an_answer_is_told_as_such() {
    let script = foreign_release(false);
    let finding = &script.judge(LockRule::Exclusion).findings[0];
    assert!(finding.detail.starts_with("Process 4 asked to release lock 2, which it no longer held"));
    assert!(finding.operations.contains(&6));
}

#[test]
fn a_release_by_the_holder_or_a_refused_one_is_not_blamed() {
    // Process 4 releases in time and so makes room for process 3, which waits; process 5's release is refused.
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 4, 1, 1, None);
    let waiter = script.invoke(10, 3, LockCall::Acquire { lock: 1, hold: 2 });
    script.released((20, 25), 4, 1, 1);
    script.grant(30, waiter, None, 10);
    let refused = script.invoke(40, 5, LockCall::Release { lock: 1, hold: 9 });
    script.fail(45, refused, "not-held");
    script.acquired((50, 55), 7, 1, 3, None);
    let finding = &script.judge(LockRule::Exclusion).findings[0];
    assert!(finding.detail.starts_with("ttl-lock granted the lock to process 7 while process 3"), "{}", finding.detail);
    assert_eq!(finding.operations, [2, 8]);
}

#[test]
fn a_late_release_that_made_room_for_the_victim_is_not_blamed() {
    // The lease of process 4 may have ended at 1,990 ms; its release is answered before process 3 has its grant.
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 4, 1, 1, None);
    let waiter = script.invoke(1000, 3, LockCall::Acquire { lock: 1, hold: 2 });
    script.released((1995, 1997), 4, 1, 1);
    script.grant(1999, waiter, None, 1000);
    script.acquired((2050, 2055), 7, 1, 3, None);
    let finding = &script.judge(LockRule::Exclusion).findings[0];
    assert!(finding.detail.starts_with("ttl-lock granted"), "{}", finding.detail);
    assert_eq!(finding.operations, [2, 6]);
}

#[test]
fn an_early_loss_names_the_foreign_release_too() {
    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 4, 1, 1, Some(1));
    script.acquired((2010, 2015), 3, 1, 2, Some(2));
    script.released((2500, 2505), 4, 1, 1);
    script.not_renewed((2700, 2710), 3, 1, 2);
    let finding = &script.judge(LockRule::EarlyLoss).findings[0];
    witness::validate(&script, LockRule::EarlyLoss, finding);
    let expected = "\
Process 3 was told that it did not hold lock 1, 1.290 s before its lease could have ended.
Process 4 released lock 1, which it no longer held: its lease had ended 510 ms before.
Let: process 3 acquire lock 1 with fencing token 2 at 2.015 s. [op 2]
And let: its lease be the one asked for at 2.010 s. A lease is 2.000 s long, so less 10 ms of slack ttl-lock must keep it \
until at least 4.000 s. [op 2]
And let: process 4 ask at 2.500 s to release lock 1, which it does not hold: its own lease ended at 1.990 s, and process 3 has \
been granted the lock. ttl-lock answers that it was released. [op 4]
Then: ttl-lock may not call it lost before 4.000 s, unless process 3 gave it back before.
However: ttl-lock answered its renewal at 2.710 s that it did not hold the lock: a contradiction. [op 6]
left on the lease: 1.290 s
operations [2, 4, 6], count 1";
    assert_eq!(text(finding), expected);
}

#[test]
fn what_was_left_of_a_lease_at_a_stale_write_counts_no_later_renewal() {
    let mut script = Script::new(FENCED);
    script.plan.promises.enforcing_guard = false;
    script.acquired((0, 5), 3, 1, 1, Some(453));
    script.renewed((500, 505), 3, 1, 1);
    script.acquired((600, 605), 7, 1, 2, Some(455));
    script.wrote((610, 612), (7, 1, 2), Some(455), (40, true));
    script.wrote((630, 634), (3, 1, 1), Some(453), (41, true));
    script.renewed((2000, 2005), 3, 1, 1);
    let finding = &script.judge(LockRule::StaleWrite).findings[0];
    let expected = "The lease of process 3 still had 1.860 s to run when it sent the write.";
    assert!(finding.detail.starts_with(expected), "{}", finding.detail);
}

#[test]
fn a_stale_write_names_both_holders() {
    let mut script = Script::new(FENCED);
    script.plan.promises.enforcing_guard = false;
    script.acquired((0, 5), 3, 1, 1, Some(453));
    script.acquired((2100, 2105), 7, 1, 2, Some(455));
    script.wrote((2110, 2112), (7, 1, 2), Some(455), (40, true));
    script.wrote((2130, 2134), (3, 1, 1), Some(453), (41, true));
    let finding = &script.judge(LockRule::StaleWrite).findings[0];
    witness::validate(&script, LockRule::StaleWrite, finding);
    let expected = "\
The resource guarded by lock 1 accepted a stale write of process 3, 22 ms after one of process 7, the newer holder.
The lease of process 3 had ended 140 ms before it sent the write. Nothing stood in its way: the resource does not look at tokens.
Let: process 3 acquire lock 1 with fencing token 453 at 0.005 s; its lease was asked for at 0.000 s. [op 0]
And let: process 7 acquire lock 1 with fencing token 455 at 2.105 s; its lease was asked for at 2.100 s. [op 2]
And let: the resource accept a write of process 7 under token 455 as its arrival 40. [op 4]
Then: every later write of process 3 is stale and must not take effect.
However: the resource accepted its write under token 453 as arrival 41. [op 6]
operations [0, 2, 4, 6], count 1";
    assert_eq!(text(finding), expected);
}

#[test]
fn tokens_that_fall() {
    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 3, 1, 1, Some(9));
    script.released((10, 12), 3, 1, 1);
    script.acquired((20, 25), 7, 1, 2, Some(4));
    let finding = &script.judge(LockRule::Fencing).findings[0];
    witness::validate(&script, LockRule::Fencing, finding);
    let expected = "\
The fencing tokens of lock 1 fell from 9 to 4, over 20 ms.
Process 7 asked for the lock only after process 3 had been granted it, so its token had to be larger: a guarded resource would \
refuse the new holder and let the old one pass.
Let: process 3 acquire lock 1 with fencing token 9 at 0.005 s. [op 0]
And let: process 7 ask for the lock after that, at 0.020 s. [op 4]
Then: its token must be larger than 9.
However: it was granted at 0.025 s with token 4: a contradiction. [op 4]
earlier token: 9
later token: 4
operations [0, 4], count 1";
    assert_eq!(text(finding), expected);
}

#[test]
fn a_lease_that_lives_on_is_told_by_its_later_renewal() {
    // The service renews the first lease after it gave the lock away: it never ended, though nobody knew at the time.
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 3, 1, 1, None);
    script.acquired((2000, 2005), 7, 1, 2, None);
    script.renewed((2100, 2110), 3, 1, 1);
    script.released((2500, 2505), 3, 1, 1);
    let finding = &script.judge(LockRule::Exclusion).findings[0];
    witness::validate(&script, LockRule::Exclusion, finding);
    assert_eq!(finding.sentence, "Two clients held lock 1 at the same time, for 495 ms.");
    assert!(finding.detail.ends_with("under a lease that it renewed again 95 ms later."), "{}", finding.detail);
    let belief = &script.judge(LockRule::Belief).findings[0];
    assert!(belief.sentence.ends_with("the lease of process 3 was renewed again 95 ms later."), "{}", belief.sentence);
}

#[test]
fn what_an_attempt_with_a_lease_of_its_own_gives_back_is_not_blamed() {
    let blamed = |renews_while_it_waits: bool| {
        let mut script = Script::new(LEASES);
        script.acquired((0, 5), 3, 1, 1, None);
        let waiter = script.invoke(10, 4, LockCall::Acquire { lock: 1, hold: 2 });
        if renews_while_it_waits {
            script.renewed((700, 705), 4, 1, 2);
        }
        let given_up = script.invoke(1000, 4, LockCall::GiveUp { lock: 1, hold: 2 });
        script.ok(1005, given_up);
        script.info(1006, waiter);
        script.acquired((1100, 1105), 7, 1, 3, None);
        script.judge(LockRule::Exclusion).findings[0].detail.starts_with("Process 4 gave back lock 1")
    };
    assert!(blamed(false) && !blamed(true));
}

#[test]
fn a_belief_without_a_lease_behind_its_grant_is_told_first() {
    let mut script = Script::new(LEASES);
    // A holder that outlives its lease, then a waiting client that is granted the lock by a lease that has ended.
    script.acquired((0, 5), 3, 1, 1, None);
    let waiter = script.invoke(10, 4, LockCall::Acquire { lock: 1, hold: 2 });
    script.renewed((500, 505), 4, 1, 2);
    script.acquired((2100, 2105), 7, 1, 3, None);
    script.released((2200, 2205), 3, 1, 1);
    script.grant(2700, waiter, None, 10);
    script.released((3000, 3005), 4, 1, 2);
    let finding = &script.judge(LockRule::Belief).findings[0];
    witness::validate(&script, LockRule::Belief, finding);
    assert_eq!(finding.count, 2);
    let sentence = "Two clients believed at the same time that they held lock 1, for 300 ms: process 4 had its grant 210 ms \
                    after the lease behind it had ended.";
    assert_eq!(finding.sentence, sentence);
    assert_eq!(
        finding.steps[2].text.split(". A lease").next().unwrap(),
        "for the lease of process 4, ttl-lock acknowledge its renewal sent at 0.500 s"
    );
    assert!(finding.operations.contains(&script.history.operations[2].invoked.index), "{:?}", finding.operations);
}
