//! Reads and pairs every history of the collection with known verdicts. The collection is not part of the project: it is looked
//! for in `DSJEPSEN_HISTORIES`, then in `../shared/histories` beside the project, and each test says so where it is missing.
#![expect(clippy::print_stdout, reason = "the counts are for whoever runs it by hand")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dsjepsen_history::foreign::{
    ForeignBody, ForeignHistory, ForeignOutcome, Format, Paired, PairingRules, pair, read_foreign, read_foreign_with,
    split_keys,
};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let folder = folder();
    let trial = |name: &str, test: fn(&Path) -> Result<(), Failed>| {
        let Some(folder) = folder.clone() else {
            let name = format!("{name} (skipped: no histories in DSJEPSEN_HISTORIES or ../shared/histories)");
            return Trial::test(name, || Ok(())).with_ignored_flag(true);
        };
        Trial::test(name, move || test(&folder))
    };
    let trials = vec![
        trial("every_history_of_the_manifest_is_read_and_paired", reads_the_manifest),
        trial("every_synthetic_history_is_read_and_paired", reads_the_synthetic),
        trial("what_is_known_of_single_histories_holds", knows_single_histories),
        trial("keys_are_split_where_asked_for", splits_keys),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("DSJEPSEN_HISTORIES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/histories");
    named.into_iter().chain([beside]).find(|folder| folder.join("MANIFEST.tsv").is_file())
}

fn read(path: &Path, format: Option<Format>) -> Result<ForeignHistory, Failed> {
    Ok(read_foreign(File::open(path)?, &path.display().to_string(), format)?)
}

fn paired(path: &Path) -> Result<Paired, Failed> {
    match read(path, None)?.body {
        ForeignBody::Operations(paired) => Ok(paired),
        _ => Err("no events".into()),
    }
}

/// The columns file, format and events of each row; a file with several verdicts has several.
fn manifest(folder: &Path) -> Result<BTreeMap<String, (Format, usize)>, Failed> {
    let text = fs::read_to_string(folder.join("MANIFEST.tsv"))?;
    let mut rows = BTreeMap::new();
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        rows.insert(columns[0].to_owned(), (columns[1].parse()?, columns[8].parse()?));
    }
    Ok(rows)
}

fn reads_the_manifest(folder: &Path) -> Result<(), Failed> {
    let rows = manifest(folder)?;
    let mut counts = BTreeMap::<&str, (usize, usize)>::new();
    for (file, (format, events)) in &rows {
        let path = folder.join(file);
        let history = read(&path, None)?;
        // To the manifest an enclosing list is no vector; the reader makes no difference.
        let vector_is_lines = if history.format == Format::EdnVector { Format::EdnLines } else { history.format };
        let is_same = [history.format, vector_is_lines].contains(format);
        assert!(is_same, "{file}, {format}, was taken for {}", history.format);
        assert_eq!(read(&path, Some(*format))?.body, history.body, "{file} reads otherwise when its format is given");
        assert_eq!(history.notes, Vec::<String>::new(), "{file}");
        let items = items(&path, history)?;
        assert_eq!(items, *events, "{file} has another number of events");
        let count = counts.entry(format.name()).or_default();
        *count = (count.0 + 1, count.1 + items);
    }
    assert!(!rows.is_empty(), "the manifest is empty");
    for (format, (files, items)) in counts {
        println!("{format}: {files} files, {items} events");
    }
    Ok(())
}

/// How many events a history has, as the manifest counts them; those with events are paired.
fn items(path: &Path, history: ForeignHistory) -> Result<usize, Failed> {
    match history.body {
        ForeignBody::Operations(paired) => {
            let file = path.display().to_string();
            let mut events = Vec::new();
            read_foreign_with(File::open(path)?, &file, None, |event| events.push(event))?;
            let (count, rules) = (events.len(), PairingRules::of(history.format));
            let clients: usize = paired
                .operations
                .iter()
                .map(|operation| {
                    1 + usize::from(operation.completed().is_some() && operation.completed() != Some(operation.invoked))
                })
                .sum();
            let with_named = pair(events, &file, PairingRules { keeps_named: true, ..rules })?;
            assert_eq!(with_named.operations, paired.operations, "{file}");
            assert_eq!(clients + with_named.named.len(), count, "{file}: events were lost");
            Ok(count)
        }
        ForeignBody::Intervals(intervals) => Ok(intervals.operations.len()),
        ForeignBody::Sessions(sessions) => {
            let transactions = sessions.iter().flat_map(|session| &session.transactions);
            Ok(transactions.map(|transaction| transaction.accesses.len()).sum())
        }
    }
}

fn reads_the_synthetic(folder: &Path) -> Result<(), Failed> {
    let mut count = 0;
    for entry in fs::read_dir(folder.join("synthetic"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let operations = paired(&path)?.operations;
        // The name tells the number of operations: uniq_n1000_c10_i5_ok.
        let stated: usize = name.split("_n").nth(1).and_then(|rest| rest.split('_').next()).unwrap_or("").parse()?;
        assert_eq!(operations.len(), stated, "{name}");
        count += 1;
    }
    println!("synthetic: {count} files");
    assert!(count > 0);
    Ok(())
}

fn knows_single_histories(folder: &Path) -> Result<(), Failed> {
    let reads = |file: &str| paired(&folder.join(file)).map(|paired| paired.operations);
    // Two overlapping transactions of one process, told apart by what they ask.
    let overlapping = reads("inline/elle-rw-register-checker-test-012.edn")?;
    let shown: Vec<_> = overlapping.iter().map(|it| (it.invoked, it.completed(), it.reply.to_string())).collect();
    let nested = [(0, Some(3), "[[:r :x nil] [:r :y 1]]".to_owned()), (1, Some(2), "[[:w :y 1] [:w :x 2]]".to_owned())];
    assert_eq!(shown, nested);
    // No processes at all.
    let unstated = reads("inline/jepsen-long-fork-checker-test-001.edn")?;
    assert!(unstated.iter().all(|it| it.outcome == ForeignOutcome::Ok && !it.is_bare()), "{unstated:?}");
    assert_eq!(unstated[0].reply.to_string(), "[[:r 0 1] [:r 1 1] [:r 2 nil]]");
    // Completions alone.
    let bare = reads("inline/elle-list-append-checker-test-014.edn")?;
    assert!(bare.len() == 3 && bare.iter().all(|it| it.is_bare() && it.completed() == Some(it.invoked)), "{bare:?}");
    // An indeterminate read of the logs says why in the place of its value.
    let etcd = reads("porcupine/etcd_000.log")?;
    assert!(
        etcd.iter().any(|it| it.outcome == ForeignOutcome::Fail && !it.has_error() && it.f.as_deref() == Some("cas"))
    );
    assert!(etcd.iter().all(|it| it.outcome != ForeignOutcome::Info || it.completed().is_none() || it.has_error()));
    Ok(())
}

fn splits_keys(folder: &Path) -> Result<(), Failed> {
    let kv = paired(&folder.join("porcupine/kv-c50-ok.edn.gz"))?.operations;
    let count = kv.len();
    let split = split_keys(kv, "kv")?;
    assert_eq!((split.keys.len(), split.whole.len()), (10, 0));
    assert_eq!(split.keys.values().map(Vec::len).sum::<usize>(), count);
    // It asks for `[0 nil]` and is answered without the key: splitting it is refused, not guessed.
    let set = paired(&folder.join("elle-cli/set-full-set_full.edn"))?.operations;
    let error = split_keys(set, "set").expect_err("a reply without its key was split");
    assert!(error.to_string().starts_with("set, line 587: "), "{error}");
    Ok(())
}
