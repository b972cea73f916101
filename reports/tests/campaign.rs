//! Pages of campaigns: what stands on them in each state, that marks lead to their runs, and that nothing hostile acts.

use std::fs;

use dsjepsen_history::{
    Campaign, CampaignHost, Cell, CellFinding, CellHealth, CellOperations, CellResult, CellState, Gravity,
    HarnessError, HarnessReason, SCHEMA, Unavailable, UnknownReason,
};
use dsjepsen_reports::{ReportError, write_campaign_page};

#[allow(dead_code, reason = "each test binary uses a part of this")]
mod markup;

use markup::{assert_sound_with, elements};

const HOSTILE: &str =
    "<script>alert(1)</script>\"' onload='x' \u{0}\u{1b}[31m\u{202e}evil </style>]]> http://evil.example/ \u{ffff}";

fn page(campaign: &Campaign) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index.html");
    write_campaign_page(campaign, &path).expect("a page can be written");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    let page = fs::read_to_string(path).expect("a page can be read");
    assert_sound_with(&page, |link| link.starts_with("runs/") && link.ends_with("/index.html") && !link.contains(".."));
    page
}

fn cell(id: u32, (workload, target, nemesis): (&str, &str, &str), state: CellState) -> Cell {
    Cell {
        id,
        workload: workload.to_owned(),
        target: target.to_owned(),
        nemesis: nemesis.to_owned(),
        seed: 30 + u64::from(id),
        expect: Gravity::Valid,
        own_time_ms: 35_000,
        options: String::new(),
        command: ["dsjepsen", "test", "--target", target, "--nemesis", nemesis].map(str::to_owned).into(),
        attempts: 1,
        state,
    }
}

/// What came of a run: its exit code, and the finding behind it.
fn result(exit_code: u8, rule: &str, reason: Option<UnknownReason>, sentence: &str) -> CellResult {
    let gravity = [Gravity::Valid, Gravity::Invalid, Gravity::Unknown][usize::from(exit_code.min(2))];
    let finding = CellFinding { rule: rule.to_owned(), gravity, reason, sentence: sentence.to_owned(), count: 1 };
    CellResult {
        run: format!("a-run-{rule}"),
        page: true,
        started: "2026-11-21T02:00:00Z".to_owned(),
        took_ms: 36_400,
        exit_code,
        verdict: Some(gravity),
        sentence: sentence.to_owned(),
        findings: if exit_code == 0 { Vec::new() } else { vec![finding] },
        harness_error: None,
        operations: CellOperations { total: 4_197, ok: 4_000, fail: 190, info: 7 },
        health: CellHealth { faults: 3, ..CellHealth::default() },
        target_version: "etcd 3.4.23".to_owned(),
    }
}

fn done(result: CellResult) -> CellState {
    CellState::Done(Box::new(result))
}

fn valid() -> CellState {
    done(result(0, "valid", None, "All is well."))
}

fn campaign(cells: Vec<Cell>) -> Campaign {
    Campaign {
        schema: SCHEMA,
        name: "campaign-night-20261121".to_owned(),
        series: "night".to_owned(),
        started: "2026-11-21T02:00:00Z".to_owned(),
        updated: "2026-11-21T02:38:00Z".to_owned(),
        command: ["dsjepsen", "campaign", "night.toml", "--for", "2h"].map(str::to_owned).into(),
        folder: "/srv".to_owned(),
        jobs: 12,
        for_ms: Some(7_200_000),
        grace_ms: 120_000,
        worked_ms: 38 * 60_000,
        worked_before_ms: 0,
        host: CampaignHost {
            dsjepsen: "0.1.0".to_owned(),
            system: "Linux 6.18".to_owned(),
            cores: 8,
            memory_bytes: Some(32 << 30),
            commit: Some("7c1f0ae".to_owned()),
        },
        require_all: false,
        unavailable: Vec::new(),
        cells,
        exit_code: Some(0),
    }
}

/// A night in which everything happens.
fn eventful() -> Campaign {
    let (lock, other) = (("lock", "etcd:unfenced", "pause+partition"), ("counter", "raft", "none"));
    let mut harness = result(255, "deadline", None, "cut short");
    harness.harness_error =
        Some(HarnessError { reason: HarnessReason::Deadline, text: "the run was not done after 155 s".to_owned() });
    harness.health = CellHealth { stalls: 4, longest_stall_ms: 1_204, left_over: 2, ..CellHealth::default() };
    let exclusion = |seed: &str| done(result(1, "lock.exclusion", None, &format!("Two held lock {seed} for 642 ms.")));
    let unconfirmed =
        result(2, "fault-not-confirmed", Some(UnknownReason::FaultNotConfirmed), "The pause was never seen.");
    let mut all = campaign(vec![
        cell(1, lock, exclusion("m")),
        cell(2, lock, exclusion("n")),
        cell(3, lock, valid()),
        cell(4, other, done(unconfirmed)),
        cell(5, other, done(harness)),
        cell(6, other, CellState::NotRun { reason: "there was no time".to_owned() }),
        cell(7, other, CellState::NotRun { reason: "there was no time".to_owned() }),
        Cell {
            expect: Gravity::Invalid,
            ..cell(8, ("lock", "ttl-lock", "pause"), done(result(0, "planted", None, "Found.")))
        },
    ]);
    all.unavailable.push(Unavailable {
        workload: "lock".to_owned(),
        target: "bully".to_owned(),
        nemesis: "none".to_owned(),
        reason: "it serves no locks".to_owned(),
    });
    all.exit_code = Some(1);
    all
}

fn sections(page: &str) -> Vec<String> {
    let parsed = elements(page);
    let named = parsed.iter().filter(|element| element.name == "section");
    named.filter_map(|element| element.attribute("id").map(str::to_owned)).collect()
}

/// How many marks of the matrix and of failures are of this kind.
fn marks(page: &str, class: &str) -> usize {
    let class = format!("run r-{class}");
    elements(page).iter().filter(|element| element.attribute("class") == Some(&class)).count()
}

#[test]
fn failures_of_one_signature_are_a_row_and_every_mark_leads_to_its_run() {
    let page = page(&eventful());
    assert_eq!(sections(&page), ["failures", "matrix", "undecided", "runs", "health", "reproduce"]);
    assert!(page.contains(r#"<header class="verdict invalid">"#));
    assert!(
        page.contains("1 failure in 2 of 6 runs, 1 harness error, 1 run undecided, 2 not run."),
        "the headline counts all"
    );
    assert!(page.contains("Two held lock m for 642 ms.") && page.contains("lock.exclusion"));
    assert!(page.contains("2 of 3"), "two of the three runs of that pair");
    assert_eq!((marks(&page, "invalid"), marks(&page, "valid")), (4, 1), "two in the row, two in the matrix");
    assert_eq!((marks(&page, "unknown"), marks(&page, "harness"), marks(&page, "none")), (1, 1, 3));
    let linked = elements(&page).into_iter().filter(|element| element.name == "a");
    let linked: Vec<_> = linked.filter_map(|element| element.attribute("href").map(str::to_owned)).collect();
    assert!(linked.contains(&"runs/a-run-lock.exclusion/index.html".to_owned()), "{linked:?}");
    assert!(page.contains("dsjepsen test --target etcd:unfenced --nemesis pause+partition"));
    assert!(page.contains("dsjepsen check store/campaign-night-20261121/runs/a-run-lock.exclusion"));
}

#[test]
fn nothing_that_is_no_pass_looks_like_one() {
    let page = page(&eventful());
    for told in [
        "The pause was never seen.",
        "A run in which every fault does would decide it.",
        "the run was not done after 155 s",
        "2 runs: the dashes of the matrix",
        "There was no time",
        "It serves no locks",
        "None of these counts as a pass.",
    ] {
        assert!(page.contains(told), "{told}");
    }
    for state in ["unknown", "harness error", "not run", "unavailable"] {
        assert!(page.contains(&format!("</svg>{state}</span>")), "{state} has its shape and its word");
    }
}

#[test]
fn health_says_what_is_recorded() {
    let page = page(&eventful());
    for told in ["1 of 1", "1,204 ms at most", "in 1 run", "Processes that runs left behind", "15 faults were planned"]
    {
        assert!(page.contains(told), "{told}");
    }
    assert_eq!(page.matches("</svg>good</span>").count(), 1, "the planted flaw was found, the rest wants a look");
}

#[test]
fn a_night_without_a_failure_has_no_section_of_them() {
    let key = ("lock", "raft", "none");
    let quiet = page(&campaign(vec![cell(1, key, valid()), cell(2, key, valid())]));
    assert_eq!(sections(&quiet), ["matrix", "runs", "health", "reproduce"]);
    assert!(quiet.contains(r#"<header class="verdict valid">"#) && quiet.contains("All 2 runs are valid."));
    assert!(quiet.contains("31 to 32") && quiet.contains("38 min of 2 h 00 min allowed") && quiet.contains("8,394"));
    assert!(!quiet.contains("dsjepsen campaign --resume"));
}

#[test]
fn a_night_that_goes_on_is_no_pass_yet() {
    let key = ("lock", "raft", "none");
    let running = CellState::Running { run: "b".to_owned() };
    let mut going_on = campaign(vec![cell(1, key, valid()), cell(2, key, running), cell(3, key, CellState::Waiting)]);
    going_on.exit_code = None;
    let shown = page(&going_on);
    assert!(shown.contains(r#"<header class="verdict unknown">"#) && shown.contains("1 of 3 runs ended so far."));
    assert!(shown.contains("It goes on") && shown.contains("dsjepsen campaign --resume store/campaign-night-20261121"));
    let nothing = page(&campaign(vec![cell(1, key, CellState::Waiting)]));
    assert_eq!(sections(&nothing), ["matrix", "reproduce"]);
    let none = page(&campaign(Vec::new()));
    assert!(none.contains(r#"<header class="verdict unknown">"#), "nothing at all is no pass");
}

#[test]
fn runs_of_the_same_names_are_told_apart() {
    let mut all =
        campaign(vec![cell(1, ("lock", "raft", "none"), valid()), cell(2, ("lock", "raft", "none"), valid())]);
    all.cells[1].options = "--rate 50".to_owned();
    let page = page(&all);
    assert!(
        page.contains("lock on raft, none, --rate 50<") && page.contains(r#"aria-label="seed 32 --rate 50: valid""#)
    );
}

#[test]
fn what_is_required_and_unavailable_is_no_pass() {
    let mut all = campaign(vec![cell(1, ("lock", "raft", "none"), valid())]);
    let [workload, target, nemesis, reason] = ["lock", "etcd", "none", "it is not installed"].map(str::to_owned);
    all.unavailable.push(Unavailable { workload, target, nemesis, reason });
    let passed = page(&all);
    assert!(passed.contains(r#"<header class="verdict valid">"#));
    assert!(passed.contains("All 1 run are valid; 1 combination unavailable here."), "{passed}");
    all.require_all = true;
    let page = page(&all);
    assert!(page.contains(r#"<header class="verdict unknown">"#) && !page.contains("are valid"), "{page}");
    assert!(page.contains("1 combination unavailable here."));
}

#[test]
fn the_time_allowed_is_that_since_it_was_last_resumed() {
    let mut all = campaign(vec![cell(1, ("lock", "raft", "none"), valid())]);
    assert!(page(&all).contains("38 min of 2 h 00 min allowed<"));
    (all.worked_ms, all.worked_before_ms) = (180 * 60_000, 110 * 60_000);
    let page = page(&all);
    assert!(page.contains("1 h 10 min of 2 h 00 min allowed, after 1 h 50 min before<"), "{page}");
}

#[test]
fn hostile_values_stay_text() {
    let mut failed = result(1, HOSTILE, None, HOSTILE);
    failed.run = HOSTILE.to_owned();
    failed.target_version = HOSTILE.to_owned();
    let mut unknown = result(2, HOSTILE, None, HOSTILE);
    unknown.harness_error = Some(HarnessError { reason: HarnessReason::Crashed, text: HOSTILE.to_owned() });
    let key = (HOSTILE, HOSTILE, HOSTILE);
    let mut all = campaign(vec![cell(1, key, done(failed)), cell(2, key, done(unknown))]);
    all.cells.push(cell(3, key, CellState::NotRun { reason: HOSTILE.to_owned() }));
    let [workload, target, nemesis, reason] = [HOSTILE; 4].map(str::to_owned);
    all.unavailable.push(Unavailable { workload, target, nemesis, reason });
    all.name = HOSTILE.to_owned();
    all.command = vec![HOSTILE.to_owned()];
    all.host.commit = Some(HOSTILE.to_owned());
    all.host.system = HOSTILE.to_owned();
    all.started = HOSTILE.to_owned();
    let shown = page(&all);
    assert!(!shown.contains("<script>alert") && shown.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let long = "x".repeat(1 << 20);
    let key = (long.as_str(), long.as_str(), long.as_str());
    let failed = CellResult { run: "a-run".to_owned(), ..result(1, &long, None, &long) };
    let shown = page(&campaign(vec![cell(1, key, done(failed))]));
    assert!(shown.len() < 1 << 20, "{}", shown.len());
}

#[test]
fn a_page_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nowhere").join("index.html");
    let error = write_campaign_page(&eventful(), &path).expect_err("there is no folder");
    assert!(matches!(&error, ReportError::Write { path: named, .. } if *named == path), "{error}");
}
