//! Semaphores, read-write locks and reentrant locks.

use std::collections::BTreeMap;

use dsjepsen_checkers::Outcome;
use dsjepsen_checkers::permits::{
    Access, PermitCall, PermitOperation, check_read_write_lock, check_reentrant_lock, check_semaphore,
};
use dsjepsen_history::{Gravity, Index, Judgement, Process, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::draw::{Draw, in_effect, outcome, schedule};
use crate::fuzz;
use crate::linear::{Span, linearizable};
use crate::witness::{broken, validate};

type Operation<A> = PermitOperation<A>;

fn acquire<A>(process: u32, invoked: Index, completed: Index, amount: A) -> Operation<A> {
    let (process, call, outcome) = (Process(process), PermitCall::Acquire, Outcome::Ok);
    Operation { process, invoked, completed: Some(completed), outcome, call, amount }
}

fn release<A>(process: u32, invoked: Index, completed: Index, amount: A) -> Operation<A> {
    Operation { call: PermitCall::Release, ..acquire(process, invoked, completed, amount) }
}

#[track_caller]
fn only(judgement: &Judgement, rule: &str, operations: &[Index]) {
    assert_eq!(judgement.findings.len(), 1, "{judgement:#?}");
    assert_eq!((&*judgement.findings[0].rule, &*judgement.findings[0].operations), (rule, operations));
}

#[test]
fn no_more_is_taken_than_there_is() {
    let taken = [acquire(0, 1, 2, 2), acquire(1, 3, 4, 1), acquire(2, 5, 6, 1)];
    let judgement = check_semaphore(&taken, 3);
    only(&judgement, "semaphore.overcommitted", &[1, 3, 5]);
    assert_eq!(judgement.findings[0].sentence, "4 permits of a semaphore of 3 were taken at once.");
    assert_eq!(check_semaphore(&taken, 4).verdict, Gravity::Valid);
    // A release that began in time may have come first, also where nobody knows.
    let mut given = taken.to_vec();
    given.push(Operation { completed: None, outcome: Outcome::Info, ..release(1, 5, 0, 1) });
    given[2] = acquire(2, 6, 7, 1);
    assert_eq!(check_semaphore(&given, 3).verdict, Gravity::Valid);
    given[3].outcome = Outcome::Fail;
    assert_eq!(check_semaphore(&given, 3).verdict, Gravity::Invalid);
}

#[test]
fn a_writer_is_alone() {
    let (read, write) = (Access::Read, Access::Write);
    let two = |one, other| check_read_write_lock(&[acquire(0, 1, 2, one), acquire(1, 3, 4, other)]);
    assert_eq!(two(read, read).verdict, Gravity::Valid);
    for judgement in [two(write, read), two(read, write), two(write, write)] {
        only(&judgement, "read-write-lock.exclusion", &[1, 3]);
    }
    let upgraded = check_read_write_lock(&[acquire(0, 1, 2, read), acquire(0, 3, 4, write)]);
    assert_eq!(upgraded.verdict, Gravity::Valid);
    let released = [acquire(0, 1, 2, read), release(0, 3, 5, read), acquire(1, 4, 6, write)];
    assert_eq!(check_read_write_lock(&released).verdict, Gravity::Valid);
    let wrong = [acquire(0, 1, 2, read), release(0, 3, 4, write)];
    only(&check_read_write_lock(&wrong), "read-write-lock.not-held", &[3]);
}

#[test]
fn a_reentrant_lock_is_held_until_the_last_release() {
    let mut operations = vec![acquire(0, 1, 2, ()), acquire(0, 3, 4, ()), release(0, 5, 6, ()), acquire(1, 7, 8, ())];
    let judgement = check_reentrant_lock(&operations);
    only(&judgement, "reentrant-lock.exclusion", &[1, 7]);
    assert_eq!(judgement.findings[0].sentence, "Process 1 was granted the lock while process 0 held it.");
    operations[3] = acquire(1, 9, 10, ());
    operations.push(release(0, 7, 8, ()));
    assert_eq!(check_reentrant_lock(&operations).verdict, Gravity::Valid);
    operations.push(release(0, 11, 12, ()));
    only(&check_reentrant_lock(&operations), "reentrant-lock.not-held", &[11]);
}

#[test]
fn nothing_taken_is_unknown() {
    let refused = Operation { outcome: Outcome::Fail, ..acquire(0, 1, 2, 1) };
    assert_eq!(check_semaphore(&[refused], 3).findings[0].reason, Some(UnknownReason::NoObservations));
    assert_eq!(check_reentrant_lock(&[]).findings[0].reason, Some(UnknownReason::NoObservations));
}

/// What each process holds, by what it is.
type Held<A> = BTreeMap<(Process, A), u32>;

/// An object of permits: the state after an operation, if that is allowed.
fn after<A: Copy + Ord>(
    held: &Held<A>,
    operation: &Operation<A>,
    allowed: &dyn Fn(&Held<A>, &Operation<A>) -> bool,
) -> Option<Held<A>> {
    let mut held = held.clone();
    let own = held.entry((operation.process, operation.amount)).or_default();
    match operation.call {
        PermitCall::Release => {
            *own = own.checked_sub(1)?;
            held.retain(|_, number| *number > 0);
        }
        PermitCall::Acquire => {
            held.retain(|_, number| *number > 0);
            if !allowed(&held, operation) {
                return None;
            }
            *held.entry((operation.process, operation.amount)).or_default() += 1;
        }
    }
    Some(held)
}

fn shared(held: &Held<Access>, operation: &Operation<Access>) -> bool {
    let conflicts = |&(process, access): &(Process, Access)| {
        process != operation.process && (access == Access::Write || operation.amount == Access::Write)
    };
    !held.keys().any(conflicts)
}

fn alone(held: &Held<()>, operation: &Operation<()>) -> bool {
    held.keys().all(|&(process, ())| process == operation.process)
}

const PERMITS: u64 = 3;

fn room(held: &Held<u32>, operation: &Operation<u32>) -> bool {
    let taken: u64 = held.iter().map(|(&(_, weight), &number)| u64::from(weight * number)).sum();
    taken + u64::from(operation.amount) <= PERMITS
}

fn agree<A: Copy + Ord + std::fmt::Debug>(
    operations: &[Operation<A>],
    possible: bool,
    check: impl Fn(&[Operation<A>]) -> Judgement,
) {
    let judgement = check(operations);
    assert_eq!(broken(&judgement).is_empty(), possible, "{operations:#?} {judgement:#?}");
    validate(&judgement, |named| {
        check(&operations.iter().filter(|one| named(one.invoked)).copied().collect::<Vec<_>>())
    });
}

fn possible<A: Copy + Ord>(operations: &[Operation<A>], allowed: &dyn Fn(&Held<A>, &Operation<A>) -> bool) -> bool {
    let spans: Vec<Span> = operations.iter().map(|one| (one.invoked, one.completed, one.outcome)).collect();
    linearizable(&spans, Held::new(), &|held, number| after(held, &operations[number], allowed))
}

/// Who holds gives back or takes more; what is not allowed is refused, or never heard of.
fn history<A: Copy + Ord>(
    bytes: &[u8],
    spoil: bool,
    amounts: &[A],
    allowed: &dyn Fn(&Held<A>, &Operation<A>) -> bool,
) -> Vec<Operation<A>> {
    let mut draw = Draw::new(bytes);
    let slots = schedule(&mut draw, 8, 3);
    let mut operations: Vec<Operation<A>> = slots
        .iter()
        .map(|one| Operation {
            process: one.process,
            invoked: one.invoked,
            completed: one.completed,
            outcome: one.outcome,
            call: if draw.one_in(2) { PermitCall::Release } else { PermitCall::Acquire },
            amount: amounts[draw.below(amounts.len() as u64) as usize],
        })
        .collect();
    let mut held = Held::new();
    for place in in_effect(&slots) {
        let operation = &mut operations[place];
        let own = held.keys().find(|(process, _)| *process == operation.process);
        match own {
            Some(&(_, amount)) if operation.call == PermitCall::Release => operation.amount = amount,
            _ => operation.call = PermitCall::Acquire,
        }
        match after(&held, operation, allowed) {
            Some(then) => held = then,
            None if operation.outcome == Outcome::Ok => operation.outcome = Outcome::Fail,
            None => {}
        }
    }
    for _ in 0..if spoil { 1 + draw.below(3) } else { 0 } {
        let Some(operation) = operations.get_mut(draw.below(8) as usize) else { continue };
        match draw.below(3) {
            0 if operation.completed.is_some() => {
                let ended = outcome(&mut draw);
                // Whoever is never heard of again must not be heard of again.
                operation.outcome = if ended == Outcome::Info { Outcome::Ok } else { ended };
            }
            1 => operation.call = PermitCall::Acquire,
            _ => operation.amount = amounts[draw.below(amounts.len() as u64) as usize],
        }
    }
    operations
}

fn try_all(bytes: &[u8], spoil: bool) {
    let locks = history(bytes, spoil, &[Access::Read, Access::Write], &shared);
    let reentrant = history(bytes, spoil, &[()], &alone);
    let mut semaphore = history(bytes, spoil, &[1, 2], &room);
    let sound = [possible(&locks, &shared), possible(&reentrant, &alone)];
    assert!(spoil || sound == [true, true], "the simulation breaks its own rules");
    agree(&locks, sound[0], check_read_write_lock);
    agree(&reentrant, sound[1], check_reentrant_lock);
    // Anybody may give back to a semaphore: its state is what is left.
    if spoil && bytes.len().is_multiple_of(2) {
        semaphore.iter_mut().for_each(|one| one.process = Process(one.process.0 % 2));
    }
    let spans: Vec<Span> = semaphore.iter().map(|one| (one.invoked, one.completed, one.outcome)).collect();
    let sound = linearizable(&spans, PERMITS, &|&left, number| match semaphore[number].call {
        PermitCall::Acquire => left.checked_sub(u64::from(semaphore[number].amount)),
        PermitCall::Release => Some(left + u64::from(semaphore[number].amount)),
    });
    assert!(spoil || sound, "the simulation breaks its own rules");
    agree(&semaphore, sound, |operations| check_semaphore(operations, PERMITS));
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn random_histories_are_judged_as_the_oracle_judges_them(bytes in vec(any::<u8>(), 0..110)) {
        try_all(&bytes, true);
    }

    #[test]
    fn what_keeps_its_rules_is_never_invalid(bytes in vec(any::<u8>(), 0..110)) {
        try_all(&bytes, false);
    }
}
