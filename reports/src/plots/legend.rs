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

/// The legend in one line from this point on; empty where the drawing uses no sign that needs one.
pub(super) fn legend(body: &str, bands: &Bands, (left, base): (f64, f64)) -> String {
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
    let mut x = left;
    for (words, shape) in entries {
        let escaped = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = write!(
            out,
            "<g transform=\"translate({x:.1} {:.1})\">{shape}<text x=\"24\" y=\"10\">{escaped}</text></g>",
            base - 10.0
        );
        x += 24.0 + text_width(&words, 12.0) + 16.0;
    }
    out
}
