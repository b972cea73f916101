//! Walking through a page: search, choice, zoom, by pointer and by keys.

use libtest_mimic::Failed;

use crate::fixture::Shape;
use crate::session::{Page, Pointer, in_browser};
use crate::verdicts::sample;

const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';
const DOWN: char = '\u{e015}';
const UP: char = '\u{e013}';
const RIGHT: char = '\u{e014}';
const END: char = '\u{e010}';
const PAGE_UP: char = '\u{e00e}';
const TAB: char = '\u{e004}';

/// Types into the search box.
async fn search(page: &Page, words: &str) -> Result<(), Failed> {
    let words = serde_json::to_string(words)?;
    page.run(&format!(
        "const box = document.querySelector('#find'); box.value = {words}; box.dispatchEvent(new Event('input'))"
    ))
    .await?;
    // The search begins with the next frame.
    page.awaited("const done = arguments[arguments.length - 1]; requestAnimationFrame(() => setTimeout(done, 30))")
        .await?;
    page.until("the search ends", "!document.querySelector('#count').textContent.startsWith('Searching')").await
}

/// The texts of the visible rows' cells in a column, counted from 0.
async fn column(page: &Page, number: usize) -> Result<Vec<String>, Failed> {
    let rows = format!(
        "[...document.querySelectorAll('#grid .rows [role=row]')].sort((a, b) => a.dataset.at - b.dataset.at)\
         .map((row) => row.children[{number}].textContent)"
    );
    Ok(serde_json::from_value(page.value(&rows).await?)?)
}

pub(crate) fn search_and_choose() -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    let index = sample(store.path(), "one", Shape::Invalid);
    in_browser(|page| async move {
        page.open(&index, "").await?;
        let total = page.value("document.querySelector('#grid').getAttribute('aria-rowcount') - 1").await?;
        assert!(page.text("#count").await?.replace(',', "").starts_with(&total.to_string()));

        search(&page, "p1003 write").await?;
        assert_eq!(column(&page, 2).await?, ["p1003"]);
        assert!(column(&page, 8).await?[0].contains("stale: token 453 is older than 455"));
        search(&page, "n4 453").await?;
        assert!(column(&page, 3).await?.iter().all(|node| node == "n4") && column(&page, 3).await?.len() >= 4);
        search(&page, "older than 455").await?;
        let stale = column(&page, 0).await?;
        assert_eq!(stale.len(), 1);
        search(&page, &format!("op {}", stale[0])).await?;
        assert_eq!(column(&page, 0).await?, stale);
        // What the table shows is found as it stands there.
        search(&page, "acquire ok").await?;
        let value = column(&page, 5).await?.swap_remove(0);
        assert!(value.contains(", ") && value.contains(" → "), "{value}");
        let first = column(&page, 0).await?.swap_remove(0);
        search(&page, &format!("{value} \"acquire\"")).await?;
        assert!(column(&page, 0).await?.contains(&first), "{value}");
        search(&page, "no such thing").await?;
        assert!(column(&page, 0).await?.is_empty());
        assert_eq!(page.text("#none").await?, "No operation matches this search.");

        search(&page, "").await?;
        page.click("#in-proof").await?;
        page.until("the counterexample alone", "document.querySelectorAll('#grid .rows [role=row]').length === 4")
            .await?;
        page.click("#outcomes [data-outcome='0']").await?;
        page.until("what failed of it", "document.querySelectorAll('#grid .rows [role=row]').length === 1").await?;
        assert_eq!(column(&page, 8).await?, ["not-held in the proof"]);

        // A link in the text leads to an operation although the search hides it.
        let first = page.value("document.querySelector('#why a.op').textContent.slice(3)").await?;
        let first = first.as_str().unwrap_or_default().to_owned();
        page.click("#why a.op").await?;
        page.until("the operation's row", "document.querySelector('#grid [aria-selected=true]') !== null").await?;
        assert_eq!(page.value("location.hash").await?, format!("#op-{first}"));
        assert_eq!(page.text("#grid [aria-selected=true] [role=gridcell]").await?, first);
        assert!(page.text("#chosen").await?.contains(&format!("Operation {first}")));
        let cursors = page.value("document.querySelectorAll('.on-run .cursor-line').length").await?;
        assert!(cursors.as_u64() >= Some(2), "a cursor in every drawing: {cursors}");

        // From its log lines to another operation.
        assert!(page.text("#log-lines .now").await?.contains(&format!("Operation {first} invoked")));
        page.click("#log-lines [data-time]").await?;
        assert_ne!(page.value("location.hash").await?, format!("#op-{first}"));
        // Back to where nothing was chosen.
        page.open(&index, "").await?;
        page.click("#why a.op").await?;
        page.until("a choice", "/^#op-[0-9]+$/.test(location.hash)").await?;
        page.run("history.back()").await?;
        page.until("no choice", "location.hash === '' && document.querySelector('#chosen').hidden").await?;
        assert_eq!(page.value("document.querySelectorAll('.cursor-line').length").await?, 0);
        // Every operation has an address.
        page.open(&index, &format!("#op-{}", stale[0])).await?;
        assert_eq!(page.text("#grid [aria-selected=true] [role=gridcell]").await?, stale[0]);
        page.until("the table in view", "document.querySelector('#grid').getBoundingClientRect().top < innerHeight")
            .await?;
        page.open(&index, "#op-999999999").await?;
        assert_eq!(page.text("#no-such").await?, "There is no operation 999999999 in this run.");
        Ok(())
    })
}

/// The part of the run that is shown, in ms.
async fn shown(page: &Page) -> Result<(f64, f64), Failed> {
    let range = page.text("#range").await?;
    let seconds: Vec<f64> =
        range.split(" s.").next().unwrap_or_default().split('–').filter_map(|end| end.parse().ok()).collect();
    match seconds.as_slice() {
        [from, to] => Ok((*from, *to)),
        _ => Err(format!("no range in `{range}`").into()),
    }
}

pub(crate) fn zoom() -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    let index = sample(store.path(), "one", Shape::Invalid);
    in_browser(|page| async move {
        page.open(&index, "").await?;
        let whole = shown(&page).await?;
        page.click("#around").await?;
        page.until("the range", "!document.querySelector('#range').textContent.startsWith('0')").await?;
        let (from, to) = shown(&page).await?;
        assert!(from > 10.0 && to < 20.0, "{from} to {to}");
        // What lies outside is hidden, in all drawings; what lies inside is where the axis says.
        let outside = "[...document.querySelectorAll('.on-run rect[data-u]')]\
            .filter((at) => +at.dataset.u < 13e9 && at.getAttribute('display') !== 'none').length";
        assert_eq!(page.value(outside).await?, 0);
        let misplaced = format!(
            "[...document.querySelectorAll('.on-run rect.broken')].filter((at) => {{ const d = at.closest('svg').dataset;\
             const x = +d.left + (at.dataset.t / 1e9 - {from}) / ({to} - {from}) * (d.right - d.left);\
             return Math.abs(x - at.getAttribute('x')) > 20; }}).length"
        );
        assert_eq!(page.value(&misplaced).await?, 0);
        let ticks = page
            .value("[...new Set([...document.querySelectorAll('.on-run .ticks')].map((at) => at.textContent))]")
            .await?;
        assert_eq!(ticks.as_array().map(Vec::len), Some(1), "one axis for all drawings: {ticks}");
        assert!(page.text("#scatter-note").await?.contains("in view, each with its mark"));
        assert_eq!(page.value("document.querySelectorAll('.quantiles-drawn path').length").await?, 4);

        page.click("#whole").await?;
        page.until("the whole run", "document.querySelector('#whole').ariaPressed === 'true'").await?;
        assert_eq!(shown(&page).await?, whole);
        page.run("document.querySelector('#latency svg').scrollIntoView({ behavior: 'instant', block: 'center' })")
            .await?;
        let place = page.value("(({ left, top, width }) => [left, top, width])(document.querySelector('#latency svg').getBoundingClientRect())").await?;
        let [left, top, width]: [f64; 3] = serde_json::from_value(place)?;
        page.drag((left + width * 0.3, top + 120.0), (left + width * 0.5, top + 140.0)).await?;
        page.until("a part", "document.querySelector('#whole').ariaPressed === 'false'").await?;
        let (from, to) = shown(&page).await?;
        assert!(to - from < (whole.1 - whole.0) * 0.3 && from > 5.0, "{from} to {to}");
        // A click on a mark of the scatter chooses its operation.
        let mark = page.value(
            "(() => { const box = document.querySelector('#latency svg').getBoundingClientRect(); const canvas = document.querySelector('#latency canvas');\
             const pen = canvas.getContext('2d'); const seen = pen.getImageData(0, 0, canvas.width, canvas.height).data;\
             for (let at = 3; at < seen.length; at += 4) if (seen[at] > 150) { const x = (at >> 2) % canvas.width, y = (at >> 2) / canvas.width | 0;\
             return [box.left + x * box.width / canvas.width, box.top + y * box.height / canvas.height]; } })()",
        ).await?;
        let at: (f64, f64) = serde_json::from_value(mark)?;
        page.drag(at, at).await?;
        page.until("a choice", "/^#op-[0-9]+$/.test(location.hash)").await?;
        assert!(page.text("#chosen-now").await?.contains("Chosen: op "));
        assert!(page.text(".tip").await?.contains("Operation "));
        // A button that is let go out of the plot drags nothing when the pointer comes back.
        let before = shown(&page).await?;
        let right = left + width * (1124.0 - 84.0) / 1124.0;
        let (edge, outside, back) =
            ((right - 1.0, top + 120.0), (right - 1.0, top - 40.0), (right - width * 0.2, top + 120.0));
        page.pointer(&[Pointer::Go(edge), Pointer::Down, Pointer::Go(outside), Pointer::Up, Pointer::Go(back)]).await?;
        assert_eq!(page.value("document.querySelectorAll('.brush:not([width=\"0\"])').length").await?, 0);
        page.pointer(&[Pointer::Down, Pointer::Up]).await?;
        assert_eq!(shown(&page).await?, before);
        Ok(())
    })
}

pub(crate) fn keys_alone() -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    let index = sample(store.path(), "one", Shape::Invalid);
    in_browser(|page| async move {
        page.open(&index, "").await?;
        page.press(&[TAB]).await?;
        assert_eq!(page.value("document.activeElement.className").await?, "skip");
        // A key of one character means nothing outside of its section.
        page.press(&['/']).await?;
        assert_eq!(page.value("document.activeElement.className").await?, "skip");
        page.run("document.querySelector('#in-proof').focus()").await?;
        page.press(&['/']).await?;
        assert_eq!(page.value("document.activeElement.id").await?, "find");
        page.press(&['s', 't', 'a', 'l', 'e']).await?;
        page.until("one row", "document.querySelectorAll('#grid .rows [role=row]').length === 1").await?;
        page.press(&[DOWN, ENTER]).await?;
        page.until("a choice", "/^#op-[0-9]+$/.test(location.hash)").await?;
        page.press(&[ESCAPE]).await?;
        page.until("the search is cleared", "document.querySelector('#find').value === '' && document.querySelectorAll('#grid .rows [role=row]').length > 5").await?;
        let chosen = page.value("location.hash").await?;
        page.press(&[DOWN]).await?;
        let active = "document.activeElement.getAttribute('aria-rowindex')";
        let row = page.value(active).await?;
        page.press(&[DOWN, DOWN, UP]).await?;
        let next = page.value(active).await?;
        let number = |value: &serde_json::Value| value.as_str().and_then(|text| text.parse::<u64>().ok());
        assert_eq!(number(&next), number(&row).map(|row| row + 1), "arrows move");
        assert_eq!(page.value("location.hash").await?, chosen, "and choose nothing");
        assert_eq!(page.value("document.querySelectorAll('#grid .rows [tabindex=\"0\"]').length").await?, 1);
        page.press(&[END]).await?;
        let last = page.value("document.querySelector('#grid').getAttribute('aria-rowcount')").await?;
        assert_eq!(page.value(active).await?, last);
        page.press(&[PAGE_UP, PAGE_UP, PAGE_UP]).await?;
        let rows: Vec<u64> = serde_json::from_value(
            page.value("[...document.querySelectorAll('#grid .rows [role=row]')].map((row) => +row.getAttribute('aria-rowindex'))")
                .await?,
        )?;
        assert!(rows.is_sorted(), "rows are read in their order: {rows:?}");
        page.press(&[ESCAPE]).await?;
        assert_eq!(page.value("location.hash").await?, "");

        page.run("document.querySelector('#latency svg').closest('.wide').focus()").await?;
        let whole = shown(&page).await?;
        page.press(&['+', '+']).await?;
        page.until("a part", "document.querySelector('#whole').ariaPressed === 'false'").await?;
        let part = shown(&page).await?;
        page.press(&[RIGHT]).await?;
        page.until(
            "another part",
            &format!("!document.querySelector('#range').textContent.startsWith('{:.1}')", part.0),
        )
        .await?;
        page.press(&['0']).await?;
        page.until("the whole run", "document.querySelector('#whole').ariaPressed === 'true'").await?;
        assert_eq!(shown(&page).await?, whole);
        // A mark of the counterexample is reached and chosen.
        page.run("document.querySelector('#counterexample svg a.hit').focus()").await?;
        page.press(&[ENTER]).await?;
        page.until("a choice", "/^#op-[0-9]+$/.test(location.hash)").await?;
        Ok(())
    })
}

pub(crate) fn long_table() -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    let index = sample(store.path(), "one", Shape::Large(90_000));
    in_browser(|page| async move {
        page.open(&index, "").await?;
        let last = page.value("+document.querySelector('#grid').getAttribute('aria-rowcount')").await?;
        let rows = last.as_u64().unwrap_or_default();
        assert!(rows > 75_000, "{rows} rows are too few for the table to be long");
        // The bar is shorter than the rows would be, and still leads from the first to the last.
        assert_eq!(page.value("document.querySelector('#grid .rows').offsetHeight").await?, 2_000_000);
        let seen =
            "[...document.querySelectorAll('#grid .rows [role=row]')].map((row) => +row.getAttribute('aria-rowindex'))";
        page.run("const grid = document.querySelector('#grid'); grid.scrollTop = grid.scrollHeight").await?;
        page.until("the last row", &format!("{seen}.includes({last})")).await?;
        assert_eq!(page.value("document.querySelectorAll('#grid .rows [role=row]').length < 40").await?, true);
        page.run("document.querySelector('#grid').scrollTop = 1e6").await?;
        page.until("the middle", &format!("{seen}.includes({})", rows / 2)).await?;
        page.run(
            "document.querySelector('#grid').dispatchEvent(new WheelEvent('wheel', { deltaY: 28, cancelable: true }))",
        )
        .await?;
        let before = page.value(&format!("Math.min(...{seen})")).await?;
        page.run(
            "document.querySelector('#grid').dispatchEvent(new WheelEvent('wheel', { deltaY: 56, cancelable: true }))",
        )
        .await?;
        let after = page.value(&format!("Math.min(...{seen})")).await?;
        assert_eq!(after.as_u64(), before.as_u64().map(|row| row + 2), "the wheel moves by rows");
        // So many operations are drawn as cells, and it is said.
        page.until("cells", "document.querySelector('#scatter-note').textContent.includes('cells of 2 × 2 px')")
            .await?;
        let scatter = "document.querySelector('.on-run .scatter').getAttribute('display')";
        assert_eq!(page.value(scatter).await?, "none");
        // Paper has the drawing that is made without a script, and its own note.
        page.run("dispatchEvent(new Event('beforeprint'))").await?;
        assert_eq!(page.value(scatter).await?, "inline");
        let note = page.text("#scatter-note").await?;
        assert!(note.contains("too many to draw each") && !note.contains("in view"), "{note}");
        page.awaited("const done = arguments[arguments.length - 1]; requestAnimationFrame(() => setTimeout(done, 30))")
            .await?;
        assert_eq!(page.text("#scatter-note").await?, note, "it stays while it is printed");
        page.run("dispatchEvent(new Event('afterprint'))").await?;
        page.until("cells again", "document.querySelector('#scatter-note').textContent.includes('cells of 2 × 2 px')")
            .await?;
        Ok(())
    })
}
