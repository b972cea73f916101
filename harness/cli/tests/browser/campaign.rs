//! The page of a campaign of the real binary: its banner, its matrix, and the way from each mark to the page of its run.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dsjepsen_history::{Campaign, CampaignDirectory, Cell};
use libtest_mimic::Failed;

use crate::common::{DSJEPSEN, text};
use crate::session::{Page, in_browser};
use crate::verdicts::{no_barriers, stands_alone};

const SPACE: char = ' ';
const ENTER: char = '\u{e007}';
const TAB: char = '\u{e004}';

/// Locks with and without kills, and a target that has none.
const MATRIX: &str = "--workload lock --target ttl-lock --target bully --nemesis none --nemesis kill --seeds 5..6 --jobs 2 --nodes 3 \
     --time-limit 3 --recovery-time 0 --op-timeout-ms 500 --rate 100 --nemesis-interval 1";

/// A campaign that has ended, and the folder that it is in.
struct Ended {
    _folder: tempfile::TempDir,
    index: PathBuf,
    campaign: Campaign,
}

impl Ended {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(DSJEPSEN);
        command.arg("campaign").args(MATRIX.split_whitespace()).current_dir(folder.path()).stdin(Stdio::null());
        command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY").env_remove("GITHUB_SHA");
        let output = command.output().unwrap();
        let latest = fs::canonicalize(folder.path().join("store").join("latest-campaign"));
        let directory = latest.unwrap_or_else(|error| panic!("no campaign: {error}; {}", text(&output)));
        let campaign = CampaignDirectory::open(&directory).unwrap().read().unwrap();
        assert_eq!(campaign.cells.len(), 4, "{}", text(&output));
        Self { index: directory.join("index.html"), campaign, _folder: folder }
    }

    /// What the banner must say, whatever came of the runs.
    fn word(&self) -> &'static str {
        let tally = self.campaign.tally();
        match () {
            () if tally.invalid > 0 => "invalid",
            () if tally.harness > 0 => "harness error",
            () if tally.unknown > 0 => "unknown",
            () => "valid",
        }
    }
}

fn word(cell: &Cell) -> &'static str {
    match cell.result().map(|result| result.exit_code) {
        Some(0) => "valid",
        Some(1) => "invalid",
        Some(2) => "unknown",
        _ => "harness error",
    }
}

pub(crate) fn real_campaign() -> Result<(), Failed> {
    let ended = Ended::new();
    in_browser(|page| async move {
        page.open_plain(&ended.index, "").await?;
        stands_alone(&page, ended.word()).await?;
        let facts = page.text(".facts").await?;
        assert!(facts.contains("4 of 4"), "{facts}");
        for section in ["matrix", "runs", "reproduce"] {
            let shown = format!("document.getElementById('{section}').checkVisibility()");
            assert_eq!(page.value(&shown).await?, true, "{section} is not shown");
        }
        marks_lead_to_runs(&page, &ended).await?;
        by_keys_alone(&page, &ended).await
    })
}

/// Every run has its mark, which says what came of it and leads to a page that says the same.
async fn marks_lead_to_runs(page: &Page, ended: &Ended) -> Result<(), Failed> {
    let marks = "[...document.querySelectorAll('#matrix .run')].map((mark) => [mark.getAttribute('aria-label'), mark.getAttribute('href')])";
    let marks: Vec<(String, Option<String>)> = serde_json::from_value(page.value(marks).await?)?;
    assert_eq!(marks.len(), ended.campaign.cells.len());
    assert_eq!(
        page.value("document.querySelectorAll('#matrix div.na[title]').length").await?,
        2,
        "a target without locks"
    );
    let folder = ended.index.parent().ok_or("a page lies in a folder")?;
    for cell in &ended.campaign.cells {
        let result = cell.result().ok_or("a run that has not ended")?;
        let href = format!("runs/{}/index.html", result.run);
        let said = format!("seed {}: {}", cell.seed, word(cell));
        assert!(marks.contains(&(said.clone(), Some(href.clone()))), "{said} to {href} is not among {marks:?}");
        assert!(folder.join(&href).is_file(), "{href} leads nowhere");
        page.open_plain(&ended.index, "").await?;
        page.click(&format!("#matrix a.run[href='{href}']")).await?;
        page.unpacked().await?;
        assert_eq!(page.text(".verdict .word").await?.to_lowercase(), word(cell), "the page of {href}");
        assert_eq!(page.text(".side .run").await?, result.run);
    }
    Ok(())
}

/// The matrix, the list of all runs and the pages of the runs are reached without a pointer.
async fn by_keys_alone(page: &Page, ended: &Ended) -> Result<(), Failed> {
    page.open_plain(&ended.index, "").await?;
    page.press(&[TAB]).await?;
    assert_eq!(page.value("document.activeElement.className").await?, "skip");
    page.press(&[ENTER]).await?;
    page.until("the verdict", "document.activeElement.id === 'main'").await?;
    let shown = "[...document.querySelectorAll('#matrix .run')].filter((mark) => mark.checkVisibility({ visibilityProperty: true })).length";
    let failed = ended.campaign.cells.iter().filter(|cell| word(cell) != "valid").count();
    page.run("document.querySelector('#only').focus()").await?;
    page.press(&[SPACE]).await?;
    assert_eq!(page.value(shown).await?, failed, "only what is not valid");
    page.press(&[SPACE]).await?;
    assert_eq!(page.value(shown).await?, ended.campaign.cells.len());
    page.run("document.querySelector('#runs summary').focus()").await?;
    page.press(&[ENTER]).await?;
    page.until("all runs", "document.querySelector('#runs details').open").await?;
    assert_eq!(page.value("document.querySelectorAll('#runs tbody a').length").await?, ended.campaign.cells.len());
    // From the box above the matrix it is one step to the first mark, and one more into its run.
    page.run("document.querySelector('#only').focus()").await?;
    let first = "document.activeElement.matches('#matrix a.run')";
    for _ in 0..3 {
        if page.value(first).await? == true {
            break;
        }
        page.press(&[TAB]).await?;
    }
    assert_eq!(page.value(first).await?, true, "the tabulator leads to a mark");
    page.press(&[ENTER]).await?;
    page.unpacked().await
}

pub(crate) fn accessible() -> Result<(), Failed> {
    let ended = Ended::new();
    in_browser(|page| async move {
        page.open_plain(&ended.index, "?theme=light").await?;
        page.run("document.querySelector('#runs details').open = true").await?;
        no_barriers(&page, "the campaign").await
    })
}
