//! The bands of faults: their patterns and colours as the plan names them, and how they lie behind every plot.

use std::fmt::Write;

use dsjepsen_history::{Band, FaultInterval, Nanos, NodeId, Pattern};
use maud::{Markup, PreEscaped, html};

use super::axis::TimeAxis;
use super::labels::{Rows, text_width};
use super::svg::Canvas;
use crate::load::RunRecord;
use crate::text::harmless;

/// Rows of labels above a plot; what finds no place there has its line, and its words in the table.
const LABEL_ROWS: usize = 4;
const LABEL_HEIGHT: f64 = 16.0;

/// All bands of a run. The last is for faults that the plan names no band for.
#[derive(Debug)]
pub(crate) struct Bands {
    bands: Vec<Band>,
}

impl Bands {
    /// The bands of a plan. A colour that is none is replaced by grey: a plan is a file, and files are not trusted.
    pub(crate) fn new(planned: &[Band]) -> Self {
        let mut bands: Vec<Band> = planned.to_vec();
        bands.push(Band {
            name: String::new(),
            label: "other fault".to_owned(),
            light: String::new(),
            dark: String::new(),
            pattern: Pattern::Hatch,
        });
        for band in &mut bands {
            if !(is_colour(&band.light) && is_colour(&band.dark)) {
                band.light = "#5d6b80".to_owned();
                band.dark = "#8593a8".to_owned();
            }
        }
        Self { bands }
    }

    /// The number of a fault's band, by which its classes are named.
    pub(crate) fn of(&self, fault: &str) -> usize {
        self.bands.iter().position(|band| band.name == fault).unwrap_or(self.bands.len() - 1)
    }

    /// How many bands there are.
    pub(crate) fn len(&self) -> usize {
        self.bands.len()
    }

    /// The label of a band.
    pub(crate) fn label(&self, number: usize) -> &str {
        let band = &self.bands[number];
        if band.label.is_empty() { &band.name } else { &band.label }
    }

    /// The rules that give each band its colour in light and dark, and its pattern.
    pub(crate) fn css(&self) -> String {
        let mut css = String::new();
        for (number, band) in self.bands.iter().enumerate() {
            let _ = write!(
                css,
                ":root{{--band-{number}:light-dark({},{})}}.band-{number}{{fill:url(#band-{number})}}\
                 .edge-{number}{{stroke:var(--band-{number})}}.fill-{number}{{fill:var(--band-{number})}}",
                band.light, band.dark
            );
        }
        css
    }

    /// The patterns, to be put once into the page.
    pub(crate) fn patterns(&self) -> Markup {
        PreEscaped(self.bands.iter().enumerate().map(|(number, band)| pattern(number, band.pattern)).collect())
    }

    /// A small sample of a band for tables and legends.
    pub(crate) fn swatch(number: usize) -> Markup {
        let class = format!("band-{number} edge-{number}");
        html! {
            svg.swatch viewBox="0 0 18 12" aria-hidden="true" { rect x="0.5" y="0.5" width="17" height="11" class=(class) {} }
        }
    }
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// One pattern; geometry and strengths are those of the page's reference drawing.
fn pattern(number: usize, pattern: Pattern) -> String {
    let (size, tint, lines, strength) = match pattern {
        Pattern::Hatch => {
            (r#"width="6" height="6" patternTransform="rotate(45)""#, ".09", r#"d="M0 0V6" stroke-width="1.4""#, ".42")
        }
        Pattern::Zigzag => (r#"width="8" height="7""#, ".08", r#"d="M0 5l4-3.4L8 5" stroke-width="1""#, ".55"),
        Pattern::Crosses => (r#"width="7" height="7""#, ".12", r#"d="M1 1l4 4M5 1L1 5" stroke-width="1.1""#, ".34"),
        Pattern::Dashes => (r#"width="6" height="5""#, ".07", r#"d="M0 2.5h4" stroke-width="1.2""#, ".6"),
        Pattern::Grid => (r#"width="6" height="6""#, ".07", r#"d="M0 .5H6M.5 0V6" stroke-width="1""#, ".5"),
    };
    format!(
        r#"<pattern id="band-{number}" {size} patternUnits="userSpaceOnUse"><rect width="8" height="8" style="fill:var(--band-{number});fill-opacity:{tint}"/><path {lines} fill="none" style="stroke:var(--band-{number});stroke-opacity:{strength}"/></pattern>"#
    )
}

/// A fault as it is drawn.
#[derive(Debug, Clone)]
pub(crate) struct DrawnFault {
    /// The fault's number in the plan.
    pub(crate) id: u32,
    /// Number of its band.
    pub(crate) band: usize,
    /// Its start, in ns.
    pub(crate) from: Nanos,
    /// Its end, in ns.
    pub(crate) to: Nanos,
    /// The fault's name and on whom.
    pub(crate) label: String,
    /// The fault's name alone.
    pub(crate) name: String,
    /// The nodes that it names.
    pub(crate) nodes: Vec<NodeId>,
    /// Whether it was seen to take effect.
    pub(crate) confirmed: bool,
}

impl DrawnFault {
    /// The faults of a run that may have had effect.
    pub(crate) fn of(record: &RunRecord) -> Vec<Self> {
        let end = record.end();
        record
            .effective_faults()
            .map(|fault| {
                let (from, to) = fault.span(end);
                Self {
                    id: fault.id,
                    band: record.bands.of(&fault.fault),
                    from,
                    to: to.max(from),
                    label: label(fault),
                    name: harmless(&fault.fault, 24),
                    nodes: fault.nodes.clone(),
                    confirmed: fault.confirmed,
                }
            })
            .collect()
    }
}

fn label(fault: &FaultInterval) -> String {
    let doubt = if fault.confirmed { "" } else { " (not confirmed)" };
    format!("{} {}{doubt}", harmless(&fault.fault, 24), harmless(&fault.target, 36)).trim_end().to_owned()
}

/// Draws the bands between two ordinates.
pub(crate) fn draw(canvas: &mut Canvas, axis: &TimeAxis, faults: &[DrawnFault], top: f64, bottom: f64) {
    for fault in faults.iter().filter(|fault| axis.shows(fault.from, fault.to)) {
        canvas.interval(axis, (fault.from, fault.to), (top, bottom - top), 1.0, &format!("band band-{}", fault.band));
    }
}

/// Draws the interval in which a rule is broken, with a mark above it.
pub(crate) fn draw_conflict(
    canvas: &mut Canvas,
    axis: &TimeAxis,
    conflict: Option<(Nanos, Nanos)>,
    top: f64,
    bottom: f64,
) {
    let Some((from, to)) = conflict else { return };
    let to = to.max(from);
    canvas.interval(axis, (from, to), (top, bottom - top), 3.0, "broken");
    let middle = canvas.open_moment(axis, from + (to - from) / 2);
    canvas.path(format_args!("M{:.1} {:.1}h8l-4 6z", middle - 4.0, top - 7.0), "broken-mark");
    canvas.close_group();
}

/// The labels of bands above a plot: where each lies, or that it found no place.
#[derive(Debug)]
pub(crate) struct BandLabels {
    rows: Vec<(usize, Option<f64>)>,
    height: f64,
}

impl BandLabels {
    /// Finds a row for every band that the axis shows, and for its text where that has room.
    pub(crate) fn new(axis: &TimeAxis, faults: &[DrawnFault]) -> Self {
        let mut lines = Rows::default();
        let mut rows = Vec::new();
        for fault in faults.iter().filter(|fault| axis.shows(fault.from, fault.to)) {
            let (from, to) = (axis.x(fault.from), axis.x(fault.to));
            let width = text_width(&fault.label, 11.0);
            let start = from.min(super::WIDTH - 4.0 - width).max(0.0);
            let placed = lines.try_place(start.min(from) - 2.0, (start + width).max(to) + 4.0, LABEL_ROWS);
            rows.push(match placed {
                Some(row) => (row, Some(start)),
                None => (0, None),
            });
        }
        Self { rows, height: 6.0 + LABEL_HEIGHT * lines.len() as f64 }
    }

    /// The height that the labels take.
    pub(crate) fn height(&self) -> f64 {
        self.height
    }

    /// Draws the labels so that their lowest line lies on `bottom`.
    pub(crate) fn draw(&self, canvas: &mut Canvas, axis: &TimeAxis, faults: &[DrawnFault], bottom: f64) {
        let seen = faults.iter().filter(|fault| axis.shows(fault.from, fault.to));
        for (fault, (row, start)) in seen.zip(&self.rows) {
            let y = bottom - 2.0 - LABEL_HEIGHT * *row as f64;
            let doubt = if fault.confirmed { "" } else { " unsure" };
            let lasted = (fault.from, fault.to);
            canvas.interval_line(axis, lasted, y, &format!("band-line edge-{}{doubt}", fault.band));
            if let Some(start) = start {
                canvas.interval_label(axis, lasted, (start - axis.x(fault.from), y - 4.0), 0.0, "t11", &fault.label);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_has_only_colours_that_are_some() {
        let hostile = Band {
            name: "pause".into(),
            label: "paused".into(),
            light: "red;}</style><script>".into(),
            dark: "#a79cc7".into(),
            pattern: Pattern::Grid,
        };
        let bands = Bands::new(&[hostile]);
        assert!(!bands.css().contains("script"), "{}", bands.css());
        assert_eq!((bands.of("pause"), bands.of("unheard-of")), (0, 1));
        assert!(is_colour("#a79CC7") && !is_colour("#a79cc") && !is_colour("a79cc70"));
    }

    #[test]
    fn labels_of_overlapping_bands_take_rows() {
        let axis = TimeAxis::of_run(10_000_000_000);
        let fault = |from, to| DrawnFault {
            id: 1,
            band: 0,
            from,
            to,
            label: "pause n1".into(),
            name: "pause".into(),
            nodes: vec![],
            confirmed: true,
        };
        let faults: Vec<_> = (0..6).map(|at| fault(at, 5_000_000_000)).collect();
        let labels = BandLabels::new(&axis, &faults);
        let mut rows: Vec<_> = labels.rows.iter().filter(|row| row.1.is_some()).map(|row| row.0).collect();
        rows.dedup();
        assert_eq!(rows, [0, 1, 2, 3]);
        assert_eq!(labels.rows.iter().filter(|row| row.1.is_none()).count(), 2);
    }
}
