//! A bank: transfers move money between accounts, so every read of all accounts shows the same total.

use std::collections::BTreeMap;

use dsjepsen_history::{Figure, Finding, Index, Judgement, UnknownReason};

use super::text::step;
use crate::words::count;

const RULE: &str = "bank.balances";

/// A read of all accounts that was ok.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankRead {
    /// The index of its invocation.
    pub index: Index,
    /// What each account held; none where the store had no balance.
    pub balances: BTreeMap<String, Option<i64>>,
}

/// Which accounts there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BankAccounts {
    /// Not known: whatever is read is an account.
    #[default]
    Any,
    /// These.
    Only(Vec<String>),
}

/// What is known of a bank.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BankOptions {
    /// Its accounts.
    pub accounts: BankAccounts,
    /// What all balances sum up to. Where it is not known, it is that of the first read of all accounts that any read showed:
    /// transfers never change it.
    pub total: Option<i64>,
    /// Whether an account may be overdrawn.
    pub negative_balances: bool,
}

/// Judges all reads of a bank: each shows each account once, no other, none overdrawn, and the right total.
pub fn check_bank(reads: &[BankRead], options: &BankOptions) -> Judgement {
    if reads.is_empty() {
        let finding = Finding::unknown(UnknownReason::NoObservations, "No read of the accounts succeeded.");
        return Judgement::new(RULE, 0, vec![finding]);
    }
    let known = match &options.accounts {
        BankAccounts::Only(accounts) => accounts.clone(),
        BankAccounts::Any => {
            let all: std::collections::BTreeSet<_> = reads.iter().flat_map(|read| read.balances.keys()).collect();
            all.into_iter().cloned().collect()
        }
    };
    let whole = |read: &&BankRead| known.iter().all(|account| matches!(read.balances.get(account), Some(Some(_))));
    let first = reads.iter().find(whole);
    let total = options.total.map(i128::from).or_else(|| first.map(sum));
    let bank = Bank { options, known: &known, total, first };
    let mut findings: Vec<Finding> = Vec::new();
    for read in reads {
        if let Some(finding) = bank.judge(read) {
            match findings.iter_mut().find(|other| other.rule == finding.rule) {
                Some(other) => other.count += 1,
                None => findings.push(finding),
            }
        }
    }
    let mut judgement = Judgement::new(RULE, reads.len() as u64, findings);
    judgement.figures.push(Figure::new("reads", count(reads.len() as u64)));
    if let Some(total) = total {
        judgement.figures.push(Figure::new("total", total));
    }
    if options.total.is_none() {
        judgement.assumptions.push("The total is that of the first whole read: no total was given.".to_owned());
    }
    judgement
}

fn sum(read: &BankRead) -> i128 {
    read.balances.values().flatten().map(|&balance| i128::from(balance)).sum()
}

struct Bank<'a> {
    options: &'a BankOptions,
    known: &'a [String],
    total: Option<i128>,
    first: Option<&'a BankRead>,
}

impl Bank<'_> {
    fn judge(&self, read: &BankRead) -> Option<Finding> {
        let shown = || {
            let shown = read.balances.iter().take(16).map(|(account, balance)| match balance {
                Some(balance) => format!("{account}: {balance}"),
                None => format!("{account}: nil"),
            });
            shown.collect::<Vec<_>>().join(", ")
        };
        let finding = |rule: &'static str, sentence: String, contradiction: String, others: &[Index]| {
            let mut operations = others.to_vec();
            operations.push(read.index);
            operations.sort_unstable();
            operations.dedup();
            let mut finding = Finding::invalid(rule, sentence, operations);
            finding.detail = format!("The read shows {}.", shown());
            finding.steps = vec![
                step("Let", format!("a read of all accounts show {}.", shown()), Some(read.index)),
                step("However", format!("{contradiction}: a contradiction."), Some(read.index)),
            ];
            Some(finding)
        };
        if let Some(account) = read.balances.keys().find(|account| !self.known.contains(account)) {
            let contradiction = format!("there is no account {account}");
            return finding(
                "bank.unexpected-account",
                format!("A read shows account {account}, which does not exist."),
                contradiction,
                &[],
            );
        }
        let balance = |account: &String| read.balances.get(account).copied().flatten();
        if let Some(account) = self.known.iter().find(|account| balance(account).is_none()) {
            let contradiction = format!("account {account} exists, and always holds a balance");
            return finding(
                "bank.missing-balance",
                format!("A read shows no balance for account {account}."),
                contradiction,
                &[],
            );
        }
        let found = sum(read);
        if let Some(total) = self.total.filter(|&total| total != found) {
            let sentence = format!("A read of all accounts adds up to {found}, not to {total}.");
            let contradiction = format!("transfers keep the total at {total}, and these balances add up to {found}");
            let others: Vec<_> =
                self.first.filter(|_| self.options.total.is_none()).map(|first| first.index).into_iter().collect();
            return finding("bank.wrong-total", sentence, contradiction, &others);
        }
        let overdrawn = read.balances.iter().find(|(_, balance)| balance.is_some_and(|balance| balance < 0));
        if let (Some((account, Some(balance))), false) = (overdrawn, self.options.negative_balances) {
            let contradiction = format!("no transfer may overdraw account {account}");
            return finding(
                "bank.negative-balance",
                format!("Account {account} was read with a balance of {balance}."),
                contradiction,
                &[],
            );
        }
        None
    }
}
