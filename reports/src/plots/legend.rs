//! The legend of a drawing that stands for itself: the signs that it uses, and no others.

use std::fmt::Write;

use crate::plot::bands::Bands;
use crate::plot::labels::text_width;
use crate::text::harmless;

/// Signs by the class that shows that a drawing uses them, in the order in which they are explained. Each lies in 18 × 12 px.
const SIGNS: [(&str, &str, &str); 19] = [
    ("pt-ok", "ok", r#"<path d="M9 6h0" class="pt-ok"/>"#),
    ("pt-fail", "fail", r#"<path d="M6.5 3.5l5 5M6.5 8.5l5-5" class="pt-fail" style="opacity:1"/>"#),
    ("pt-info", "info", r#"<path d="M9 2l4 7H5z" class="pt-info"/>"#),
    ("q50", "median", r#"<path d="M0 6h18" class="q50"/>"#),
    ("q95", "95th percentile", r#"<path d="M0 6h18" class="q95"/>"#),
    ("q99", "99th percentile", r#"<path d="M0 6h18" class="q99"/>"#),
    ("definite", "surely", r#"<rect y="1" width="18" height="10" class="definite"/>"#),
    ("possible", "possibly", r#"<rect x=".5" y="2.5" width="17" height="7" class="possible"/>"#),
    ("belief", "believed by the client", r#"<rect x=".5" y="2.5" width="17" height="7" class="belief"/>"#),
    ("span-ok", "ok", r#"<rect x="1" y="2" width="16" height="8" class="span-ok"/>"#),
    ("span-fail", "fail", r#"<rect x="1.8" y="2.8" width="14.4" height="6.4" class="span-fail"/>"#),
    ("span-info", "no answer", r#"<rect x="1.8" y="1.8" width="14.4" height="8.4" class="span-info"/>"#),
    ("hot", "rule broken", r#"<rect x=".5" y=".5" width="17" height="11" class="hot"/>"#),
    ("value-refused", "refused", r#"<path d="M5 2l8 8m0-8l-8 8" class="value-refused"/>"#),
    ("value-broken", "breaks a rule", r#"<path d="M5 2l8 8m0-8l-8 8" class="value-broken"/>"#),
    ("up", "process up", r#"<rect y="4" width="18" height="4" class="up"/>"#),
    ("leads", "leader", r#"<rect y="4" width="18" height="4" class="leads"/>"#),
    ("down", "down", r#"<rect x=".5" y="3.5" width="17" height="5" class="down"/>"#),
    ("broken", "rule broken", r#"<rect x="5" width="8" height="12" class="broken strong-broken"/>"#),
];

/// The height of a row.
pub(super) const ROW: f64 = 18.0;

/// The legend from this point on, in as many rows as it takes up to `right`; empty where the drawing uses no sign that needs one.
/// Also how many rows there are, one at least.
pub(super) fn legend(body: &str, bands: &Bands, (left, base): (f64, f64), right: f64) -> (String, usize) {
    let uses = |class: &str| {
        ["\"", " "]
            .iter()
            .any(|end| ["class=\"", " "].iter().any(|start| body.contains(&format!("{start}{class}{end}"))))
    };
    let mut entries: Vec<(String, String)> = SIGNS
        .iter()
        .filter(|(class, ..)| uses(class))
        .map(|(_, words, shape)| ((*words).to_owned(), (*shape).to_owned()))
        .collect();
    let mut known: Vec<String> = Vec::new();
    entries.retain(|(words, _)| {
        !known.contains(words) && {
            known.push(words.clone());
            true
        }
    });
    for number in 0..bands.len() {
        if uses(&format!("band-{number}")) {
            let shape = format!(r#"<rect x=".5" y=".5" width="17" height="11" class="band-{number} edge-{number}"/>"#);
            entries.push((harmless(bands.label(number), 40), shape));
        }
        if uses(&format!("fill-{number}")) {
            let shape = format!(r#"<rect y="2" width="18" height="8" class="fill-{number}"/>"#);
            entries.push(("the side cut off".to_owned(), shape));
        }
    }
    let mut out = String::new();
    let (mut x, mut row) = (left, 0);
    for (words, shape) in entries {
        let width = 24.0 + text_width(&words, 12.0);
        if x > left && x + width > right {
            (x, row) = (left, row + 1);
        }
        let escaped = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = write!(
            out,
            "<g transform=\"translate({x:.1} {:.1})\">{shape}<text x=\"24\" y=\"10\">{escaped}</text></g>",
            base - 10.0 + ROW * row as f64
        );
        x += width + 16.0;
    }
    (out, row + 1)
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::{Band, Pattern};

    use super::*;

    #[test]
    fn however_many_signs_there_are_all_lie_inside() {
        let band = |at: usize| Band {
            name: at.to_string(),
            label: format!("a fault of the kind number {at}"),
            light: "#123456".to_owned(),
            dark: "#123456".to_owned(),
            pattern: Pattern::Grid,
        };
        let bands = Bands::new(&(0..6).map(band).collect::<Vec<_>>());
        let classes: Vec<_> =
            SIGNS.iter().map(|sign| sign.0.to_owned()).chain((0..6).map(|at| format!("band-{at}"))).collect();
        let body: String = classes.iter().map(|class| format!("<rect class=\"{class}\"/>")).collect();
        let (drawn, rows) = legend(&body, &bands, (20.0, 56.0), 700.0);
        let mut ends = vec![0.0_f64; rows];
        for entry in drawn.split("<g transform=\"translate(").skip(1) {
            let (place, rest) = entry.split_once(')').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            let words = rest.split_once("<text x=\"24\" y=\"10\">").unwrap().1.split('<').next().unwrap();
            let row = ((y.parse::<f64>().unwrap() - 46.0) / ROW) as usize;
            let x: f64 = x.parse().unwrap();
            assert!(x >= ends[row], "`{words}` lies on what is before it");
            ends[row] = x + 24.0 + text_width(words, 12.0);
            assert!(ends[row] <= 700.0, "`{words}` ends at {}", ends[row]);
        }
        assert!(rows > 2 && ends[..rows - 1].iter().all(|end| *end > 500.0), "{ends:?}");
        assert_eq!(legend("", &bands, (20.0, 56.0), 700.0), (String::new(), 1));
    }
}
