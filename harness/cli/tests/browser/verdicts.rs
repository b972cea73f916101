//! What every page must hold, whatever its verdict.

use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::common::{Store, read_json, text};
use crate::fixture::{self, HOSTILE, Shape};
use crate::session::{Page, in_browser};

/// The pages of sample runs: their name, verdict and shape.
const SAMPLES: [(&str, &str, Shape); 6] = [
    ("valid", "valid", Shape::Valid),
    ("invalid", "invalid", Shape::Invalid),
    ("unknown", "unknown", Shape::Unknown),
    ("harness", "harness error", Shape::Harness),
    ("empty", "harness error", Shape::Empty),
    ("hostile", "invalid", Shape::Hostile),
];

/// Writes a sample run and its page.
pub(crate) fn sample(store: &Path, name: &str, shape: Shape) -> PathBuf {
    let directory = fixture::write(store, name, shape).unwrap();
    dsjepsen_reports::write_page(&directory).unwrap()
}

pub(crate) fn real_run() -> Result<(), Failed> {
    let store = Store::new();
    let output = store.run("--nemesis kill --time-limit 4 --recovery-time 1 --nemesis-interval 1.5 --seed 1");
    assert_ne!(output.status.code(), Some(1), "{}", text(&output));
    let verdict = read_json(&store.latest().join("verdict.json"))["verdict"].as_str().unwrap_or_default().to_owned();
    let index = store.latest().join("index.html");
    in_browser(|page| async move {
        page.open(&index, "").await?;
        sound(&page, &verdict, Shape::Valid).await?;
        // From an operation to the log lines around it.
        page.click("#grid .rows [role=row]").await?;
        page.until("lines of the nodes' logs", "document.querySelectorAll('#log-lines .n').length > 0").await?;
        assert!(page.text("#log-count").await?.contains("within 500 ms of operation"));
        assert_eq!(page.value("document.querySelectorAll('#log-lines .now').length > 0").await?, true);
        Ok(())
    })
}

pub(crate) fn every_verdict() -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    in_browser(|page| async move {
        for (name, verdict, shape) in SAMPLES {
            page.open(&sample(store.path(), name, shape), "").await?;
            sound(&page, verdict, shape).await?;
            let proof = page.value("document.querySelectorAll('#why, #counterexample').length").await?;
            let expected = if verdict == "invalid" { 2 } else { proof.as_u64().unwrap_or_default().min(1) };
            assert_eq!(proof, expected, "sections of a proof of {name}");
            if shape == Shape::Hostile {
                hostile_values_are_text(&page).await?;
            }
            if shape == Shape::Empty {
                logs_without_operations(&page).await?;
            }
            page.quiet().await?;
        }
        Ok(())
    })
}

/// What the page of a run shows.
async fn sound(page: &Page, verdict: &str, shape: Shape) -> Result<(), Failed> {
    stands_alone(page, verdict).await?;
    for section in ["faults", "latency", "checkers", "operations", "logs", "reproduce"] {
        let shown = format!("document.getElementById('{section}')?.checkVisibility() ?? false");
        let expected = section != "operations" || shape != Shape::Empty;
        assert_eq!(page.value(&shown).await?, expected, "whether {section} is shown");
    }
    // What lies on the run's axis says its times, or a zoom would leave it where it is not true.
    let unmoved = "[...document.querySelectorAll('.on-run rect, .on-run path, .on-run circle')].filter((at) => !at.closest(\
        '[data-t], [data-ts], .stretched, .scatter, .quantiles, .rates, .quantiles-drawn, .rates-drawn, .cursor, .brush, clipPath'))\
        .map((at) => at.outerHTML.slice(0, 90)).slice(0, 5)";
    assert_eq!(page.value(unmoved).await?, json!([]), "elements that are not moved by a zoom");
    Ok(())
}

/// What holds for every page: its verdict, that it takes both themes, and that nothing in it leads to a network.
pub(crate) async fn stands_alone(page: &Page, verdict: &str) -> Result<(), Failed> {
    assert_eq!(page.text(".verdict .word").await?.to_lowercase(), verdict);
    let before = background(page).await?;
    page.click("#theme").await?;
    assert_ne!(background(page).await?, before, "the theme did not change");
    let wide = page.value("document.documentElement.scrollWidth > window.innerWidth").await?;
    assert_eq!(wide, false, "the page overflows sideways");
    let away = "[...document.querySelectorAll('[src], [href]')]\
        .map((at) => at.getAttribute('src') || at.getAttribute('href')).filter((to) => /https?:/i.test(to)).length";
    assert_eq!(page.value(away).await?, 0, "something leads to a network");
    assert_eq!(page.value("performance.getEntriesByType('resource').length").await?, 0, "something was fetched");
    Ok(())
}

async fn background(page: &Page) -> Result<Value, Failed> {
    page.value("getComputedStyle(document.body).backgroundColor").await
}

/// Logs are all that there is of a cluster that never came up.
async fn logs_without_operations(page: &Page) -> Result<(), Failed> {
    assert_eq!(page.value("document.querySelector('#log-view').hidden").await?, false);
    assert_eq!(page.value("document.querySelectorAll('#log-lines .n').length > 0").await?, true);
    assert_eq!(
        page.value("document.querySelectorAll('#log-lines button').length").await?,
        0,
        "a time that leads nowhere"
    );
    page.click("#log-lines .t").await?;
    page.click("#log-nodes button").await?;
    page.click("#later").await
}

/// The operation whose value, reason and node log are hostile, in table, card and logs.
async fn hostile_values_are_text(page: &Page) -> Result<(), Failed> {
    assert!(HOSTILE.contains("<script>"));
    page.run(
        "const box = document.querySelector('#find'); box.value = 'filler'; box.dispatchEvent(new Event('input'))",
    )
    .await?;
    page.until("the hostile operation", "document.querySelector('#count').textContent.startsWith('1 of ')").await?;
    page.click("#grid .rows [role=row]").await?;
    let card = page.text("#chosen").await?;
    assert!(card.contains("<script>alert(1)</script>"), "{card}");
    assert!(card.contains("bytes in all"), "a value of 1 MB is cut, and says so: {card}");
    let count = page.text("#count").await?;
    assert!(count.ends_with("; the long texts of 1 are searched at their start only"), "{count}");
    let all = page.value("document.body.innerText").await?;
    let all = all.as_str().unwrap_or_default();
    for forbidden in ['\0', '\u{202e}', '\u{1b}'] {
        assert!(!all.contains(forbidden), "{forbidden:?} is shown");
    }
    assert!(all.contains("⟨U+202E⟩"));
    page.run("const box = document.querySelector('#find'); box.value = 'evil'; box.dispatchEvent(new Event('input'))")
        .await?;
    page.until("hostile reasons", "!document.querySelector('#count').textContent.startsWith('1 of ')").await?;
    assert_eq!(page.value("document.querySelectorAll('main script:not([type])').length").await?, 1);
    Ok(())
}

pub(crate) fn accessible() -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    in_browser(|page| async move {
        for (name, _, shape) in SAMPLES {
            page.open(&sample(store.path(), name, shape), "?theme=light").await?;
            if shape != Shape::Empty {
                page.click("#grid .rows [role=row]").await?;
            }
            no_barriers(&page, name).await?;
        }
        Ok(())
    })
}

/// A light page has no serious barrier, and none when it is dark.
pub(crate) async fn no_barriers(page: &Page, name: &str) -> Result<(), Failed> {
    let axe = std::fs::read_to_string(std::env::var(super::AXE)?)?;
    page.run(&axe).await?;
    no_barrier(page, name, "{}").await?;
    // The dark theme has other colours, and nothing else.
    page.click("#theme").await?;
    no_barrier(page, name, "{ runOnly: ['color-contrast'] }").await
}

/// What axe finds with these options is neither serious nor critical.
async fn no_barrier(page: &Page, name: &str, options: &str) -> Result<(), Failed> {
    let script = format!(
        "const done = arguments[arguments.length - 1]; axe.run({options}).then((result) => done(result.violations\
         .map(({{ id, impact, nodes }}) => ({{ id, impact, where: nodes.map(({{ target }}) => target) }}))))"
    );
    let found = page.awaited(&script).await?;
    let findings = found.as_array().ok_or("axe gave no answer")?;
    let grave: Vec<_> =
        findings.iter().filter(|finding| [json!("serious"), json!("critical")].contains(&finding["impact"])).collect();
    assert!(grave.is_empty(), "{name}: {grave:?}");
    Ok(())
}
