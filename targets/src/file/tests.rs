use std::collections::BTreeMap;

use dsjepsen_engine::target::Readiness;

use super::*;

const WHOLE: &str = r#"
name = "toy"
nodes = 4
ports = [7300, 7301]

[node]
command = ["sh", "{dir}/node", "--id={n}/{nodes}", "{address}:{port-2}", "{peers}", "{members}", "{first}@{first-address}"]
environment = { DATA = "{data}" }
files = { "node.conf" = "port {port}\n" }
peer = "{peer}={address}:{port}"
peer-separator = ";"
ready = { url = "/health", port = 7301 }
stop-signal = "SIGTERM"
wrappers = 1

[promises]
idempotency-keys = true

[clients]
contract = ["counter", "view"]
port = 7301

[variant.slow]
about = "sleeps"
arguments = ["--sleep", "{n}"]
environment = { PACE = "{port-2}", DATA = "/elsewhere" }
files = { "node.conf" = "slow {port}\n" }
"#;

fn load(text: &str) -> Result<FileTarget, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toy.toml");
    std::fs::write(&path, text).unwrap();
    load_target(&path).map_err(|error| error.to_string().replace(folder.path().to_str().unwrap(), ""))
}

/// The error of the whole file with one piece of it replaced.
fn spoilt(piece: &str, by: &str) -> String {
    assert!(WHOLE.contains(piece), "{piece}");
    load(&WHOLE.replacen(piece, by, 1)).map(|target| target.definition).expect_err("the file is read all the same")
}

#[test]
fn a_file_says_how_each_node_is_started() {
    let target = load(WHOLE).unwrap();
    let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
    let peers = BTreeMap::from([(nodes[0], [127, 9, 2, 1].into()), (nodes[2], [127, 9, 2, 3].into())]);
    let launch = target.launch(&NodeContext {
        node: nodes[1],
        nodes: &nodes,
        data: "/data/n2".as_ref(),
        address: [127, 9, 2, 2].into(),
        peers: &peers,
        shared: &BTreeMap::new(),
        variants: &Variants::default(),
        executable: "/bin/dsjepsen".as_ref(),
    });
    let folder = target.definition.folder.display();
    assert!(launch.program.is_absolute() && launch.program.ends_with("sh"));
    assert_eq!(
        launch.arguments,
        [
            &format!("{folder}/node"),
            "--id=2/3",
            "127.9.2.2:7301",
            "n1=127.9.2.1:7300;n3=127.9.2.3:7300",
            "n1=127.9.2.1:7300;n2=127.9.2.2:7300;n3=127.9.2.3:7300",
            "n1@127.9.2.1",
        ]
    );
    assert_eq!(launch.environment, BTreeMap::from([("DATA".to_owned(), "/data/n2".to_owned())]));
    assert_eq!(launch.files, BTreeMap::from([("node.conf".to_owned(), "port 7300\n".to_owned())]));
    assert_eq!(launch.readiness, Readiness::Http { port: 7301, path: "/health".to_owned() });
    assert_eq!((target.default_nodes(), target.ports()), (4, &[7300, 7301][..]));
    assert_eq!((target.stop_signal(), target.wrappers()), (StopSignal::Terminate, 1));
    assert_eq!(target.contract_port(), Some(7301));
    assert_eq!(target.documents(), BTreeMap::from([("target.toml".to_owned(), WHOLE.to_owned())]));
    assert!(target.available().is_ok());
}

#[test]
fn abilities_and_manners_are_those_that_the_file_names() {
    let target = load(WHOLE).unwrap();
    let abilities = target.abilities(&Variants::default());
    assert!(abilities.counter.is_some() && abilities.views.is_some());
    assert!(abilities.locks.is_none() && abilities.registers.is_none() && abilities.leader_writes.is_none());
    assert_eq!(target.style(), Style { repeat: Repeat::Keyed, leases: false });
    let with_locks = WHOLE.replace(r#""counter", "view""#, r#""lock", "lease""#).replace("keys = true", "keys = false");
    assert_eq!(load(&with_locks).unwrap().style(), Style { repeat: Repeat::OnlyUnsent, leases: true });
    assert!(
        load(&WHOLE.replace("[promises]\nidempotency-keys = true\n", "")).unwrap().promises(&Variants::default())
            == Promises::default()
    );
}

#[test]
fn every_error_names_line_column_and_key() {
    let begins = |error: String, place: &str| assert!(error.starts_with(&format!("/toy.toml, {place}: ")), "{error}");
    begins(spoilt("7301]", "99]\nports = [1]"), "line 5, column 1, `ports`");
    begins(spoilt("nodes = 4", "nodes = four"), "line 3, column 9, `nodes`");
    begins(spoilt("nodes = 4", "nodes = 100"), "line 3, column 9, `nodes`");
    begins(spoilt("nodes = 4", "knots = 4"), "line 3, column 1, `knots`");
    begins(spoilt("7301]", "40000]"), "line 4, column 16, `ports[1]`");
    begins(spoilt("{n}/", "{number}/"), "line 7, column 32, `node.command[2]`");
    begins(spoilt("\"{data}\"", "\"{date}\""), "line 8, column 24, `node.environment.DATA`");
    begins(spoilt("{peer}=", "{node}="), "line 10, column 8, `node.peer`");
    begins(spoilt("SIGTERM", "SIGSEGV"), "line 13, column 15, `node.stop-signal`");
    begins(spoilt("wrappers = 1", "wrappers = -1"), "line 14, column 12, `node.wrappers`");
    begins(spoilt("idempotency-keys", "idempotence"), "line 17, column 1, `promises.idempotence`");
    begins(spoilt(r#"["counter", "view"]"#, r#"["countre"]"#), "line 20, column 13, `clients.contract[0]`");
    begins(spoilt("\nport = 7301", "\nport = 7"), "line 21, column 8, `clients.port`");
}

#[test]
fn every_error_names_the_mend() {
    let says = |error: String, mend: &str| assert!(error.contains(mend), "{error}");
    says(spoilt("7300, 7301", "7300, 40000"), "from 1 to 32767");
    says(spoilt("7300, 7301", "7300, 7300"), "twice");
    says(spoilt("[7300, 7301]", "[]"), "needs a port");
    says(spoilt("{n}/", "{number}/"), "{nodes}");
    says(spoilt("nodes = 4", "knots = 4"), "expected one of `name`, `about`, `nodes`");
    says(spoilt("nodes = 4", "nodes = 0"), "1 to 99");
    says(spoilt(r#"name = "toy""#, r#"name = "My Toy""#), "a to z");
    says(spoilt(r#"name = "toy""#, ""), "missing field `name`");
    says(spoilt("SIGTERM", "SEGV"), "KILL, TERM, INT, QUIT, HUP");
    says(spoilt(r#"url = "/health", port = 7301"#, ""), "either `url`");
    says(spoilt(r#"url = "/health", port = 7301"#, r#"log = """#), "every line contains");
    says(spoilt(r#"url = "/health", port = 7301"#, r#"log = "up", port = 7301"#), "`port` goes with `url`");
    says(spoilt(r#""/health""#, r#""health""#), "leading `/`");
    says(spoilt("node.conf", "../node.conf"), "a plain name");
    says(spoilt(r#""counter", "view""#, r#""countre""#), "there is lock, lease, counter");
    says(spoilt(r#""counter", "view""#, ""), "at least one");
    says(spoilt(r#""counter", "view""#, r#""lease""#), "it needs `lock`");
    says(spoilt("[clients]", "[clients]\nserves = [\"lock\"]"), "`contract` is the list");
    says(spoilt("[clients]", "[clients]\nprogram = [\"sh\"]"), "either `contract`");
    says(spoilt("contract = [\"counter\", \"view\"]", "program = [\"sh\"]"), "`serves` is missing");
    says(spoilt("contract = [\"counter\", \"view\"]", "program = []\nserves = [\"counter\"]"), "the command is empty");
    says(
        spoilt("contract = [\"counter\", \"view\"]", "program = [\"sh\", \"{data}\"]\nserves = [\"counter\"]"),
        "{process}",
    );
    says(spoilt("idempotency-keys = true", "enforcing-guard = true"), "needs fencing-tokens");
}

#[test]
fn a_program_that_is_not_there_makes_the_target_unavailable() {
    let target = load(&WHOLE.replace("[\"sh\"", "[\"no-such-program\"")).unwrap();
    let why = target.available().unwrap_err().to_string();
    assert!(why.contains("line 7, column 12, `node.command[0]`: there is no program `no-such-program`"), "{why}");
    assert!(why.contains("install it"), "{why}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load_target(Path::new("no/such/toy.toml")).unwrap_err().to_string();
    assert!(error.starts_with("no/such/toy.toml: cannot be read"), "{error}");
}

#[test]
fn a_variant_adds_to_what_all_nodes_are_started_with() {
    let target = load(WHOLE).unwrap();
    let names: Vec<_> = target.variants().iter().map(|variant| (variant.name, variant.about)).collect();
    assert_eq!(names, [("slow", "sleeps")]);
    let nodes = [NodeId::at(0)];
    let launch = |variants: &[&str]| {
        target.launch(&NodeContext {
            node: nodes[0],
            nodes: &nodes,
            data: "/data/n1".as_ref(),
            address: [127, 9, 1, 1].into(),
            peers: &BTreeMap::new(),
            shared: &BTreeMap::new(),
            variants: &Variants(variants.iter().map(|name| (*name).to_owned()).collect()),
            executable: "/bin/dsjepsen".as_ref(),
        })
    };
    let (plain, slow) = (launch(&[]), launch(&["slow"]));
    let (before, added) = slow.arguments.split_at(plain.arguments.len());
    assert_eq!((before, added), (&plain.arguments[..], &["--sleep".to_owned(), "1".to_owned()][..]));
    assert_eq!((slow.environment["DATA"].as_str(), slow.environment["PACE"].as_str()), ("/elsewhere", "7301"));
    assert_eq!(plain.environment["DATA"], "/data/n1");
    assert_eq!((plain.files["node.conf"].as_str(), slow.files["node.conf"].as_str()), ("port 7300\n", "slow 7300\n"));
}

#[test]
fn a_variant_that_says_nothing_or_too_much_is_refused() {
    let error = spoilt("files = { \"node.conf\" = \"slow", "files = { \"other.conf\" = \"slow");
    assert!(error.contains("`variant.slow.files.other.conf`: `other.conf` is none of `node.files`"), "{error}");
    let error = spoilt("[variant.slow]", "[variant.Slow]");
    assert!(error.contains("`Slow` is no name"), "{error}");
    let error = spoilt("arguments = [\"--sleep\", \"{n}\"]", "arguments = [\"{none}\"]");
    assert!(error.contains("no placeholder `{none}`"), "{error}");
    let error = spoilt("[variant.slow]", "[variant.empty]\n[variant.slow]");
    assert!(error.contains("`variant.empty`: a variant has `arguments`"), "{error}");
}
