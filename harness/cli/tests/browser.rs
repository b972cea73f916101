//! The pages of a valid, an invalid and an unknown run in a real browser: they show their verdict, work without a network,
//! and log no error. Skipped by name where chromium or chromedriver are missing.

mod common;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use common::{Running, Store, eventually, text};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// Makes a run whose page shows the verdict.
type Make = fn(&Store);

const PAGES: [(&str, Make); 3] = [("valid", make_valid), ("invalid", make_invalid), ("unknown", make_unknown)];

fn main() -> ExitCode {
    let missing = ["chromium", "chromedriver"].into_iter().find(|program| find(program).is_none());
    let trials = PAGES
        .map(|(verdict, make)| {
            let name = match missing {
                Some(program) => format!("page_of_{verdict}_run (skipped: {program} is not installed)"),
                None => format!("page_of_{verdict}_run"),
            };
            Trial::test(name, move || look_at(verdict, make)).with_ignored_flag(missing.is_some())
        })
        .into();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.exists())
}

fn make_valid(store: &Store) {
    let output = store.run("--nemesis kill --time-limit 4 --recovery-time 1 --nemesis-interval 1.5 --seed 1");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

fn make_invalid(store: &Store) {
    let output = store.run(
        "--target ttl-lock --nemesis pause(n2,n3,n4) --lease-ttl-ms 500 --locks 2 --time-limit 13 --nemesis-interval 1 --recovery-time 1 --seed 1",
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

fn make_unknown(store: &Store) {
    let mut run = Running::start(store.test("--nemesis pause --time-limit 60 --seed 1"));
    eventually(Duration::from_secs(20), "the first operations", || {
        std::fs::read_to_string(store.path().join("latest/history.jsonl")).is_ok_and(|text| text.lines().count() > 20)
    });
    run.signal(Signal::SIGINT);
    assert_eq!(run.wait(Duration::from_secs(30)), Some(130));
}

fn look_at(verdict: &str, make: Make) -> Result<(), Failed> {
    let store = Store::new();
    make(&store);
    let page = store.latest().join("index.html");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (_driver, browser) = open_browser().await?;
        let looked = tokio::time::timeout(Duration::from_secs(60), read_page(&browser, verdict, &page)).await;
        browser.close().await?;
        looked?
    })
}

/// Chromedriver on a port of its own choice, and a browser behind it.
async fn open_browser() -> Result<(Running, Client), Failed> {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut driver = Running::start(command);
    let output = driver.0.stdout.take().ok_or("chromedriver has no output")?;
    let port = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok())
        .ok_or("chromedriver did not tell its port")?;
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1400,2000",
    ];
    let capabilities = json!({"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}});
    let capabilities = capabilities.as_object().cloned().unwrap_or_default();
    let address = format!("http://127.0.0.1:{port}");
    let browser = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&address).await?;
    Ok((driver, browser))
}

async fn read_page(browser: &Client, verdict: &str, page: &Path) -> Result<(), Failed> {
    browser.goto(&format!("file://{}", page.display())).await?;
    let banner = browser.find(Locator::Css(".verdict .word")).await?.text().await?;
    assert_eq!(banner.to_lowercase(), verdict);
    for section in ["#faults", "#latency", "#checkers", "#logs"] {
        let element = browser.find(Locator::Css(section)).await?;
        assert!(element.is_displayed().await?, "{section} is not shown");
    }
    let proof = browser.find_all(Locator::Css("#why, #counterexample")).await?;
    assert_eq!(proof.len(), if verdict == "invalid" { 2 } else { proof.len().min(1) }, "sections of a proof");
    let before = background(browser).await?;
    browser.find(Locator::Css("#theme")).await?.click().await?;
    assert_ne!(background(browser).await?, before, "the theme did not change");
    let wide = browser.execute("return document.documentElement.scrollWidth > window.innerWidth", vec![]).await?;
    assert_eq!(wide, false, "the page overflows sideways");
    let messages = browser.issue_cmd(BrowserLog).await?;
    let errors: Vec<&Value> =
        messages.as_array().into_iter().flatten().filter(|message| message["level"] != "INFO").collect();
    assert!(errors.is_empty(), "the console shows {errors:?}");
    Ok(())
}

async fn background(browser: &Client) -> Result<Value, Failed> {
    Ok(browser.execute("return getComputedStyle(document.body).backgroundColor", vec![]).await?)
}

/// Chromedriver's own command for the messages of the browser's console.
#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _request: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({"type": "browser"}).to_string()))
    }
}
