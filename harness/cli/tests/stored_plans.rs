//! `--plan`: a stored plan, edited or not, is run as it stands; a bad one is refused with its file and field.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use common::{Store, check, decided, read_json, text};
use serde_json::{Value, json};

const SECOND: u64 = 1_000_000_000;

fn run_plan(store: &Store, plan: &Path, more: &str) -> Output {
    decided(store.test(more).arg("--plan").arg(plan))
}

/// Stored plans with a change each.
fn edited(store: &Store, plan: &Value, name: &str, change: impl FnOnce(&mut Value)) -> std::path::PathBuf {
    let mut plan = plan.clone();
    change(&mut plan);
    let path = store.path().join(name);
    std::fs::write(&path, plan.to_string()).unwrap();
    path
}

/// When the fault of this number was asked for and healed, in ns since the start of the main phase.
fn times_of(run: &Path, id: u64) -> (u64, u64) {
    let lines = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(run.join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let events = lines("events.jsonl");
    let main =
        events.iter().find(|event| event["phase"] == "main").expect("the main phase")["time_ns"].as_u64().unwrap();
    let history = lines("history.jsonl");
    let of = |action: &str| {
        let request = history.iter().find(|event| {
            event["process"] == "nemesis" && event["value"]["id"] == id && event["value"]["action"] == action
        });
        request.unwrap_or_else(|| panic!("no {action} of fault {id}"))["time_ns"].as_u64().unwrap() - main
    };
    (of("inject"), of("heal"))
}

#[test]
fn an_edited_plan_is_run_as_it_stands_and_can_be_run_again() {
    let store = Store::new();
    let line = "--target ttl-lock --nodes 3 --time-limit 4 --recovery-time 1 --seed 3 --locks 9 --rate 100";
    let asked = decided(store.test(line).args(["--nemesis", "pause(n2) at 1s for 500ms"]));
    assert_eq!(asked.status.code(), Some(0), "{}", text(&asked));
    let first = store.latest();
    let plan = read_json(&first.join("plan.json"));
    let (start, heal) = times_of(&first, 1);
    // Never too early; how late, is the machine's.
    assert!(
        (SECOND..SECOND * 5 / 2).contains(&start) && (SECOND * 3 / 2..3 * SECOND).contains(&heal),
        "{start} {heal}"
    );

    let edit = edited(&store, &plan, "edited.json", |plan| {
        plan["faults"][0]["start_ns"] = json!(5 * SECOND / 2);
        plan["faults"][0]["heal_ns"] = json!(3 * SECOND);
        plan["faults"][0]["params"] = json!({"nodes": ["n3"]});
        plan["options"]["locks"] = json!(7);
    });
    let output = run_plan(&store, &edit, "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let second = store.latest();
    assert_ne!(first, second);
    let again = read_json(&second.join("plan.json"));
    let (start, heal) = times_of(&second, 1);
    assert!(start >= SECOND * 5 / 2 && heal >= 3 * SECOND, "{start} {heal}");
    let history = std::fs::read_to_string(second.join("history.jsonl")).unwrap();
    assert!(history.contains(r#""n3":"stopped (state T)""#) && !history.contains(r#""n2":"stopped"#));
    let edit = read_json(&edit);
    for field in ["seed", "workload", "target", "settings", "options", "faults", "promises", "bands"] {
        assert_eq!(again[field], edit[field], "{field}");
    }
    assert_ne!((&again["run"], &again["started"]), (&edit["run"], &edit["started"]));
    assert_eq!(again["nemesis"], "stored plan: pause");
    let own_plan = store.path().join(again["run"].as_str().unwrap()).join("plan.json");
    assert_eq!(again["command"], json!(["dsjepsen", "test", "--plan", own_plan]));
    assert_eq!(check(&second).0, 0);

    // The command of the run, and a run's directory in place of its plan; unchanged, the schedule keeps its name.
    let output = run_plan(&store, &own_plan, "--quiet");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(read_json(&store.latest().join("plan.json"))["faults"], edit["faults"]);
    let output = run_plan(&store, &first, "--test-count 2");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let last = read_json(&store.latest().join("plan.json"));
    assert_eq!((&last["nemesis"], &last["seed"], &last["faults"]), (&plan["nemesis"], &plan["seed"], &plan["faults"]));
}

#[test]
fn bad_plans_and_flags_that_contradict_are_refused_with_file_and_field() {
    let store = Store::new();
    let output =
        store.run("--target ttl-lock --nodes 3 --nemesis partition,pause(one) --time-limit 2 --nemesis-interval 0.4 --recovery-time 0 --seed 1");
    assert!(store.path().join("latest").exists(), "{}", text(&output));
    let plan = read_json(&store.latest().join("plan.json"));
    let runs = || std::fs::read_dir(store.path()).unwrap().count();
    let refused = |path: &Path, more: &str, says: &[&str]| {
        let before = runs();
        let output = run_plan(&store, path, more);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(254), "{}: {said}", path.display());
        for part in says.iter().copied().chain([path.file_name().unwrap().to_str().unwrap()]) {
            assert!(said.contains(part), "{more} {} says no `{part}`: {said}", path.display());
        }
        assert_eq!(runs(), before, "{says:?} left something in the store");
    };
    type Change = fn(&mut Value);
    let changes: [(Change, &[&str]); 20] = [
        (|plan| plan["faults"][1]["heal_ns"] = json!(1), &["faults[1].heal_ns", "later than"]),
        (|plan| plan["faults"][1]["heal_ns"] = json!(3 * SECOND), &["faults[1].heal_ns", "time_limit_ms"]),
        (|plan| plan["faults"][1]["heal_ns"] = json!("late"), &["faults[1].heal_ns", "invalid type"]),
        (|plan| drop(plan["faults"][0].as_object_mut().unwrap().remove("start_ns")), &["faults[0]", "`start_ns`"]),
        (|plan| plan["faults"][0]["fault"] = json!("pauze"), &["faults[0].fault", "`pauze`", "pause"]),
        (|plan| plan["faults"][0]["id"] = json!(2), &["faults[1].id", "its own"]),
        (|plan| plan["faults"][0]["params"] = json!({"node": "n1"}), &["faults[0].params", "takes"]),
        (|plan| plan["faults"][0]["params"] = json!("everybody"), &["faults[0].params", "takes"]),
        (|plan| plan["faults"][0]["params"] = json!({"nodes": ["n4"], "pairs": [["n1", "n4"]]}), &["faults[0].params"]),
        (|plan| plan["settings"]["op_timeout_ms"] = json!(9), &["settings.op_timeout_ms", "from 10 to 600000"]),
        (
            |plan| {
                plan["faults"][0]["fault"] = json!("restart");
                plan["faults"][0]["params"] = json!({"whose": {"nodes": ["n1"]}, "with": "nosuch"});
            },
            &["faults[0].params", "has no option `nosuch`"],
        ),
        (|plan| plan["settings"]["nodes"] = json!(0), &["settings.nodes", "from 1 to 99"]),
        (|plan| plan["settings"]["rate"] = json!(-1), &["settings.rate", "invalid value"]),
        (|plan| plan["settings"]["nemesis_interval_ms"] = json!(0), &["settings.nemesis_interval_ms"]),
        (|plan| plan["options"]["lokcs"] = json!(1), &["options.lokcs", "no such option"]),
        (|plan| plan["options"]["locks"] = json!(0), &["options.locks", "from 1 on"]),
        (|plan| plan["workload"] = json!("lokc"), &["workload", "did you mean `lock`"]),
        (|plan| plan["target"] = json!("ttl-lokc"), &["target", "did you mean `ttl-lock`"]),
        (|plan| plan["schema"] = json!(99), &["schema", "newer dsjepsen"]),
        (|plan| *plan = json!([]), &["schema"]),
    ];
    for (number, (change, says)) in changes.into_iter().enumerate() {
        refused(&edited(&store, &plan, &format!("bad-{number}.json"), change), "", says);
    }
    let good = edited(&store, &plan, "good.json", |_| {});
    for (flags, field) in [
        ("--nodes 5", "`settings.nodes`"),
        ("--seed 1", "`seed`"),
        ("--nemesis none", "`faults`"),
        ("--locks 2", "`options.locks`"),
        ("--workload lock", "`workload`"),
    ] {
        refused(&good, flags, &[flags.split(' ').next().unwrap(), "leave", field]);
    }
    std::fs::write(store.path().join("torn.json"), "{\"schema\": 1,").unwrap();
    refused(&store.path().join("torn.json"), "", &["no JSON"]);
    refused(&store.path().join("missing.json"), "", &["cannot read "]);
}

/// A system whose nodes only wait, called by this name.
fn idle(name: &str) -> String {
    format!(
        "name = \"{name}\"\nports = [7300]\n[node]\ncommand = [\"sh\", \"-c\", \"echo ready; exec sleep 1000\"]\n\
         ready = {{ log = \"ready\" }}\n[clients]\nprogram = [\"{{dir}}/client\"]\nserves = [\"register\"]\n"
    )
}

#[test]
fn the_plan_of_a_system_of_ones_own_is_run_from_anywhere_with_its_file_as_it_was() {
    let (store, folder) = (Store::new(), tempfile::tempdir().unwrap());
    let (file, client) = (folder.path().join("idle.toml"), folder.path().join("client"));
    std::fs::write(&file, idle("as-it-was")).unwrap();
    std::fs::write(&client, "#!/bin/sh\nexit 7\n").unwrap();
    std::fs::set_permissions(&client, std::fs::Permissions::from_mode(0o755)).unwrap();
    let line = "--target ./idle.toml --workload register --nodes 1 --time-limit 1 --recovery-time 0 --seed 1 --quiet";
    let output = store.test(line).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "nothing is answered: {}", text(&output));
    let first = store.latest();
    assert_eq!(read_json(&first.join("plan.json"))["target"], "./idle.toml");
    std::fs::write(&file, idle("changed")).unwrap();

    let again = || store.test("--quiet").arg("--plan").arg(&first).output().unwrap();
    let output = again();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("is not what it was"), "{}", text(&output));
    let second = store.latest();
    assert!(first != second && store.latest_name().contains("as-it-was"), "{}", store.latest_name());
    let kept = |run: &Path| std::fs::read_to_string(run.join("target.toml")).unwrap();
    assert_eq!(kept(&second), idle("as-it-was"));
    // A plan elsewhere is run with the file as it is.
    let elsewhere = folder.path().join("elsewhere.json");
    std::fs::copy(second.join("plan.json"), &elsewhere).unwrap();
    let output = store.test("--quiet").arg("--plan").arg(&elsewhere).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert_eq!(kept(&store.latest()), idle("changed"));
    // Programs stay beside the file.
    std::fs::remove_file(&client).unwrap();
    let output = again();
    assert!(output.status.code() == Some(254) && text(&output).contains("client"), "{}", text(&output));
}
