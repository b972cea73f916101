//! A browser under the tests' control, and what they ask of it.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use libtest_mimic::Failed;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::common::Running;

/// The longest that one test may look at pages, however busy the machine.
const LIMIT: Duration = Duration::from_secs(300);
/// The longest wait for what a page is to show.
const SOON: Duration = Duration::from_secs(30);

/// Looks at pages in a browser of its own, which is ended whatever comes of it. Nothing that they do may be told in the console.
pub(crate) fn in_browser<F>(look: impl FnOnce(Page) -> F) -> Result<(), Failed>
where
    F: Future<Output = Result<(), Failed>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let profile = tempfile::tempdir()?;
    let (driver, browser) = runtime.block_on(open(profile.path()))?;
    let page = Page { browser: browser.clone() };
    let looking = async {
        look(page.clone()).await?;
        page.quiet().await
    };
    let looked =
        catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { tokio::time::timeout(LIMIT, looking).await })));
    let closed = runtime.block_on(async { tokio::time::timeout(SOON, browser.close()).await });
    drop(driver);
    match looked {
        Err(panic) => resume_unwind(panic),
        Ok(looked) => looked??,
    }
    closed??;
    Ok(())
}

/// Chromedriver with all that it started, in a group of processes of its own.
struct Driver(Running);

impl Drop for Driver {
    fn drop(&mut self) {
        // A driver that was told to close has no browser left; one that failed may.
        let _ = i32::try_from(self.0.0.id()).map(|id| killpg(Pid::from_raw(id), Signal::SIGKILL));
    }
}

/// Chromedriver on a port of its own choice, and a browser behind it.
async fn open(profile: &Path) -> Result<(Driver, Client), Failed> {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut driver = Driver(Running::start(command));
    let output = driver.0.0.stdout.take().ok_or("chromedriver has no output")?;
    let port = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok())
        .ok_or("chromedriver did not tell its port")?;
    let profile = format!("--user-data-dir={}", profile.display());
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // No smooth scrolling: a pointer would meet what passes under it.
        "--force-prefers-reduced-motion",
        "--window-size=1400,1200",
        &profile,
    ];
    let capabilities = json!({"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}});
    let capabilities = capabilities.as_object().cloned().unwrap_or_default();
    let address = format!("http://127.0.0.1:{port}");
    let browser = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&address).await?;
    Ok((driver, browser))
}

/// The page in the browser.
#[derive(Clone)]
pub(crate) struct Page {
    browser: Client,
}

impl Page {
    /// Opens a file, with what follows its name in the address, and waits until its script has unpacked everything.
    pub(crate) async fn open(&self, file: &Path, rest: &str) -> Result<(), Failed> {
        self.open_plain(file, rest).await?;
        self.unpacked().await
    }

    /// Opens a file that has nothing to unpack.
    pub(crate) async fn open_plain(&self, file: &Path, rest: &str) -> Result<(), Failed> {
        // From another page, for a mere change of what follows `#` loads nothing.
        self.browser.goto("about:blank").await?;
        Ok(self.browser.goto(&format!("file://{}{rest}", file.display())).await?)
    }

    /// Waits until the script of a run's page has unpacked everything.
    pub(crate) async fn unpacked(&self) -> Result<(), Failed> {
        self.until("the page is unpacked", "document.documentElement.dataset.ready === 'true'").await
    }

    /// The value of an expression.
    pub(crate) async fn value(&self, expression: &str) -> Result<Value, Failed> {
        Ok(self.browser.execute(&format!("return {expression}"), vec![]).await?)
    }

    /// The text of an element as it is shown.
    pub(crate) async fn text(&self, selector: &str) -> Result<String, Failed> {
        Ok(self.browser.find(Locator::Css(selector)).await?.text().await?)
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, what: &str, expression: &str) -> Result<(), Failed> {
        let deadline = Instant::now() + SOON;
        while self.value(expression).await? != true {
            if Instant::now() > deadline {
                return Err(format!("within {SOON:?}: {what}; console: {:?}", self.console().await?).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Clicks on an element.
    pub(crate) async fn click(&self, selector: &str) -> Result<(), Failed> {
        Ok(self.browser.find(Locator::Css(selector)).await?.click().await?)
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub(crate) async fn press(&self, keys: &[char]) -> Result<(), Failed> {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for key in keys {
            actions = actions.then(KeyAction::Down { value: *key }).then(KeyAction::Up { value: *key });
        }
        Ok(self.browser.perform_actions(actions).await?)
    }

    /// Drags the pointer between two places in the window.
    pub(crate) async fn drag(&self, from: (f64, f64), to: (f64, f64)) -> Result<(), Failed> {
        let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
        self.pointer(&[Pointer::Go(from), Pointer::Down, Pointer::Go(middle), Pointer::Go(to), Pointer::Up]).await
    }

    /// Moves the pointer, and presses its button.
    pub(crate) async fn pointer(&self, steps: &[Pointer]) -> Result<(), Failed> {
        let mut mouse = MouseActions::new("mouse".to_owned());
        for step in steps {
            mouse = mouse.then(match *step {
                Pointer::Go((x, y)) => PointerAction::MoveTo { duration: Some(Duration::ZERO), x, y },
                Pointer::Down => PointerAction::Down { button: 0 },
                Pointer::Up => PointerAction::Up { button: 0 },
            });
        }
        Ok(self.browser.perform_actions(mouse).await?)
    }

    /// The answer of a script that calls the last of its arguments.
    pub(crate) async fn awaited(&self, script: &str) -> Result<Value, Failed> {
        Ok(self.browser.execute_async(script, vec![]).await?)
    }

    /// Runs statements.
    pub(crate) async fn run(&self, statements: &str) -> Result<(), Failed> {
        self.browser.execute(statements, vec![]).await?;
        Ok(())
    }

    /// What the console shows beside mere information, since it was last asked.
    pub(crate) async fn console(&self) -> Result<Vec<Value>, Failed> {
        let messages = self.browser.issue_cmd(BrowserLog).await?;
        let messages = messages.as_array().cloned().unwrap_or_default();
        Ok(messages.into_iter().filter(|message| message["level"] != "INFO").collect())
    }

    /// The console shows nothing.
    pub(crate) async fn quiet(&self) -> Result<(), Failed> {
        let messages = self.console().await?;
        assert!(messages.is_empty(), "the console shows {messages:?}");
        Ok(())
    }
}

/// One thing that is done with the pointer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pointer {
    /// To this place in the window, in px.
    Go((f64, f64)),
    /// Its first button is pressed.
    Down,
    /// It is let go.
    Up,
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
